/* SPDX-License-Identifier: MIT */
/*
 * api: the public entry points: check arguments, set errno, call down. The fast paths of allocation
 * and free are here in full; everything else is a call.
 */
#include "lib/front/block.h"
#include "lib/pages/family.h"
#include "lib/heaps/cache.h"
#include "lib/heaps/heap.h"
#include "lib/pages/limit.h"
#include "lib/front/misuse.h"
#include "lib/front/report.h"
#include "lib/books/site.h"
#include "lib/heaps/start.h"
#include "lib/leaks/agent.h"
#include "lib/heaps/thread.h"
#include "lib/front/walk.h"

#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int) LMM_SITE_NONE < (int64_t) LMM_SITE_UNKNOWN,
               "an unknown site is above every id");

/* A program that is linked with liblmm.a by LTO has these functions inlined in each place, which the
 * compiler by itself thinks too long for many places. */
#define LMM_INLINED inline __attribute__((always_inline))

/* ---- Families -------------------------------------------------------------------------------- */

LMM_API struct lmm_family *lmm_family_register(const char *name, size_t size, size_t align)
{
    struct lmm_family *family = lmm_start() ? lmm_families_add(name, size, align, false) : NULL;

    if (family != NULL) {
        lmm_agent_watch();
        lmm_report_reserve();
    }
    return family;
}

LMM_API struct lmm_family *lmm_family_find(const char *name)
{
    return lmm_families_find(name == NULL ? "" : name); /* no family has an empty name */
}

LMM_API const char *lmm_family_name(const struct lmm_family *family)
{
    return family->name;
}

LMM_API size_t lmm_family_size(const struct lmm_family *family)
{
    return family->size;
}

