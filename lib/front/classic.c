/* SPDX-License-Identifier: MIT */
/*
 * classic: the names of the classic Linux Memory Manager (uapi_mm.h), on the public API, the
 * registry and walk. It has no state and allocates nothing.
 *
 * Invariant: a site with an id also has its family: lmm_classic_calloc_at() stores the id last.
 * Locks: none of its own; nothing is printed while a lock of LMM is held.
 * Not responsible for: the reports of lmm.h, whose layout is the reporter's. The wording here is
 * that of the classic manager, with single blanks between the fields.
 */
#include <lmm/uapi_mm.h>

#include "lib/pages/family.h"
#include "lib/ground/sync.h"
#include "lib/front/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- Registering and allocating -------------------------------------------------------------- */

/* A type's alignment divides its size: the largest power of two that does so is enough. */
static size_t strictest_align(size_t size)
{
    size_t align = size & (~size + 1);

    return align > LMM_ALIGN_MAX ? (size_t) LMM_ALIGN_MAX : align;
}

void lmm_classic_register(const char *name, size_t size, size_t align)
{
    size_t wanted = align == 0 ? strictest_align(size) : align;
    const struct lmm_family *known = name == NULL ? NULL : lmm_family_find(name);

    if (known != NULL && known->size == size && known->align >= align) {
        return;
    }
    /* The classic calls know a struct by its name alone, so one name is one size. */
    if (known != NULL) {
        errno = EEXIST;
    } else if (lmm_family_register(name, size, wanted) != NULL) {
        return;
    }
    int error = errno;
    printf("Error : Structure %s can not be registered with Memory Manager : %s\n",
           name == NULL ? "(nil)" : name, strerror(error));
    errno = error;
}

static struct lmm_family *find_or_say(const char *name)
{
    struct lmm_family *family = name == NULL ? NULL : lmm_family_find(name);

    if (family == NULL) {
        printf("Error : Structure %s not registered with Memory Manager\n",
               name == NULL ? "(nil)" : name);
        errno = ENOENT;
    }
    return family;
}

void *lmm_classic_calloc(const char *name, size_t units)
{
    struct lmm_family *family = find_or_say(name);

    return family == NULL ? NULL : lmm_calloc(family, units);
}

/*
 * The classic macro knows only the name of its type, so the block is allocated through a copy of
 * the site that has the type's size and alignment from the registry. The id that the copy gets is
 * stored in the site; all threads get the same id.
 */
void *lmm_classic_calloc_at(struct lmm_site *site, size_t units)
{
    uint32_t id = lmm_load_acquire(&site->id);
    const struct lmm_family *family = id == LMM_SITE_UNKNOWN
                                          ? find_or_say(site->type)
                                          : lmm_families_at(lmm_load_relaxed(&site->family));

    if (family == NULL) {
        return NULL;
    }
    struct lmm_site complete = {
        .id = id,
        .family = family->index,
        .line = site->line,
        .file = site->file,
        .function = site->function,
        .type = site->type,
        .size_bytes = family->size,
        .align_bytes = family->align,
    };
    void *block = lmm_site_calloc(&complete, units);
    if (complete.id != id) {
        lmm_store_relaxed(&site->family, complete.family);
        lmm_store_release(&site->id, complete.id);
    }
    return block;
}

static int print_family(struct lmm_family *family, void *arg)
{
    (void) arg;
    printf("Page Family : %s, Size = %zu\n", lmm_family_name(family), lmm_family_size(family));
    return 0;
}

void lmm_classic_print_families(void)
{
    lmm_for_each_family(print_family, NULL);
}

/* ---- Pages, block by block ------------------------------------------------------------------- */

struct listing {
    struct lmm_family *family;
    size_t size_bytes;      /* one struct */
    size_t committed_bytes; /* of all pages printed so far */
    char *page_base;        /* of the page printed last; NULL: none yet */
    char *previous_block;
    unsigned block_number;
    bool has_pending; /* pending waits for the address of the next block */
    struct lmm_walk_extent pending;
};

