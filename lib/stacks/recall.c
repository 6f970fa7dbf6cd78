/* SPDX-License-Identifier: MIT */
#include "lib/stacks/recall.h"

#include "lib/books/site.h"
#include "lib/ground/meta.h"
#include "lib/stacks/stack_check.h"

#include <errno.h>
#include <string.h>

enum {
    WORD = sizeof(uintptr_t),
    DEPTH_MAX = (1 << 22) - 1,
    CALLS_MASK = (1 << 5) - 1,
    CLASS_SHIFT = 48, /* above the bits of an address */
    GROWTH = 4,
    SITE_MASK = (1 << 21) - 1,
    DRAW_MULTIPLIER = 1664525, /* Numerical Recipes */
    DRAW_SHIFT = 30,           /* leaves 0 in one of four draws */
};

/* What a caller is looked up by. */
struct query {
    const struct lmm_caller *caller;
    uint64_t start; /* of a segment's key */
    uintptr_t depth;
};

/* ---- Finding a segment ----------------------------------------------------------------------- */

/* The length of the frame with that pc; NULL: it is not known. */
static inline struct lmm_recall_frame *frame_of(struct lmm_recall *recall, uintptr_t pc)
{
    struct lmm_recall_frame *frame = recall->frame[lmm_hash(pc) % LMM_RECALL_FRAMES];

    for (uint32_t way = 0; way < LMM_RECALL_FRAME_WAYS; way++) {
        if (frame[way].pc == pc) {
            return &frame[way];
        }
    }
    return NULL;
}

/* What stands for the caller. Many have the same pc, such as that of operator new; so the return address of
 * the frame is looked at, too, where it is if the frame is as long as it was the last time. */
static inline uint64_t mix(struct lmm_recall *recall, const struct lmm_trace *trace,
                           const struct query *query)
{
    const struct lmm_caller *caller = query->caller;
    const struct lmm_recall_frame *frame = frame_of(recall, caller->pc);
    uintptr_t outer = 0;

    if (LMM_LIKELY(frame != NULL && frame->bytes < trace->end - caller->sp)) {
        outer = *(const uintptr_t *) (caller->sp + frame->bytes);
    }
    return (query->start ^ outer) * LMM_HASH_MULTIPLIER;
}

static inline struct query query_of(const struct lmm_trace *trace, uint32_t class,
                                    const struct lmm_caller *caller)
{
    return (struct query) {
        .caller = caller,
        .start = (caller->pc ^ (uint64_t) class << CLASS_SHIFT) * LMM_HASH_MULTIPLIER + caller->sp,
        .depth = (trace->end - caller->sp) / WORD,
    };
}

/* The key of a segment with these words, if it is of that caller. The words lie between sp and the end of the
 * stack, because the depth is the segment's. Where it is of another caller, they may be in any variable. */
static inline __attribute__((no_sanitize("address", "thread"))) uint64_t
key_of(const struct lmm_segment *segment, const struct query *query)
{
    const uintptr_t *stack = (const uintptr_t *) query->caller->sp;
    const uintptr_t *word = stack;
    uint64_t key = query->start;

    if (LMM_UNLIKELY(segment->is_far)) {
        for (uint32_t i = 0; i < segment->words; i++) {
            key = key * LMM_HASH_MULTIPLIER + stack[segment->at[i]];
        }
    } else {
        for (uint32_t i = 0; i < segment->words; i++) {
            word += segment->step[i];
            key = key * LMM_HASH_MULTIPLIER + *word;
        }
    }
    return segment->needs_bp ? key ^ query->caller->bp * LMM_HASH_MULTIPLIER : key;
}

/* Whether the segment leads from the caller to its joint. */
static inline bool fits(const struct lmm_segment *segment, const struct query *query)
{
    return segment->depth == query->depth && segment->key == key_of(segment, query);
}

static inline struct lmm_recall_link *links_of(struct lmm_recall_pool *pool)
{
    return (struct lmm_recall_link *) &pool->segment[pool->capacity];
}

/* The first segment of the bucket of a key. */
static inline uint16_t *bucket_of(struct lmm_recall_pool *pool, uint64_t key)
{
    uint16_t *buckets = (uint16_t *) (links_of(pool) + pool->capacity);

    return &buckets[lmm_hash(key) & (pool->capacity - 1)];
}

