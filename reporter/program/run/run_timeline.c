/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_timeline.h"

#include "reporter/core/model.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/run/run_books.h"
#include "reporter/program/run/sampler.h"

/* Returns what the list says of the process of a book; NULL: nothing. */
static const struct lmm_start *start_of(const struct lmm_run_books *books,
                                        const struct lmm_run_book *book)
{
    const struct lmm_start *found = NULL;

    for (size_t i = 0; i < books->starts.count; i++) {
        if (books->starts.items[i].pid == book->snapshot->model->pid) {
            found = &books->starts.items[i];
        }
    }
    return found;
}

const struct lmm_timeline *lmm_run_timeline(struct lmm_sampler *sampler,
                                            const struct lmm_run_books *books,
                                            const struct lmm_run_book *book)
{
    const struct lmm_start *start = start_of(books, book);
    bool is_executed = start != NULL && start->path != NULL;
    const struct lmm_sampler_end end = {
        .is_program = book->is_program,
        .is_live = lmm_run_book_is_live(book),
        .has_status = book->has_status,
        .status = book->status,
        .executed = is_executed && book->is_program ? start->path : NULL,
        .became = book->became,
        .became_time_ns = is_executed && start->path == book->became ? start->time_ns : 0,
    };

    return lmm_sampler_end(sampler, book->path, book->snapshot->model, &end);
}