LMM_API int lmm_family_limit(struct lmm_family *family, uint64_t soft_bytes, uint64_t hard_bytes,
                             void (*callback)(struct lmm_family *family, uint64_t live_bytes,
                                              void *arg),
                             void *arg)
{
    bool is_ordered = soft_bytes == 0 || hard_bytes == 0 || soft_bytes <= hard_bytes;

    if (family == NULL || !is_ordered || (soft_bytes != 0 && callback == NULL)) {
        errno = EINVAL;
        return -1;
    }
    const struct lmm_limit limit = {
        .soft_bytes = soft_bytes,
        .hard_bytes = hard_bytes,
        .callback = callback,
        .arg = arg,
    };
    lmm_thread_settle(); /* before locks of heaps are taken */
    lmm_limit_set(family, &limit);
    if (lmm_limit_is_set(family)) {
        lmm_cache_refuse(lmm_thread_heaps(), family);
    }
    return 0;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* Registers the family "T[]" of blocks of any number of bytes; T: the site's type. */
static struct lmm_family *register_flexible(const struct lmm_site *site)
{
    char name[LMM_NAME_MAX + sizeof("[]")];

    snprintf(name, sizeof(name), "%s[]", site->type); /* cut: it is still too long */
    struct lmm_family *family =
        lmm_start() ? lmm_families_add_flexible(name, site->size_bytes, site->align_bytes) : NULL;
    if (family != NULL) {
        lmm_agent_watch();
        if (strcmp(site->type, "char") == 0) {
            lmm_family_no_pointers(family); /* strings */
        }
        lmm_report_reserve();
    }
    return family;
}

/* Registers the site's type and sets the site's id. NULL with errno as lmm_family_register(). */
static LMM_COLD struct lmm_family *open_site(struct lmm_site *site, bool is_flexible,
                                             uint32_t *ret_id)
{
    struct lmm_family *family =
        is_flexible ? register_flexible(site)
                    : lmm_family_register(site->type, site->size_bytes, site->align_bytes);

    if (family == NULL) {
        return NULL;
    }
    uint32_t id =
        lmm_site_intern(family->index, &family->sites, site->file, site->line, site->function);
    if (id == LMM_SITE_NONE) {
        *ret_id = family->site; /* no memory for the site: count the block as unattributed */
        return family;
    }
    lmm_report_reserve();
    lmm_store_relaxed(&site->family, family->index);
    lmm_store_release(&site->id, id);
    *ret_id = id;
    return family;
}

/* The family of a site, which may not have an id yet; *ret_id is the id to count at. */
static struct lmm_family *resolve_site(struct lmm_site *site, bool is_flexible, uint32_t *ret_id)
{
    *ret_id = lmm_load_acquire(&site->id);
    return *ret_id == LMM_SITE_UNKNOWN ? open_site(site, is_flexible, ret_id)
                                       : lmm_families_at(lmm_load_relaxed(&site->family));
}

/* Allocates one struct that is too long for slot pages, from the cache. NULL: the slow path is needed. */
static void *pop_long(uint32_t family, uint32_t site, bool zero)
{
    size_t bytes = SIZE_MAX;
    void *block = lmm_cache_pop_counted(&lmm_thread_open, family, site, site, false, 1, 0, &bytes);

    return block != NULL && zero ? memset(block, 0, bytes) : block;
}

static LMM_NOINLINE void *site_alloc_slow(struct lmm_site *site, size_t n, bool zero)
{
    uint32_t id = lmm_load_acquire(&site->id);
    bool is_long = n == 1 && site->size_bytes > LMM_SLOT_STRIDE_MAX;
    void *block = is_long ? pop_long(lmm_load_relaxed(&site->family), id, zero) : NULL;

    if (block != NULL) {
        return block;
    }
    struct lmm_family *family = resolve_site(site, false, &id);

    return family == NULL ? NULL : lmm_block_alloc(family, id, n, 1, zero);
}

LMM_API LMM_INLINED void *lmm_site_alloc(struct lmm_site *site)
{
    uint32_t id = lmm_load_acquire(&site->id);
    void *block = lmm_heap_pop(&lmm_thread_open, id, lmm_load_relaxed(&site->family), false);

    return LMM_LIKELY(block != NULL) ? block : site_alloc_slow(site, 1, false);
}

LMM_API LMM_INLINED void *lmm_site_zalloc(struct lmm_site *site)
{
    uint32_t id = lmm_load_acquire(&site->id);
    void *block = lmm_heap_pop(&lmm_thread_open, id, lmm_load_relaxed(&site->family), false);

    return LMM_LIKELY(block != NULL) ? memset(block, 0, site->size_bytes)
                                     : site_alloc_slow(site, 1, true);
}

/* Whether n structs of that size can be allocated at all; else sets errno. */
static bool check_count(size_t size, size_t n)
{
    size_t bytes;

    if (lmm_multiply_fits(size, n, &bytes) && bytes <= PTRDIFF_MAX) {
        return true;
    }
    errno = EOVERFLOW;
    return false;
}

/* An array of no structs takes the room of one, so that its address is its own. */
static size_t at_least_one(size_t n)
{
    return n == 0 ? 1 : n;
}

static LMM_NOINLINE void *site_calloc_slow(struct lmm_site *site, size_t n)
{
    return check_count(site->size_bytes, n) ? site_alloc_slow(site, at_least_one(n), true) : NULL;
}

LMM_API void *lmm_site_calloc(struct lmm_site *site, size_t n)
{
    uint32_t id = lmm_load_acquire(&site->id); /* before the family, which was stored first */
    size_t bytes = SIZE_MAX;
    void *block = lmm_cache_pop_counted(&lmm_thread_open, lmm_load_relaxed(&site->family), id, id,
                                        false, n, n - 1, &bytes);

    return LMM_LIKELY(block != NULL) ? memset(block, 0, bytes) : site_calloc_slow(site, n);
}

static void *site_alloc_flexible(struct lmm_site *site, size_t bytes, bool zero)
{
    uint32_t id;
    struct lmm_family *family = resolve_site(site, true, &id);

    return family == NULL ? NULL : lmm_block_alloc_flexible(family, id, bytes, zero);
}

LMM_API void *lmm_site_flex(struct lmm_site *site, size_t fixed_bytes, size_t element_bytes,
                            size_t n)
{
    size_t bytes;

    if (!lmm_multiply_fits(element_bytes, n, &bytes) || fixed_bytes > PTRDIFF_MAX ||
        bytes > PTRDIFF_MAX - fixed_bytes) {
        errno = EOVERFLOW;
        return NULL;
    }
    bytes += fixed_bytes;
    return site_alloc_flexible(site, bytes > site->size_bytes ? bytes : site->size_bytes, true);
}

static char *site_copy(struct lmm_site *site, const char *text, size_t length)
{
    char *copy = site_alloc_flexible(site, length + 1, false);

    if (copy != NULL) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}

LMM_API char *lmm_site_strdup(struct lmm_site *site, const char *text)
{
    return site_copy(site, text, strlen(text));
}

LMM_API char *lmm_site_strndup(struct lmm_site *site, const char *text, size_t length)
{
    return site_copy(site, text, strnlen(text, length));
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static bool check_family(const struct lmm_family *family)
{
    if (family == NULL) {
        errno = EINVAL;
    }
    return family != NULL;
}

/* Allocates structs of a family. A flexible one has no blocks of single structs: its bins are empty,
 * so that all calls for it come here. */
static void *alloc_of(struct lmm_family *family, size_t n, bool zero)
{
    if (family->is_flexible) {
        errno = EINVAL;
        return NULL;
    }
    void *block = n == 1 && family->size > LMM_SLOT_STRIDE_MAX
                      ? pop_long(family->index, family->site, zero)
                      : NULL;
    return block != NULL ? block : lmm_block_alloc(family, family->site, n, 1, zero);
}

LMM_API LMM_INLINED void *lmm_alloc(struct lmm_family *family)
{
    if (LMM_UNLIKELY(!check_family(family))) {
        return NULL;
    }
    void *block = lmm_heap_pop(&lmm_thread_open, family->site, family->index, false);
    return LMM_LIKELY(block != NULL) ? block : alloc_of(family, 1, false);
}

LMM_API LMM_INLINED void *lmm_zalloc(struct lmm_family *family)
{
    if (LMM_UNLIKELY(!check_family(family))) {
        return NULL;
    }
    void *block = lmm_heap_pop(&lmm_thread_open, family->site, family->index, false);
    return LMM_LIKELY(block != NULL) ? memset(block, 0, family->size) : alloc_of(family, 1, true);
}

LMM_API void *lmm_calloc(struct lmm_family *family, size_t n)
{
    return check_family(family) && check_count(family->size, n)
               ? alloc_of(family, at_least_one(n), true)
               : NULL;
}

static LMM_NOINLINE void *alloc_array_slow(struct lmm_family *family, size_t n)
{
    return check_family(family) && check_count(family->size, n)
               ? alloc_of(family, at_least_one(n), false)
               : NULL;
}

LMM_API void *lmm_alloc_array(struct lmm_family *family, size_t n)
{
    if (LMM_UNLIKELY(family == NULL || family->is_flexible)) {
        return alloc_array_slow(family, n);
    }
    size_t bytes = SIZE_MAX;
    void *block = lmm_cache_pop_counted(&lmm_thread_open, family->index, family->site, family->site,
                                        false, n, n - 1, &bytes);
    return LMM_LIKELY(block != NULL) ? block : alloc_array_slow(family, n);
}

LMM_API LMM_INLINED void lmm_free(void *p)
{
    struct lmm_page *page;
    enum lmm_push push = lmm_heap_push(&lmm_thread_open, p, false, &page);

    if (LMM_LIKELY(push == LMM_PUSH_DONE)) {
        return;
    }
    if (push == LMM_PUSH_EVENT) {
        lmm_heap_page_event(lmm_thread_open.heap, page);
    } else if (push == LMM_PUSH_FOREIGN) {
        lmm_block_free_other(p, page, lmm_page_slot_of(page, p));
    } else {
        lmm_block_free(p);
    }
}

LMM_API void *lmm_resize(void *p, size_t n)
{
    struct lmm_block_facts facts;

    if (p == NULL) {
        errno = EINVAL;
        return NULL;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "resize");
    }
    if (n == 0 || facts.family->is_flexible) {
        errno = EINVAL;
        return NULL;
    }
    return check_count(facts.family->size, n) ? lmm_block_resize(p, &facts, n) : NULL;
}

LMM_API size_t lmm_block_count(const void *p)
{
    struct lmm_block_facts facts;

    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "count");
    }
    return facts.family->is_flexible ? 1 : facts.slots;
}

