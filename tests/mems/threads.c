/* SPDX-License-Identifier: MIT */
/* threads: several threads allocate, write, check and free; one prints the statistics all the time,
 * and each print must show one moment; one forks, and the child must be able to use and to finish
 * MeMS. */
#include "tests/stress/stress.h"

#include <mems.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
    WORKERS = 3,
    BLOCKS = 40, /* of each thread */
    ROUNDS = 150000,
    BLOCK_BYTES_MAX = 700,
    PICTURES_MIN = 50,
    FORKS_MIN = 50,
    CHILD_SECONDS = 60,
};

struct block {
    void *address;
    size_t bytes;
    unsigned char stamp;
};

static atomic_uint working = WORKERS;

static void make_block(struct block *block, uint64_t dice, unsigned char stamp)
{
    block->bytes = 1 + dice % BLOCK_BYTES_MAX;
    block->stamp = stamp;
    block->address = mems_malloc(block->bytes);
    CHECK(block->address != NULL);
    memset(mems_get(block->address), stamp, block->bytes);
}

static void check_and_drop(struct block *block)
{
    const unsigned char *bytes = mems_get(block->address);
    for (size_t i = 0; i < block->bytes; i++) {
        CHECK(bytes[i] == block->stamp);
    }
    mems_free(block->address);
    block->address = NULL;
}

static void *work(void *number)
{
    struct block blocks[BLOCKS] = {{NULL, 0, 0}};
    uint64_t random = 1 + (uintptr_t) number;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t dice = random_next(&random);
        struct block *block = &blocks[dice % BLOCKS];
        if (block->address != NULL) {
            check_and_drop(block);
        } else {
            make_block(block, dice >> 8, (unsigned char) (dice >> 32));
        }
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i].address != NULL) {
            check_and_drop(&blocks[i]);
        }
    }
    atomic_fetch_sub(&working, 1);
    return NULL;
}

/* ---- The picture ----------------------------------------------------------------------------- */

struct picture {
    size_t next; /* the address that must come next */
    size_t pages_bytes;
    size_t unused_bytes;
    size_t nodes;
    size_t segments[1 << 12];
};

/* Reads "[FIRST:LAST]" after text; FIRST must follow the last LAST. */
static const char *read_range(const char *text, size_t *next, size_t *ret_bytes)
{
    size_t first = 0;
    size_t last = 0;
    int length = 0;
    CHECK(sscanf(text, "[%zu:%zu]%n", &first, &last, &length) == 2 && length > 0);
    CHECK(first == *next && last >= first);
    *ret_bytes = last - first + 1;
    *next = last + 1;
    return text + length;
}

static void read_node(struct picture *picture, const char *line)
{
    size_t bytes = 0;
    size_t next = picture->next;
    char before = 'P';
    const char *rest = read_range(line + strlen("MAIN"), &picture->next, &bytes);

    picture->pages_bytes += bytes;
    CHECK(picture->nodes < sizeof(picture->segments) / sizeof(picture->segments[0]));
    size_t *count = &picture->segments[picture->nodes++];
    CHECK(strncmp(rest, "-> ", 3) == 0);
    for (rest += 3; *rest == 'P' || *rest == 'H'; ++*count) {
        char kind = *rest;
        CHECK(kind == 'P' || before == 'P');
        rest = read_range(rest + 1, &next, &bytes);
        picture->unused_bytes += kind == 'H' ? bytes : 0;
        before = kind;
        CHECK(strncmp(rest, " <-> ", 5) == 0);
        rest += 5;
    }
    CHECK(strncmp(rest, "NULL\n", 5) == 0 && next == picture->next);
}

static const char *line_after(const char *line)
{
    const char *end = strchr(line, '\n');
    CHECK(end != NULL);
    return end + 1;
}

static void check_figures(const struct picture *picture, const char *line)
{
    size_t pages = 0;
    size_t unused = 0;
    size_t nodes = 0;
    int length = 0;
    CHECK(sscanf(line,
                 "Pages used:\t%zu\nSpace unused:\t%zu\nMain Chain Length:\t%zu\n"
                 "Sub-chain Length array: [%n",
                 &pages, &unused, &nodes, &length) == 3 &&
          length > 0);
    CHECK(pages * PAGE_SIZE == picture->pages_bytes && unused == picture->unused_bytes &&
          nodes == picture->nodes);
    for (size_t i = 0; i < nodes; i++) {
        size_t count = 0;
        int width = 0;
        CHECK(sscanf(line + length, "%zu, %n", &count, &width) == 1);
        CHECK(count == picture->segments[i]);
        length += width;
    }
    CHECK(strcmp(line + length, "]\n-----------------------------\n") == 0);
}

static void check_picture(const char *text)
{
    struct picture picture = {.next = MEMS_VADDR_START};
    static const char head[] = "----- MeMS SYSTEM STATS -----\n";

    CHECK(strncmp(text, head, strlen(head)) == 0);
    text += strlen(head);
    for (; strncmp(text, "MAIN", 4) == 0; text = line_after(text)) {
        read_node(&picture, text);
    }
    check_figures(&picture, text);
}

static void *print(void *number)
{
    static char text[1 << 20];
    int file = memfd_create("stdout", MFD_CLOEXEC);

    (void) number;
    CHECK(file >= 0 && dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
    for (unsigned pictures = 0; atomic_load(&working) != 0 || pictures < PICTURES_MIN; pictures++) {
        CHECK(lseek(file, 0, SEEK_SET) == 0 && ftruncate(file, 0) == 0);
        mems_print_stats();
        fflush(stdout);
        ssize_t length = pread(file, text, sizeof(text) - 1, 0);
        CHECK(length > 0);
        text[length] = '\0';
        check_picture(text);
    }
    return NULL;
}

/* ---- fork ------------------------------------------------------------------------------------ */

_Noreturn static void run_child(struct block *block)
{
    struct block other = {NULL, 0, 0};

    patience_alarm(CHILD_SECONDS);
    make_block(&other, 300, 0x11);
    check_and_drop(block);
    check_and_drop(&other);
    mems_finish();
    CHECK(mems_malloc(1) == (void *) MEMS_VADDR_START);
    _exit(EXIT_SUCCESS);
}

static void *fork_children(void *number)
{
    (void) number;
    for (unsigned forks = 0; atomic_load(&working) != 0 || forks < FORKS_MIN; forks++) {
        struct block block;
        make_block(&block, forks, (unsigned char) forks);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            run_child(&block);
        }
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        check_and_drop(&block);
    }
    return NULL;
}

static void *run(void *number)
{
    unsigned which = (unsigned) (uintptr_t) number;
    if (which < WORKERS) {
        return work(number);
    }
    return which == WORKERS ? print(number) : fork_children(number);
}

int main(void)
{
    stress_run(WORKERS + 2, run);
    mems_finish();
    CHECK(mems_malloc(1) == (void *) MEMS_VADDR_START);
    mems_finish();
    return EXIT_SUCCESS;
}
