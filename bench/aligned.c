/* SPDX-License-Identifier: MIT */
/*
 * aligned: random ones of a live set of aligned blocks are replaced: 64 bytes to 8 KB, aligned to
 * 32 bytes to 4 KiB.
 */
#include <malloc.h>
#include <stdlib.h>

#include "bench.h"

enum {
    LIVE_MAX = 1000,
    BYTES_MIN = 64,
    BYTES_MAX = 8000,
    ALIGNMENT_MIN = 32,
    ALIGNMENTS = 8,
};

static void *blocks[LIVE_MAX];
static size_t block_count;
static uint64_t random_state = 0x2545f4914f6cdd1du;

static void *new_aligned(uint64_t random)
{
    size_t bytes = BYTES_MIN + bench_below((uint32_t) random, BYTES_MAX - BYTES_MIN + 1);
    size_t alignment = (size_t) ALIGNMENT_MIN << (random >> 60) % ALIGNMENTS;

    return bench_touch(memalign(alignment, bytes), bytes);
}

void bench_aligned_setup(size_t live)
{
    block_count = live;
    for (size_t i = 0; i < live; i++) {
        blocks[i] = new_aligned(bench_random_next(&random_state));
    }
}

void bench_aligned(size_t operations)
{
    for (size_t i = 0; i < operations; i++) {
        uint32_t random = (uint32_t) (bench_random_next(&random_state) >> 32);
        void **slot = &blocks[bench_below(random, block_count)];

        free(*slot);
        *slot = new_aligned(bench_random_next(&random_state));
    }
}

void bench_aligned_teardown(void)
{
    for (size_t i = 0; i < block_count; i++) {
        free(blocks[i]);
    }
}
