/* SPDX-License-Identifier: MIT */
#include "lib/pages/family.h"

#include "lib/books/peak.h"
#include "lib/ground/meta.h"
#include "lib/ground/short_text.h"

#include <errno.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

/* Only this file uses uthash. It takes LMM's own memory, and goes on when there is none. */
#define HASH_NONFATAL_OOM            1
#define uthash_malloc(bytes)         lmm_meta_zalloc(bytes)
#define uthash_free(record, bytes)   lmm_meta_free(&lmm_arena_records, (record), (bytes))
#define uthash_nonfatal_oom(element) ((void) (element))
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#include <uthash.h>

/* What distinguishes a type. */
struct key {
    const char *name;
    size_t size;
    size_t align;
    bool counts_bytes;
    bool is_flexible;
};

/* How a family is shown: by its name, and more where others have that name. */
enum form { BY_NAME, BY_SIZE, BY_ALIGN, FORMS };

#define LONGEST_SUFFIX " (4294963199, align 4096)"
_Static_assert((int) LMM_FAMILY_FLEX_STRIDE <= (int) LMM_SLACK_MAX,
               "a tag holds the slack of every block");
_Static_assert(LMM_NAME_MAX + sizeof(LONGEST_SUFFIX) <= LMM_FAMILY_SHOWN_MAX + 1, "room for it");

struct entry {
    struct lmm_family family;
    UT_hash_handle hh;
};

struct lmm_lock lmm_families_lock = LMM_LOCK_INIT(LMM_RANK_REGISTRY);

static struct {
    struct entry *by_name;
    uint32_t count; /* atomic, written under the lock */
} registry;

enum {
    CHUNK_FAMILIES = 1 << 10,
    CHUNKS = LMM_LEDGER_MAX_FAMILIES / CHUNK_FAMILIES,
};

static struct lmm_family **by_index[CHUNKS]; /* each chunk is added with its first family */

/* Returns 0, or the errno of a wrong argument. */
static int check_arguments(const char *name, size_t size, size_t align)
{
    if (name == NULL || name[0] == '\0' || size == 0 || !lmm_is_power_of_two(align) ||
        align > LMM_ALIGN_MAX) {
        return EINVAL;
    }
    if (strnlen(name, LMM_NAME_MAX + 1) > LMM_NAME_MAX) {
        return ENAMETOOLONG;
    }
    return size > UINT32_MAX - LMM_ALIGN_MAX ? EOVERFLOW : 0;
}

static struct entry *find_locked(const char *name)
{
    struct entry *entry;

    HASH_FIND_STR(registry.by_name, name, entry);
    return entry;
}

/* True when the table took the entry. */
static bool insert_locked(struct entry *entry)
{
    HASH_ADD_STR(registry.by_name, family.name, entry);
    return entry->hh.tbl != NULL && find_locked(entry->family.name) == entry;
}

static void remove_locked(struct entry *entry)
{
    HASH_DEL(registry.by_name, entry);
}
#pragma GCC diagnostic pop

/* Writes how a family is shown in that form. */
static void show(char ret_shown[LMM_FAMILY_SHOWN_MAX + 1], const struct key *key, enum form form)
{
    struct lmm_short_text shown = lmm_short_text_begin(ret_shown, LMM_FAMILY_SHOWN_MAX + 1);

    lmm_short_text_put(&shown, key->name);
    if (form == BY_NAME) {
        return;
    }
    lmm_short_text_put(&shown, " (");
    lmm_short_text_put_number(&shown, key->size);
    if (form == BY_ALIGN) {
        lmm_short_text_put(&shown, ", align ");
        lmm_short_text_put_number(&shown, key->align);
    }
    lmm_short_text_put(&shown, ")");
}

/* Whether a family is the type with that key; it is shown in one of the key's forms. */
static bool is_type(const struct lmm_family *family, const struct key *key)
{
    return family->name_bytes == strlen(key->name) && family->size == key->size &&
           family->align == key->align && family->counts_bytes == key->counts_bytes &&
           family->is_flexible == key->is_flexible;
}

/* Adds the family's record to the ledger, and its "(unattributed)" site. */
static bool enter_books_locked(struct lmm_family *family, bool is_namesake)
{
    uint64_t flags = (family->counts_bytes ? LMM_LEDGER_FAMILY_BYTES : 0) |
                     (is_namesake ? LMM_LEDGER_FAMILY_NAMESAKE : 0);

    family->index = registry.count;
    family->record =
        lmm_accounts_add_family(family->name, family->size, family->align, family->stride, flags);
    if (family->record == NULL) {
        return false;
    }
    family->site = lmm_site_intern(family->index, &family->sites, "(unattributed)", 0, "");
    if (family->site == LMM_SITE_NONE) {
        lmm_accounts_drop_family();
        return false;
    }
    return true;
}

