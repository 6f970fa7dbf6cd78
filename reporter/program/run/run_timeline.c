/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_timeline.h"

#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/run/run_books.h"
#include "reporter/program/run/sampler.h"

/* Returns when a process became another program, CLOCK_REALTIME; 0: it did not. */
static uint64_t became_time(const struct lmm_run_books *books, const struct lmm_run_book *book)
{
    const struct lmm_starts_list *starts = &books->starts;

    for (size_t i = 0; i < starts->count && book->became != NULL; i++) {
        if (starts->items[i].path == book->became) {
            return starts->items[i].time_ns;
        }
    }
    return 0;
}

const struct lmm_timeline *lmm_run_timeline(struct lmm_sampler *sampler,
                                            const struct lmm_run_books *books,
                                            const struct lmm_run_book *book)
{
    const struct lmm_sampler_end end = {
        .is_program = book->is_program,
        .is_live = lmm_run_book_is_live(book),
        .has_status = book->has_status,
        .status = book->status,
        .became = book->became,
        .became_time_ns = became_time(books, book),
    };

    return lmm_sampler_end(sampler, book->path, book->snapshot->model, &end);
}
