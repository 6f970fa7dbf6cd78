/* SPDX-License-Identifier: MIT */
#include "lib/pages/huge.h"

#include "lib/ground/meta.h"
#include "lib/ground/options.h"
#include "lib/ground/panic.h"
#include "lib/ground/vm.h"

enum {
    CREDIT = 32,
    AGE_MAX = 8,
    LARGE_PAGES = LMM_LARGE_PAGE_BYTES / LMM_SYSTEM_PAGE_BYTES,
    WITNESSES = 16, /* at least */
    GUESSED_BYTES = 32 << 20,
};

static char *address_of(const struct lmm_page *page, size_t system_page)
{
    return lmm_page_base(page) + system_page * LMM_SYSTEM_PAGE_BYTES;
}

/* The system pages of the span's block. */
static size_t length_of(const struct lmm_page *page)
{
    return lmm_load_relaxed(&lmm_page_facts(page)->clean_from);
}

static bool is_sample(const struct lmm_watched *watched)
{
    return watched->first == watched->witness;
}

static size_t count_of(const struct lmm_huge *huge)
{
    return huge->watched == NULL ? 0 : LMM_HUGE_WATCHED;
}

/* page: NULL finds an unused one. */
static struct lmm_watched *find_locked(struct lmm_huge *huge, const struct lmm_page *page)
{
    for (size_t i = 0; i < count_of(huge); i++) {
        if (huge->watched[i].page == page) {
            return &huge->watched[i];
        }
    }
    return NULL;
}

static size_t guessed_pages(const struct lmm_huge *huge)
{
    size_t pages = 0;

    for (size_t i = 0; i < count_of(huge); i++) {
        const struct lmm_watched *watched = &huge->watched[i];
        pages += watched->page == NULL ? 0 : watched->witness - watched->first;
    }
    return pages;
}

static bool is_written(const struct lmm_watched *watched)
{
    size_t witnesses = length_of(watched->page) - watched->witness;

    return lmm_vm_is_resident(address_of(watched->page, watched->witness),
                              witnesses * LMM_SYSTEM_PAGE_BYTES);
}

/* Ends the watch of a span that is known to be written, or supposed not to be. */
static void settle_locked(struct lmm_huge *huge, struct lmm_watched *watched, bool is_written)
{
    if (!is_written) {
        huge->credit = 0;
        lmm_huge_forget_locked(huge, watched->page);
    } else if (is_sample(watched)) {
        huge->credit = CREDIT;
    }
    watched->page = NULL;
}

static void look_at_watched_locked(struct lmm_huge *huge)
{
    for (size_t i = 0; i < count_of(huge); i++) {
        struct lmm_watched *watched = &huge->watched[i];
        if (watched->page != NULL) {
            bool written = is_written(watched);
            if (written || ++watched->age > AGE_MAX) {
                settle_locked(huge, watched, written);
            }
        }
    }
}

/* How many of the span's system pages from first on may be large ones. */
static size_t advisable_pages(const struct lmm_huge *huge, const struct lmm_page *page,
                              size_t first)
{
    size_t room = GUESSED_BYTES / LMM_SYSTEM_PAGE_BYTES - guessed_pages(huge);
    size_t end = length_of(page) - WITNESSES;

    if ((uintptr_t) lmm_page_base(page) % LMM_LARGE_PAGE_BYTES != 0 || first >= end ||
        huge->credit == 0 || lmm_options.never_huge_pages ||
        lmm_vm_page_bytes() != LMM_SYSTEM_PAGE_BYTES) { /* then large pages have 32 or 512 MiB */
        return 0;
    }
    size_t pages = end - first < room ? end - first : room;
    return pages - pages % LARGE_PAGES;
}

/* The advice splits the mapping, and mremap needs a whole one. The kernel joins the parts again when
 * the advice ends, if a page of the mapping was touched before the split; here the last witness. */
static void advise(const struct lmm_watched *guess)
{
    struct lmm_page *page = guess->page;

    page->advised = 1;
    lmm_vm_populate(address_of(page, length_of(page) - 1), LMM_SYSTEM_PAGE_BYTES);
    lmm_vm_prefer_large_pages(address_of(page, guess->first),
                              (guess->witness - guess->first) * (size_t) LMM_SYSTEM_PAGE_BYTES);
}

void lmm_huge_begin_locked(struct lmm_huge *huge, struct lmm_page *page, size_t untouched)
{
    if (lmm_page_facts(page)->units < LMM_HUGE_SPAN_UNITS) {
        return;
    }
    if (huge->watched == NULL) {
        huge->watched = lmm_meta_zalloc(LMM_HUGE_WATCHED * sizeof(struct lmm_watched));
    }
    look_at_watched_locked(huge);
    struct lmm_watched *watched = find_locked(huge, NULL);
    if (watched == NULL || untouched + LARGE_PAGES >= length_of(page)) {
        return;
    }
    size_t first = lmm_round_up(untouched, LARGE_PAGES);
    size_t pages = advisable_pages(huge, page, first);
    first = pages == 0 ? untouched : first;
    *watched = (struct lmm_watched) {
        .page = page, .first = (uint32_t) first, .witness = (uint32_t) (first + pages)};
    if (pages != 0) {
        huge->credit--;
        advise(watched);
    }
    LMM_CHECK(lmm_huge_is_valid_locked(huge));
}

void lmm_huge_end_locked(struct lmm_huge *huge, struct lmm_page *page, bool is_written)
{
    struct lmm_watched *watched = find_locked(huge, page);

    if (watched != NULL) {
        settle_locked(huge, watched, is_written);
    }
    lmm_huge_forget_locked(huge, page);
}

void lmm_huge_forget_locked(struct lmm_huge *huge, struct lmm_page *page)
{
    struct lmm_watched *watched = find_locked(huge, page);

    if (watched != NULL) {
        watched->page = NULL;
    }
    if (page->advised) {
        lmm_vm_refuse_large_pages(lmm_page_base(page),
                                  lmm_page_facts(page)->units * (size_t) LMM_UNIT_BYTES);
    }
    page->advised = 0;
    LMM_CHECK(lmm_huge_is_valid_locked(huge));
}

static bool is_valid(const struct lmm_watched *watched)
{
    const struct lmm_page *page = watched->page;

    return page == NULL ||
           (page->kind == LMM_PAGE_SPAN && page->advised != is_sample(watched) &&
            watched->first <= watched->witness && watched->witness < length_of(page));
}

bool lmm_huge_is_valid_locked(const struct lmm_huge *huge)
{
    for (size_t i = 0; i < count_of(huge); i++) {
        for (size_t j = 0; j < i; j++) {
            if (huge->watched[i].page != NULL && huge->watched[i].page == huge->watched[j].page) {
                return false;
            }
        }
        if (!is_valid(&huge->watched[i])) {
            return false;
        }
    }
    return guessed_pages(huge) <= GUESSED_BYTES / LMM_SYSTEM_PAGE_BYTES;
}
