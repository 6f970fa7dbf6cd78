/* SPDX-License-Identifier: MIT */
#include "lib/leaks/since.h"

#include "lib/ground/meta.h"
#include "lib/leaks/old_pages.h"

#include <string.h>

struct lmm_since {
    uint32_t number; /* 0: none */
    size_t count;
    size_t bytes;               /* mapped at pages */
    struct lmm_old_page *pages; /* first: in words from the first of all bits */
    uint64_t *bits;
};

static struct lmm_since kept[LMM_SINCE_KEPT]; /* the newest first */

static void copy_pages(struct lmm_since *since, const struct lmm_graph *graph)
{
    size_t first = 0;

    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        since->pages[i] = lmm_old_page_of(page, first);
        memcpy(since->bits + first, lmm_graph_plane(page, LMM_PLANE_STARTS),
               page->words * sizeof(uint64_t));
        first += page->words;
    }
}

static bool map_copy(struct lmm_since *since, const struct lmm_graph *graph)
{
    size_t words = 0;

    for (size_t i = 0; i < graph->page_count; i++) {
        words += graph->pages[i].words;
    }
    size_t page_bytes = graph->page_count * sizeof(struct lmm_old_page);
    since->count = graph->page_count;
    since->bytes = lmm_round_up(page_bytes + (words + 1) * sizeof(uint64_t), LMM_SYSTEM_PAGE_BYTES);
    since->pages = lmm_meta_map(since->bytes);
    since->bits = (uint64_t *) (void *) ((char *) since->pages + page_bytes);
    return since->pages != NULL;
}

bool lmm_since_keep(uint32_t number)
{
    struct lmm_since *oldest = &kept[LMM_SINCE_KEPT - 1];
    struct lmm_since since = {.number = number};
    struct lmm_graph graph;

    LMM_CHECK(number != 0);
    if (!lmm_graph_init(&graph)) {
        return false;
    }
    bool done = map_copy(&since, &graph);
    if (done) {
        copy_pages(&since, &graph);
        if (oldest->number != 0) {
            lmm_meta_unmap(oldest->pages, oldest->bytes);
        }
        memmove(kept + 1, kept, (LMM_SINCE_KEPT - 1) * sizeof(kept[0]));
        kept[0] = since;
    }
    lmm_graph_end(&graph);
    return done;
}

const struct lmm_since *lmm_since_find(uint32_t number)
{
    for (size_t i = 0; i < LMM_SINCE_KEPT && number != 0; i++) {
        if (kept[i].number == number) {
            return &kept[i];
        }
    }
    return NULL;
}

const uint64_t *lmm_since_bits(const struct lmm_since *since, const struct lmm_graph_page *page)
{
    const struct lmm_old_page *old =
        since == NULL ? NULL : lmm_old_page_find(since->pages, since->count, page);

    return old == NULL ? NULL : since->bits + old->first;
}
