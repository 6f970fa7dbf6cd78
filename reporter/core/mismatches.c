/* SPDX-License-Identifier: MIT */
#include "reporter/core/mismatches.h"

#include <lmm/ledger.h>

#include "reporter/core/books.h"
#include "reporter/core/model.h"

enum { RECORDS_MAX = 1000 }; /* a writer adds fewer */

size_t lmm_mismatches_records(const struct lmm_books *books)
{
    uint64_t count = lmm_books_count(books, LMM_LEDGER_MISMATCHES);

    return count < RECORDS_MAX ? (size_t) count : (size_t) RECORDS_MAX;
}

/* A writer may use frames that were added after the frames were counted. */
static uint32_t stack_of(const struct lmm_model *model, const uint32_t *field)
{
    uint32_t stack = lmm_load_u32(field);

    return stack < model->frame_count ? stack : 0;
}

static bool read_one(const struct lmm_books *books, const struct lmm_model *model,
                     const struct lmm_ledger_mismatch *record, struct lmm_model_mismatch *mismatch)
{
    *mismatch = (struct lmm_model_mismatch) {
        .allocated = stack_of(model, &record->allocated),
        .freed = stack_of(model, &record->freed),
        .bytes = lmm_load_u64(&record->bytes),
        .count = lmm_load_u64(&record->count),
    };
    return lmm_books_string(books, lmm_load_u32(&record->text), &mismatch->text) &&
           mismatch->text.bytes != 0;
}

void lmm_mismatches_read(const struct lmm_books *books, struct lmm_model_mismatch *room,
                         size_t count, struct lmm_model *model)
{
    size_t used = 0;

    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const struct lmm_ledger_mismatch *records = (const void *) span->records;

        for (uint32_t k = 0; span->kind == LMM_LEDGER_MISMATCHES && k < span->count && used < count;
             k++) {
            used += read_one(books, model, &records[k], &room[used]);
        }
    }
    model->mismatches = room;
    model->mismatch_count = used;
}
