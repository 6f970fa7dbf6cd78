/* SPDX-License-Identifier: MIT */
#include "lib/preload/serve.h"

#include "lib/front/block.h"
#include "lib/front/misuse.h"
#include "lib/ground/options.h"
#include "lib/preload/arrival.h"
#include "lib/preload/classes.h"
#include "lib/preload/matching.h"
#include "lib/preload/other.h"
#include "lib/preload/stacked.h"
#include "lib/preload/startup.h"
#include "lib/preload/surroundings.h"
#include "lib/front/report.h"
#include "lib/heaps/fork.h"
#include "lib/heaps/start.h"

#include <errno.h>
#include <string.h>

/* ---- Start ----------------------------------------------------------------------------------- */

static struct {
    struct lmm_lock lock;
    bool has_started; /* atomic */
} serve = {.lock = LMM_LOCK_INIT(LMM_RANK_REPORT)};

/* True while this thread starts LMM: its requests are recursive. */
static _Thread_local bool is_starting __attribute__((tls_model("initial-exec")));

static bool start_locked(void)
{
    lmm_surroundings_find_environment();
    if (!lmm_start()) {
        return false;
    }
    bool takes_stacks = lmm_options.stack_frames != 0;
    if (!lmm_classes_start(takes_stacks) || (takes_stacks && !lmm_stacked_start())) {
        return false;
    }
    lmm_accounts_note_drop_in(lmm_options.stack_frames);
    lmm_report_keep_stream();
    return true;
}

static LMM_COLD bool start(void)
{
    int saved_errno = errno;

    lmm_lock_acquire(&serve.lock);
    is_starting = true;
    bool done = serve.has_started || start_locked();
    is_starting = false;
    lmm_store_release(&serve.has_started, done);
    lmm_lock_release(&serve.lock);
    errno = done ? saved_errno : ENOMEM;
    return done;
}

static bool has_started(void)
{
    return LMM_LIKELY(lmm_load_acquire(&serve.has_started)) || start();
}

bool lmm_serve_start(void)
{
    return has_started();
}

/* Runs before the program's own constructors, even if nothing has requested memory yet. */
__attribute__((constructor(101))) static void start_early(void)
{
    if (lmm_arrival_is_late()) {
        return;
    }
    lmm_fork_watch();
    if (start() && lmm_options.leaves_children_alone) {
        lmm_surroundings_restore_environment();
    }
}

/* ---- Other blocks ---------------------------------------------------------------------------- */

/* True and *ret_bytes when p is a block of the start's pool, or of another allocator. */
static bool find_other(void *p, size_t *ret_bytes)
{
    return lmm_startup_find(p, ret_bytes) || lmm_other_usable(p, ret_bytes);
}

/* False: p is a block of neither. */
static bool free_other(void *p)
{
    size_t bytes;

    return lmm_startup_find(p, &bytes) || lmm_other_free(p);
}

/* ---- Allocating ------------------------------------------------------------------------------ */

static void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static LMM_NOINLINE void *alloc_any(size_t bytes, size_t align, bool zero,
                                    const struct lmm_caller *caller)
{
    struct lmm_shape shape;
    int saved_errno = errno;

    if (LMM_UNLIKELY(is_starting)) {
        void *early = lmm_startup_alloc(bytes, align);
        return early == NULL ? out_of_memory() : early;
    }
    if (!has_started() || !lmm_shape_of(bytes, align, &shape)) {
        return out_of_memory();
    }
    void *block =
        lmm_options.stack_frames != 0
            ? lmm_stacked_alloc(&shape, align, zero, caller)
            : lmm_block_alloc(lmm_families_at(shape.class), shape.class, shape.slots, align, zero);
    if (block == NULL) {
        return out_of_memory();
    }
    errno = saved_errno;
    return block;
}

void *lmm_serve_alloc(size_t bytes, size_t align, bool zero, const struct lmm_caller *caller)
{
    if (lmm_options.stack_frames != 0 && align == 1) {
        void *block = lmm_stacked_alloc_small(bytes, zero, caller);
        if (LMM_LIKELY(block != NULL)) {
            return block;
        }
    }
    return alloc_any(bytes, align, zero, caller);
}

/* ---- Freeing --------------------------------------------------------------------------------- */

/* Tells a block of an operator that is freed by another function, with match=1. */
static void compare(const void *p, const struct lmm_block_facts *facts, enum lmm_freer freer)
{
    const struct lmm_release release = {.freer = freer};

    if (LMM_UNLIKELY(lmm_options.match)) {
        lmm_matching_freed(p, facts, &release);
    }
}

