/* SPDX-License-Identifier: MIT */
/*
 * malloc: libc's names for memory, as ISO C, POSIX and glibc's manual define them.
 *
 * The fast paths of malloc and free are those of the typed API, with the size class as the family.
 * While stacks are taken, or a tool watches, no site is open in the thread's view, so every call
 * goes on to the fast paths of stacked_fast.h, or to the slow path. C++ new and delete call these
 * functions through libstdc++.
 */
#include "lib/front/block.h"
#include "lib/heaps/cache.h"
#include "lib/heaps/foreign.h"
#include "lib/heaps/heap.h"
#include "lib/heaps/magazine.h"
#include "lib/ground/options.h"
#include "lib/ground/vm.h"
#include "lib/preload/classes.h"
#include "lib/preload/own_malloc.h"
#include "lib/preload/serve.h"
#include "lib/preload/stacked.h"
#include "lib/preload/stacked_fast.h"
#include "lib/heaps/thread.h"

#include <errno.h>
#include <lmm/lmm.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *fail(int error)
{
    errno = error;
    return NULL;
}

/* Pops a slot of a class that may have a magazine. NULL: the slow path is needed. */
static inline __attribute__((always_inline)) void *pop_longer(uint32_t class)
{
    void *block = lmm_magazine_pop(&lmm_thread_open, class);

    return LMM_LIKELY(block != NULL) ? block : lmm_heap_pop(&lmm_thread_open, class, class, true);
}

/* Pops a slot of the class. NULL: the slow path is needed. */
static inline __attribute__((always_inline)) void *pop(uint32_t class)
{
    return LMM_LIKELY(class < LMM_MAGAZINE_FIRST)
               ? lmm_heap_pop(&lmm_thread_open, class, class, true)
               : pop_longer(class);
}

static void look_at_magazines(void)
{
    if (lmm_thread_open.magazines != &lmm_no_magazines) {
        lmm_magazines_look(lmm_thread_open.heap);
    }
}

/* The same when pop() has found none: takes more for the bin. */
static LMM_NOINLINE void *pop_restocked(uint32_t class)
{
    if (class >= LMM_MAGAZINE_FIRST) {
        look_at_magazines();
    }
    return lmm_heap_pop_restocked(&lmm_thread_open, class, class);
}

static LMM_NOINLINE void *alloc_slowest(size_t bytes)
{
    struct lmm_caller caller = LMM_CALLER();
    bool may_pop = bytes <= LMM_CLASS_BYTES_MAX && lmm_options.stack_frames == 0;
    void *block = may_pop ? pop_restocked(lmm_class_of(bytes)) : NULL;

    return block != NULL ? block : lmm_serve_alloc(bytes, 1, false, &caller);
}

/* Pops a slot of a class where stacks have one call, that of the function which uses this macro; NULL: the slow path is
 * needed. Such a function needs no stack frame for it. */
#define POP_AT_CALLER(bytes)                                                                       \
    (lmm_options.stack_frames == 1 && (bytes) <= LMM_CLASS_BYTES_MAX                               \
         ? lmm_stacked_alloc_at(bytes, lmm_cfi_code((uintptr_t) __builtin_return_address(0)))      \
         : NULL)

static LMM_NOINLINE void *alloc_slow(size_t bytes)
{
    void *block = POP_AT_CALLER(bytes);

    return LMM_LIKELY(block != NULL) ? block : alloc_slowest(bytes);
}

/* Pops a run of LMM_CLASS_LARGE. NULL: the slow path is needed. */
static inline void *pop_run(size_t slots)
{
    size_t bytes = SIZE_MAX;

    return lmm_cache_pop_counted(&lmm_thread_open, LMM_CLASS_LARGE, LMM_CLASS_LARGE,
                                 LMM_CLASS_LARGE, true, slots, slots - 1, &bytes);
}

static LMM_NOINLINE void *alloc_run(size_t bytes)
{
    void *block = bytes <= LMM_RUN_BYTES_MAX ? pop_run(lmm_class_large_slots(bytes)) : NULL;

    return LMM_LIKELY(block != NULL) ? block : alloc_slow(bytes);
}

static LMM_NOINLINE void *alloc_longer(size_t bytes)
{
    if (LMM_UNLIKELY(bytes > LMM_CLASS_BYTES_MAX)) {
        return alloc_run(bytes);
    }
    void *block = pop_longer(lmm_class_of(bytes));
    return LMM_LIKELY(block != NULL) ? block : alloc_slow(bytes);
}

