/* SPDX-License-Identifier: MIT */
/*
 * family: the registry of struct types, by name and by index.
 *
 * Owns the families; they are never freed. Two source files may each have a struct of one name; so
 * a type is known by name, size and alignment. The first family of a name is shown under that name;
 * a later one under name and size, as in "node (24)"; with the alignment as well, as in "node (24,
 * align 16)", when another family has that name and size. What is shown never changes, and no two
 * families are shown alike.
 *
 * Invariants (checked by lmm_families_are_valid()):
 *   I1  a family's name as shown, size, alignment and index never change, and are those of its
 *       record in the ledger
 *   I2  indices are dense and the same as in the ledger
 *   I3  each family has a site from the start, so an allocation always finds one: "(unattributed)",
 *       or the family's "(other)" if it was registered when the ids were used up
 *   I4  the rows of all sites of a family have the same unit of extra: bytes requested where it
 *       counts bytes, else slots after the first of each block
 *   I5  a flexible family counts bytes, its blocks are runs, and the slack of each is at least 1, so
 *       that the tag alone tells what to count
 * Locks: REGISTRY, taken inside. A family is complete before lmm_families_count() covers it
 * (release; the count is loaded with acquire order), so readers need no lock. Not responsible for:
 * pages.
 */
#ifndef LMM_FAMILY_H
#define LMM_FAMILY_H

#include "lib/ground/base.h"
#include "lib/books/accounts.h"
#include "lib/pages/run.h"
#include "lib/books/site.h"

enum {
    LMM_FAMILY_SHOWN_MAX = 95,   /* longest name as shown, without the NUL */
    LMM_FAMILY_FLEX_STRIDE = 32, /* of flexible families */
    LMM_FAMILY_CACHE_BYTES = 2 * LMM_UNIT_BYTES,
};

struct lmm_family;

/* A family's limits (limit.h). */
struct lmm_limit {
    bool is_set;        /* atomic */
    bool is_telling;    /* atomic: the callback runs */
    bool is_past_soft;  /* under REGISTRY */
    int64_t room_bytes; /* atomic: may be taken before the live bytes are summed again */

    /* Under REGISTRY. A limit of 0 is none. */
    uint64_t soft_bytes;
    uint64_t hard_bytes;
    void (*callback)(struct lmm_family *family, uint64_t live_bytes, void *arg);
    void *arg;
};

struct lmm_family {
    char name[LMM_FAMILY_SHOWN_MAX + 1]; /* as shown */
    size_t name_bytes;                   /* of it that are the name of the type */
    size_t size;
    size_t align;
    size_t stride; /* size rounded up to the alignment; LMM_FAMILY_FLEX_STRIDE if flexible */
    uint32_t index;
    uint32_t site; /* I3 */
    struct lmm_site_list sites;
    struct lmm_ledger_family *record; /* gauges; each is atomic */
    bool counts_bytes; /* immutable: extra is bytes requested (LMM_LEDGER_FAMILY_BYTES) */
    bool is_flexible;  /* immutable: blocks of any number of bytes (lmm_families_add_flexible()) */
    bool is_pointer_free; /* atomic, relaxed: leak checks need not read its blocks */
    bool has_runs_only;   /* immutable from the first block on: a block of one slot is a run, too */
    uint32_t cache_bytes; /* the same: of its free runs, which each heap may keep at first
                             (heaps/cache.h) */
    struct lmm_runs runs;
    struct lmm_limit limit;
    int64_t live __attribute__((aligned(LMM_CACHE_LINE_BYTES))); /* atomic: lmm_family_add_live() */
};

/* Whether single structs of the family live in slot pages; else they are runs of one slot. */
static inline bool lmm_family_has_slots(const struct lmm_family *family)
{
    return family->stride <= LMM_SLOT_STRIDE_MAX && !family->has_runs_only;
}