/* What is known of the callers that are mixed in this way. */
static inline struct lmm_recall_way *way_of(struct lmm_recall *recall, uint64_t mixed)
{
    return &recall->ways[mixed >> 32 & (LMM_RECALL_WAYS - 1)];
}

/* ---- Using it -------------------------------------------------------------------------------- */

/* Whether the joint is in the trace, and the outer calls still stand. */
static inline bool leads_on(const struct lmm_segment *segment, const struct lmm_trace *trace,
                            const struct lmm_caller *caller, uint32_t frames)
{
    const uintptr_t *stack = (const uintptr_t *) caller->sp;
    uint32_t joint = segment->joint;
    uint32_t calls = segment->calls;
    uintptr_t joint_pc =
        calls == 0 ? caller->pc : lmm_cfi_code(stack[lmm_segment_return_at(segment)]);
    uint32_t left;

    return joint < trace->count && trace->pc[joint] == joint_pc &&
           trace->sp[joint] == (uintptr_t) (stack + segment->joint_at) &&
           (!lmm_trace_needs_bp(trace, joint) ||
            (segment->knows_bp && segment->joint_bp == trace->bp[joint])) &&
           lmm_trace_rest_stands(trace, joint, frames - calls, &left);
}

/* Where the calls begin that are asked for, if the innermost `calls` are inside of `outer` in the trace. */
static inline uint32_t first_of(uint32_t outer, uint32_t calls, uint32_t frames)
{
    return outer + calls > frames ? outer + calls - frames : 0;
}

static inline uint64_t outer_hash_of(const struct lmm_trace *trace, uint32_t first, uint32_t outer)
{
    return trace->hash[outer - 1] - (first == 0 ? 0 : trace->hash[first - 1]);
}

static inline uint32_t site_of(struct lmm_segment *segment, const struct lmm_trace *trace,
                               const struct lmm_family *family, uintptr_t pc, uint32_t frames)
{
    uint32_t outer = segment->joint + 1u;
    uint32_t calls = segment->calls;
    uint32_t first = first_of(outer, calls, frames);
    uint64_t outer_hash = outer_hash_of(trace, first, outer);

    if (LMM_UNLIKELY(segment->outer_hash != outer_hash)) {
        uint64_t hash =
            outer_hash * lmm_trace_inverse[first] + segment->hash * lmm_trace_power[outer - first];
        uint32_t site = lmm_depot_known_site(family, hash, pc, outer + calls - first);
        if (site == LMM_SITE_NONE) {
            return site;
        }
        segment->outer_hash = outer_hash;
        segment->site = site;
    }
    return segment->site;
}

/* The number of a segment of the caller that was used after the last one before; 0: it was none of these. */
static inline uint32_t expected(const struct lmm_recall *recall, const struct query *query)
{
    const struct lmm_segment *segment = recall->pool->segment;
    const uint16_t *next = segment[recall->last].next;

    if (LMM_LIKELY(fits(&segment[next[0]], query))) {
        return next[0];
    }
    return fits(&segment[next[1]], query) ? next[1] : 0;
}

/* Notes that a segment was used, and fetches what may be needed for the next allocation but one. */
static inline void note_use(struct lmm_recall *recall, uint32_t number)
{
    struct lmm_segment *segment = recall->pool->segment;
    uint16_t *next = segment[recall->last].next;

    if (LMM_UNLIKELY(next[0] != number)) {
        next[1] = next[0];
        next[0] = (uint16_t) number;
    }
    recall->last = number;
    const uint16_t *after = segment[segment[number].next[0]].next;
    __builtin_prefetch(&segment[after[0]]);
    __builtin_prefetch(&segment[after[1]]);
}

/* The site of the caller's stack by a segment that fits the caller; LMM_SITE_NONE: it does not lead to one. */
static inline __attribute__((always_inline)) uint32_t
site_by(struct lmm_recall *recall, uint32_t number, const struct lmm_trace *trace,
        const struct lmm_family *family, const struct query *query, uint32_t frames)
{
    struct lmm_segment *segment = &recall->pool->segment[number];
    uint32_t site = LMM_SITE_NONE;

    if (LMM_LIKELY(leads_on(segment, trace, query->caller, frames))) {
        site = site_of(segment, trace, family, query->caller->pc, frames);
    }
    if (LMM_LIKELY(site != LMM_SITE_NONE)) {
        note_use(recall, number);
    }
    return site;
}

