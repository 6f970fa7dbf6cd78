/* SPDX-License-Identifier: MIT */
/* Little address space (`ulimit -v 200000`): LMM allocates until none is left, then returns NULL
 * with ENOMEM, keeps every block whole, reports, and, when all is freed, serves about as much
 * again. The second time another family allocates, so memory must really have gone back. */
#include "tests/stress/stress.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum {
    LIMIT_KIB = 200000,
    SMALL_BYTES = 100,
    ARRAY_LENGTH = 1000,
    ENOUGH_BYTES = 100 << 20, /* of the limit must reach the program */
};

/* Blocks are chained through themselves: when memory is out, nothing else is at hand. */
typedef struct chain {
    struct chain *next;
    uint64_t stamp;
    unsigned char filler[SMALL_BYTES - 16];
} chain_t;

typedef struct other {
    struct chain *next;
    uint64_t stamp;
    unsigned char filler[3000 - 16];
} other_t;

typedef struct {
    struct chain *next;
    uint64_t stamp;
    unsigned char filler[(1 << 20) - 16];
} mega_t;

static chain_t *get_small(void)
{
    return LMM_ALLOC(chain_t);
}

static chain_t *get_other(void)
{
    return (chain_t *) (void *) LMM_NEW(other_t);
}

static chain_t *get_array(void)
{
    return LMM_NEW_ARRAY(chain_t, ARRAY_LENGTH);
}

static chain_t *get_mega(void)
{
    return (chain_t *) (void *) LMM_ALLOC(mega_t);
}

/* Allocates until there is no memory, touches all, frees all. Returns the bytes that there were. */
static size_t exhaust(chain_t *(*get)(void), size_t bytes)
{
    chain_t *first = NULL;
    size_t count = 0;
    errno = 0;
    for (chain_t *block; (block = get()) != NULL; count++) {
        block->next = first;
        block->stamp = (uintptr_t) block;
        ((unsigned char *) block)[bytes - 1] = 0x3c;
        first = block;
    }
    CHECK(errno == ENOMEM);
    CHECK(get() == NULL && errno == ENOMEM);
    for (chain_t *block = first; block != NULL;) {
        chain_t *next = block->next;
        CHECK(block->stamp == (uintptr_t) block);
        CHECK(((unsigned char *) block)[bytes - 1] == 0x3c);
        lmm_free(block);
        block = next;
    }
    return count * bytes;
}

static const struct {
    const char *name;
    chain_t *(*get)(void);
    size_t bytes;
} steps[] = {
    {"small", get_small, sizeof(chain_t)},
    {"other", get_other, sizeof(other_t)},
    {"array", get_array, sizeof(chain_t) * ARRAY_LENGTH},
    {"mega", get_mega, sizeof(mega_t)},
    {"small again", get_small, sizeof(chain_t)},
    {"array again", get_array, sizeof(chain_t) * ARRAY_LENGTH},
};

static void report_when_exhausted(FILE *null)
{
    chain_t *first = NULL;
    for (chain_t *block; (block = get_small()) != NULL;) {
        block->next = first;
        first = block;
    }
    CHECK(errno == ENOMEM);
    CHECK(lmm_print_usage(null) == 0);
    CHECK(lmm_print_usage_json(null) == 0);
    CHECK(lmm_leak_check(null) > 0);
    CHECK(lmm_resize(first, 5000000) == NULL && errno == ENOMEM);
    CHECK(lmm_block_count(first) == 1);
    while (first != NULL) {
        chain_t *next = first->next;
        lmm_free(first);
        first = next;
    }
}

int main(void)
{
    if (ASAN || TSAN) {
        puts("skipped: the sanitizers need more address space than the limit");
        return STRESS_SKIPPED;
    }
    FILE *null = fopen("/dev/null", "w");
    CHECK(null != NULL);
    const struct rlimit limit = {(rlim_t) LIMIT_KIB * 1024, (rlim_t) LIMIT_KIB * 1024};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        size_t bytes = exhaust(steps[i].get, steps[i].bytes);
        printf("%-12s %zu MiB\n", steps[i].name, bytes >> 20);
        fflush(stdout);
        CHECK(bytes >= ENOUGH_BYTES);
    }
    report_when_exhausted(null);
    CHECK(stress_stats(lmm_family_find("chain_t")).live_blocks == 0);
    CHECK(stress_stats(lmm_family_find("other_t")).live_blocks == 0);
    CHECK(stress_stats(lmm_family_find("mega_t")).live_blocks == 0);
    return EXIT_SUCCESS;
}