static void print_pending(struct listing *listing, char *next_block)
{
    const struct lmm_walk_extent *block = &listing->pending;

    if (!listing->has_pending) {
        return;
    }
    printf("\t\t\t%p Block %u %s  block_size = %zu offset = %zu prev = %p next = %p\n",
           (void *) block->base, listing->block_number, block->live ? "ALLOCATED" : "F R E E D",
           block->slots * listing->size_bytes, (size_t) (block->base - listing->page_base),
           (void *) listing->previous_block, (void *) next_block);
    listing->block_number++;
    listing->previous_block = block->base;
    listing->has_pending = false;
}

static void print_item(struct listing *listing, const struct lmm_walk_item *item)
{
    const struct lmm_walk_page *page = &item->page;

    print_pending(listing, item->is_page ? NULL : item->extent.base);
    if (!item->is_page) {
        listing->pending = item->extent;
        listing->has_pending = true;
        return;
    }
    char *next = lmm_walk_next_page(listing->family, page->base + page->bytes);
    printf("\t\t next = %p, prev = %p\n", (void *) next, (void *) listing->page_base);
    printf("\t\t page family = %s\n", lmm_family_name(listing->family));
    listing->committed_bytes += page->committed_bytes;
    listing->page_base = page->base;
    listing->previous_block = NULL;
    listing->block_number = 0;
}

/* Prints one family and adds its committed bytes to *arg, a size_t. No lock of LMM is held, because
 * the reader of the output may wait for LMM. */
static int print_family_pages(struct lmm_family *family, void *arg)
{
    size_t *committed_bytes = arg;
    struct listing listing = {.family = family, .size_bytes = lmm_family_size(family)};
    struct lmm_walk_item items[32];
    uint64_t position = 0;
    size_t count;

    printf("vm_page_family : %s, struct size = %zu\n", lmm_family_name(family), listing.size_bytes);
    while ((count = lmm_walk_collect(family, &position, items, 32)) != 0) {
        for (size_t i = 0; i < count; i++) {
            print_item(&listing, &items[i]);
        }
    }
    print_pending(&listing, NULL);
    printf("\n");
    *committed_bytes += listing.committed_bytes;
    return 0;
}

void lmm_classic_print_memory(const char *name)
{
    size_t committed_bytes = 0;
    struct lmm_family *family = NULL;

    if (name != NULL && (family = find_or_say(name)) == NULL) {
        return;
    }
    printf("\nPage Size = %d Bytes\n", LMM_SYSTEM_PAGE_BYTES);
    if (family != NULL) {
        print_family_pages(family, &committed_bytes);
    } else {
        lmm_for_each_family(print_family_pages, &committed_bytes);
    }
    printf("# Of VM Pages in Use : %zu (%zu Bytes)\n", committed_bytes / LMM_SYSTEM_PAGE_BYTES,
           committed_bytes);
    printf("Total Memory being used by Memory Manager = %zu Bytes\n", committed_bytes);
}

/* ---- Block counts ---------------------------------------------------------------------------- */

struct block_counts {
    size_t free_blocks;
    size_t live_blocks;
    size_t live_slots;
};

static int count_item(const struct lmm_walk_item *item, void *arg)
{
    struct block_counts *counts = arg;

    if (!item->is_page) {
        counts->live_blocks += item->extent.live;
        counts->free_blocks += !item->extent.live;
        counts->live_slots += item->extent.live ? item->extent.slots : 0;
    }
    return 0;
}

static int print_family_counts(struct lmm_family *family, void *arg)
{
    struct block_counts counts = {0};

    (void) arg;
    lmm_walk_family(family, count_item, &counts);
    printf("%s   TBC : %zu    FBC : %zu    OBC : %zu AppMemUsage : %zu\n", lmm_family_name(family),
           counts.free_blocks + counts.live_blocks, counts.free_blocks, counts.live_blocks,
           counts.live_slots * lmm_family_size(family));
    return 0;
}

void lmm_classic_print_blocks(void)
{
    lmm_for_each_family(print_family_counts, NULL);
}