/* The same by any segment of the caller's. Those with one shape, which are many where a function of an
 * interpreter is called from everywhere, are found by the words that the shape's first one names. */
static uint32_t find_site(struct lmm_recall *recall, uint64_t mixed, const struct lmm_trace *trace,
                          const struct lmm_family *family, const struct query *query,
                          uint32_t frames)
{
    struct lmm_recall_pool *pool = recall->pool;
    const struct lmm_recall_link *links = links_of(pool);
    struct lmm_recall_way *way = way_of(recall, mixed);
    uint32_t shape = way->shape;
    uint32_t site = LMM_SITE_NONE;

    if (fits(&pool->segment[way->latest], query)) {
        site = site_by(recall, way->latest, trace, family, query, frames);
    }
    for (; shape != 0 && site == LMM_SITE_NONE; shape = links[shape].shape) {
        const struct lmm_segment *first = &pool->segment[shape];
        if (first->depth != query->depth) {
            continue;
        }
        uint64_t key = key_of(first, query);
        uint32_t number = *bucket_of(pool, key);
        for (; number != 0 && site == LMM_SITE_NONE; number = links[number].chain) {
            if (pool->segment[number].key == key && fits(&pool->segment[number], query)) {
                site = site_by(recall, number, trace, family, query, frames);
                way->latest = (uint16_t) number;
            }
        }
    }
    return site;
}

/* ---- Keeping a segment ----------------------------------------------------------------------- */

static size_t pool_bytes(uint32_t capacity)
{
    return sizeof(struct lmm_recall_pool) +
           capacity *
               (sizeof(struct lmm_segment) + sizeof(struct lmm_recall_link) + sizeof(uint16_t));
}

static void chain(struct lmm_recall_pool *pool, uint32_t number)
{
    uint16_t *bucket = bucket_of(pool, pool->segment[number].key);

    links_of(pool)[number].chain = *bucket;
    *bucket = (uint16_t) number;
}

/* Drops all segments but segment 0. */
static void empty(struct lmm_recall *recall, const struct lmm_trace *trace)
{
    struct lmm_recall_pool *pool = recall->pool;

    memset(links_of(pool) + pool->capacity, 0, pool->capacity * sizeof(uint16_t));
    memset(&pool->segment[0], 0, sizeof(pool->segment[0]));
    memset(recall->ways, 0, sizeof(recall->ways));
    pool->used = 1;
    recall->last = 0;
    recall->generation = trace->generation;
}

/* Gives the segments memory for `capacity`, which is more. False: there is none; nothing has changed. */
static bool grow(struct lmm_recall *recall, uint32_t capacity)
{
    struct lmm_recall_pool *old = recall->pool;
    struct lmm_recall_pool *pool = lmm_meta_alloc(&lmm_arena_records, pool_bytes(capacity));

    if (pool == NULL) {
        return false;
    }
    pool->capacity = capacity;
    pool->used = old == NULL ? 0 : old->used;
    if (old != NULL) {
        memcpy(pool->segment, old->segment, old->used * sizeof(old->segment[0]));
        memcpy(links_of(pool), links_of(old), old->used * sizeof(struct lmm_recall_link));
        memset(links_of(pool) + capacity, 0, capacity * sizeof(uint16_t));
        for (uint32_t number = 1; number < pool->used; number++) {
            chain(pool, number);
        }
    }
    recall->pool = pool;
    if (old != NULL) {
        lmm_meta_free(&lmm_arena_records, old, pool_bytes(old->capacity));
    }
    return true;
}

/* Makes the segments those of the trace. False: there is no memory. */
static bool renew(struct lmm_recall *recall, const struct lmm_trace *trace)
{
    if (recall->pool == NULL && !grow(recall, LMM_RECALL_SEGMENTS_FIRST)) {
        return false;
    }
    empty(recall, trace);
    return true;
}

/* Whether the two have their words at the same places, from the same sp. */
static inline bool have_one_shape(const struct lmm_segment *a, const struct lmm_segment *b)
{
    return a->depth == b->depth && a->words == b->words && a->needs_bp == b->needs_bp &&
           a->is_far == b->is_far && memcmp(a->step, b->step, sizeof(a->step)) == 0;
}