LMM_API size_t lmm_block_bytes(const void *p)
{
    struct lmm_block_facts facts;

    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "count");
    }
    return lmm_family_bytes(facts.family, facts.tag, facts.slots);
}

LMM_API struct lmm_family *lmm_family_of(const void *p)
{
    struct lmm_block_facts facts;

    if (!lmm_block_find(p, &facts)) {
        errno = EINVAL;
        return NULL;
    }
    return facts.family;
}

/* ---- Statistics ------------------------------------------------------------------------------ */

static uint64_t difference(uint64_t allocated, uint64_t freed)
{
    return allocated > freed ? allocated - freed : 0;
}

static int add_to_stats(const struct lmm_walk_item *item, void *arg)
{
    struct lmm_stats *stats = arg;

    if (item->is_page) {
        stats->committed_bytes += item->page.committed_bytes;
        stats->mapped_bytes += item->page.bytes;
        stats->pages++;
    } else if (!item->extent.live) {
        stats->free_slots += item->extent.slots;
        if (item->extent.slots > stats->longest_free_slots) {
            stats->longest_free_slots = item->extent.slots;
        }
    }
    return 0;
}

LMM_API int lmm_family_stats(const struct lmm_family *family, struct lmm_stats *ret_stats)
{
    if (family == NULL || ret_stats == NULL) {
        errno = EINVAL;
        return -1;
    }
    struct lmm_family *own = lmm_families_at(family->index);
    struct lmm_stats stats = {
        .name = family->name,
        .size_bytes = family->size,
        .align_bytes = family->align,
        .stride_bytes = family->stride,
    };
    lmm_walk_family(own, add_to_stats, &stats);
    lmm_family_sample_peak(own);
    struct lmm_ledger_row sum = lmm_family_sum(family);
    stats.live_blocks = difference(sum.allocated_blocks, sum.freed_blocks);
    uint64_t extra = difference(sum.allocated_extra, sum.freed_extra);
    stats.live_slots = stats.live_blocks + (family->counts_bytes ? 0 : extra);
    stats.live_bytes = family->counts_bytes ? extra : stats.live_slots * family->size;
    stats.peak_bytes =
        lmm_load_relaxed(&family->record->peak_amount) * (family->counts_bytes ? 1 : family->size);
    stats.peak_bytes = stats.peak_bytes > stats.live_bytes ? stats.peak_bytes : stats.live_bytes;
    stats.allocations = sum.allocated_blocks;
    stats.frees = sum.freed_blocks;
    *ret_stats = stats;
    return 0;
}

