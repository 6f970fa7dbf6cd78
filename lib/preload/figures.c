/* SPDX-License-Identifier: MIT */
/*
 * figures: glibc's functions that report on the heap, answered from LMM's counters, and those that
 * tune it, which do nothing.
 */
#include "lib/front/block.h"
#include "lib/ground/libc.h"
#include "lib/pages/family.h"
#include "lib/heaps/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <lmm/lmm.h>
#include <malloc.h>
#include <stdio.h>

struct sums {
    uint64_t committed_bytes;
    uint64_t live_bytes;
    uint64_t pages;
    uint64_t blocks;
};

static struct sums sum_up(void)
{
    struct sums sums = {0};

    lmm_thread_settle();
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        const struct lmm_family *family = lmm_families_at(i);
        struct lmm_ledger_row row = lmm_family_sum(family);
        uint64_t blocks = row.allocated_blocks - row.freed_blocks;
        uint64_t extra = row.allocated_extra - row.freed_extra;
        sums.committed_bytes += lmm_load_relaxed(&family->record->committed_bytes);
        sums.live_bytes += family->counts_bytes ? extra : (blocks + extra) * family->size;
        sums.pages += lmm_load_relaxed(&family->record->pages);
        sums.blocks += blocks;
    }
    return sums;
}

LMM_API struct mallinfo2 mallinfo2(void)
{
    struct sums sums = sum_up();
    size_t free_bytes = sums.committed_bytes > sums.live_bytes
                            ? (size_t) (sums.committed_bytes - sums.live_bytes)
                            : 0;

    return (struct mallinfo2) {
        .arena = (size_t) sums.committed_bytes,
        .ordblks = (size_t) sums.pages,
        .uordblks = (size_t) sums.live_bytes,
        .fordblks = free_bytes,
        .keepcost = free_bytes,
    };
}

/* As mallinfo2(), but in ints: a larger figure wraps, as glibc's does. */
LMM_API struct mallinfo mallinfo(void)
{
    struct mallinfo2 info = mallinfo2();

    return (struct mallinfo) {
        .arena = (int) info.arena,
        .ordblks = (int) info.ordblks,
        .uordblks = (int) info.uordblks,
        .fordblks = (int) info.fordblks,
        .keepcost = (int) info.keepcost,
    };
}

LMM_API void malloc_stats(void)
{
    lmm_print_usage(stderr);
}

/* Writes a document in glibc's form, with one heap. */
LMM_API int malloc_info(int options, FILE *stream)
{
    struct sums sums = sum_up();

    if (options != 0) {
        return EINVAL;
    }
    fprintf(stream,
            "<malloc version=\"1\">\n<heap nr=\"0\">\n</heap>\n"
            "<total type=\"rest\" count=\"%" PRIu64 "\" size=\"%" PRIu64 "\"/>\n"
            "<system type=\"current\" size=\"%" PRIu64 "\"/>\n</malloc>\n",
            sums.blocks, sums.live_bytes, sums.committed_bytes);
    return 0;
}

LMM_API int malloc_trim(size_t pad)
{
    (void) pad;
    return lmm_trim() != 0;
}

/* Accepts every parameter of glibc's mallopt and ignores it. */
LMM_API int mallopt(int parameter, int value)
{
    (void) parameter;
    (void) value;
    return 1;
}
