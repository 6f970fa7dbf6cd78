/* SPDX-License-Identifier: MIT */
/*
 * classic: the names of the classic Linux Memory Manager (uapi_mm.h), on the public API, the
 * registry and walk, without and with a scope (instance). It has no state and allocates nothing.
 *
 * Invariant: a site with an id also has its family: lmm_classic_calloc_at() stores the id last.
 * Locks: none of its own; nothing is printed while a lock of LMM is held.
 * Not responsible for: the reports of lmm.h, whose layout is the reporter's. The wording here is
 * that of the classic manager, with single blanks between the fields.
 */
#include <lmm/uapi_mm.h>

#include "lib/pages/family.h"
#include "lib/ground/libc.h"
#include "lib/ground/sync.h"
#include "lib/front/classic.h"
#include "lib/heaps/thread.h"
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

void lmm_classic_register_as(const char *name, const char *label, size_t size, size_t align)
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
           label == NULL ? "(nil)" : label, lmm_error_text(error));
    errno = error;
}

void lmm_classic_register(const char *name, size_t size, size_t align)
{
    lmm_classic_register_as(name, name, size, align);
}

struct lmm_family *lmm_classic_find(const char *name, const char *label)
{
    struct lmm_family *family = name == NULL ? NULL : lmm_family_find(name);

    if (family == NULL) {
        printf("Error : Structure %s not registered with Memory Manager\n",
               label == NULL ? "(nil)" : label);
        errno = ENOENT;
    }
    return family;
}

void *lmm_classic_calloc(const char *name, size_t units)
{
    struct lmm_family *family = lmm_classic_find(name, name);

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
                                          ? lmm_classic_find(site->type, site->type)
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

/* ---- Families --------------------------------------------------------------------------------- */

static const char *label_in_all(const struct lmm_family *family, const void *arg)
{
    (void) arg;
    return family->name;
}

static const struct lmm_classic_scope all_families = {.label = label_in_all};

static int print_family(struct lmm_family *family, void *arg)
{
    const struct lmm_classic_scope *scope = arg;
    const char *label = scope->label(family, scope->arg);

    if (label != NULL) {
        printf("Page Family : %s, Size = %zu\n", label, lmm_family_size(family));
    }
    return 0;
}

/* lmm_for_each_family() passes the scope on as a pointer that may be written to. */
void lmm_classic_print_families_in(const struct lmm_classic_scope *scope)
{
    struct lmm_classic_scope copy = *scope;

    lmm_thread_tidy();
    lmm_for_each_family(print_family, &copy);
}

void lmm_classic_print_families(void)
{
    lmm_classic_print_families_in(&all_families);
}

/* ---- Pages, block by block ------------------------------------------------------------------- */

/* Of all pages printed so far. A VM page is one unit; LMM's larger pages count as several. */
struct page_sums {
    const struct lmm_classic_scope *scope;
    size_t mapped_bytes;
    size_t committed_bytes;
};

struct listing {
    struct lmm_family *family;
    const char *label;
    struct page_sums *sums;
    char *page_base; /* of the page printed last; NULL: none yet */
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
           block->bytes, (size_t) (block->base - listing->page_base),
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
    printf("\t\t page family = %s\n", listing->label);
    listing->sums->mapped_bytes += page->bytes;
    listing->sums->committed_bytes += page->committed_bytes;
    listing->page_base = page->base;
    listing->previous_block = NULL;
    listing->block_number = 0;
}

/* Prints one family and adds its pages to *arg, a struct page_sums. No lock of LMM is held, because
 * the reader of the output may wait for LMM. */
static int print_family_pages(struct lmm_family *family, void *arg)
{
    struct page_sums *sums = arg;
    struct listing listing = {
        .family = family,
        .label = sums->scope->label(family, sums->scope->arg),
        .sums = sums,
    };
    struct lmm_walk_item items[32];
    uint64_t position = 0;
    size_t count;

    if (listing.label == NULL) {
        return 0;
    }
    printf("vm_page_family : %s, struct size = %zu\n", listing.label, lmm_family_size(family));
    while ((count = lmm_walk_collect(family, &position, items, 32)) != 0) {
        for (size_t i = 0; i < count; i++) {
            print_item(&listing, &items[i]);
        }
    }
    print_pending(&listing, NULL);
    printf("\n");
    return 0;
}

void lmm_classic_print_memory_in(const struct lmm_classic_scope *scope, struct lmm_family *family)
{
    struct page_sums sums = {.scope = scope};

    lmm_thread_tidy();
    printf("\nPage Size = %d Bytes\n", LMM_UNIT_BYTES);
    if (family != NULL) {
        print_family_pages(family, &sums);
    } else {
        lmm_for_each_family(print_family_pages, &sums);
    }
    printf("# Of VM Pages in Use : %zu (%zu Bytes)\n", sums.mapped_bytes / LMM_UNIT_BYTES,
           sums.mapped_bytes);
    printf("Total Memory being used by Memory Manager = %zu Bytes\n", sums.mapped_bytes);
    printf("Memory Touched in these Pages = %zu Bytes\n", sums.committed_bytes);
}

void lmm_classic_print_memory(const char *name)
{
    struct lmm_family *family = NULL;

    if (name == NULL || (family = lmm_classic_find(name, name)) != NULL) {
        lmm_classic_print_memory_in(&all_families, family);
    }
}

/* ---- Block counts ---------------------------------------------------------------------------- */

struct block_counts {
    size_t free_blocks;
    size_t live_blocks;
    size_t live_bytes;
};

static int count_item(const struct lmm_walk_item *item, void *arg)
{
    struct block_counts *counts = arg;

    if (!item->is_page) {
        counts->live_blocks += item->extent.live;
        counts->free_blocks += !item->extent.live;
        counts->live_bytes += item->extent.live ? item->extent.bytes : 0;
    }
    return 0;
}

void lmm_classic_print_counts(const char *label, struct lmm_family *family)
{
    struct block_counts counts = {0};

    if (family != NULL) {
        lmm_walk_family(family, count_item, &counts);
    }
    printf("%s   TBC : %zu    FBC : %zu    OBC : %zu AppMemUsage : %zu\n", label,
           counts.free_blocks + counts.live_blocks, counts.free_blocks, counts.live_blocks,
           counts.live_bytes);
}

static int print_family_counts(struct lmm_family *family, void *arg)
{
    const struct lmm_classic_scope *scope = arg;
    const char *label = scope->label(family, scope->arg);

    if (label != NULL) {
        lmm_classic_print_counts(label, family);
    }
    return 0;
}

void lmm_classic_print_blocks_in(const struct lmm_classic_scope *scope)
{
    struct lmm_classic_scope copy = *scope;

    lmm_thread_tidy();
    lmm_for_each_family(print_family_counts, &copy);
}

void lmm_classic_print_blocks(void)
{
    lmm_classic_print_blocks_in(&all_families);
}
