/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suppress_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/program/base/glob.h"

enum {
    SIZES = 4, /* keys are made of 1, 2, 4 or 8 bytes: of as many as the pattern has in a row */
    KEYS_MAX = 4096, /* of one pattern that are compared; a longer one has a rare key among these */
};

/* The key of globs that have no bytes of their own, and are not of stars alone: they are tried for each text. */
static const uint64_t loose_key = 1;

static const char special[] = {'*', LMM_GLOB_ONE, '\0'};

static uint64_t key_of(const char *text, unsigned size)
{
    uint64_t bytes = 0;

    assert(size < SIZES);
    memcpy(&bytes, text, (size_t) 1 << size);
    return lmm_hash_u64(size + 1, bytes);
}

/* ---- The keys of a pattern ------------------------------------------------------------------- */

/* Takes a key; returns whether to continue. */
typedef bool (*key_fn)(void *context, uint64_t key);

/* Returns the size of the longest key that a pattern has; SIZES: none, as it has only stars. */
static unsigned size_of(const char *glob)
{
    size_t longest = 0;

    for (const char *at = glob; *at != '\0' && longest < (size_t) 1 << (SIZES - 1);) {
        size_t bytes = strcspn(at, special);

        longest = bytes > longest ? bytes : longest;
        at += bytes + strspn(at + bytes, special);
    }
    for (unsigned size = SIZES; size-- > 0;) {
        if (longest >= (size_t) 1 << size) {
            return size;
        }
    }
    return SIZES;
}

/* Calls take() for the first KEYS_MAX keys of that size. */
static bool each_key(const char *glob, unsigned size, key_fn take, void *context)
{
    size_t bytes = (size_t) 1 << size;
    size_t count = 0;

    for (const char *at = glob; *at != '\0' && count < KEYS_MAX;) {
        size_t part = strcspn(at, special);

        for (size_t i = 0; i + bytes <= part && count < KEYS_MAX; i++, count++) {
            if (!take(context, key_of(at + i, size))) {
                return false;
            }
        }
        at += part + strspn(at + part, special);
    }
    return true;
}

static bool count_key(void *context, uint64_t key)
{
    uint32_t *number = lmm_numbers_at(context, key);

    if (number != NULL) {
        ++*number;
    }
    return number != NULL;
}

struct rarest {
    const struct lmm_numbers *counts;
    uint64_t key;
    uint32_t count;
};

static bool compare_key(void *context, uint64_t key)
{
    struct rarest *rarest = context;
    uint32_t count = lmm_numbers_find(rarest->counts, key);

    if (rarest->key == 0 || count < rarest->count) {
        rarest->key = key;
        rarest->count = count;
    }
    return true;
}

/* ---- The index ------------------------------------------------------------------------------- */

/* Counts in how many places each key stands in all patterns. */
static bool count_keys(const struct lmm_suppress_index *index, struct lmm_numbers *counts)
{
    for (size_t i = 0; i < index->count; i++) {
        const char *glob = index->globs[i];
        unsigned size = glob == NULL ? SIZES : size_of(glob);

        if (size < SIZES && !each_key(glob, size, count_key, counts)) {
            return false;
        }
    }
    return true;
}

/* Lists a glob under its rarest key, before those that are there. */
static bool list(struct lmm_suppress_index *index, size_t i, const struct lmm_numbers *counts)
{
    const char *glob = index->globs[i];
    unsigned size = glob == NULL ? SIZES : size_of(glob);
    struct rarest rarest = {.counts = counts, .key = loose_key};

    if (glob == NULL || *glob == '\0') { /* an empty one fits no text */
        return true;
    }
    if (glob[strspn(glob, "*")] == '\0') {
        index->any = (uint32_t) i + 1;
        return true;
    }
    if (size < SIZES) {
        rarest.key = 0;
        each_key(glob, size, compare_key, &rarest);
        index->sizes |= 1u << size;
    }
    uint32_t *first = lmm_numbers_at(&index->first, rarest.key);

    if (first == NULL) {
        return false;
    }
    index->next[i] = *first;
    *first = (uint32_t) i + 1;
    return true;
}

/* The last globs are listed first, so the earlier ones come before them. */
static bool list_all(struct lmm_suppress_index *index, const struct lmm_numbers *counts)
{
    for (size_t i = index->count; i-- > 0;) {
        if (!list(index, i, counts)) {
            return false;
        }
    }
    return true;
}

bool lmm_suppress_index_make(const char *const *globs, size_t count,
                             struct lmm_suppress_index *ret_index)
{
    struct lmm_suppress_index index = {
        .globs = globs,
        .count = count,
        .next = calloc(count + 1, sizeof(*index.next)),
    };
    struct lmm_numbers counts = {.entries = NULL};
    bool made = index.next != NULL && count < UINT32_MAX && count_keys(&index, &counts) &&
                list_all(&index, &counts);

    lmm_numbers_free(&counts);
    if (made) {
        *ret_index = index;
    } else {
        lmm_suppress_index_free(&index);
    }
    return made;
}

/* Returns the first glob under a key that fits, if it comes before `found`; else found. */
static uint32_t try_key(const struct lmm_suppress_index *index, uint64_t key,
                        struct lmm_string text, uint32_t found)
{
    for (uint32_t i = lmm_numbers_find(&index->first, key); i != 0 && (found == 0 || i < found);
         i = index->next[i - 1]) {
        if (lmm_glob_fits(index->globs[i - 1], text)) {
            return i;
        }
    }
    return found;
}

uint32_t lmm_suppress_index_find(const struct lmm_suppress_index *index, struct lmm_string text)
{
    uint32_t found = text.bytes > 0 ? index->any : 0;

    found = try_key(index, loose_key, text, found);
    for (unsigned size = 0; size < SIZES; size++) {
        size_t bytes = (size_t) 1 << size;

        for (size_t i = 0; (index->sizes & 1u << size) != 0 && i + bytes <= text.bytes; i++) {
            found = try_key(index, key_of(text.text + i, size), text, found);
        }
    }
    return found;
}

static bool take_key(const struct lmm_suppress_index *index, uint64_t key, struct lmm_string text,
                     lmm_suppress_fn take, void *context)
{
    for (uint32_t i = lmm_numbers_find(&index->first, key); i != 0; i = index->next[i - 1]) {
        if (lmm_glob_fits(index->globs[i - 1], text) && !take(context, i)) {
            return false;
        }
    }
    return true;
}

bool lmm_suppress_index_each(const struct lmm_suppress_index *index, struct lmm_string text,
                             lmm_suppress_fn take, void *context)
{
    if (!take_key(index, loose_key, text, take, context)) {
        return false;
    }
    for (unsigned size = 0; size < SIZES; size++) {
        size_t bytes = (size_t) 1 << size;

        for (size_t i = 0; (index->sizes & 1u << size) != 0 && i + bytes <= text.bytes; i++) {
            if (!take_key(index, key_of(text.text + i, size), text, take, context)) {
                return false;
            }
        }
    }
    return true;
}

void lmm_suppress_index_free(struct lmm_suppress_index *index)
{
    lmm_numbers_free(&index->first);
    free(index->next);
    index->next = NULL;
}
