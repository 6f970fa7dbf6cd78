/* SPDX-License-Identifier: MIT */
/* What LMM maps by itself: under 1.5 MiB before the first page, segments of the library included.
 * So a process that is limited to little address space from its start on can load it, allocate
 * until none is left, and do so again; MeMS works in 5 MiB in all. */
#include "tests/stress/stress.h"

#include <mems.h>

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
    OWN_BYTES = 3 << 19, /* 1.5 MiB */
    LIMIT_KIB = 16000,   /* ulimit -v */
    ENOUGH_BYTES = 6 << 20,
    MEMS_LIMIT_KIB = 5120,
    SEGMENTS = 10000,
    SEGMENT_BYTES = 40,
};

typedef struct block {
    struct block *next;
    unsigned char filler[100];
} block_t;

/* All mappings, except addresses that are only reserved for the ledger's file: they need no memory,
 * and few are where address space is limited. */
static size_t mapped_bytes(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    size_t bytes = 0;
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        uintptr_t start;
        uintptr_t end;
        char access[8];
        CHECK(sscanf(line, "%zx-%zx %7s", &start, &end, access) == 3);
        bytes += strcmp(access, "---s") == 0 ? 0 : end - start;
    }
    fclose(file);
    return bytes;
}

/* The bytes of the mappings of the library's file, and of the zeroed memory after each. */
static size_t library_bytes(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    size_t bytes = 0;
    uintptr_t end_of_library = 0;
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        uintptr_t start;
        uintptr_t end;
        CHECK(sscanf(line, "%zx-%zx", &start, &end) == 2);
        bool is_library = strstr(line, "/liblmm.so") != NULL;
        if (is_library || (start == end_of_library && strchr(line, '/') == NULL)) {
            bytes += end - start;
        }
        end_of_library = is_library ? end : 0;
    }
    fclose(file);
    return bytes;
}

static void check_own_bytes(void)
{
    size_t before = mapped_bytes();
    CHECK(lmm_family_register("first", 64, 8) != NULL);
    size_t own = library_bytes() + mapped_bytes() - before;
    printf("before the first page: %zu KiB\n", own >> 10);
    CHECK(own < OWN_BYTES);
}

static size_t exhaust(void)
{
    size_t count = 0;
    block_t *first = NULL;
    for (block_t *block; (block = LMM_NEW(block_t)) != NULL; first = block, count++) {
        block->next = first;
    }
    CHECK(errno == ENOMEM);
    while (first != NULL) {
        block_t *next = first->next;
        lmm_free(first);
        first = next;
    }
    lmm_trim();
    return count * sizeof(block_t);
}

static int in_little_space(void)
{
    for (int round = 0; round < 3; round++) {
        size_t bytes = exhaust();
        printf("blocks in %d KiB: %zu KiB\n", LIMIT_KIB, bytes >> 10);
        CHECK(bytes >= ENOUGH_BYTES);
    }
    return EXIT_SUCCESS;
}

static int mems_alone(void)
{
    static void *segments[SEGMENTS];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < SEGMENTS; i++) {
            segments[i] = mems_malloc(SEGMENT_BYTES);
            CHECK(segments[i] != NULL);
            memset(mems_get(segments[i]), (int) i & 0xff, SEGMENT_BYTES);
        }
        for (size_t i = 0; i < SEGMENTS; i++) {
            CHECK(((unsigned char *) mems_get(segments[i]))[SEGMENT_BYTES - 1] == (i & 0xff));
            mems_free(segments[i]);
        }
        mems_finish();
    }
    return EXIT_SUCCESS;
}

/* Runs this program again, with that argument, limited from its start on. */
static void run_limited(const char *argument, size_t limit_kib)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const struct rlimit limit = {limit_kib << 10, limit_kib << 10};
        CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        execl("/proc/self/exe", "lean", argument, (char *) NULL);
        _exit(EXIT_FAILURE);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int count, char **arguments)
{
    if (ASAN || TSAN) {
        puts("skipped: the sanitizers need more address space than the limit");
        return STRESS_SKIPPED;
    }
    if (count > 1) {
        return strcmp(arguments[1], "mems") == 0 ? mems_alone() : in_little_space();
    }
    puts("lean:");
    check_own_bytes();
    fflush(stdout);
    run_limited("blocks", LIMIT_KIB);
    run_limited("mems", MEMS_LIMIT_KIB);
    return EXIT_SUCCESS;
}
