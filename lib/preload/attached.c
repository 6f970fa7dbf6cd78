/* SPDX-License-Identifier: MIT */
#include "lib/preload/attached.h"

#include "lib/ground/sync.h"
#include "lib/pages/page.h"
#include "lib/preload/image.h"
#include "lib/preload/own_malloc.h"
#include "lib/preload/serve.h"

#include <errno.h>
#include <string.h>

bool lmm_attached_is_detached;

static struct {
    const struct lmm_attach_function *functions;
    void *(*resize)(void *p, size_t bytes);
} process;

/* In the order of the table below. */
enum function {
    NALLOCX, /* only asked */
    MALLOCX,
    RALLOCX,
    XALLOCX,
    SALLOCX,
    DALLOCX,
    SDALLOCX,
    REALLOCARRAY,
    CFREE,
    VFREE,
    FREE_SIZED,
    FREE_ALIGNED_SIZED,
    NEW,
    NEW_NOTHROW,
    NEW_ALIGN,
    NEW_ALIGN_NOTHROW,
    NEW_ARRAY,
    NEW_ARRAY_NOTHROW,
    NEW_ARRAY_ALIGN,
    NEW_ARRAY_ALIGN_NOTHROW,
    DELETE,
    DELETE_SIZE,
    DELETE_NOTHROW,
    DELETE_ALIGN,
    DELETE_SIZE_ALIGN,
    DELETE_ALIGN_NOTHROW,
    DELETE_ARRAY,
    DELETE_ARRAY_SIZE,
    DELETE_ARRAY_NOTHROW,
    DELETE_ARRAY_ALIGN,
    DELETE_ARRAY_SIZE_ALIGN,
    DELETE_ARRAY_ALIGN_NOTHROW,
    FUNCTIONS
};

static uintptr_t original(enum function function)
{
    return (uintptr_t) process.functions[function].original;
}

static bool is_diverted(void)
{
    return LMM_UNLIKELY(lmm_load_relaxed(&lmm_attached_is_detached));
}

bool lmm_attached_is_own(const void *p)
{
    const struct lmm_page *page = lmm_page_of((uintptr_t) p);

    return page != NULL && lmm_load_acquire(&page->kind) != LMM_PAGE_NONE;
}

/* ---- Freeing --------------------------------------------------------------------------------- */

/* The other arguments of a function that frees are passed on as they came. */
typedef void free_any(void *p, uintptr_t a, uintptr_t b);

static inline __attribute__((always_inline)) void free_by(enum function function, void *p,
                                                          uintptr_t a, uintptr_t b)
{
    if (LMM_LIKELY(lmm_attached_is_own(p))) {
        lmm_own_free(p);
    } else {
        ((free_any *) original(function))(p, a, b);
    }
}

#define FREES_BY(name, function)                                                                   \
    static void name(void *p, uintptr_t a, uintptr_t b)                                            \
    {                                                                                              \
        free_by(function, p, a, b);                                                                \
    }

FREES_BY(attached_dallocx, DALLOCX)
FREES_BY(attached_sdallocx, SDALLOCX)
FREES_BY(attached_cfree, CFREE)
FREES_BY(attached_vfree, VFREE)
FREES_BY(attached_free_sized, FREE_SIZED)
FREES_BY(attached_free_aligned_sized, FREE_ALIGNED_SIZED)
FREES_BY(attached_delete, DELETE)
FREES_BY(attached_delete_size, DELETE_SIZE)
FREES_BY(attached_delete_nothrow, DELETE_NOTHROW)
FREES_BY(attached_delete_align, DELETE_ALIGN)
FREES_BY(attached_delete_size_align, DELETE_SIZE_ALIGN)
FREES_BY(attached_delete_align_nothrow, DELETE_ALIGN_NOTHROW)
FREES_BY(attached_delete_array, DELETE_ARRAY)
FREES_BY(attached_delete_array_size, DELETE_ARRAY_SIZE)
FREES_BY(attached_delete_array_nothrow, DELETE_ARRAY_NOTHROW)
FREES_BY(attached_delete_array_align, DELETE_ARRAY_ALIGN)
FREES_BY(attached_delete_array_size_align, DELETE_ARRAY_SIZE_ALIGN)
FREES_BY(attached_delete_array_align_nothrow, DELETE_ARRAY_ALIGN_NOTHROW)

/* ---- Operators new --------------------------------------------------------------------------- */

/* Where LMM has no memory, the other malloc's operator calls the handler, and throws. */
static inline __attribute__((always_inline)) void *new_by(enum function function, size_t bytes,
                                                          uintptr_t a, uintptr_t b)
{
    typedef void *new_any(size_t bytes, uintptr_t a, uintptr_t b);
    void *block = is_diverted() ? NULL : lmm_own_malloc(bytes);

    return LMM_LIKELY(block != NULL) ? block : ((new_any *) original(function))(bytes, a, b);
}