/* Makes the shape of a new segment one that callers are looked up by. */
static void note_shape(struct lmm_recall *recall, uint32_t number, uint64_t mixed)
{
    const struct lmm_segment *segment = recall->pool->segment;
    struct lmm_recall_link *links = links_of(recall->pool);
    struct lmm_recall_way *way = way_of(recall, mixed);

    for (uint32_t shape = way->shape; shape != 0; shape = links[shape].shape) {
        if (have_one_shape(&segment[shape], &segment[number])) {
            return;
        }
    }
    links[number].shape = way->shape;
    way->shape = (uint16_t) number;
}

/* Adds a copy of a segment, of a caller that is mixed in that way; returns its number. */
static uint32_t add_segment(struct lmm_recall *recall, const struct lmm_trace *trace,
                            const struct lmm_segment *segment, uint64_t mixed)
{
    struct lmm_recall_pool *pool = recall->pool;

    if (pool->used == pool->capacity &&
        (pool->capacity == LMM_RECALL_SEGMENTS_MAX || !grow(recall, pool->capacity * GROWTH))) {
        empty(recall, trace);
    }
    pool = recall->pool;
    uint32_t number = pool->used++;
    pool->segment[number] = *segment;
    chain(pool, number);
    note_shape(recall, number, mixed);
    return number;
}

/* The number of the kept segment that leads from the same caller to the same joint; 0: there is none. */
static uint32_t find_same(struct lmm_recall_pool *pool, const struct lmm_segment *segment)
{
    uint32_t number = *bucket_of(pool, segment->key);

    while (number != 0 && !(pool->segment[number].key == segment->key &&
                            pool->segment[number].joint == segment->joint &&
                            have_one_shape(&pool->segment[number], segment))) {
        number = links_of(pool)[number].chain;
    }
    return number;
}

/* A segment that leads from the innermost `calls` of the trace to the next one, and that stack to the site.
 * False: it cannot be kept. */
static bool make_segment(const struct lmm_trace *trace, uint32_t calls, const struct query *query,
                         uint32_t site, struct lmm_segment *ret_segment)
{
    uint32_t inner = trace->count - 1;
    uint32_t joint = inner - calls;
    uintptr_t joint_at = (trace->sp[joint] - trace->sp[inner]) / WORD;
    uint64_t hash = trace->hash[inner] - trace->hash[joint];
    struct lmm_segment segment = {
        .hash = calls == 0 ? 0 : hash * lmm_trace_inverse[joint + 1],
        .outer_hash = outer_hash_of(trace, trace->first, joint + 1),
        .joint_bp = trace->bp[joint],
        .joint = joint & 0xff,
        .calls = calls & CALLS_MASK,
        .depth = query->depth & DEPTH_MAX,
        .site = site & SITE_MASK,
        .needs_bp = lmm_trace_needs_bp(trace, inner),
        .knows_bp = lmm_trace_needs_bp(trace, joint),
        .joint_at = (uint16_t) joint_at,
    };

    if (query->depth > DEPTH_MAX || joint_at > UINT16_MAX ||
        !lmm_segment_set_words(&segment, trace, joint)) {
        return false;
    }
    segment.key = key_of(&segment, query);
    *ret_segment = segment;
    return true;
}

/* Whether the innermost frame of the trace is as long as the last one with its pc; notes its length. */
static inline bool has_usual_frame(struct lmm_recall *recall, const struct lmm_trace *trace)
{
    uint32_t inner = trace->count - 1;
    uintptr_t pc = trace->pc[inner];
    struct lmm_recall_frame *frame = frame_of(recall, pc);
    uintptr_t bytes =
        inner == trace->first ? 0 : lmm_trace_return_at(trace, inner - 1) - trace->sp[inner];

    if (LMM_LIKELY(frame != NULL && frame->bytes == bytes)) {
        return true;
    }
    if (frame == NULL) {
        frame = recall->frame[lmm_hash(pc) % LMM_RECALL_FRAMES];
        memmove(&frame[1], &frame[0], (LMM_RECALL_FRAME_WAYS - 1) * sizeof(*frame));
    }
    *frame = (struct lmm_recall_frame) {pc, bytes};
    return false;
}

/* Whether the caller was looked for in vain before. If not, it becomes the newest of its set. The one before
 * it becomes the old one by chance only: where more callers come in turn than there is room for, and each
 * took the place of another, none would ever be met again. */
