/* SPDX-License-Identifier: MIT */
/* A process that is limited to little address space from its start on (`ulimit -v 16000`): the
 * loader can map the drop-in, and most of the rest is the program's. */
#include "tests/preload/conform.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A block of 300,000 bytes takes 512 KiB of addresses, so a little less space can be one block less. */
enum { LIMIT_KIB = 16000, ENOUGH_BYTES = 5 << 20 };

struct block {
    struct block *next;
};

/* Allocates until there is no more, and frees all; returns the bytes that there were. */
static size_t exhaust(size_t bytes)
{
    struct block *first = NULL;
    size_t count = 0;
    for (struct block *block; (block = check_opaque_pointer(malloc(bytes))) != NULL; count++) {
        memset(block, 1, bytes);
        block->next = first;
        first = block;
    }
    CHECK(errno == ENOMEM);
    while (first != NULL) {
        struct block *next = first->next;
        free(first);
        first = next;
    }
    return count * bytes;
}

int main(int count, char **arguments)
{
    if (count == 1) {
        const struct rlimit limit = {LIMIT_KIB * KIB, LIMIT_KIB * KIB};
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        execl("/proc/self/exe", arguments[0], "limited", (char *) NULL);
        CHECK(!"execl");
    }
    static const size_t bytes[] = {100, 3000, 300000, 100};
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        size_t all = exhaust(bytes[i]);
        printf("blocks of %zu bytes: %zu KiB\n", bytes[i], all >> 10);
        CHECK_AT(all >= ENOUGH_BYTES, all);
    }
    return 0;
}