LMM_API int lmm_for_each_family(int (*visit)(struct lmm_family *family, void *arg), void *arg)
{
    int result = 0;

    for (uint32_t i = 0; i < lmm_families_count() && result == 0; i++) {
        result = visit(lmm_families_at(i), arg);
    }
    return result;
}

static struct lmm_block block_of(const struct lmm_walk_item *item)
{
    struct lmm_site_facts site = lmm_accounts_site_facts(item->extent.site);

    return (struct lmm_block) {
        .address = item->extent.base,
        .slots = item->page.family->is_flexible ? 1 : item->extent.slots,
        .bytes = item->extent.bytes,
        .family = item->page.family,
        .file = site.file,
        .function = site.function,
        .line = site.line,
    };
}

LMM_API int lmm_for_each_block(struct lmm_family *family,
                               int (*visit)(const struct lmm_block *block, void *arg), void *arg)
{
    struct lmm_walk_item items[64];
    uint64_t position = 0;
    size_t count;

    while ((count = lmm_walk_collect(family, &position, items, 64)) != 0) {
        for (size_t i = 0; i < count; i++) {
            if (items[i].is_page || !items[i].extent.live) {
                continue;
            }
            struct lmm_block block = block_of(&items[i]);
            int result = visit(&block, arg);
            if (result != 0) {
                return result;
            }
        }
    }
    return 0;
}

LMM_API size_t lmm_trim(void)
{
    int saved_errno = errno;
    size_t bytes = lmm_has_started() ? lmm_thread_trim() : 0;

    errno = saved_errno;
    return bytes;
}
