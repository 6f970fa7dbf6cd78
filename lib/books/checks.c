/* SPDX-License-Identifier: MIT */
#include "lib/books/checks.h"

#include "lib/books/accounts.h"
#include "lib/books/series.h"
#include "lib/ground/system.h"

#include <errno.h>

static struct lmm_series turns[] = {
    {.kind = LMM_LEDGER_LEAKS_EVEN, .record_bytes = sizeof(struct lmm_ledger_leak)},
    {.kind = LMM_LEDGER_LEAKS_ODD, .record_bytes = sizeof(struct lmm_ledger_leak)},
};

static struct lmm_series keepers = {.kind = LMM_LEDGER_KEEPERS,
                                    .record_bytes = sizeof(struct lmm_ledger_keeper)};

static struct lmm_series marks = {.kind = LMM_LEDGER_MARKS,
                                  .record_bytes = sizeof(struct lmm_ledger_mark)};

/* Makes room for the records, then fills them in. */
static bool fill_locked(struct lmm_series *series, const struct lmm_ledger_leak *leaks,
                        uint32_t count)
{
    if (!lmm_series_reach_locked(series, count)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        *(struct lmm_ledger_leak *) lmm_series_record(series, i) = leaks[i];
    }
    return true;
}

bool lmm_checks_write(const struct lmm_ledger_check *check, const struct lmm_ledger_leak *leaks)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    lmm_lock_acquire(&lmm_chunks_lock);
    uint64_t turn = (header->check_count + 1) % 2;
    bool has_room = fill_locked(&turns[turn], leaks, check->leaks);
    header->check[turn] = *check;
    if (!has_room) {
        header->check[turn].leaks = 0;
        header->check[turn].failure = ENOMEM;
    }
    lmm_store_release(&header->check_count, header->check_count + 1);
    lmm_lock_release(&lmm_chunks_lock);
    if (!has_room) {
        errno = ENOMEM;
    }
    return has_room;
}

struct lmm_ledger_check lmm_checks_last(void)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_ledger_check check = {0};

    lmm_lock_acquire(&lmm_chunks_lock);
    if (header != NULL && header->check_count != 0) { /* NULL: no memory for books */
        check = header->check[header->check_count % 2];
    }
    lmm_lock_release(&lmm_chunks_lock);
    return check;
}

struct lmm_checks_sum lmm_checks_sum(uint32_t kind)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_checks_sum sum = {0, 0};

    lmm_lock_acquire(&lmm_chunks_lock);
    uint64_t checks = header == NULL ? 0 : header->check_count;
    uint64_t turn = checks % 2;
    uint32_t count = checks == 0 ? 0 : header->check[turn].leaks;
    for (uint32_t i = 0; i < count; i++) {
        const struct lmm_ledger_leak *leak = lmm_series_record(&turns[turn], i);
        sum.blocks += leak->kind == kind ? leak->blocks : 0;
        sum.bytes += leak->kind == kind ? leak->bytes : 0;
    }
    lmm_lock_release(&lmm_chunks_lock);
    return sum;
}

uint32_t lmm_checks_add_mark(const char *text)
{
    struct lmm_ledger_mark mark = {.time_ns = lmm_system_time_ns()};
    uint32_t number = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = lmm_accounts_add_text_locked(text == NULL ? "" : text, &mark.text) &&
                lmm_series_add_locked(&marks, &mark, &number);
    lmm_lock_release(&lmm_chunks_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done ? number + 1 : 0;
}

bool lmm_checks_add_keepers(const struct lmm_ledger_keeper *list, size_t count)
{
    bool done = true;

    lmm_lock_acquire(&lmm_chunks_lock);
    for (size_t i = 0; i < count && done; i++) {
        uint32_t number;
        done = lmm_series_add_locked(&keepers, &list[i], &number);
    }
    lmm_lock_release(&lmm_chunks_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}
