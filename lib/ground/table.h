/* SPDX-License-Identifier: MIT */
/*
 * table: a hash table with open addressing, from a 64-bit key to a value.
 *
 * Some keys need more than 64 bits. In a table with checks, an entry also has a check, and a value
 * of 32 bits; key and check together identify the entry. In a table without checks a value has 64
 * bits. Entries are never removed: their value becomes 0, and 0 also means "no such entry".
 *
 * Readers take no lock. One thread at a time may write, under a lock of the table's owner. Memory
 * is from meta. Invariants, checked by lmm_table_is_valid_locked() after each growth and in the
 * tests:
 *   I1  at most three quarters of the entries are in use, so each search ends at an empty entry
 *   I2  from the place where the search for an entry starts to that entry, no entry is empty
 *   I3  an entry's key and check are written once, the key last and with release; only its value
 *       changes, with release
 *   I4  no two entries have the same key and check
 *   I5  in a table with readers, an outgrown body is neither freed nor written again
 * Not responsible for: how keys are made. A search starts at a hash of key and check together.
 */
#ifndef LMM_TABLE_H
#define LMM_TABLE_H

#include "lib/ground/sync.h"

struct lmm_table_entry {
    uint64_t key;  /* 0: empty; atomic, written last */
    uint64_t rest; /* atomic: the value; with checks, check << 32 | value */
};

/* The entries. */
struct lmm_table_body {
    size_t mask; /* entries - 1, of a power of two */
    size_t used; /* entries with a key; under the owner's lock */
    struct lmm_table_entry entry[];
};

struct lmm_table {
    struct lmm_table_body *body; /* atomic */
    const size_t first_entries;  /* when the table gets its first memory: a power of two */
    const bool has_checks;
    const bool has_readers; /* threads that look values up without the owner's lock */
};

/* The body of every table that has no memory yet: one empty entry, and no room. */
extern struct lmm_table_body lmm_table_empty;

#define LMM_TABLE_INIT(entries, checks, readers)                                                   \
    {                                                                                              \
        .body = &lmm_table_empty, .first_entries = (entries), .has_checks = (checks),              \
        .has_readers = (readers)                                                                   \
    }

/*
 * The body to search. Acquire: it comes with all that was put into it before it was published. A
 * reader may keep it: an outgrown body still has its entries, but not those that were added later,
 * nor later values.
 */
static inline const struct lmm_table_body *lmm_table_body(const struct lmm_table *table)
{
    return lmm_load_acquire(&table->body);
}

/* Where a search for an entry starts. */
static inline size_t lmm_table_start(uint64_t key, uint32_t check)
{
    return lmm_hash(key ^ (uint64_t) check << 32);
}

/* The search of both functions below. Returns an entry's rest, 0 without an entry. */
static inline __attribute__((always_inline)) uint64_t
lmm_table_search(const struct lmm_table_body *body, uint64_t key, uint32_t check, bool has_checks)
{
    for (size_t i = lmm_table_start(key, check) & body->mask;; i = (i + 1) & body->mask) {
        const struct lmm_table_entry *entry = &body->entry[i];
        uint64_t found = lmm_load_acquire(&entry->key);
        if (LMM_LIKELY(found == key)) {
            uint64_t rest = lmm_load_acquire(&entry->rest);
            if (LMM_LIKELY(!has_checks || (uint32_t) (rest >> 32) == check)) {
                return rest;
            }
        } else if (found == 0) {
            return 0;
        }
    }
}

/*
 * The value of a key, which is not 0; 0: it has none. For a table without checks. Any thread, no
 * lock. When the key is found: acquire, so the value comes with all that its writer wrote before, also
 * when the entry was used for an earlier value (partner: lmm_table_put_locked()). When it is not found: no order, and an entry that is
 * added at the same time may be missed; a caller who must not miss it looks again under the owner's
 * lock.
 */
static inline __attribute__((always_inline)) uint64_t
lmm_table_get(const struct lmm_table_body *body, uint64_t key)
{
    return lmm_table_search(body, key, 0, false);
}

/* As lmm_table_get(), for a table with checks. */
static inline __attribute__((always_inline)) uint32_t
lmm_table_get_checked(const struct lmm_table_body *body, uint64_t key, uint32_t check)
{
    return (uint32_t) lmm_table_search(body, key, check, true);
}

/*
 * Makes room for one more entry: the table is created, or copied into a body twice as large, which
 * is published with release order. True: lmm_table_put_locked() will not fail. False with errno
 * ENOMEM; the table is as it was. Owner's lock; takes META. O(1) on average.
 */
bool lmm_table_reserve_locked(struct lmm_table *table);

/*
 * Gives the key, which is not 0, a value; without checks, check is 0. A new entry needs room
 * reserved before. A reader who finds the entry finds the value, or a later one. Owner's lock.
 */
void lmm_table_put_locked(struct lmm_table *table, uint64_t key, uint32_t check, uint64_t value);

/* Entries in use, those without a value included. Owner's lock. */
static inline size_t lmm_table_used_locked(const struct lmm_table *table)
{
    return table->body->used;
}

/* Checks I1, I2 and I4. Owner's lock. O(entries). */
bool lmm_table_is_valid_locked(const struct lmm_table *table);

#endif
