/* SPDX-License-Identifier: MIT */
/*
 * Rows are read between two loads of the move sequence: the freed counters of all owners first,
 * then the allocated ones (I5 of ledger.h). When the sequence was odd or has changed, they are read
 * again. After MOVE_TRIES the model says that it is not settled. A process may have died with an
 * odd sequence: a caller that knows that nobody writes any more passes a copy with an even one.
 */
#include "reporter/core/counters.h"

#include <lmm/ledger.h>
#include <sched.h>

#include "reporter/core/books.h"
#include "reporter/core/model.h"

enum {
    MOVE_TRIES = 100,
};

static void sum_row(struct lmm_model_site *site, const struct lmm_ledger_row *row, bool freed)
{
    if (freed) {
        uint64_t blocks = lmm_load_u64_acquire(&row->freed_blocks);

        site->frees += blocks;
        site->freed_slots += blocks + lmm_load_u64_acquire(&row->freed_extra);
    } else {
        uint64_t blocks = lmm_load_u64_acquire(&row->allocated_blocks);

        site->allocations += blocks;
        site->allocated_slots += blocks + lmm_load_u64_acquire(&row->allocated_extra);
    }
}

/* Adds the freed or the allocated counters of every owner's rows. Rows after the last known site
 * are of newer sites. */
static void sum_rows(const struct lmm_books *books, struct lmm_model *model, bool freed)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const struct lmm_ledger_row *rows = (const void *) span->records;

        if (span->kind != LMM_LEDGER_ROWS) {
            continue;
        }
        for (uint32_t k = 0; k < span->count && span->first + k < model->site_count; k++) {
            sum_row(&model->sites[span->first + k], &rows[k], freed);
        }
    }
}

static void sum_temporaries(const struct lmm_books *books, struct lmm_model *model)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const uint64_t *counts = (const void *) span->records;

        for (uint32_t k = 0; span->kind == LMM_LEDGER_TEMPORARIES && k < span->count &&
                             span->first + k < model->site_count;
             k++) {
            model->sites[span->first + k].temporaries += lmm_load_u64_acquire(&counts[k]);
        }
    }
}

static void forget_sums(struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].allocations = 0;
        model->sites[i].frees = 0;
        model->sites[i].allocated_slots = 0;
        model->sites[i].freed_slots = 0;
        model->sites[i].temporaries = 0;
    }
}

static void read_rows(const struct lmm_books *books, struct lmm_model *model)
{
    const uint32_t *moves = &books->header->move_sequence;

    for (int tries = 0; tries < MOVE_TRIES && !model->settled; tries++) {
        uint32_t before = lmm_load_u32_acquire(moves);

        forget_sums(model);
        sum_temporaries(books, model); /* each is also a free, which the writer counts first */
        sum_rows(books, model, true);
        sum_rows(books, model, false);
        model->settled = before % 2 == 0 && lmm_load_u32_acquire(moves) == before;
        if (!model->settled) {
            sched_yield();
        }
    }
}

static void copy_peaks(const struct lmm_books *books, struct lmm_model *model, uint32_t owner)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const struct lmm_ledger_peak *peaks = (const void *) span->records;

        for (uint32_t k = 0; span->kind == LMM_LEDGER_PEAKS && span->owner == owner &&
                             k < span->count && k < model->site_count;
             k++) {
            model->sites[k].peak_blocks = lmm_load_u64(&peaks[k].blocks);
            model->sites[k].peak_bytes = lmm_load_u64(&peaks[k].bytes);
        }
    }
}

static void forget_peaks(struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].peak_blocks = 0;
        model->sites[i].peak_bytes = 0;
    }
    model->peak_bytes = 0;
    model->peak_time_ns = 0;
}

/* The valid one of the two owners is not written until peak_count has changed. When it changes
 * during each try, the model has no peaks. */
static void read_peaks(const struct lmm_books *books, struct lmm_model *model)
{
    const struct lmm_ledger_header *header = books->header;

    for (int tries = 0; tries < MOVE_TRIES; tries++) {
        uint64_t count = lmm_load_u64_acquire(&header->peak_count);

        if (count == 0) {
            return;
        }
        copy_peaks(books, model, count % 2);
        model->peak_bytes = lmm_load_u64(&header->peak_bytes[count % 2]);
        model->peak_time_ns = lmm_load_u64(&header->peak_time_ns[count % 2]);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (lmm_load_u64(&header->peak_count) == count) {
            return;
        }
        forget_peaks(model);
    }
}

void lmm_counters_read(const struct lmm_books *books, struct lmm_model *model)
{
    read_rows(books, model);
    read_peaks(books, model);
}