static inline __attribute__((always_inline)) void *
new_aligned_by(enum function function, size_t bytes, size_t align, uintptr_t b)
{
    typedef void *new_any(size_t bytes, size_t align, uintptr_t b);
    void *block = is_diverted() ? NULL : lmm_own_memalign(align, bytes);

    return LMM_LIKELY(block != NULL) ? block : ((new_any *) original(function))(bytes, align, b);
}

#define NEWS_BY(name, function, make)                                                              \
    static void *name(size_t bytes, uintptr_t a, uintptr_t b)                                      \
    {                                                                                              \
        return make(function, bytes, a, b);                                                        \
    }

NEWS_BY(attached_new, NEW, new_by)
NEWS_BY(attached_new_nothrow, NEW_NOTHROW, new_by)
NEWS_BY(attached_new_align, NEW_ALIGN, new_aligned_by)
NEWS_BY(attached_new_align_nothrow, NEW_ALIGN_NOTHROW, new_aligned_by)
NEWS_BY(attached_new_array, NEW_ARRAY, new_by)
NEWS_BY(attached_new_array_nothrow, NEW_ARRAY_NOTHROW, new_by)
NEWS_BY(attached_new_array_align, NEW_ARRAY_ALIGN, new_aligned_by)
NEWS_BY(attached_new_array_align_nothrow, NEW_ARRAY_ALIGN_NOTHROW, new_aligned_by)

/* ---- jemalloc's own -------------------------------------------------------------------------- */

/* Its flags: the logarithm of the alignment, whether the bytes are zero; above these, a cache and an arena. */
enum { LOG_ALIGN = 63, ZERO = 64, LOG_SMALL_ALIGN = 4, FIRST_FLAG_OF_OTHERS = 8 };

typedef void *mallocx_function(size_t bytes, int flags);

/* As many bytes as jemalloc would give: programs use what nallocx tells. */
static size_t good_bytes(size_t bytes, int flags)
{
    typedef size_t nallocx_function(size_t bytes, int flags);
    uintptr_t ask = original(NALLOCX);
    size_t good = ask == 0 ? bytes : ((nallocx_function *) ask)(bytes, flags);

    return good < bytes ? bytes : good;
}

static void *attached_mallocx(size_t bytes, int flags)
{
    bool is_zero = (flags & ZERO) != 0;
    unsigned log_align = (unsigned) flags & LOG_ALIGN;

    if (is_diverted() || (unsigned) flags >> FIRST_FLAG_OF_OTHERS != 0) {
        return ((mallocx_function *) original(MALLOCX))(bytes, flags);
    }
    bytes = good_bytes(bytes, flags);
    if (log_align <= LOG_SMALL_ALIGN) {
        return is_zero ? lmm_own_calloc(1, bytes) : lmm_own_malloc(bytes);
    }
    void *block = lmm_own_memalign((size_t) 1 << log_align, bytes);

    return is_zero && block != NULL ? memset(block, 0, bytes) : block;
}

static void *attached_rallocx(void *p, size_t bytes, int flags)
{
    typedef void *rallocx_function(void *p, size_t bytes, int flags);

    if (!lmm_attached_is_own(p)) {
        return ((rallocx_function *) original(RALLOCX))(p, bytes, flags);
    }
    size_t old_bytes = lmm_serve_usable(p);
    void *moved = attached_mallocx(bytes, flags);

    if (moved != NULL) {
        memcpy(moved, p, old_bytes < bytes ? old_bytes : bytes);
        lmm_own_free(p);
    }
    return moved;
}

/* A block of LMM never changes its length in its place. */
static size_t attached_xallocx(void *p, size_t bytes, size_t extra, int flags)
{
    typedef size_t xallocx_function(void *p, size_t bytes, size_t extra, int flags);

    return lmm_attached_is_own(p)
               ? lmm_serve_usable(p)
               : ((xallocx_function *) original(XALLOCX))(p, bytes, extra, flags);
}

static size_t attached_sallocx(void *p, int flags)
{
    typedef size_t sallocx_function(void *p, int flags);

    return lmm_attached_is_own(p) ? lmm_serve_usable(p)
                                  : ((sallocx_function *) original(SALLOCX))(p, flags);
}

/* ---- Others' own ----------------------------------------------------------------------------- */