/* Room for the family that is added next. */
static bool reserve_index_locked(void)
{
    struct lmm_family ***chunk = &by_index[registry.count / CHUNK_FAMILIES];

    if (*chunk == NULL) {
        *chunk = lmm_meta_zalloc(CHUNK_FAMILIES * sizeof(struct lmm_family *));
    }
    return *chunk != NULL;
}

static size_t stride_of(size_t size, size_t align, bool is_flexible)
{
    return is_flexible ? (size_t) LMM_FAMILY_FLEX_STRIDE : lmm_round_up(size, align);
}

/* Whether the family at an index is as I1 to I5 say. */
static bool family_is_valid(uint32_t index)
{
    const struct lmm_family *family = lmm_families_at(index);
    const struct lmm_ledger_family *record = family->record;
    struct lmm_site_facts site = lmm_accounts_site_facts(family->site);

    return family->index == index && family->runs.family == index &&
           family->stride == stride_of(family->size, family->align, family->is_flexible) &&
           (!family->is_flexible || (family->counts_bytes && family->has_runs_only)) &&
           record->size_bytes == family->size && record->align_bytes == family->align &&
           record->stride_bytes == family->stride && site.family == index &&
           (strcmp(site.file, "(unattributed)") == 0 || family->site == family->sites.other) &&
           ((record->flags & LMM_LEDGER_FAMILY_BYTES) != 0) == family->counts_bytes;
}

/* Adds a family to be shown in that form, which no family has yet. */
static struct lmm_family *add_locked(const struct key *key, enum form form)
{
    bool has_room = registry.count < LMM_LEDGER_MAX_FAMILIES && reserve_index_locked();
    struct entry *entry = has_room ? lmm_meta_zalloc(sizeof(*entry)) : NULL;

    if (entry == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    struct lmm_family *family = &entry->family;
    show(family->name, key, form);
    family->name_bytes = strlen(key->name);
    family->size = key->size;
    family->align = key->align;
    family->stride = stride_of(key->size, key->align, key->is_flexible);
    family->sites = LMM_SITE_LIST_EMPTY;
    family->counts_bytes = key->counts_bytes;
    family->is_flexible = key->is_flexible;
    family->has_runs_only = key->is_flexible;
    family->cache_bytes = LMM_FAMILY_CACHE_BYTES;
    bool inserted = insert_locked(entry);
    if (!inserted || !enter_books_locked(family, form != BY_NAME)) {
        if (inserted) {
            remove_locked(entry);
        }
        lmm_meta_free(&lmm_arena_records, entry, sizeof(*entry));
        errno = ENOMEM;
        return NULL;
    }
    lmm_runs_init(&family->runs, (uint16_t) family->index, family->stride, family->record);
    by_index[family->index / CHUNK_FAMILIES][family->index % CHUNK_FAMILIES] = family;
    LMM_CHECK(family_is_valid(family->index));
    lmm_store_release(&registry.count, family->index + 1);
    return family;
}

bool lmm_families_are_valid(void)
{
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        if (!family_is_valid(i)) {
            return false;
        }
    }
    return true;
}

/* Finds or adds the family of a type, in the first form that no other family has. */
static struct lmm_family *find_or_add_locked(const struct key *key)
{
    char shown[LMM_FAMILY_SHOWN_MAX + 1];
    size_t first_size = 0; /* of the family that is shown by the type's name alone */

    for (enum form form = BY_NAME; form < FORMS; form++) {
        if (form == BY_SIZE && first_size == key->size) {
            continue; /* the size would not tell it from the first */
        }
        show(shown, key, form);
        struct entry *entry = find_locked(shown);
        if (entry == NULL) {
            return add_locked(key, form);
        }
        if (is_type(&entry->family, key)) {
            return &entry->family;
        }
        first_size = form == BY_NAME ? entry->family.size : first_size;
    }
    errno = EEXIST;
    return NULL;
}

static struct lmm_family *find_or_add(const struct key *key)
{
    int error = check_arguments(key->name, key->size, key->align);

    if (error != 0) {
        errno = error;
        return NULL;
    }
    lmm_lock_acquire(&lmm_families_lock);
    struct lmm_family *family = find_or_add_locked(key);
    lmm_lock_release(&lmm_families_lock);
    return family;
}

struct lmm_family *lmm_families_add(const char *name, size_t size, size_t align, bool counts_bytes)
{
    const struct key key = {name, size, align, counts_bytes, false};

    return find_or_add(&key);
}

struct lmm_family *lmm_families_add_flexible(const char *name, size_t size, size_t align)
{
    const struct key key = {name, size, align, true, true};

