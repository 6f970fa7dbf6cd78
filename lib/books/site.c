/* SPDX-License-Identifier: MIT */
#include "lib/books/site.h"

#include "lib/books/accounts.h"
#include "lib/ground/meta.h"
#include "lib/ground/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    NEXT_SHIFT = 10,
    NEXT_CHUNK = 1 << NEXT_SHIFT,
    NEXT_CHUNKS = LMM_SITE_NONE >> NEXT_SHIFT,
};

uint32_t lmm_site_own_ids = LMM_SITE_NONE - LMM_LEDGER_MAX_FAMILIES;

struct lmm_lock lmm_sites_lock = LMM_LOCK_INIT(LMM_RANK_SITES);

static struct {
    struct lmm_table places;  /* by hash, and number among places with that hash: the id + 1 */
    struct lmm_table ignored; /* by id + 1: the id + 1 of its ignored site */
} sites = {.places = LMM_TABLE_INIT(128, true, false), .ignored = LMM_TABLE_INIT(64, false, true)};

static uint32_t *next_sites[NEXT_CHUNKS]; /* by id: the next site of the family */
static uint8_t *site_marks[NEXT_CHUNKS];  /* by id; NULL: none of these sites has marks */

struct place {
    uint32_t family;
    uint32_t line;
    const char *file;
    const char *function;
};

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char) *text) * 16777619u;
    }
    return hash;
}

static uint64_t hash_place(const struct place *place)
{
    uint32_t hash = (2166136261u ^ place->line) * 16777619u;

    hash = hash_text(hash_text(hash, place->file), place->function);
    return (uint64_t) (place->family + 1) << 32 | hash;
}

static bool is_place(uint32_t id, const struct place *place)
{
    struct lmm_site_facts facts = lmm_accounts_site_facts(id);

    return facts.family == place->family && facts.line == place->line &&
           strcmp(facts.file, place->file) == 0 && strcmp(facts.function, place->function) == 0;
}

/* Room for one more site in the lists; ids are dense, so the next id is known. */
static bool reserve_next_locked(uint32_t id)
{
    uint32_t **next = &next_sites[id >> NEXT_SHIFT];

    if (*next == NULL) {
        uint32_t *chunk = lmm_meta_zalloc(NEXT_CHUNK * sizeof(uint32_t));
        if (chunk == NULL) {
            return false;
        }
        lmm_store_release(next, chunk);
    }
    return true;
}

static void enlist_locked(struct lmm_site_list *list, uint32_t id)
{
    next_sites[id >> NEXT_SHIFT][id & (NEXT_CHUNK - 1)] = list->first;
    lmm_store_release(&list->first, id);
    lmm_store_relaxed(&list->count, list->count + 1);
}

/* The place's site, added if it is new. LMM_SITE_NONE: no memory, or it is new and !may_add. */
static uint32_t intern_locked(struct lmm_site_list *list, const struct place *place, bool may_add)
{
    uint64_t hash = hash_place(place);
    uint32_t id = lmm_accounts_site_count();
    uint32_t number = 0; /* among the places with this hash */
    uint32_t found;

    LMM_CHECK(lmm_lock_is_held(&lmm_sites_lock));
    while ((found = lmm_table_get_checked(lmm_table_body(&sites.places), hash, number)) != 0) {
        if (is_place(found - 1, place)) {
            return found - 1;
        }
        number++;
    }
    if (!may_add || !reserve_next_locked(id) || !lmm_table_reserve_locked(&sites.places) ||
        !lmm_accounts_add_site(place->family, place->line, place->file, place->function, &id)) {
        return LMM_SITE_NONE;
    }
    lmm_table_put_locked(&sites.places, hash, number, id + 1);
    enlist_locked(list, id);
    return id;
}

/* The family's "(other)" site, added on first use from the ids kept for that. */
static uint32_t other_locked(uint32_t family, struct lmm_site_list *list)
{
    const struct place other = {family, 0, "(other)", ""};
    struct lmm_ledger_header *header = lmm_chunks_header();

    lmm_fetch_add_relaxed(&header->sites_merged, 1);
    if (list->other == LMM_SITE_NONE && lmm_accounts_site_count() < LMM_SITE_NONE) {
        list->other = intern_locked(list, &other, true);
    }
    return list->other;
}

uint32_t lmm_site_intern(uint32_t family, struct lmm_site_list *list, const char *file,
                         uint32_t line, const char *function)
{
    const struct place place = {family, line, file, function};

    lmm_lock_acquire(&lmm_sites_lock);
    bool has_ids = lmm_accounts_site_count() < lmm_site_own_ids;
    uint32_t id = intern_locked(list, &place, has_ids);
    if (id == LMM_SITE_NONE && !has_ids) {
        id = other_locked(family, list);
    }
    lmm_lock_release(&lmm_sites_lock);
    if (id == LMM_SITE_NONE) {
        errno = ENOMEM;
    }
    return id;
}

