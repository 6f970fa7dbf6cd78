/* SPDX-License-Identifier: MIT */
#include "lib/stacks/depot.h"

#include "lib/books/site.h"
#include "lib/ground/table.h"
#include "lib/stacks/modules.h"
#include "lib/stacks/stack_check.h"

#include <string.h>

/* More stacks than there can be sites: those of the sites that are merged. */
enum { KNOWN_MAX = 4 << 20 };

enum {
    PC_BITS = 52,     /* a higher word is no address of code */
    FRAMES = 1 << 24, /* no family: what frames' keys have in its place */
};

/* What a site's key has, beside its family; as the check it has its stack. */
#define SITE_KEY ((uint64_t) 1 << 63)

struct lmm_lock lmm_depot_lock = LMM_LOCK_INIT(LMM_RANK_STACKS);

static struct {
    /* The number of a frame by the hash of the stack that begins with it, as sites in `known`. The
     * id + 1 of a site by SITE_KEY | family, and as the check its stack. Under the lock. */
    struct lmm_table frames;
    /* The frames of the stack that is looked up, from the outermost one inwards: here because the stack may be
     * small. Under the lock. */
    struct frame {
        uint64_t hash; /* unwind.h, I3, from this frame outwards */
        uint32_t call; /* its place in the trace */
    } frame[LMM_STACK_FRAMES_MAX];
    struct lmm_table known; /* the id + 1 of a site by the hash of its stack */
} depot = {
    .frames = LMM_TABLE_INIT(4096, true, false),
    .known = LMM_TABLE_INIT(2048, true, true),
};

bool lmm_depot_start(void)
{
    lmm_lock_acquire(&lmm_depot_lock);
    bool has_room =
        lmm_table_reserve_locked(&depot.frames) && lmm_table_reserve_locked(&depot.known);
    lmm_lock_release(&lmm_depot_lock);
    return has_room;
}

/* ---- Known sites ----------------------------------------------------------------------------- */

struct known_key {
    uint64_t hash;
    uint32_t check; /* the innermost address and the number of calls */
};

/* hash: of the stack, whose innermost call returns to pc. */
static inline struct known_key known_key(uint32_t family, uint64_t hash, uintptr_t pc,
                                         uint32_t calls)
{
    hash ^= (uint64_t) (family + 1) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 29; /* a table starts at the low bits; the high ones are mixed better */
    return (struct known_key) {
        .hash = hash != 0 ? hash : 1,
        .check = (uint32_t) pc ^ calls << 24,
    };
}

static inline uint32_t known_number(struct known_key key)
{
    return lmm_table_get_checked(lmm_table_body(&depot.known), key.hash, key.check);
}

/* Makes a site known. Without memory for that it stays unknown, and is found through its frames. */
static void make_known_locked(struct known_key key, uint32_t site)
{
    LMM_CHECK(lmm_lock_is_held(&lmm_depot_lock) && site < LMM_SITE_NONE);
    if (lmm_table_used_locked(&depot.known) < KNOWN_MAX && lmm_table_reserve_locked(&depot.known)) {
        lmm_table_put_locked(&depot.known, key.hash, key.check, site + 1);
    }
}

/* ---- Frames and sites ------------------------------------------------------------------------ */

static inline struct known_key frame_key(const struct lmm_trace *trace, uint32_t i)
{
    struct known_key key =
        known_key(FRAMES, depot.frame[i].hash, trace->pc[depot.frame[i].call], i + 1);

    key.hash &= ~SITE_KEY;
    key.hash += key.hash == 0;
    return key;
}

/* Whether a call of the trace has a frame in the ledger: a walk by guesses may find any word. */
static inline bool has_frame(uintptr_t pc)
{
    return pc != 0 && pc >> PC_BITS == 0 && !lmm_unwind_is_own(pc);
}

/* Fills depot.frame; returns how many there are. */
static uint32_t list_frames_locked(const struct lmm_trace *trace)
{
    uint64_t hash = 0;
    uint32_t count = 0;

    for (uint32_t i = trace->first; i < trace->count; i++) {
        if (has_frame(trace->pc[i])) {
            hash += lmm_trace_word_of(trace->pc[i], lmm_trace_variant(trace, i)) *
                    lmm_trace_power[count];
            depot.frame[count++] = (struct frame) {hash, i};
        }
    }
    return count;
}