/* The extra of a live block of n slots with this tag (I4). */
static inline uint64_t lmm_family_extra(const struct lmm_family *family, uint32_t tag, size_t n)
{
    return family->counts_bytes ? n * family->stride - lmm_tag_slack(tag) : n - 1;
}

/* The bytes that such a block counts as. */
static inline uint64_t lmm_family_bytes(const struct lmm_family *family, uint32_t tag, size_t n)
{
    return family->counts_bytes ? lmm_family_extra(family, tag, n) : n * family->size;
}

/* Finds or adds a family; arguments and errors as lmm_family_register(). LMM has started.
 * counts_bytes: of a new family. */
struct lmm_family *lmm_families_add(const char *name, size_t size, size_t align, bool counts_bytes);

/*
 * The same for structs of that size and alignment that end with a flexible array: a family whose
 * blocks have any number of bytes. A block is a run of slots with the stride LMM_FAMILY_FLEX_STRIDE,
 * one more than it needs when it fits exactly; its tag has the slack (page.h), from 1 to that
 * stride, so the bytes requested are counted.
 */
struct lmm_family *lmm_families_add_flexible(const char *name, size_t size, size_t align);

/* Returns the family that is shown under that name, or NULL with errno ENOENT. */
struct lmm_family *lmm_families_find(const char *name);

/* Returns the family with that index, below lmm_families_count(). */
struct lmm_family *lmm_families_at(uint32_t index);
uint32_t lmm_families_count(void);

/* The family's counters, summed over sites and owners; takes LEDGER. */
struct lmm_ledger_row lmm_family_sum(const struct lmm_family *family);

/* The only site of the family that ever allocated, or LMM_SITE_NONE; takes LEDGER. */
uint32_t lmm_family_only_site(const struct lmm_family *family);

enum { LMM_FAMILY_BLOCK_BYTES = LMM_FAMILY_SHOWN_MAX + LMM_SITE_ORIGIN_BYTES + 4 };

/*
 * Says what a freed block was, for messages: "emp, allocated at hr.c:42"; "emp" when its site is not
 * known. site: who allocated it last, or LMM_SITE_NONE; then it is known only when the family has
 * allocated at one site. Takes LEDGER.
 */
void lmm_family_describe(const struct lmm_family *family, uint32_t site,
                         char ret_text[LMM_FAMILY_BLOCK_BYTES]);

/* Raises the high-water mark to what lives now, for a report; takes LEDGER. O(rows). */
void lmm_family_sample_peak(struct lmm_family *family);

/* Updates the gauges of all families and of LMM's own memory. */
void lmm_families_refresh_gauges(void);

/*
 * Adds to what lives in the family, in slots, or bytes where it counts bytes, and raises its
 * high-water mark, and the process's. A heap adds what it allocated less what it freed, some of it
 * at a time, so the figure is behind by what heaps have not added yet (heap.h). Where a family counts
 * bytes, the caller tells the process's bytes (peak.h).
 */
void lmm_family_add_live(struct lmm_family *family, int64_t amount);

/* In a forked child, when all heaps have added all: sets it to what the rows say, and returns its
 * bytes. */
int64_t lmm_family_reset_live(struct lmm_family *family);

/* What a family's counters amount to, in the unit of lmm_family_add_live(). */
static inline int64_t lmm_family_amount(const struct lmm_family *family,
                                        const struct lmm_ledger_row *row)
{
    uint64_t extra = lmm_load_relaxed(&row->allocated_extra) - lmm_load_relaxed(&row->freed_extra);
    uint64_t blocks =
        lmm_load_relaxed(&row->allocated_blocks) - lmm_load_relaxed(&row->freed_blocks);

    return (int64_t) (family->counts_bytes ? extra : blocks + extra);
}

/* Checks the invariants; no lock needed. */
bool lmm_families_are_valid(void);

/* REGISTRY; exported for fork. */
extern struct lmm_lock lmm_families_lock;

#endif