void lmm_serve_free(void *p)
{
    struct lmm_block_facts facts;
    int saved_errno = errno;

    if (p == NULL) {
        return;
    }
    if (!lmm_block_find(p, &facts)) {
        if (!free_other(p)) {
            lmm_misuse(p, "free");
        }
        errno = saved_errno;
        return;
    }
    compare(p, &facts, LMM_FREED_BY_FREE);
    if (lmm_options.stack_frames != 0) {
        lmm_stacked_free(p, &facts);
    } else {
        lmm_block_free(p);
    }
    errno = saved_errno;
}

/* ---- Resizing -------------------------------------------------------------------------------- */

static size_t usable_bytes(const struct lmm_block_facts *facts)
{
    return facts->slots * facts->page->stride;
}

/* Whether a block may keep its slots for a request: of the same shape, or a little shorter. */
static bool keeps_slots(const struct lmm_block_facts *facts, const struct lmm_shape *shape,
                        size_t bytes)
{
    if (facts->family->index == shape->class) {
        return facts->slots == shape->slots;
    }
    return shape->class < LMM_CLASS_LARGE && facts->family->index < LMM_CLASS_LARGE &&
           lmm_class_keeps(usable_bytes(facts), bytes);
}

/* Gives the block its new shape in place, or moves it with mremap. NULL: it must be copied. */
static void *reshape(void *p, const struct lmm_block_facts *facts, struct lmm_shape *shape,
                     size_t bytes, const struct lmm_caller *caller)
{
    bool keeps = keeps_slots(facts, shape, bytes);

    if (!keeps && (shape->class != LMM_CLASS_LARGE || facts->family->index != LMM_CLASS_LARGE)) {
        return NULL;
    }
    if (keeps && facts->family->index != shape->class) {
        shape->slack += (uint32_t) (usable_bytes(facts) - lmm_class_strides[shape->class]);
        shape->class = facts->family->index;
    }
    return lmm_options.stack_frames != 0 ? lmm_stacked_reshape(p, facts, shape, caller)
                                         : lmm_block_reshape(p, facts, shape->slots, shape->class);
}

/* Allocates a block with the contents of p, which has old_bytes. NULL: out of memory. */
static void *copy(const void *p, size_t old_bytes, size_t bytes, const struct lmm_caller *caller)
{
    void *block = lmm_serve_alloc(bytes, 1, false, caller);

    return block == NULL ? NULL : memcpy(block, p, old_bytes < bytes ? old_bytes : bytes);
}

/* Moves another block to a block of LMM's, or of the start's pool. */
static void *resize_other(void *p, size_t bytes, const struct lmm_caller *caller)
{
    size_t old_bytes;

    if (!find_other(p, &old_bytes)) {
        lmm_misuse(p, "realloc");
    }
    void *moved = copy(p, old_bytes, bytes, caller);
    if (moved != NULL) {
        free_other(p);
    }
    return moved;
}

static void *move(void *p, const struct lmm_block_facts *facts, size_t bytes,
                  const struct lmm_caller *caller)
{
    bool is_temporary = lmm_stacked_is_last(p);
    void *moved = copy(p, usable_bytes(facts), bytes, caller);

    if (moved == NULL) {
        return NULL;
    }
    if (is_temporary) {
        lmm_stacked_note_temporary(facts);
    }
    if (!lmm_stacked_push(p, facts->page)) {
        lmm_serve_free(p);
    }
    lmm_stacked_note_moved(moved);
    return moved;
}

void *lmm_serve_resize(void *p, size_t bytes, const struct lmm_caller *caller)
{
    struct lmm_block_facts facts;
    struct lmm_shape shape;
    int saved_errno = errno;

    LMM_CHECK(p != NULL && bytes != 0);
    if (is_starting) {
        return resize_other(p, bytes, caller);
    }
    if (!has_started() || !lmm_shape_of(bytes, 1, &shape)) {
        return out_of_memory();
    }
    if (!lmm_block_find(p, &facts)) {
        return resize_other(p, bytes, caller);
    }
    compare(p, &facts, LMM_FREED_BY_REALLOC);
    void *moved = reshape(p, &facts, &shape, bytes, caller);
    moved = moved != NULL ? moved : move(p, &facts, bytes, caller);
    if (moved != NULL) {
        errno = saved_errno;
    }
    return moved;
}

size_t lmm_serve_usable(void *p)
{
    struct lmm_block_facts facts;
    size_t bytes;

    if (p == NULL) {
        return 0;
    }
    if (lmm_block_find(p, &facts)) {
        return usable_bytes(&facts);
    }
    if (!find_other(p, &bytes)) {
        lmm_misuse(p, "malloc_usable_size");
    }
    return bytes;
}