static inline __attribute__((always_inline)) void *alloc(size_t bytes)
{
    if (LMM_UNLIKELY(bytes > LMM_SMALL_BYTES)) {
        return alloc_longer(bytes);
    }
    uint32_t class = lmm_class_of(bytes);
    void *block = lmm_heap_pop(&lmm_thread_open, class, class, true);
    return LMM_LIKELY(block != NULL) ? block : alloc_slow(bytes);
}

LMM_API void *malloc(size_t bytes)
{
    return alloc(bytes);
}

static LMM_NOINLINE void *calloc_slowest(size_t count, size_t size)
{
    struct lmm_caller caller = LMM_CALLER();
    size_t bytes;

    return lmm_multiply_fits(count, size, &bytes) ? lmm_serve_alloc(bytes, 1, true, &caller)
                                                  : fail(ENOMEM);
}

static LMM_NOINLINE void *calloc_slow(size_t count, size_t size)
{
    size_t bytes;
    void *block = lmm_multiply_fits(count, size, &bytes) ? POP_AT_CALLER(bytes) : NULL;

    return LMM_LIKELY(block != NULL) ? memset(block, 0, lmm_class_strides[lmm_class_of(bytes)])
                                     : calloc_slowest(count, size);
}

/* Zeroes all of the slot: programs use what malloc_usable_size tells. */
LMM_API void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (LMM_LIKELY(lmm_multiply_fits(count, size, &bytes) && bytes <= LMM_CLASS_BYTES_MAX)) {
        uint32_t class = lmm_class_of(bytes);
        void *block = pop(class);
        if (LMM_LIKELY(block != NULL)) {
            return memset(block, 0, lmm_class_strides[class]);
        }
    }
    return calloc_slow(count, size);
}

static LMM_NOINLINE void page_event(struct lmm_page *page)
{
    int saved_errno = errno;

    lmm_heap_page_event(lmm_thread_open.heap, page);
    errno = saved_errno;
}

static LMM_NOINLINE void free_stacked_slow(void *p, struct lmm_page *page)
{
    if (!lmm_stacked_push(p, page)) {
        lmm_serve_free(p);
    }
}

/* Frees p, which is the start of a slot of this thread's page, with another tag than a fast path's. */
static LMM_NOINLINE void free_stacked(void *p, struct lmm_page *page)
{
    enum lmm_stacked_push push = lmm_stacked_push_fast(p, page);

    if (push == LMM_STACKED_EVENT) {
        page_event(page);
    } else if (push == LMM_STACKED_SLOW) {
        free_stacked_slow(p, page);
    }
}

/* Frees p, the start of a slot of this heap's page, of an open class above LMM_SMALL_BYTES, whose
 * magazine does not take it. */
static LMM_NOINLINE void free_unkept(void *p, struct lmm_page *page)
{
    struct lmm_open *open = &lmm_thread_open;
    uint32_t class = page->family;
    uint32_t slot = lmm_page_slot_of(page, p);
    uint32_t *tag = &page->tags[slot];
    struct lmm_ledger_row *row = &open->rows[class];

    if (class >= LMM_MAGAZINE_END || lmm_load_relaxed(tag) != (LMM_TAG_LIVE_BASE | class)) {
        free_stacked(p, page);
        return;
    }
    if (open->magazines == &lmm_no_magazines) {
        lmm_magazines_create(open);
    }
    lmm_heap_push_own(open->heap, page, slot, class);
    lmm_tag_before_block(tag, p);
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    look_at_magazines();
}

/* The same, where the magazine may take it. */
static LMM_NOINLINE void free_longer(void *p, struct lmm_page *page)
{
    const struct lmm_open *open = &lmm_thread_open;
    uint32_t class = page->family;

    if (LMM_UNLIKELY(!lmm_magazine_push(open, class, &open->rows[class], page, p, true))) {
        free_unkept(p, page);
    }
}

/*
 * Frees p, the start of a slot of another heap's page. A block of a size class counts at the class's
 * first site, so its tag need not be read before a whole batch of tags is written (foreign.h).
 */
