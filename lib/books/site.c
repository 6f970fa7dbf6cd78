/* SPDX-License-Identifier: MIT */
#include "lib/books/site.h"

#include "lib/books/accounts.h"
#include "lib/ground/meta.h"
#include "lib/ground/sync.h"

#include <errno.h>
#include <string.h>

enum {
    NEXT_SHIFT = 10,
    NEXT_CHUNK = 1 << NEXT_SHIFT,
    NEXT_CHUNKS = LMM_SITE_NONE >> NEXT_SHIFT,
    BUCKETS_FIRST = 256,
};

uint32_t lmm_site_own_ids = LMM_SITE_NONE - LMM_LEDGER_MAX_FAMILIES;

static struct {
    struct lmm_lock lock;
    uint32_t *buckets;           /* open addressing; id + 1, 0: empty */
    uint32_t bucket_count;       /* a power of two, at least twice the places; 0 at first */
    uint32_t places;             /* sites that are places in the source, and so in a bucket */
    uint32_t *next[NEXT_CHUNKS]; /* by id: the next site of the family */
} sites = {.lock = LMM_LOCK_INIT(LMM_RANK_SITES)};

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char) *text) * 16777619u;
    }
    return hash;
}

static uint32_t hash_place(uint32_t family, const char *file, uint32_t line, const char *function)
{
    uint32_t hash = (2166136261u ^ family) * 16777619u;

    hash = (hash ^ line) * 16777619u;
    return hash_text(hash_text(hash, file), function);
}

static bool is_place(uint32_t id, uint32_t family, const char *file, uint32_t line,
                     const char *function)
{
    struct lmm_site_facts facts = lmm_accounts_site_facts(id);

    return facts.family == family && facts.line == line && strcmp(facts.file, file) == 0 &&
           strcmp(facts.function, function) == 0;
}

/* The bucket that holds the place, or the empty one where it belongs. */
static uint32_t *find_locked(uint32_t family, const char *file, uint32_t line, const char *function)
{
    uint32_t mask = sites.bucket_count - 1;
    uint32_t i = hash_place(family, file, line, function) & mask;

    while (sites.buckets[i] != 0 && !is_place(sites.buckets[i] - 1, family, file, line, function)) {
        i = (i + 1) & mask;
    }
    return &sites.buckets[i];
}

/* Puts every place into a table of `count` buckets; false when there is no memory. */
static bool rehash_locked(uint32_t count)
{
    uint32_t *old = sites.buckets;
    size_t old_bytes = sites.bucket_count * sizeof(uint32_t);
    uint32_t *larger = lmm_meta_zalloc(count * sizeof(uint32_t));

    if (larger == NULL) {
        return false;
    }
    sites.buckets = larger;
    sites.bucket_count = count;
    for (uint32_t id = 0; id < lmm_accounts_site_count(); id++) {
        if (lmm_accounts_site_is_stack(id)) {
            continue;
        }
        struct lmm_site_facts facts = lmm_accounts_site_facts(id);
        *find_locked(facts.family, facts.file, facts.line, facts.function) = id + 1;
    }
    if (old != NULL) {
        lmm_meta_free(&lmm_arena_records, old, old_bytes);
    }
    return true;
}

/* Room for one more site in the lists; ids are dense, so the next id is known. */
static bool reserve_next_locked(uint32_t id)
{
    uint32_t **next = &sites.next[id >> NEXT_SHIFT];

    if (*next == NULL) {
        uint32_t *chunk = lmm_meta_zalloc(NEXT_CHUNK * sizeof(uint32_t));
        if (chunk == NULL) {
            return false;
        }
        lmm_store_release(next, chunk);
    }
    return true;
}

/* Room for one more place in the buckets. */
static bool reserve_bucket_locked(void)
{
    return 2 * (sites.places + 1) <= sites.bucket_count ||
           rehash_locked(sites.bucket_count == 0 ? BUCKETS_FIRST : 2 * sites.bucket_count);
}

/* Puts a new site on its family's list. */
static void enlist_locked(struct lmm_site_list *list, uint32_t id)
{
    sites.next[id >> NEXT_SHIFT][id & (NEXT_CHUNK - 1)] = list->first;
    lmm_store_release(&list->first, id);
    lmm_store_relaxed(&list->count, list->count + 1);
}

static uint32_t add_locked(uint32_t family, struct lmm_site_list *list, const char *file,
                           uint32_t line, const char *function)
{
    uint32_t id = lmm_accounts_site_count();

    if (!reserve_next_locked(id) || !reserve_bucket_locked()) {
        return LMM_SITE_NONE;
    }
    uint32_t *bucket = find_locked(family, file, line, function);
    if (!lmm_accounts_add_site(family, line, file, function, &id)) {
        return LMM_SITE_NONE;
    }
    *bucket = id + 1;
    sites.places++;
    enlist_locked(list, id);
    return id;
}

/* The family's "(other)" site, added on first use from the ids kept for that. */
static uint32_t other_locked(uint32_t family, struct lmm_site_list *list)
{
    struct lmm_ledger_header *header = lmm_accounts_header();

    lmm_fetch_add_relaxed(&header->sites_merged, 1);
    if (list->other == LMM_SITE_NONE && lmm_accounts_site_count() < LMM_SITE_NONE) {
        list->other = add_locked(family, list, "(other)", 0, "");
    }
    return list->other;
}

uint32_t lmm_site_intern(uint32_t family, struct lmm_site_list *list, const char *file,
                         uint32_t line, const char *function)
{
    uint32_t id = LMM_SITE_NONE;

    lmm_lock_acquire(&sites.lock);
    const uint32_t *found =
        sites.bucket_count == 0 ? NULL : find_locked(family, file, line, function);
    if (found != NULL && *found != 0) {
        id = *found - 1;
    } else if (lmm_accounts_site_count() < lmm_site_own_ids) {
        id = add_locked(family, list, file, line, function);
    } else {
        id = other_locked(family, list);
    }
    lmm_lock_release(&sites.lock);
    if (id == LMM_SITE_NONE) {
        errno = ENOMEM;
    }
    return id;
}

uint32_t lmm_site_add_stack(uint32_t family, struct lmm_site_list *list, uint32_t frame,
                            bool *ret_own)
{
    lmm_lock_acquire(&sites.lock);
    uint32_t id = lmm_accounts_site_count();
    *ret_own = id < lmm_site_own_ids;
    if (!*ret_own) {
        id = other_locked(family, list);
    } else if (reserve_next_locked(id) && lmm_accounts_add_stack_site(family, frame, &id)) {
        enlist_locked(list, id);
    } else {
        id = LMM_SITE_NONE;
    }
    lmm_lock_release(&sites.lock);
    if (id == LMM_SITE_NONE) {
        errno = ENOMEM;
    }
    return id;
}

uint32_t lmm_site_next(uint32_t id)
{
    const uint32_t *chunk = lmm_load_acquire(&sites.next[id >> NEXT_SHIFT]);

    return chunk[id & (NEXT_CHUNK - 1)];
}

void lmm_site_before_fork(void)
{
    lmm_lock_acquire_for_fork(&sites.lock);
}

void lmm_site_after_fork(void)
{
    lmm_lock_release_for_fork(&sites.lock);
}
