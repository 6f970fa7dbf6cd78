/* SPDX-License-Identifier: MIT */
/* Reports, walks, statistics and trims, from two threads, while four others allocate, resize and
 * free: no figure may leave the range that is possible, and no block may be shown that cannot
 * exist. */
#include "tests/stress/stress.h"

#include <stdatomic.h>
#include <string.h>

enum {
    THREADS = 4,
    REPORTERS = 2,
    REPORTS = 150, /* of each reporter */
    HELD = 500,    /* blocks that a thread holds at most */
    LENGTH_MAX = 64,
};

typedef struct {
    unsigned char bytes[40];
} item_t;

static atomic_bool stop;
static atomic_uint reporters_left = REPORTERS;

static void *run_allocator(void *number)
{
    item_t *held[HELD] = {NULL};
    uint64_t random = 77 + (uintptr_t) number;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        uint64_t dice = random_next(&random);
        item_t **slot = &held[(dice >> 32) % HELD];
        if (*slot != NULL && dice % 8 == 0) {
            *slot = lmm_resize(*slot, 1 + (dice >> 8) % LENGTH_MAX);
        } else if (*slot != NULL) {
            lmm_free(*slot);
            *slot = NULL;
            continue;
        } else if (dice % 8 == 1) {
            *slot = LMM_NEW_ARRAY(item_t, 1 + (dice >> 8) % LENGTH_MAX);
        } else {
            *slot = LMM_ALLOC(item_t);
        }
        CHECK(*slot != NULL);
        memset(*slot, 0x77, sizeof(**slot));
    }
    for (unsigned i = 0; i < HELD; i++) {
        lmm_free(held[i]);
    }
    return NULL;
}

static int check_block(const struct lmm_block *block, void *arg)
{
    uint64_t *blocks = arg;
    CHECK(block->slots >= 1 && block->slots <= LENGTH_MAX);
    CHECK(block->bytes == block->slots * sizeof(item_t));
    CHECK(strcmp(lmm_family_name(block->family), "item_t") == 0);
    CHECK(strcmp(block->file, "tests/stress/reports.c") == 0);
    CHECK(strcmp(block->function, "run_allocator") == 0);
    CHECK(block->line != 0);
    ++*blocks;
    return 0;
}

/* A reader may see a block's free before or after another's allocation, so a few more than can be
 * held at one moment are possible; a wrapped counter is not. */
static void check_stats(void)
{
    struct lmm_stats stats = stress_stats(lmm_family_find("item_t"));
    enum { SLACK = 1000000 };
    CHECK(stats.live_blocks <= THREADS * HELD + SLACK);
    CHECK(stats.live_slots <= (uint64_t) (THREADS * HELD + SLACK) * LENGTH_MAX);
    CHECK(stats.frees <= stats.allocations);
    CHECK(stats.live_blocks == stats.allocations - stats.frees);
    CHECK(stats.live_bytes == stats.live_slots * sizeof(item_t));
    CHECK(stats.mapped_bytes < (uint64_t) 1 << 32);
    CHECK(stats.committed_bytes <= stats.mapped_bytes);
}

static void *run_reporter(void *number)
{
    FILE *null = fopen("/dev/null", "w");
    CHECK(null != NULL);
    for (unsigned i = 0; i < REPORTS; i++) {
        uint64_t blocks = 0;
        check_stats();
        CHECK(lmm_for_each_block(NULL, check_block, &blocks) == 0);
        CHECK(lmm_print_usage(null) == 0);
        CHECK(lmm_print_usage_json(null) == 0);
        if (i % 8 == 0) {
            CHECK(lmm_print_blocks(null, NULL) == 0);
            lmm_leak_check(null);
        }
        if (i % 16 == (uintptr_t) number) {
            lmm_trim();
        }
    }
    fclose(null);
    if (atomic_fetch_sub(&reporters_left, 1) == 1) {
        atomic_store(&stop, true);
    }
    return NULL;
}

static void *run(void *number)
{
    uintptr_t n = (uintptr_t) number;
    return n < THREADS ? run_allocator(number) : run_reporter((void *) (n - THREADS));
}

int main(void)
{
    CHECK(LMM_REGISTER(item_t) != NULL);
    stress_run(THREADS + REPORTERS, run);
    struct lmm_stats stats = stress_stats(lmm_family_find("item_t"));
    stress_check_all_freed(lmm_family_find("item_t"), stats.allocations);
    return EXIT_SUCCESS;
}
