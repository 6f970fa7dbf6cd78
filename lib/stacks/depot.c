/* SPDX-License-Identifier: MIT */
#include "lib/stacks/depot.h"

#include "lib/ground/meta.h"
#include "lib/ground/module.h"
#include "lib/stacks/rules.h"
#include "lib/books/site.h"
#include "lib/ground/sync.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum {
    ENTRIES_FIRST = 4096,
    KNOWN_FIRST = 2048,
    KNOWN_MAX = 4 << 20, /* more stacks than there can be sites: code that comes and goes */
};

/* A frame: its address, its caller's number and its own. A site: its family with SITE_KEY for the address,
 * the stack for the caller, and for the number the site's id + 1. */
struct entry {
    uint64_t key; /* 0: empty */
    uint32_t caller;
    uint32_t number; /* 0: gone */
};

#define SITE_KEY ((uint64_t) 1 << 63)

struct table {
    size_t mask; /* entries - 1 */
    size_t used; /* under the lock; at most half */
    struct entry entry[];
};

/* A site by the hash of its stack. */
struct known {
    uint64_t hash; /* with the family; 0: empty; atomic, written last */
    uint64_t pc;   /* of the innermost call */
    uint32_t calls;
    uint32_t number; /* the site's id + 1; 0: not known any more; atomic */
};

struct known_table {
    size_t mask; /* entries - 1 */
    size_t used; /* under the lock; at most half */
    struct known entry[];
};

static struct {
    struct lmm_lock lock;
    struct table *table;       /* under the lock */
    struct known_table *known; /* atomic; outgrown ones stay, for who still reads them */
} depot = {.lock = LMM_LOCK_INIT(LMM_RANK_STACKS)};

/* ---- The table --------------------------------------------------------------------------------- */

static size_t hash(uint64_t key, uint32_t caller)
{
    return lmm_hash(key ^ (uint64_t) caller << 32 ^ caller);
}

/* The entry of (key, caller), or the empty one where it belongs; under the lock. */
static struct entry *entry_of(struct table *table, uint64_t key, uint32_t caller)
{
    size_t i = hash(key, caller) & table->mask;

    while (table->entry[i].key != 0 &&
           (table->entry[i].key != key || table->entry[i].caller != caller)) {
        i = (i + 1) & table->mask;
    }
    return &table->entry[i];
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
    depot.table = larger;
    lmm_meta_free(&lmm_arena_records, old, sizeof(*old) + (old->mask + 1) * sizeof(struct entry));
    return true;
}

static void fill_in_locked(struct entry *entry, uint64_t key, uint32_t caller, uint32_t number)
{
    depot.table->used += entry->key == 0;
    *entry = (struct entry) {key, caller, number};
}

/* ---- Known sites --------------------------------------------------------------------------------- */

static uint64_t known_hash(uint32_t family, const struct lmm_trace *trace)
{
    uint64_t hash = lmm_trace_hash(trace) ^ (uint64_t) (family + 1) * 0xD6E8FEB86659FD93u;

    return hash != 0 ? hash : 1;
}

/* Where a hash belongs: its high bits are the well mixed ones. */
static size_t known_index(const struct known_table *table, uint64_t hash)
{
    return lmm_hash(hash ^ hash >> 29) & table->mask;
}

static bool is_known(const struct known *known, uint64_t hash, const struct lmm_trace *trace)
{
    return known->hash == hash && known->pc == trace->pc[trace->count - 1] &&
           known->calls == trace->count;
}

/* The site's id + 1; 0 when it is not known. What is filled in meanwhile may be missed. */
static inline uint32_t look_up_known(uint64_t hash, const struct lmm_trace *trace)
{
    const struct known_table *table = lmm_load_acquire(&depot.known);
    size_t i = known_index(table, hash);

    while (lmm_load_acquire(&table->entry[i].hash) != 0) {
        if (LMM_LIKELY(is_known(&table->entry[i], hash, trace))) {
            return lmm_load_relaxed(&table->entry[i].number);
        }
        i = (i + 1) & table->mask;
    }
    return 0;
}

static struct known_table *known_create(size_t entries)
{
    struct known_table *table = lmm_meta_zalloc(sizeof(*table) + entries * sizeof(struct known));

    if (table != NULL) {
        table->mask = entries - 1;
    }
    return table;
}

static void known_fill_in(struct known_table *table, const struct known *known)
{
    size_t i = known_index(table, known->hash);
    struct known *entry;

    while ((entry = &table->entry[i])->hash != 0 &&
           (entry->hash != known->hash || entry->pc != known->pc || entry->calls != known->calls)) {
        i = (i + 1) & table->mask;
    }
    lmm_store_relaxed(&entry->number, known->number);
    if (entry->hash == 0) {
        table->used++;
        entry->pc = known->pc;
        entry->calls = known->calls;
        lmm_store_release(&entry->hash, known->hash);
    }
}

