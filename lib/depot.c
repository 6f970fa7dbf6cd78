/* SPDX-License-Identifier: MIT */
#include "depot.h"

#include "meta.h"
#include "module.h"
#include "site.h"
#include "sync.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { ENTRIES_FIRST = 4096 };

/* A frame: its address, its caller's number and its own. A site: its family with SITE_KEY for the address,
 * the stack for the caller, and for the number the site's id + 1. */
struct entry {
    uint64_t key;                  /* 0: empty; atomic */
    uint32_t caller;
    uint32_t number;               /* 0: gone; atomic */
};

#define SITE_KEY ((uint64_t) 1 << 63)

struct table {
    size_t mask;                   /* entries - 1 */
    size_t used;                   /* under the lock; at most half */
    struct entry entry[];
};

static struct {
    struct lmm_lock lock;
    struct table *table;           /* atomic; outgrown ones stay, for who still reads them */
} depot = {.lock = LMM_LOCK_INIT(LMM_RANK_STACKS)};

/* ---- The table --------------------------------------------------------------------------------- */

static size_t hash(uint64_t key, uint32_t caller)
{
    return (size_t) (((key ^ (uint64_t) caller << 32 ^ caller) * 0x9E3779B97F4A7C15u) >> 32);
}

/* The entry of (key, caller), or the empty one where it belongs; under the lock. */
static struct entry *entry_of(struct table *table, uint64_t key, uint32_t caller)
{
    size_t i = hash(key, caller) & table->mask;
    uint64_t found;

    while ((found = lmm_load_acquire(&table->entry[i].key)) != 0 &&
           (found != key || table->entry[i].caller != caller)) {
        i = (i + 1) & table->mask;
    }
    return &table->entry[i];
}

/* The number of what is known; 0 when it is not. What is filled in meanwhile may be missed. */
static inline uint32_t look_up(uint64_t key, uint32_t caller)
{
    const struct table *table = lmm_load_acquire(&depot.table);
    size_t i = hash(key, caller) & table->mask;
    uint64_t found;

    while ((found = lmm_load_acquire(&table->entry[i].key)) != 0) {
        if (found == key && table->entry[i].caller == caller) {
            return lmm_load_relaxed(&table->entry[i].number);
        }
        i = (i + 1) & table->mask;
    }
    return 0;
}

static struct table *table_create(size_t entries)
{
    struct table *table = lmm_meta_zalloc(sizeof(*table) + entries * sizeof(struct entry));

    if (table != NULL) {
        table->mask = entries - 1;
    }
    return table;
}

/* Room for one more entry. */
static bool table_reserve_locked(void)
{
    struct table *old = depot.table;

    if (2 * old->used <= old->mask) {
        return true;
    }
    struct table *larger = table_create(2 * (old->mask + 1));
    if (larger == NULL) {
        return false;
    }
    for (size_t i = 0; i <= old->mask; i++) {
        if (old->entry[i].key != 0) {
            *entry_of(larger, old->entry[i].key, old->entry[i].caller) = old->entry[i];
            larger->used++;
        }
    }
    lmm_store_release(&depot.table, larger);
    return true;
}

static void fill_in_locked(struct entry *entry, uint64_t key, uint32_t caller, uint32_t number)
{
    lmm_store_relaxed(&entry->number, number);
    if (entry->key == 0) {
        depot.table->used++;
        entry->caller = caller;
        lmm_store_release(&entry->key, key);
    }
}

bool lmm_depot_start(void)
{
    depot.table = depot.table != NULL ? depot.table : table_create(ENTRIES_FIRST);
    return depot.table != NULL;
}

/* ---- Modules ----------------------------------------------------------------------------------- */

/* What the ledger keeps of a module, but for its path. */
static struct lmm_ledger_module describe(const struct lmm_module_facts *facts)
{
    struct lmm_ledger_module module = {
        .start = facts->start,
        .end = facts->end,
        .bias = facts->bias,
    };

    module.build_id_bytes = (uint32_t) lmm_module_build_id(facts, module.build_id);
    return module;
}

static bool is_same(const struct lmm_ledger_module *a, const struct lmm_ledger_module *b)
{
    return a->start == b->start && a->end == b->end && a->bias == b->bias &&
           a->build_id_bytes == b->build_id_bytes &&
           memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0;
}

