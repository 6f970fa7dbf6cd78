/* SPDX-License-Identifier: MIT */
/* Threads give each other blocks, which the receiver frees into its magazine and allocates again, or
 * gives back, while another thread walks over all blocks. Then nothing is left. */
#include "tests/stress/stress.h"

#include "lib/front/block.h"
#include "lib/heaps/magazine.h"
#include "lib/heaps/thread.h"

enum {
    THREADS = 4,
    ROUNDS = TSAN ? 20000 : 200000,
    SHELF = 128,
    SHORT = LMM_MAGAZINE_FIRST,
    LONG = LMM_MAGAZINE_END - 1,
};

static char *shelf[SHELF]; /* atomic */
static uint64_t walked;    /* blocks, by the thread that walks */
static bool has_ended;

/* The families that the drop-in registers before any other. */
static void add_families(void)
{
    for (uint32_t i = 0; i < LMM_MAGAZINE_END; i++) {
        char name[16];
        snprintf(name, sizeof(name), "class-%u", i);
        const struct lmm_family *family = lmm_family_register(name, i < LONG ? 1152 : 8192, 16);
        CHECK(family != NULL && family->index == i && family->site == i);
    }
}

static char *allocate(uint32_t family)
{
    char *block = lmm_magazine_pop(&lmm_thread_open, family);
    block = block != NULL ? block : lmm_block_alloc(lmm_families_at(family), family, 1, 1, false);
    CHECK(block != NULL);
    return block;
}

static void release(char *block)
{
    struct lmm_page *page = lmm_page_of((uintptr_t) block);
    uint32_t family = page->family;
    struct lmm_ledger_row *row = lmm_open_first_row(&lmm_thread_open, family);
    if (row == NULL || !lmm_magazine_push(&lmm_thread_open, family, row, page, block,
                                          page->owner == lmm_thread_open.heap)) {
        lmm_free(block);
        lmm_magazines_look(lmm_thread_open.heap);
    }
}

static void *exchange(void *number)
{
    uint64_t random = 1 + (uintptr_t) number;
    lmm_free(lmm_block_alloc(lmm_families_at(SHORT), SHORT, 1, 1, false));
    lmm_magazines_create(&lmm_thread_open);
    for (size_t i = 0; i < ROUNDS; i++) {
        uint64_t dice = random_next(&random);
        char *block = dice % 8 == 0 ? NULL : allocate(dice % 2 == 0 ? SHORT : LONG);
        if (block != NULL) {
            block[0] = (char) dice;
        }
        block = __atomic_exchange_n(&shelf[dice / 16 % SHELF], block, __ATOMIC_ACQ_REL);
        if (block != NULL) {
            release(block);
        }
        if (dice % 4096 == 0) {
            lmm_trim();
        }
    }
    return NULL;
}

static int count(const struct lmm_block *block, void *arg)
{
    (void) block;
    ++*(uint64_t *) arg;
    return 0;
}

static void *walk(void *arg)
{
    while (!__atomic_load_n(&has_ended, __ATOMIC_RELAXED)) {
        lmm_for_each_block(lmm_families_at(SHORT), count, &walked);
    }
    return arg;
}

static uint64_t live(uint32_t family)
{
    return stress_stats(lmm_families_at(family)).live_blocks;
}

int main(void)
{
    pthread_t walker;
    size_t left = 0;
    lmm_thread_shared_calls = 0; /* each thread has magazines from the start */
    add_families();
    lmm_free(allocate(SHORT)); /* LMM has its first page before anybody walks */
    CHECK(pthread_create(&walker, NULL, walk, NULL) == 0);
    stress_run(THREADS, exchange);
    __atomic_store_n(&has_ended, true, __ATOMIC_RELAXED);
    CHECK(pthread_join(walker, NULL) == 0);
    for (size_t i = 0; i < SHELF; i++) {
        left += shelf[i] != NULL;
    }
    CHECK(live(SHORT) + live(LONG) == left);
    CHECK(lmm_heaps_are_valid(lmm_thread_heaps()));
    for (size_t i = 0; i < SHELF; i++) {
        lmm_free(shelf[i]);
    }
    lmm_trim();
    CHECK(live(SHORT) + live(LONG) == 0);
    CHECK(stress_stats(lmm_families_at(SHORT)).pages == 0);
    CHECK(stress_stats(lmm_families_at(LONG)).pages == 0);
    printf("%zu blocks were left, %" PRIu64 " were seen\n", left, walked);
    return 0;
}