static void *attached_reallocarray(void *p, size_t count, size_t size)
{
    size_t bytes;

    if (!lmm_multiply_fits(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return process.resize(p, bytes);
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef void any(void);

/* is_needed: it takes a block. Those that only make one may be left to the other malloc. */
static const struct {
    const char *name;
    any *own; /* NULL: it is not led to LMM */
    bool is_needed;
} table[FUNCTIONS] = {
    [NALLOCX] = {"nallocx", NULL, false},
    [MALLOCX] = {"mallocx", (any *) attached_mallocx, false},
    [RALLOCX] = {"rallocx", (any *) attached_rallocx, true},
    [XALLOCX] = {"xallocx", (any *) attached_xallocx, true},
    [SALLOCX] = {"sallocx", (any *) attached_sallocx, true},
    [DALLOCX] = {"dallocx", (any *) attached_dallocx, true},
    [SDALLOCX] = {"sdallocx", (any *) attached_sdallocx, true},
    [REALLOCARRAY] = {"reallocarray", (any *) attached_reallocarray, true},
    [CFREE] = {"cfree", (any *) attached_cfree, true},
    [VFREE] = {"vfree", (any *) attached_vfree, true},
    [FREE_SIZED] = {"free_sized", (any *) attached_free_sized, true},
    [FREE_ALIGNED_SIZED] = {"free_aligned_sized", (any *) attached_free_aligned_sized, true},
    [NEW] = {"_Znwm", (any *) attached_new, false},
    [NEW_NOTHROW] = {"_ZnwmRKSt9nothrow_t", (any *) attached_new_nothrow, false},
    [NEW_ALIGN] = {"_ZnwmSt11align_val_t", (any *) attached_new_align, false},
    [NEW_ALIGN_NOTHROW] = {"_ZnwmSt11align_val_tRKSt9nothrow_t", (any *) attached_new_align_nothrow,
                           false},
    [NEW_ARRAY] = {"_Znam", (any *) attached_new_array, false},
    [NEW_ARRAY_NOTHROW] = {"_ZnamRKSt9nothrow_t", (any *) attached_new_array_nothrow, false},
    [NEW_ARRAY_ALIGN] = {"_ZnamSt11align_val_t", (any *) attached_new_array_align, false},
    [NEW_ARRAY_ALIGN_NOTHROW] = {"_ZnamSt11align_val_tRKSt9nothrow_t",
                                 (any *) attached_new_array_align_nothrow, false},
    [DELETE] = {"_ZdlPv", (any *) attached_delete, true},
    [DELETE_SIZE] = {"_ZdlPvm", (any *) attached_delete_size, true},
    [DELETE_NOTHROW] = {"_ZdlPvRKSt9nothrow_t", (any *) attached_delete_nothrow, true},
    [DELETE_ALIGN] = {"_ZdlPvSt11align_val_t", (any *) attached_delete_align, true},
    [DELETE_SIZE_ALIGN] = {"_ZdlPvmSt11align_val_t", (any *) attached_delete_size_align, true},
    [DELETE_ALIGN_NOTHROW] = {"_ZdlPvSt11align_val_tRKSt9nothrow_t",
                              (any *) attached_delete_align_nothrow, true},
    [DELETE_ARRAY] = {"_ZdaPv", (any *) attached_delete_array, true},
    [DELETE_ARRAY_SIZE] = {"_ZdaPvm", (any *) attached_delete_array_size, true},
    [DELETE_ARRAY_NOTHROW] = {"_ZdaPvRKSt9nothrow_t", (any *) attached_delete_array_nothrow, true},
    [DELETE_ARRAY_ALIGN] = {"_ZdaPvSt11align_val_t", (any *) attached_delete_array_align, true},
    [DELETE_ARRAY_SIZE_ALIGN] = {"_ZdaPvmSt11align_val_t", (any *) attached_delete_array_size_align,
                                 true},
    [DELETE_ARRAY_ALIGN_NOTHROW] = {"_ZdaPvSt11align_val_tRKSt9nothrow_t",
                                    (any *) attached_delete_array_align_nothrow, true},
};

size_t lmm_attached_fill(const struct lmm_image *module, struct lmm_attach_function *first,
                         size_t room, void *(*resize)(void *p, size_t bytes))
{
    process.functions = first;
    process.resize = resize;
    for (size_t i = 0; i < FUNCTIONS && i < room; i++) {
        strncpy(first[i].name, table[i].name, LMM_ATTACH_NAME_MAX - 1);
        first[i].old = lmm_image_definition(module, table[i].name);
        first[i].own = (uintptr_t) table[i].own;
        first[i].is_needed = table[i].is_needed;
        first[i].role = i == RALLOCX || i == REALLOCARRAY ? LMM_ATTACH_RESIZES
                        : table[i].is_needed              ? LMM_ATTACH_TAKES
                                                          : LMM_ATTACH_MAKES;
    }
    return FUNCTIONS;
}
