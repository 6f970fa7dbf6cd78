/* SPDX-License-Identifier: MIT */
#include "lib/books/mismatch_notes.h"

#include "lib/books/accounts.h"
#include "lib/books/series.h"

static struct lmm_series mismatches = {.kind = LMM_LEDGER_MISMATCHES,
                                       .record_bytes = sizeof(struct lmm_ledger_mismatch)};

struct lmm_ledger_mismatch *lmm_mismatch_note(const char *text,
                                              const struct lmm_ledger_mismatch *mismatch)
{
    struct lmm_ledger_mismatch record = *mismatch;
    uint32_t number = 0;

    record.count = 1;
    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = lmm_accounts_add_text_locked(text, &record.text) &&
                lmm_series_add_locked(&mismatches, &record, &number);
    lmm_lock_release(&lmm_chunks_lock);
    return done ? lmm_series_record(&mismatches, number) : NULL;
}