    return find_or_add(&key);
}

struct lmm_family *lmm_families_find(const char *name)
{
    lmm_lock_acquire(&lmm_families_lock);
    struct entry *entry = find_locked(name);
    lmm_lock_release(&lmm_families_lock);
    if (entry == NULL) {
        errno = ENOENT;
        return NULL;
    }
    return &entry->family;
}

struct lmm_family *lmm_families_at(uint32_t index)
{
    LMM_CHECK(index < LMM_LEDGER_MAX_FAMILIES && by_index[index / CHUNK_FAMILIES] != NULL);
    return by_index[index / CHUNK_FAMILIES][index % CHUNK_FAMILIES];
}

uint32_t lmm_families_count(void)
{
    return lmm_load_acquire(&registry.count);
}

/* Adds what `sum_site` gives for each site of the family. */
static struct lmm_ledger_row sum_locked(const struct lmm_family *family,
                                        struct lmm_ledger_row (*sum_site)(uint32_t site))
{
    struct lmm_ledger_row sum = {0};

    for (uint32_t id = lmm_load_acquire(&family->sites.first); id != LMM_SITE_NONE;
         id = lmm_site_next(id)) {
        struct lmm_ledger_row site = sum_site(id);
        sum.allocated_blocks += site.allocated_blocks;
        sum.freed_blocks += site.freed_blocks;
        sum.allocated_extra += site.allocated_extra;
        sum.freed_extra += site.freed_extra;
    }
    return sum;
}

struct lmm_ledger_row lmm_family_sum(const struct lmm_family *family)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_row sum = sum_locked(family, lmm_rows_sum_locked);
    lmm_lock_release(&lmm_chunks_lock);
    return sum;
}

uint32_t lmm_family_only_site(const struct lmm_family *family)
{
    uint32_t only = LMM_SITE_NONE;
    bool is_only = true;

    lmm_lock_acquire(&lmm_chunks_lock);
    for (uint32_t id = lmm_load_acquire(&family->sites.first); is_only && id != LMM_SITE_NONE;
         id = lmm_site_next(id)) {
        if (lmm_rows_sum_locked(id).allocated_blocks != 0) {
            is_only = only == LMM_SITE_NONE;
            only = id;
        }
    }
    lmm_lock_release(&lmm_chunks_lock);
    return is_only ? only : (uint32_t) LMM_SITE_NONE;
}

void lmm_family_describe(const struct lmm_family *family, uint32_t site,
                         char ret_text[LMM_FAMILY_BLOCK_BYTES])
{
    char origin[LMM_SITE_ORIGIN_BYTES];

    site = site == LMM_SITE_NONE ? lmm_family_only_site(family) : site;
    if (site == LMM_SITE_NONE) {
        snprintf(ret_text, LMM_FAMILY_BLOCK_BYTES, "%s", family->name);
        return;
    }
    lmm_site_origin(site, origin);
    snprintf(ret_text, LMM_FAMILY_BLOCK_BYTES, "%s, %s", family->name, origin);
}

static void raise_peak(struct lmm_family *family, int64_t live)
{
    uint64_t peak = lmm_load_relaxed(&family->record->peak_amount);

    while (live > 0 && (uint64_t) live > peak &&
           !lmm_compare_exchange_acq_rel(&family->record->peak_amount, &peak, (uint64_t) live)) {
    }
}

/* Frees by other threads while the sum is made make the figure too low, until the next sample; with
 * lmm_rows_sum_locked() allocations would make the high-water mark too high for ever. */
void lmm_family_sample_peak(struct lmm_family *family)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_row sum = sum_locked(family, lmm_rows_floor_locked);
    raise_peak(family, lmm_family_amount(family, &sum));
    lmm_lock_release(&lmm_chunks_lock);
}

void lmm_family_add_live(struct lmm_family *family, int64_t amount)
{
    int64_t live = lmm_fetch_add_relaxed(&family->live, amount) + amount;

    raise_peak(family, live);
    if (!LMM_DROP_IN || !family->counts_bytes || family->is_flexible) {
        lmm_peak_add(family->counts_bytes ? amount : amount * (int64_t) family->size);
    }
}

int64_t lmm_family_reset_live(struct lmm_family *family)
{
    struct lmm_ledger_row sum = lmm_family_sum(family);
    int64_t live = lmm_family_amount(family, &sum);

    lmm_store_relaxed(&family->live, live);
    return family->counts_bytes ? live : live * (int64_t) family->size;
}

void lmm_families_refresh_gauges(void)
{
    LMM_CHECK(lmm_families_are_valid());
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        lmm_family_sample_peak(lmm_families_at(i));
    }
    lmm_accounts_note_memory();
}
