/* SPDX-License-Identifier: MIT */
#include "lib/books/page_walks.h"

#include "lib/books/series.h"

#include <errno.h>

static struct lmm_series turns[] = {
    {.kind = LMM_LEDGER_PAGES_EVEN, .record_bytes = sizeof(struct lmm_ledger_page_use)},
    {.kind = LMM_LEDGER_PAGES_ODD, .record_bytes = sizeof(struct lmm_ledger_page_use)},
};

static uint32_t count_used(const struct lmm_ledger_page_use *uses, uint32_t count)
{
    uint32_t used = 0;

    for (uint32_t site = 0; uses != NULL && site < count; site++) {
        used += uses[site].blocks != 0;
    }
    return used;
}

/* Makes room for the records, then fills them in. */
static bool fill_locked(struct lmm_series *series, const struct lmm_ledger_page_use *uses,
                        uint32_t used)
{
    if (!lmm_series_reach_locked(series, used)) {
        return false;
    }
    for (uint32_t i = 0, site = 0; i < used; site++) {
        if (uses[site].blocks != 0) {
            struct lmm_ledger_page_use *record = lmm_series_record(series, i++);
            *record = uses[site];
            record->site = site;
        }
    }
    return true;
}

bool lmm_page_walks_write(const struct lmm_ledger_page_walk *walk,
                          const struct lmm_ledger_page_use *uses, uint32_t count)
{
    struct lmm_ledger_header *header = lmm_chunks_header();
    uint32_t used = count_used(uses, count);

    lmm_lock_acquire(&lmm_chunks_lock);
    uint64_t turn = (header->page_walk_count + 1) % 2;
    struct lmm_ledger_page_walk *to = &header->page_walk[turn];
    bool has_room = fill_locked(&turns[turn], uses, used);
    *to = *walk;
    to->records = has_room ? used : 0;
    to->failure = has_room ? walk->failure : ENOMEM;
    lmm_store_release(&header->page_walk_count, header->page_walk_count + 1);
    lmm_lock_release(&lmm_chunks_lock);
    if (!has_room) {
        errno = ENOMEM;
    }
    return has_room;
}

struct lmm_ledger_page_walk lmm_page_walks_last(void)
{
    const struct lmm_ledger_header *header = lmm_chunks_header();
    struct lmm_ledger_page_walk walk = {0};

    lmm_lock_acquire(&lmm_chunks_lock);
    if (header != NULL && header->page_walk_count != 0) { /* NULL: no memory for books */
        walk = header->page_walk[header->page_walk_count % 2];
    }
    lmm_lock_release(&lmm_chunks_lock);
    return walk;
}
