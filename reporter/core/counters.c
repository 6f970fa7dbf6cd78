/* SPDX-License-Identifier: MIT */
/*
 * The freed counters of all rows are read first, then the allocated ones (I5 of ledger.h). In
 * version 1 rows may move: they are read between two loads of the move sequence, and again when it
 * was odd or has changed. After MOVE_TRIES the model says that it is not settled. A process may have
 * died with an odd sequence: a caller that knows that nobody writes any more passes a copy with an
 * even one.
 */
#include "reporter/core/counters.h"

#include <lmm/ledger.h>
#include <sched.h>

#include "reporter/core/books.h"
#include "reporter/core/model.h"
#include "reporter/core/saturate.h"

enum {
    MOVE_TRIES = 100,
};

enum half { FREED, ALLOCATED };

/* What the rows of version 2 have beside the counters of blocks. */
static void add_details(struct lmm_model_site *site, const struct lmm_ledger_row *row)
{
    uint32_t smallest = lmm_load_u32(&row->smallest_bytes);
    uint32_t largest = lmm_load_u32(&row->largest_bytes);

    site->temporaries += lmm_load_u64_acquire(&row->temporaries);
    site->foreign_frees += lmm_load_u64_acquire(&row->foreign_frees);
    if (smallest != 0 && (site->smallest_bytes == 0 || smallest < site->smallest_bytes)) {
        site->smallest_bytes = smallest;
    }
    if (largest > site->largest_bytes) {
        site->largest_bytes = largest;
    }
}

/* A row of version 1 is the start of one of version 2. */
static void add_row(struct lmm_model_site *site, const unsigned char *bytes, enum half half)
{
    const struct lmm_ledger_row_v1 *row = (const void *) bytes;

    if (half == FREED) {
        uint64_t blocks = lmm_load_u64_acquire(&row->freed_blocks);

        site->frees += blocks;
        site->freed_slots += blocks + lmm_load_u64_acquire(&row->freed_extra);
    } else {
        uint64_t blocks = lmm_load_u64_acquire(&row->allocated_blocks);

        site->allocations += blocks;
        site->allocated_slots += blocks + lmm_load_u64_acquire(&row->allocated_extra);
    }
}

/* Adds one half of all rows; with the freed half the details, as each temporary block is also a
 * free. Rows after the last known site are of newer sites. */
static void sum_rows(const struct lmm_books *books, struct lmm_model *model, enum half half)
{
    struct lmm_row_run run = {0};

    while (lmm_books_next_rows(books, &run)) {
        for (uint32_t k = 0; k < run.count && run.first_site + k < model->site_count; k++) {
            struct lmm_model_site *site = &model->sites[run.first_site + k];
            const unsigned char *row = run.rows + (size_t) k * run.row_bytes;

            if (half == FREED && run.row_bytes == sizeof(struct lmm_ledger_row)) {
                add_details(site, (const void *) row);
            }
            add_row(site, row, half);
        }
    }
}

static void sum_temporaries_v1(const struct lmm_books *books, struct lmm_model *model)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const uint64_t *counts = (const void *) span->records;

        for (uint32_t k = 0; span->kind == LMM_LEDGER_TEMPORARIES_V1 && k < span->count &&
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
        model->sites[i].foreign_frees = 0;
        model->sites[i].smallest_bytes = 0;
        model->sites[i].largest_bytes = 0;
    }
}

/* The fast paths count single structs without their size, which is the family's. The rows of a site
 * of arrays that tell no size are those of another writer. */
static void add_sizes(struct lmm_model *model)
{
    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_site *site = &model->sites[i];

        if (!site->family->counts_bytes && site->allocations > 0 && site->largest_bytes == 0 &&
            site->allocated_slots == site->allocations) {
            site->smallest_bytes = lmm_smaller(site->family->size_bytes, UINT32_MAX);
            site->largest_bytes = site->smallest_bytes;
        }
    }
}

static void read_rows(const struct lmm_books *books, struct lmm_model *model)
{
    const uint32_t *moves = &books->header->move_sequence;

    for (int tries = 0; tries < MOVE_TRIES && !model->settled; tries++) {
        uint32_t before = lmm_load_u32_acquire(moves);

        forget_sums(model);
        sum_temporaries_v1(books, model); /* each is also a free, which the writer counts first */
        sum_rows(books, model, FREED);
        sum_rows(books, model, ALLOCATED);
        model->settled = before % 2 == 0 && lmm_load_u32_acquire(moves) == before;
        if (!model->settled) {
            sched_yield();
        }
    }
}

/* Reads the peak of a site: of version 1, or that turn of version 2. */
static void read_peak(const unsigned char *bytes, uint32_t record_bytes, size_t turn,
                      struct lmm_model_site *site)
{
    const struct lmm_ledger_peak_v1 *single = (const void *) bytes;
    const struct lmm_ledger_peak *both = (const void *) bytes;
    bool is_single = record_bytes == sizeof(*single);

    site->peak_blocks = lmm_load_u64(is_single ? &single->blocks : &both->blocks[turn]);
    site->peak_bytes = lmm_load_u64(is_single ? &single->bytes : &both->bytes[turn]);
}

static void copy_peaks(const struct lmm_books *books, struct lmm_model *model, uint32_t turn)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];

        if (span->kind != LMM_LEDGER_PEAKS || (books->version == 1 && span->owner != turn)) {
            continue;
        }
        for (uint32_t k = 0; k < span->count && span->first + k < model->site_count; k++) {
            read_peak(span->records + (size_t) k * span->record_bytes, span->record_bytes, turn,
                      &model->sites[span->first + k]);
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

/* The valid one of the two turns is not written until peak_count has changed. When it changes
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
    if (books->version != 1) {
        add_sizes(model);
    }
    read_peaks(books, model);
    model->has_peak = books->version != 1 || model->peak_bytes > 0;
}