static LMM_NOINLINE void free_other(void *p, struct lmm_page *page)
{
    const struct lmm_open *open = &lmm_thread_open;
    uint32_t class = lmm_load_relaxed(&page->family); /* the page may end in the push */
    struct lmm_ledger_row *row = lmm_open_first_row(open, class);

    if (LMM_UNLIKELY(class >= LMM_CLASS_LARGE || row == NULL || !lmm_thread_is_settled() ||
                     lmm_load_relaxed(&lmm_block_some_are_ignored))) {
        lmm_block_free_other(p, page, lmm_page_slot_of(page, p));
        return;
    }
    if (class >= LMM_MAGAZINE_FIRST &&
        LMM_LIKELY(lmm_magazine_push(open, class, row, page, p, false))) {
        return;
    }
    lmm_foreign_push_unread(open->heap, page, lmm_page_slot_of(page, p), p);
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    lmm_add_single_writer_release(&row->foreign_frees, 1);
}

static inline __attribute__((always_inline)) void free_block(void *p)
{
    struct lmm_page *page;
    enum lmm_push push = lmm_heap_push(&lmm_thread_open, p, true, &page);

    if (LMM_LIKELY(push == LMM_PUSH_DONE)) {
        return;
    }
    if (push == LMM_PUSH_LONGER) {
        free_longer(p, page);
    } else if (push == LMM_PUSH_SITE) {
        free_stacked(p, page);
    } else if (push == LMM_PUSH_EVENT) {
        page_event(page);
    } else if (push == LMM_PUSH_FOREIGN && lmm_thread_open.site_limit != 0) {
        free_other(p, page);
    } else {
        lmm_serve_free(p);
    }
}

LMM_API void free(void *p)
{
    free_block(p);
}

static LMM_NOINLINE void *resize_slow(void *p, size_t bytes)
{
    struct lmm_caller caller = LMM_CALLER();

    if (bytes == 0) {
        lmm_serve_free(p); /* as glibc does */
        return NULL;
    }
    return lmm_serve_resize(p, bytes, &caller);
}

enum {
    LEAST_STEP_BYTES = 16,
    SHORT_BYTES = 256, /* a block below gets half of its length as room, others a quarter */
    MOST_ROOM_BYTES = (LMM_SLACK_MAX + 1) / 2, /* with the rest of its slot a block may keep that */
};

/* Copies from part to 2 x part bytes as two parts, which may overlap. */
static inline __attribute__((always_inline)) void copy_ends(char *to, const char *from,
                                                            size_t bytes, size_t part)
{
    memcpy(to, from, part);
    memcpy(to + bytes - part, from + bytes - part, part);
}

/* Copies the first bytes of a slot to another: as many as the shorter one of the two classes has. A
 * call of memcpy takes longer than all the rest of a move. */
static inline __attribute__((always_inline)) void copy_slot(char *to, const char *from,
                                                            size_t bytes)
{
    if (bytes <= 16) {
        copy_ends(to, from, bytes, 8);
    } else if (bytes <= 32) {
        copy_ends(to, from, bytes, 16);
    } else if (bytes <= 64) {
        copy_ends(to, from, bytes, 32);
    } else if (bytes <= 128) {
        copy_ends(to, from, bytes, 64);
    } else if (LMM_LIKELY(bytes <= 256)) {
        copy_ends(to, from, bytes, 128);
    } else {
        memcpy(to, from, bytes);
    }
}

/* Moves a live block of a class of `old_bytes` to another class. NULL: the slow path is needed. */
static inline void *move_slot(void *p, size_t old_bytes, uint32_t class)
{
    void *block = pop(class);

    block = LMM_LIKELY(block != NULL) ? block : pop_restocked(class);
    if (LMM_LIKELY(block != NULL)) {
        size_t new_bytes = lmm_class_strides[class];
        copy_slot(block, p, old_bytes < new_bytes ? old_bytes : new_bytes);
        free_block(p);
    }
    return block;
}

/* The bytes for which a block is moved from a class of old_bytes. When it needs an eighth more at
 * most, it gets a quarter, or 512 bytes, so that a block which grows in small steps is moved less often;
 * a short one gets half. */