uint32_t lmm_site_add_stack(uint32_t family, struct lmm_site_list *list, uint32_t frame,
                            bool *ret_own)
{
    lmm_lock_acquire(&lmm_sites_lock);
    uint32_t id = lmm_accounts_site_count();
    *ret_own = id < lmm_site_own_ids;
    if (!*ret_own) {
        id = other_locked(family, list);
    } else if (reserve_next_locked(id) && lmm_accounts_add_stack_site(family, frame, &id)) {
        enlist_locked(list, id);
    } else {
        id = LMM_SITE_NONE;
    }
    lmm_lock_release(&lmm_sites_lock);
    if (id == LMM_SITE_NONE) {
        errno = ENOMEM;
    }
    return id;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

unsigned lmm_site_marks(uint32_t id)
{
    const uint8_t *chunk =
        id < LMM_SITE_NONE ? lmm_load_acquire(&site_marks[id >> NEXT_SHIFT]) : NULL;

    return chunk == NULL ? 0 : lmm_load_relaxed(&chunk[id & (NEXT_CHUNK - 1)]);
}

/* Sets the marks of a site, or of the one that will get this id. */
static bool set_marks_locked(uint32_t id, unsigned marks)
{
    uint8_t **chunk = &site_marks[id >> NEXT_SHIFT];

    if (*chunk == NULL) {
        uint8_t *made = lmm_meta_zalloc(NEXT_CHUNK);
        if (made == NULL) {
            return false;
        }
        lmm_store_release(chunk, made);
    }
    lmm_store_relaxed(&(*chunk)[id & (NEXT_CHUNK - 1)], (uint8_t) marks);
    return true;
}

bool lmm_site_mark(uint32_t id, unsigned marks)
{
    LMM_CHECK(id < lmm_accounts_site_count());
    lmm_lock_acquire(&lmm_sites_lock);
    bool done = set_marks_locked(id, lmm_site_marks(id) | marks);
    lmm_lock_release(&lmm_sites_lock);
    return done;
}

/* Adds a site with the place or call stack of another one. */
static bool copy_locked(uint32_t id, uint32_t *ret_id)
{
    struct lmm_site_facts facts = lmm_accounts_site_facts(id);
    uint32_t stack = lmm_accounts_site_stack(id);

    return stack != 0 ? lmm_accounts_add_stack_site(facts.family, stack, ret_id)
                      : lmm_accounts_add_site(facts.family, facts.line, facts.file, facts.function,
                                              ret_id);
}

static uint32_t add_ignored_locked(uint32_t id, struct lmm_site_list *list)
{
    uint32_t copy = lmm_accounts_site_count();
    unsigned marks = lmm_site_marks(id) | LMM_SITE_IGNORED;

    /* The mark comes first: a block of a site without it would count as a leak. */
    if (copy >= lmm_site_own_ids || !reserve_next_locked(copy) ||
        !lmm_table_reserve_locked(&sites.ignored) || !set_marks_locked(copy, marks)) {
        return id;
    }
    if (!copy_locked(id, &copy)) {
        set_marks_locked(copy, 0);
        return id;
    }
    lmm_table_put_locked(&sites.ignored, (uint64_t) id + 1, 0, (uint64_t) copy + 1);
    enlist_locked(list, copy);
    return copy;
}

uint32_t lmm_site_ignored(uint32_t id, struct lmm_site_list *list)
{
    uint64_t number = lmm_table_get(lmm_table_body(&sites.ignored), (uint64_t) id + 1);
    int saved_errno = errno;

    if (number != 0 || (lmm_site_marks(id) & LMM_SITE_IGNORED) != 0) {
        return number != 0 ? (uint32_t) number - 1 : id;
    }
    lmm_lock_acquire(&lmm_sites_lock);
    number = lmm_table_get(lmm_table_body(&sites.ignored), (uint64_t) id + 1);
    uint32_t ignored = number != 0 ? (uint32_t) number - 1 : add_ignored_locked(id, list);
    lmm_lock_release(&lmm_sites_lock);
    errno = saved_errno;
    return ignored;
}

uint32_t lmm_site_next(uint32_t id)
{
    const uint32_t *chunk = lmm_load_acquire(&next_sites[id >> NEXT_SHIFT]);

    return chunk[id & (NEXT_CHUNK - 1)];
}

void lmm_site_origin(uint32_t id, char ret_text[LMM_SITE_ORIGIN_BYTES])
{
    struct lmm_site_facts site = lmm_accounts_site_facts(id);
    uint32_t stack = lmm_accounts_site_stack(id);

    if (site.line != 0) {
        snprintf(ret_text, LMM_SITE_ORIGIN_BYTES, "allocated at %s:%u", site.file, site.line);
        return;
    }
    const struct lmm_ledger_frame *frame = stack == 0 ? NULL : lmm_accounts_frame(stack);
    if (frame == NULL || frame->module == 0) {
        snprintf(ret_text, LMM_SITE_ORIGIN_BYTES, "unattributed");
        return;
    }
    const char *path = lmm_accounts_module_path(frame->module - 1);
    const char *slash = strrchr(path, '/');
    snprintf(ret_text, LMM_SITE_ORIGIN_BYTES, "allocated at %s+0x%" PRIx64,
             slash == NULL ? path : slash + 1,
             frame->address - 1 - lmm_accounts_module(frame->module - 1)->bias);
}