static inline bool was_seen(struct lmm_recall *recall, uint64_t mixed)
{
    struct lmm_recall_seen *seen = &recall->seen[mixed >> 32 & (LMM_RECALL_SEEN - 1)];
    uint16_t stamp = (uint16_t) (mixed >> 48);

    if (seen->newest == stamp || seen->old == stamp) {
        return true;
    }
    recall->draw = recall->draw * DRAW_MULTIPLIER + 1;
    if (seen->old == 0 || recall->draw >> DRAW_SHIFT == 0) {
        seen->old = seen->newest;
    }
    seen->newest = stamp;
    return false;
}

/* Keeps the innermost `calls` of the trace, with the site of the whole stack, if that is worth it. Not inline, because
 * its room on the stack is not needed while the stack is walked. */
static LMM_NOINLINE void consider(struct lmm_recall *recall, const struct lmm_trace *trace,
                                  uint32_t calls, const struct query *query, uint64_t mixed,
                                  uint32_t site)
{
    struct lmm_segment segment;

    if (calls >= trace->count || calls > LMM_SEGMENT_WORDS || !has_usual_frame(recall, trace) ||
        !was_seen(recall, mixed) ||
        (recall->generation != trace->generation && !renew(recall, trace)) ||
        !make_segment(trace, calls, query, site, &segment)) {
        return;
    }
    uint32_t number = find_same(recall->pool, &segment);
    if (number != 0) {
        recall->pool->segment[number].outer_hash = segment.outer_hash;
        recall->pool->segment[number].site = segment.site;
    } else {
        number = add_segment(recall, trace, &segment, mixed);
    }
    way_of(recall, mixed)->latest = (uint16_t) number;
    note_use(recall, number);
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* As lmm_recall_site(), by a walk. recall: NULL: nothing is kept. mixed: of the caller. */
static LMM_NOINLINE uint32_t walk(struct lmm_recall *recall, struct lmm_trace *trace,
                                  struct lmm_family *family, const struct query *query,
                                  uint32_t frames, uint64_t mixed)
{
    int saved_errno = errno;
    uint32_t calls = lmm_unwind(trace, query->caller, frames);
    uint32_t site = lmm_depot_site(family, trace);

    if (recall != NULL && LMM_LIKELY(site != family->site)) {
        consider(recall, trace, calls, query, mixed, site);
    }
    errno = saved_errno;
    return site;
}

uint32_t lmm_recall_find_caller(struct lmm_recall *recall, uint32_t class, uintptr_t pc)
{
    uint32_t forgotten = lmm_load_relaxed(&lmm_code_forgotten);
    uint32_t site = lmm_depot_known_caller(lmm_families_at(class), pc);

    if (recall != NULL && site != LMM_SITE_NONE) {
        if (recall->callers_forgotten != forgotten) {
            memset(recall->caller, 0, sizeof(recall->caller));
            recall->callers_forgotten = forgotten;
        }
        recall->caller[lmm_recall_caller_place(class, pc)] =
            (struct lmm_recall_caller) {pc, class, site};
    }
    return site;
}

/* As lmm_recall_site(), where the expected segments do not lead to the site. */
static LMM_NOINLINE uint32_t search(struct lmm_recall *recall, struct lmm_trace *trace,
                                    struct lmm_family *family, const struct query *query,
                                    uint32_t frames)
{
    uint32_t site = LMM_SITE_NONE;

    if (recall == NULL || !lmm_trace_is_usual(trace, query->caller->pc, query->caller->sp)) {
        return walk(NULL, trace, family, query, frames, 0);
    }
    uint64_t mixed = mix(recall, trace, query);
    if (recall->generation == trace->generation) {
        site = find_site(recall, mixed, trace, family, query, frames);
    }
    return site != LMM_SITE_NONE ? site : walk(recall, trace, family, query, frames, mixed);
}

/* A segment is of a usual caller, so what fits it is one, if the trace is as it was. */
uint32_t lmm_recall_site(struct lmm_recall *recall, struct lmm_trace *trace,
                         struct lmm_family *family, const struct lmm_caller *caller,
                         uint32_t frames)
{
    const struct query query = query_of(trace, family->index, caller);
    uint32_t site = LMM_SITE_NONE;

    if (LMM_LIKELY(recall != NULL && recall->generation == trace->generation &&
                   lmm_trace_is_ready(trace))) {
        uint32_t number = expected(recall, &query);
        if (LMM_LIKELY(number != 0)) {
            site = site_by(recall, number, trace, family, &query, frames);
        }
    }
    return LMM_LIKELY(site != LMM_SITE_NONE) ? site : search(recall, trace, family, &query, frames);
}