static inline size_t bytes_after_move(size_t old_bytes, size_t bytes)
{
    size_t step = old_bytes < 8 * (size_t) LEAST_STEP_BYTES ? LEAST_STEP_BYTES : old_bytes / 8;
    size_t part = old_bytes < SHORT_BYTES ? old_bytes / 2 : old_bytes / 4;
    size_t roomy = old_bytes + (part < MOST_ROOM_BYTES ? part : MOST_ROOM_BYTES);
    bool grows_slowly = bytes > old_bytes && bytes - old_bytes <= step;

    return grows_slowly && roomy > bytes && roomy <= LMM_CLASS_BYTES_MAX ? roomy : bytes;
}

/* Resizes a block of a class, for a request that the class does not keep. */
static LMM_NOINLINE void *resize_by_move(void *p, size_t bytes, uint32_t old_class)
{
    size_t old_bytes = lmm_class_strides[old_class];
    size_t roomy = bytes_after_move(old_bytes, bytes);
    void *block = move_slot(p, old_bytes, lmm_class_of(roomy));

    return LMM_LIKELY(block != NULL) ? block : resize_slow(p, roomy);
}

/* The fast path covers blocks that are, and stay, slots of a class. A size of 0 wraps around. What it
 * calls is called last, so it needs no stack. */
static inline __attribute__((always_inline)) void *resize(void *p, size_t bytes)
{
    if (p == NULL) {
        return alloc(bytes);
    }
    uint32_t old_class;
    struct lmm_ledger_row *row =
        bytes - 1 < LMM_CLASS_BYTES_MAX ? lmm_heap_look(&lmm_thread_open, p, &old_class) : NULL;
    if (LMM_UNLIKELY(row == NULL || old_class >= LMM_CLASSES)) {
        return resize_slow(p, bytes);
    }
    if (LMM_UNLIKELY(!lmm_class_keeps(lmm_class_strides[old_class], bytes))) {
        return resize_by_move(p, bytes, old_class);
    }
    lmm_add_single_writer(&row->allocated_blocks, 1);
    lmm_add_single_writer_release(&row->freed_blocks, 1);
    return p;
}

LMM_API void *realloc(void *p, size_t bytes)
{
    return resize(p, bytes);
}

LMM_API void *reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;

    return lmm_multiply_fits(count, size, &bytes) ? resize(p, bytes) : fail(ENOMEM);
}

/* ---- Alignment ------------------------------------------------------------------------------- */

/* Pops a slot of a class for a request at a multiple of align, a power of two. NULL: the slow path is
 * needed. */
static inline __attribute__((always_inline)) void *pop_aligned(size_t bytes, size_t align)
{
    return LMM_LIKELY((bytes | align) <= LMM_CLASS_BYTES_MAX)
               ? pop(lmm_class_of_aligned(bytes, align))
               : NULL;
}

static void *serve_aligned(size_t bytes, size_t align, const struct lmm_caller *caller)
{
    bool may_pop = (bytes | align) <= LMM_CLASS_BYTES_MAX && lmm_options.stack_frames == 0;
    void *block = may_pop ? pop_restocked(lmm_class_of_aligned(bytes, align)) : NULL;

    return block != NULL ? block : lmm_serve_alloc(bytes, align, false, caller);
}

static LMM_NOINLINE void *alloc_aligned_slow(size_t bytes, size_t align)
{
    struct lmm_caller caller = LMM_CALLER();

    return serve_aligned(bytes, align, &caller);
}

static inline __attribute__((always_inline)) void *alloc_aligned(size_t bytes, size_t align)
{
    void *block = pop_aligned(bytes, align);

    return LMM_LIKELY(block != NULL) ? block : alloc_aligned_slow(bytes, align);
}

/* Its arguments are those of posix_memalign(), so that this call is the last thing there, and its
 * caller's that of posix_memalign(). Sets errno, too, on ENOMEM, as glibc does, and never otherwise. */
static LMM_NOINLINE int store_aligned_slow(void **ret_block, size_t align, size_t bytes)
{
    struct lmm_caller caller = LMM_CALLER();
    void *block = serve_aligned(bytes, align, &caller);

    if (block == NULL) {
        return ENOMEM;
    }
    *ret_block = block;
    return 0;
}

LMM_API int posix_memalign(void **ret_block, size_t align, size_t bytes)
{
    if (LMM_UNLIKELY(!lmm_is_power_of_two(align) || align % sizeof(void *) != 0)) {
        return EINVAL;
    }
    void *block = pop_aligned(bytes, align);
    if (LMM_UNLIKELY(block == NULL)) {
        return store_aligned_slow(ret_block, align, bytes);
    }
    *ret_block = block;
    return 0;
}