/* Makes a site known. Without memory for that it stays unknown, and is found the long way. */
static void make_known_locked(uint64_t hash, const struct lmm_trace *trace, uint32_t site)
{
    struct known known = {hash, trace->pc[trace->count - 1], trace->count, site + 1};

    if (depot.known->used == KNOWN_MAX) {
        return;
    }
    if (2 * depot.known->used > depot.known->mask) {
        struct known_table *larger = known_create(2 * (depot.known->mask + 1));
        if (larger == NULL) {
            return;
        }
        for (size_t i = 0; i <= depot.known->mask; i++) {
            if (depot.known->entry[i].hash != 0) {
                known_fill_in(larger, &depot.known->entry[i]);
            }
        }
        lmm_store_release(&depot.known, larger);
    }
    known_fill_in(depot.known, &known);
}

static void forget_known_locked(void)
{
    for (size_t i = 0; i <= depot.known->mask; i++) {
        lmm_store_relaxed(&depot.known->entry[i].number, 0);
    }
}

bool lmm_depot_start(void)
{
    depot.table = depot.table != NULL ? depot.table : table_create(ENTRIES_FIRST);
    depot.known = depot.known != NULL ? depot.known : known_create(KNOWN_FIRST);
    return depot.table != NULL && depot.known != NULL;
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
    lmm_rules_forget(module->start, module->end);
    for (size_t i = 0; i <= depot.table->mask; i++) {
        struct entry *entry = &depot.table->entry[i];
        if (entry->key > module->start && entry->key <= module->end) {
            entry->number = 0;
        }
    }
    forget_known_locked();
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
    for (number = lmm_accounts_module_count(); number-- > 0;) {
        struct lmm_ledger_module *known = lmm_accounts_module(number);
        if (known->gone == 0 && known->start < found.end && found.start < known->end) {
            if (is_same(known, &found)) {
                return number + 1;
            }
            forget_module_locked(known); /* unloaded without a word, by libc itself */
        }
    }
    lmm_module_path(&facts, path, sizeof(path));
    return lmm_accounts_add_module(&found, path, &number) ? number + 1 : 0;
}

void lmm_depot_refresh_modules(void)
{
    lmm_lock_acquire(&depot.lock);
    for (uint32_t number = 0; number < lmm_accounts_module_count(); number++) {
        struct lmm_ledger_module *known = lmm_accounts_module(number);
        /* Another that was loaded at just that place meanwhile is found out when it is next met. */
        if (known->gone == 0 &&
            !lmm_module_is_at((uintptr_t) known->start, (uintptr_t) known->end)) {
            forget_module_locked(known);
        }
    }
    lmm_lock_release(&depot.lock);
}

/* ---- Frames and sites ---------------------------------------------------------------------------- */

/* The frame at address that caller called; added where it is new. 0: no memory. */
static uint32_t frame_locked(uint64_t address, uint32_t caller)
{
    if (!table_reserve_locked()) {
        return 0;
    }
    struct entry *entry = entry_of(depot.table, address, caller);
    uint32_t number = entry->number;
    if (number == 0) {
        number = lmm_accounts_add_frame(address, caller, module_at_locked(address - 1));
        if (number != 0) {
            fill_in_locked(entry, address, caller, number);
        }
    }
    return number;
}

static uint32_t stack_locked(const struct lmm_trace *trace)
{
    uint32_t number = 0;

    for (uint32_t i = 0; i < trace->count; i++) {
        uint32_t inner = frame_locked(trace->pc[i], number);
        number = inner != 0 ? inner : number;
    }
    return number;
}

uint32_t lmm_depot_stack(const struct lmm_trace *trace)
{
    lmm_lock_acquire(&depot.lock);
    uint32_t number = stack_locked(trace);
    lmm_lock_release(&depot.lock);
    return number;
}

/* The site of (family, stack), added where it is new; LMM_SITE_NONE: no memory. */
static uint32_t site_locked(struct lmm_family *family, uint32_t stack)
{
    uint64_t key = SITE_KEY | family->index;
    bool is_own;

    if (stack == 0 || !table_reserve_locked()) {
        return LMM_SITE_NONE;
    }
    struct entry *entry = entry_of(depot.table, key, stack);
    if (entry->key != 0) {
        return entry->number - 1;
    }
    uint32_t site = lmm_site_add_stack(family->index, &family->sites, stack, &is_own);
    if (site != LMM_SITE_NONE) {
        fill_in_locked(entry, key, stack, site + 1);
    }
    return site;
}

static LMM_NOINLINE uint32_t find_site(struct lmm_family *family, uint64_t hash,
                                       const struct lmm_trace *trace)
{
    lmm_lock_acquire(&depot.lock);
    uint32_t site = site_locked(family, stack_locked(trace));
    if (site != LMM_SITE_NONE) {
        make_known_locked(hash, trace, site);
    }
    lmm_lock_release(&depot.lock);
    return site != LMM_SITE_NONE ? site : family->site;
}

uint32_t lmm_depot_site(struct lmm_family *family, const struct lmm_trace *trace)
{
    if (LMM_UNLIKELY(trace->count == 0)) {
        return family->site;
    }
    uint64_t hash = known_hash(family->index, trace);
    uint32_t number = look_up_known(hash, trace);
    return LMM_LIKELY(number != 0) ? number - 1 : find_site(family, hash, trace);
}

void lmm_depot_before_fork(void)
{
    lmm_lock_acquire_for_fork(&depot.lock);
}

void lmm_depot_after_fork(void)
{
    lmm_lock_release_for_fork(&depot.lock);
}