/* Takes what is known of the module's addresses out of the tables. */
static void forget_module_locked(struct lmm_ledger_module *module)
{
    lmm_store_relaxed(&module->gone, 1);
    lmm_unwind_forget(module->start, module->end);
    for (size_t i = 0; i <= depot.table->mask; i++) {
        struct entry *entry = &depot.table->entry[i];
        if (entry->key > module->start && entry->key <= module->end) {
            lmm_store_relaxed(&entry->number, 0);
        }
    }
}

/* The number + 1 of the module at address; 0: none, or no memory for it. */
static uint32_t module_at_locked(uint64_t address)
{
    struct lmm_module_facts facts;
    char path[PATH_MAX];
    uint32_t number;

    if (!lmm_module_find((uintptr_t) address, &facts)) {
        return 0;
    }
    struct lmm_ledger_module found = describe(&facts);
    for (number = lmm_ledger_module_count(); number-- > 0;) {
        struct lmm_ledger_module *known = lmm_ledger_module(number);
        if (known->gone == 0 && known->start < found.end && found.start < known->end) {
            if (is_same(known, &found)) {
                return number + 1;
            }
            forget_module_locked(known);    /* unloaded without a word, by libc itself */
        }
    }
    lmm_module_path(&facts, path, sizeof(path));
    return lmm_ledger_add_module(&found, path, &number) ? number + 1 : 0;
}

void lmm_depot_refresh_modules(void)
{
    struct lmm_module_facts facts;

    lmm_lock_acquire(&depot.lock);
    for (uint32_t number = 0; number < lmm_ledger_module_count(); number++) {
        struct lmm_ledger_module *known = lmm_ledger_module(number);
        if (known->gone != 0) {
            continue;
        }
        bool is_there = lmm_module_find((uintptr_t) known->start, &facts);
        struct lmm_ledger_module found = is_there ? describe(&facts) : (struct lmm_ledger_module) {0};
        if (!is_same(known, &found)) {
            forget_module_locked(known);
        }
    }
    lmm_lock_release(&depot.lock);
}

/* ---- Frames and sites ---------------------------------------------------------------------------- */

static LMM_NOINLINE uint32_t add_frame(uint64_t address, uint32_t caller)
{
    uint32_t number = 0;

    lmm_lock_acquire(&depot.lock);
    if (table_reserve_locked()) {
        struct entry *entry = entry_of(depot.table, address, caller);
        number = entry->key == 0 ? 0 : lmm_load_relaxed(&entry->number);
        if (number == 0) {
            number = lmm_ledger_add_frame(address, caller, module_at_locked(address - 1));
        }
        if (number != 0) {
            fill_in_locked(entry, address, caller, number);
        }
    }
    lmm_lock_release(&depot.lock);
    return number;
}

uint32_t lmm_depot_stack(struct lmm_trace *trace)
{
    uint32_t number = trace->kept == 0 ? 0 : trace->number[trace->kept - 1];

    for (uint32_t i = trace->kept; i < trace->count; i++) {
        uint32_t inner = look_up(trace->pc[i], number);
        if (LMM_UNLIKELY(inner == 0)) {
            inner = add_frame(trace->pc[i], number);
            inner = inner != 0 ? inner : number;
        }
        number = inner;
        trace->number[i] = number;
    }
    return number;
}

static LMM_NOINLINE uint32_t add_site(struct lmm_family *family, uint64_t key, uint32_t stack)
{
    uint32_t site = LMM_SITE_NONE;
    bool is_own = true;

    lmm_lock_acquire(&depot.lock);
    if (table_reserve_locked()) {
        struct entry *entry = entry_of(depot.table, key, stack);
        if (entry->key != 0) {
            site = entry->number - 1;
        } else {
            site = lmm_site_add_stack(family->index, &family->sites, stack, &is_own);
        }
        if (site != LMM_SITE_NONE) {
            fill_in_locked(entry, key, stack, site + 1);
        }
    }
    lmm_lock_release(&depot.lock);
    return site != LMM_SITE_NONE ? site : family->site;
}

uint32_t lmm_depot_site(struct lmm_family *family, uint32_t stack)
{
    uint64_t key = SITE_KEY | family->index;
    uint32_t number = look_up(key, stack);

    if (LMM_UNLIKELY(stack == 0)) {
        return family->site;
    }
    return LMM_LIKELY(number != 0) ? number - 1 : add_site(family, key, stack);
}

void lmm_depot_before_fork(void)
{
    lmm_lock_acquire_for_fork(&depot.lock);
}

void lmm_depot_after_fork(void)
{
    lmm_lock_release_for_fork(&depot.lock);
}
