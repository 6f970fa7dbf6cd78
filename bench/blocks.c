/* SPDX-License-Identifier: MIT */
/*
 * blocks: blocks of any number of bytes. An operation is an alloc and a free; one word of each page
 * of a new block is written, of a large one everything.
 *
 * medium_pair: 10 to 60 KB, freed at once. medium: random ones of a live set of such blocks are
 * replaced. zeroed: the same with zeroed blocks of 16 bytes to 8 KB. large: the same with blocks of
 * 5 to 25 MB.
 */
#include "alloc.h"
#include "bench.h"

enum {
    LIVE_MAX = 1000,
};

/* Sizes from min to max. */
struct range {
    size_t min_bytes;
    size_t max_bytes;
};

static const struct range medium = {10000, 60000};
static const struct range zeroed = {16, 8000};
static const struct range large = {5000000, 25000000};

static void *blocks[LIVE_MAX];
static size_t block_count;
static uint64_t random_state = 0x2545f4914f6cdd1du;

static size_t bytes_in(struct range range)
{
    uint32_t random = (uint32_t) (bench_random_next(&random_state) >> 16);

    return range.min_bytes + bench_below(random, range.max_bytes - range.min_bytes + 1);
}

static void *new_medium(void)
{
    size_t bytes = bytes_in(medium);
    void *block = bench_touch(BENCH_ALLOC_BYTES(bytes), bytes);

    bench_touch_pages(block, 0, bytes);
    return block;
}

static void *new_zeroed(void)
{
    size_t bytes = bytes_in(zeroed);

    return bench_touch(BENCH_ALLOC_ARRAY(uint64_t, bytes / sizeof(uint64_t)), bytes);
}

static void *new_large(void)
{
    size_t bytes = bytes_in(large);
    void *block = bench_touch(BENCH_ALLOC_BYTES(bytes), bytes);

    memset(block, (int) (bytes & 0xff), bytes);
    return bench_touch(block, bytes);
}

static void fill(size_t live, void *(*allocate)(void) )
{
    block_count = live;
    for (size_t i = 0; i < live; i++) {
        blocks[i] = allocate();
    }
}

/* Inlined for each kind, so that allocate is a direct call. */
__attribute__((always_inline)) static inline void replace(size_t operations,
                                                          void *(*allocate)(void) )
{
    for (size_t i = 0; i < operations; i++) {
        uint32_t random = (uint32_t) (bench_random_next(&random_state) >> 32);
        void **slot = &blocks[bench_below(random, block_count)];

        BENCH_FREE(*slot);
        *slot = allocate();
    }
}

void bench_blocks_medium_pair(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        BENCH_FREE(new_medium());
    }
}

void bench_blocks_medium_setup(size_t live)
{
    fill(live, new_medium);
}

void bench_blocks_medium(size_t operations)
{
    replace(operations, new_medium);
}

void bench_blocks_zeroed_setup(size_t live)
{
    fill(live, new_zeroed);
}

void bench_blocks_zeroed(size_t operations)
{
    replace(operations, new_zeroed);
}

void bench_blocks_large_setup(size_t live)
{
    fill(live, new_large);
}

void bench_blocks_large(size_t operations)
{
    replace(operations, new_large);
}

void bench_blocks_teardown(void)
{
    for (size_t i = 0; i < block_count; i++) {
        BENCH_FREE(blocks[i]);
    }
}