/* The least power of two that is not below align, which is at most SIZE_MAX / 2 + 1. */
static inline size_t power_from(size_t align)
{
    return align <= 1 ? 1 : ((size_t) 1 << 63) >> (__builtin_clzl(align - 1) - 1);
}

/* As glibc does, rounds an alignment that is not a power of two up to one. */
LMM_API void *memalign(size_t align, size_t bytes)
{
    if (LMM_LIKELY(lmm_is_power_of_two(align))) {
        return alloc_aligned(bytes, align);
    }
    return align <= SIZE_MAX / 2 + 1 ? alloc_aligned_slow(bytes, power_from(align)) : fail(EINVAL);
}

/* C17 does not require that bytes is a multiple of align. */
LMM_API void *aligned_alloc(size_t align, size_t bytes)
{
    return LMM_LIKELY(lmm_is_power_of_two(align)) ? alloc_aligned(bytes, align) : fail(EINVAL);
}

LMM_API void *valloc(size_t bytes)
{
    return alloc_aligned(bytes, lmm_vm_page_bytes());
}

LMM_API void *pvalloc(size_t bytes)
{
    if (bytes > SIZE_MAX - lmm_vm_page_bytes()) {
        return fail(ENOMEM);
    }
    return alloc_aligned(lmm_vm_round_up(bytes), lmm_vm_page_bytes());
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

LMM_API size_t malloc_usable_size(void *p)
{
    return lmm_serve_usable(p);
}

/* C23. LMM finds size and alignment by the pointer, so it ignores the arguments. */
LMM_API void free_sized(void *p, size_t bytes);
LMM_API void free_aligned_sized(void *p, size_t align, size_t bytes);

LMM_API void free_sized(void *p, size_t bytes)
{
    (void) bytes;
    free_block(p);
}

LMM_API void free_aligned_sized(void *p, size_t align, size_t bytes)
{
    (void) align;
    (void) bytes;
    free_block(p);
}

/* ---- glibc's other names --------------------------------------------------------------------- */

/* Programs and shims that call glibc's internal names mix their blocks with those of the plain
 * names. glibc keeps cfree for programs from before 2017. */
#if defined(__has_attribute) && __has_attribute(copy)
#define SAME_AS(function) __attribute__((alias(#function), copy(function)))
#else
#define SAME_AS(function) __attribute__((alias(#function)))
#endif

LMM_API __typeof__(malloc) __libc_malloc SAME_AS(malloc);
LMM_API __typeof__(calloc) __libc_calloc SAME_AS(calloc);
LMM_API __typeof__(free) __libc_free SAME_AS(free);
LMM_API __typeof__(free) cfree SAME_AS(free);
LMM_API __typeof__(realloc) __libc_realloc SAME_AS(realloc);
LMM_API __typeof__(reallocarray) __libc_reallocarray SAME_AS(reallocarray);
LMM_API __typeof__(memalign) __libc_memalign SAME_AS(memalign);
LMM_API __typeof__(valloc) __libc_valloc SAME_AS(valloc);
LMM_API __typeof__(pvalloc) __libc_pvalloc SAME_AS(pvalloc);
LMM_API __typeof__(posix_memalign) __posix_memalign SAME_AS(posix_memalign);

/* ---- Names of LMM's own ---------------------------------------------------------------------- */

__typeof__(malloc) lmm_own_malloc SAME_AS(malloc);
__typeof__(calloc) lmm_own_calloc SAME_AS(calloc);
__typeof__(realloc) lmm_own_realloc SAME_AS(realloc);
__typeof__(free) lmm_own_free SAME_AS(free);
__typeof__(memalign) lmm_own_memalign SAME_AS(memalign);
__typeof__(aligned_alloc) lmm_own_aligned_alloc SAME_AS(aligned_alloc);
__typeof__(posix_memalign) lmm_own_posix_memalign SAME_AS(posix_memalign);
__typeof__(valloc) lmm_own_valloc SAME_AS(valloc);
__typeof__(pvalloc) lmm_own_pvalloc SAME_AS(pvalloc);
__typeof__(malloc_usable_size) lmm_own_usable_size SAME_AS(malloc_usable_size);