/* Adds frame i, whose caller has that number. 0: no memory. */
static uint32_t add_frame_locked(const struct lmm_trace *trace, uint32_t i, uint32_t caller)
{
    uint32_t call = depot.frame[i].call;
    uintptr_t pc = trace->pc[call];
    struct known_key key = frame_key(trace, i);

    if (!lmm_table_reserve_locked(&depot.frames)) {
        return 0;
    }
    uint32_t number = lmm_accounts_add_frame(
        pc, caller, lmm_modules_number(pc - 1, lmm_trace_variant(trace, call)));
    if (number != 0) {
        lmm_table_put_locked(&depot.frames, key.hash, key.check, number);
        if (caller != 0 && (trace->marks[call] & LMM_TRACE_GUESSED) != 0) {
            lmm_accounts_note_guess(number);
        }
    }
    return number;
}

/* Most calls of a new stack are those of a known one: so the innermost frame that is known is looked for first. */
static uint32_t stack_locked(const struct lmm_trace *trace)
{
    uint32_t count = list_frames_locked(trace);
    uint32_t known = count; /* so many outer frames are known */
    uint32_t number = 0;

    LMM_CHECK(lmm_lock_is_held(&lmm_depot_lock));
    while (known != 0 && number == 0) {
        struct known_key key = frame_key(trace, known - 1);
        number = lmm_table_get_checked(lmm_table_body(&depot.frames), key.hash, key.check);
        known -= number == 0;
    }
    while (known < count) {
        number = add_frame_locked(trace, known++, number);
        if (number == 0) {
            return 0;
        }
    }
    return number;
}

/* The site of (family, stack); added if it is new. LMM_SITE_NONE: no memory. */
static uint32_t site_locked(struct lmm_family *family, uint32_t stack)
{
    uint64_t key = SITE_KEY | family->index;
    bool is_own;

    if (stack == 0 || !lmm_table_reserve_locked(&depot.frames)) {
        return LMM_SITE_NONE;
    }
    uint32_t number = lmm_table_get_checked(lmm_table_body(&depot.frames), key, stack);
    if (number != 0) {
        return number - 1;
    }
    uint32_t site = lmm_site_add_stack(family->index, &family->sites, stack, &is_own);
    if (site != LMM_SITE_NONE) {
        lmm_table_put_locked(&depot.frames, key, stack, site + 1);
    }
    return site;
}

static LMM_NOINLINE uint32_t find_site(struct lmm_family *family, struct known_key key,
                                       const struct lmm_trace *trace)
{
    lmm_lock_acquire(&lmm_depot_lock);
    uint32_t site = site_locked(family, stack_locked(trace));
    if (site != LMM_SITE_NONE) {
        make_known_locked(key, site);
    }
    lmm_lock_release(&lmm_depot_lock);
    return site != LMM_SITE_NONE ? site : family->site;
}

uint32_t lmm_depot_site(struct lmm_family *family, const struct lmm_trace *trace)
{
    if (LMM_UNLIKELY(trace->count == 0)) {
        return family->site;
    }
    struct known_key key = known_key(family->index, lmm_trace_hash(trace),
                                     trace->pc[trace->count - 1], trace->count - trace->first);
    uint32_t number = known_number(key);
    return LMM_LIKELY(number != 0) ? number - 1 : find_site(family, key, trace);
}

uint32_t lmm_depot_known_site(const struct lmm_family *family, uint64_t hash, uintptr_t pc,
                              uint32_t calls)
{
    uint32_t number = known_number(known_key(family->index, hash, pc, calls));

    return LMM_LIKELY(number != 0) ? number - 1 : (uint32_t) LMM_SITE_NONE;
}

uint32_t lmm_depot_known_caller(const struct lmm_family *family, uintptr_t pc)
{
    struct lmm_cfi_rule rule;
    uint64_t bits = lmm_table_get(lmm_table_body(&lmm_code_words), pc);

    if (LMM_UNLIKELY(bits == 0)) {
        return LMM_SITE_NONE; /* the variant of its module is not known */
    }
    memcpy(&rule, &bits, sizeof(rule));
    return lmm_depot_known_site(family, lmm_trace_word_of(pc, rule.variant), pc, 1);
}

uint32_t lmm_depot_stack(const struct lmm_trace *trace)
{
    lmm_lock_acquire(&lmm_depot_lock);
    uint32_t stack = stack_locked(trace);
    lmm_lock_release(&lmm_depot_lock);
    return stack;
}
