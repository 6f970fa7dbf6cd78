/* SPDX-License-Identifier: MIT */
#include "lib/heaps/family_pages.h"

#include "lib/ground/meta.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/tools.h"
#include "lib/pages/memory.h"

struct lmm_family_pages *lmm_family_pages_create(void)
{
    struct lmm_family_pages *family_pages = lmm_meta_zalloc(sizeof(*family_pages));

    if (family_pages != NULL) {
        glpq_init(&family_pages->queue);
        glthread_init(&family_pages->pages);
    }
    return family_pages;
}

static void unqueue(struct lmm_family_pages *family_pages, struct lmm_page *page)
{
    if (page->queued) {
        glpq_remove(&family_pages->queue, &page->node);
        page->queued = 0;
    }
}

static void enqueue(struct lmm_family_pages *family_pages, struct lmm_page *page, uint32_t free)
{
    uint32_t key = lmm_log2(free);
    uint32_t target = (uint32_t) 2 << key;

    if (!page->queued) {
        glpq_insert(&family_pages->queue, &page->node, key);
        page->queued = 1;
    } else if (page->node.key != key) {
        glpq_rekey(&family_pages->queue, &page->node, key);
    }
    lmm_family_pages_arm(page, free, target < page->slots ? target : page->slots);
}

static void give_page_back(struct lmm_family_pages *family_pages, struct lmm_page *page)
{
    char *base = lmm_page_base(page);
    struct lmm_family *family = lmm_families_at(page->family);

    unqueue(family_pages, page);
    glthread_remove(&page->glue);
    lmm_family_pages_arm(page, page->slots, page->slots);
    lmm_accounts_count_committed(family->record, -(int64_t) lmm_memory_committed_bytes(page));
    lmm_accounts_count_page(family->record, -1, LMM_UNIT_BYTES, page->slots);
    lmm_slots_destroy(page);
    lmm_tools_page_ends(base, LMM_UNIT_BYTES);
    lmm_reservoir_put(base, 1);
}

void lmm_family_pages_requeue(struct lmm_family_pages *family_pages, struct lmm_page *page,
                              uint32_t free)
{
    LMM_CHECK(free <= page->slots);
    if (free == page->slots) {
        give_page_back(family_pages, page);
    } else if (free >= lmm_family_pages_threshold(page)) {
        enqueue(family_pages, page, free);
    } else {
        unqueue(family_pages, page);
        lmm_family_pages_arm(page, free, lmm_family_pages_threshold(page));
    }
}

void lmm_family_pages_keep_empty(struct lmm_family_pages *family_pages, struct lmm_page *page)
{
    LMM_CHECK(!page->queued);
    lmm_slots_start_afresh(page);
    enqueue(family_pages, page, page->slots);
}

static struct lmm_page *add_page(struct lmm_family_pages *family_pages, struct lmm_family *family,
                                 struct lmm_heap *owner, const char *near)
{
    bool fresh;
    char *base = lmm_reservoir_take_near(near, &fresh);

    if (base == NULL) {
        return NULL;
    }
    struct lmm_page *page =
        lmm_slots_create(base, (uint16_t) family->index, (uint32_t) family->stride, fresh);
    if (page == NULL) {
        lmm_reservoir_drop(base, 1, false);
        return NULL;
    }
    lmm_tools_page_begins(base, LMM_UNIT_BYTES);
    lmm_store_relaxed(&page->owner, owner);
    glthread_insert_before(&family_pages->pages, &page->glue);
    lmm_accounts_count_page(family->record, 1, LMM_UNIT_BYTES, page->slots);
    lmm_accounts_count_committed(family->record, (int64_t) lmm_memory_committed_bytes(page));
    return page;
}

/* Finds a page with any free slot at all, when there is no memory for a new page. */
static struct lmm_page *scavenge(const struct lmm_family_pages *family_pages)
{
    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = lmm_page_next(&family_pages->pages, page)) {
        if (lmm_slots_free_count(page) != 0) {
            return page;
        }
    }
    return NULL;
}

struct lmm_page *lmm_family_pages_choose(struct lmm_family_pages *family_pages,
                                         struct lmm_family *family, struct lmm_heap *owner,
                                         const char *near)
{
    struct glpq_node *largest = glpq_largest(&family_pages->queue);
    struct lmm_page *page = largest != NULL ? GLTHREAD_ENTRY(largest, struct lmm_page, node)
                                            : add_page(family_pages, family, owner, near);

    page = page != NULL ? page : scavenge(family_pages);
    if (page != NULL) {
        unqueue(family_pages, page);
    }
    return page;
}

/* A page that was wholly free when it was retired stays queued until it is taken again. */
void lmm_family_pages_give_empty_back(struct lmm_family_pages *family_pages)
{
    struct lmm_page *next;

    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = next) {
        next = lmm_page_next(&family_pages->pages, page);
        if (lmm_slots_free_count(page) == page->slots) {
            give_page_back(family_pages, page);
        }
    }
}

size_t lmm_family_pages_trim(struct lmm_family_pages *family_pages)
{
    size_t bytes = 0;

    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = lmm_page_next(&family_pages->pages, page)) {
        size_t trimmed = lmm_slots_trim(page);
        lmm_accounts_count_committed(lmm_families_at(page->family)->record, -(int64_t) trimmed);
        bytes += trimmed;
    }
    return bytes;
}

void lmm_family_pages_rebuild(struct lmm_family_pages *family_pages)
{
    struct lmm_page *next;

    glpq_init(&family_pages->queue);
    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = next) {
        next = lmm_page_next(&family_pages->pages, page);
        page->queued = 0;
        lmm_store_relaxed(&page->foreign, (uint64_t) LMM_TAG_END);
        lmm_family_pages_requeue(family_pages, page, lmm_slots_rebuild(page));
    }
}

/* ---- Validity -------------------------------------------------------------------------------- */

static bool page_is_valid(const struct lmm_page *page, bool is_current, uint32_t private_head)
{
    uint32_t free = lmm_slots_free_count(page);

    if (page->queued ? is_current || page->node.key != lmm_log2(free)
                     : !is_current && free >= lmm_family_pages_threshold(page)) {
        return false;
    }
    return lmm_slots_are_valid(page, is_current ? private_head : (uint32_t) LMM_TAG_END);
}

bool lmm_family_pages_are_valid(const struct lmm_family_pages *family_pages,
                                const struct lmm_page *current, uint32_t private_head)
{
    uint32_t queued = 0;

    for (struct lmm_page *page = lmm_page_next(&family_pages->pages, NULL); page != NULL;
         page = lmm_page_next(&family_pages->pages, page)) {
        queued += page->queued;
        if (!page_is_valid(page, page == current, private_head)) {
            return false;
        }
    }
    return queued == family_pages->queue.count && glpq_is_valid(&family_pages->queue, false);
}
