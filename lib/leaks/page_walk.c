/* SPDX-License-Identifier: MIT */
#include "lib/leaks/page_walk.h"

#include "lib/books/accounts.h"
#include "lib/books/page_walks.h"
#include "lib/ground/meta.h"
#include "lib/ground/system.h"
#include "lib/heaps/page_visit.h"
#include "lib/leaks/turn.h"
#include "lib/pages/memory.h"
#include "lib/pages/page_use.h"

#include <errno.h>

static int count_page(const struct lmm_page *page, void *arg)
{
    lmm_page_use_add(arg, page);
    return 0;
}

/* use, sites: zeroed memory. */
static void walk(struct lmm_page_use *use, struct lmm_ledger_page_use *sites, uint32_t count)
{
    const struct lmm_page_visitor visitor = {.visit = count_page, .arg = use};

    lmm_page_use_init(use, sites, count);
    lmm_pages_visit(&visitor);
    size_t kept_bytes = lmm_memory_kept_bytes();
    use->totals.committed_bytes += kept_bytes;
    use->totals.returnable_bytes += kept_bytes;
    LMM_CHECK(lmm_page_use_is_valid(use));
}

static int walk_and_write(void *arg)
{
    uint32_t flags = *(const uint32_t *) arg;
    struct lmm_ledger_page_walk result = {.time_ns = lmm_system_time_ns(), .flags = flags};
    uint32_t count = lmm_accounts_site_count();
    size_t site_bytes = (size_t) count * sizeof(struct lmm_ledger_page_use);
    struct lmm_ledger_page_use *sites = lmm_meta_map(site_bytes + 1); /* 0 would be no mapping */
    struct lmm_page_use *use = lmm_meta_map(sizeof(*use));

    if (sites != NULL && use != NULL) {
        walk(use, sites, count);
        use->totals.time_ns = result.time_ns;
        use->totals.flags = flags;
        result = use->totals;
    } else {
        result.failure = ENOMEM;
    }
    bool done = lmm_page_walks_write(&result, result.failure == 0 ? sites : NULL, count);
    if (sites != NULL) {
        lmm_meta_unmap(sites, site_bytes + 1);
    }
    if (use != NULL) {
        lmm_meta_unmap(use, sizeof(*use));
    }
    return done && result.failure == 0 ? 0 : -ENOMEM;
}

int lmm_page_walk_run(uint32_t flags)
{
    return lmm_turn_walk(walk_and_write, &flags);
}
