/* SPDX-License-Identifier: MIT */
/*
 * operators: what modules call instead of the C++ runtime's operators new and delete while match=1 is
 * on. Each calls the runtime's, which allocates or frees, and tells matching.
 *
 * The runtime's operators call one another through slots that lead here, too: new[] calls new, and the
 * outer one tells last, so it counts. Of deletes only the outermost compares. A bad_alloc passes through
 * these functions, which hold nothing then.
 *
 * Owns the table of operators. Locks: none, except those of the functions it calls. No other file needs
 * a function of this one.
 */
#include "lib/ground/options.h"
#include "lib/heaps/start.h"
#include "lib/preload/imports.h"
#include "lib/preload/matching.h"
#include "lib/preload/serve.h"

/* The forms of new, then those of delete; each has one for single objects and, FORMS later, one for
 * arrays. */
enum form {
    NEW,
    NEW_NOTHROW,
    NEW_ALIGN,
    NEW_ALIGN_NOTHROW,
    DELETE,
    DELETE_NOTHROW,
    DELETE_SIZE,
    DELETE_ALIGN,
    DELETE_ALIGN_NOTHROW,
    DELETE_SIZE_ALIGN,
    FORMS,
};

static struct lmm_import operators[2 * FORMS];

/* ---- Allocating ------------------------------------------------------------------------------ */

typedef void *new_plain(size_t bytes);
typedef void *new_nothrow(size_t bytes, const void *nothrow);
typedef void *new_align(size_t bytes, size_t align);
typedef void *new_align_nothrow(size_t bytes, size_t align, const void *nothrow);

/* Calls the runtime's operator of that index. align: 0 for forms without it. */
static void *make(size_t index, size_t bytes, size_t align, const void *nothrow)
{
    void *original = operators[index].original;
    void *p = NULL;

    switch (index % FORMS) {
    case NEW: p = ((new_plain *) original)(bytes); break;
    case NEW_NOTHROW: p = ((new_nothrow *) original)(bytes, nothrow); break;
    case NEW_ALIGN: p = ((new_align *) original)(bytes, align); break;
    default: p = ((new_align_nothrow *) original)(bytes, align, nothrow); break;
    }
    if (p != NULL) {
        const struct lmm_origin origin = {
            .maker = index < FORMS ? LMM_MADE_BY_NEW : LMM_MADE_BY_NEW_ARRAY,
            .align = align,
            .bytes = bytes,
        };
        lmm_matching_made(p, &origin);
    }
    return p;
}

static void *one_plain(size_t bytes)
{
    return make(NEW, bytes, 0, NULL);
}

static void *one_nothrow(size_t bytes, const void *nothrow)
{
    return make(NEW_NOTHROW, bytes, 0, nothrow);
}

static void *one_align(size_t bytes, size_t align)
{
    return make(NEW_ALIGN, bytes, align, NULL);
}

static void *one_align_nothrow(size_t bytes, size_t align, const void *nothrow)
{
    return make(NEW_ALIGN_NOTHROW, bytes, align, nothrow);
}

static void *array_plain(size_t bytes)
{
    return make(FORMS + NEW, bytes, 0, NULL);
}

static void *array_nothrow(size_t bytes, const void *nothrow)
{
    return make(FORMS + NEW_NOTHROW, bytes, 0, nothrow);
}

static void *array_align(size_t bytes, size_t align)
{
    return make(FORMS + NEW_ALIGN, bytes, align, NULL);
}

static void *array_align_nothrow(size_t bytes, size_t align, const void *nothrow)
{
    return make(FORMS + NEW_ALIGN_NOTHROW, bytes, align, nothrow);
}

/* ---- Freeing --------------------------------------------------------------------------------- */

typedef void delete_plain(void *p);
typedef void delete_nothrow(void *p, const void *nothrow);
typedef void delete_size(void *p, size_t bytes);
typedef void delete_align(void *p, size_t align);
typedef void delete_align_nothrow(void *p, size_t align, const void *nothrow);
typedef void delete_size_align(void *p, size_t bytes, size_t align);

/* The block that an outer operator of this thread deletes. */
static _Thread_local const void *deleted __attribute__((tls_model("initial-exec")));

static void compare(size_t index, const void *p, size_t bytes, size_t align)
{
    struct lmm_block_facts facts;
    size_t form = index % FORMS;
    const struct lmm_release release = {
        .freer = index < FORMS ? LMM_FREED_BY_DELETE : LMM_FREED_BY_DELETE_ARRAY,
        .align = align,
        .has_size = form == DELETE_SIZE || form == DELETE_SIZE_ALIGN,
        .bytes = bytes,
    };

    if (lmm_block_find(p, &facts)) {
        lmm_matching_freed(p, &facts, &release);
    }
}

/* Calls the runtime's operator of that index. align: as above. */
static void end(size_t index, void *p, size_t bytes, size_t align, const void *nothrow)
{
    void *original = operators[index].original;
    const void *outer = deleted;

    if (p != NULL && p != outer) {
        compare(index, p, bytes, align);
    }
    deleted = p;
    switch (index % FORMS) {
    case DELETE: ((delete_plain *) original)(p); break;
    case DELETE_NOTHROW: ((delete_nothrow *) original)(p, nothrow); break;
    case DELETE_SIZE: ((delete_size *) original)(p, bytes); break;
    case DELETE_ALIGN: ((delete_align *) original)(p, align); break;
    case DELETE_ALIGN_NOTHROW: ((delete_align_nothrow *) original)(p, align, nothrow); break;
    default: ((delete_size_align *) original)(p, bytes, align); break;
    }
    deleted = outer;
}

static void one_delete(void *p)
{
    end(DELETE, p, 0, 0, NULL);
}

static void one_delete_nothrow(void *p, const void *nothrow)
{
    end(DELETE_NOTHROW, p, 0, 0, nothrow);
}

static void one_delete_size(void *p, size_t bytes)
{
    end(DELETE_SIZE, p, bytes, 0, NULL);
}

static void one_delete_align(void *p, size_t align)
{
    end(DELETE_ALIGN, p, 0, align, NULL);
}

static void one_delete_align_nothrow(void *p, size_t align, const void *nothrow)
{
    end(DELETE_ALIGN_NOTHROW, p, 0, align, nothrow);
}

static void one_delete_size_align(void *p, size_t bytes, size_t align)
{
    end(DELETE_SIZE_ALIGN, p, bytes, align, NULL);
}

static void array_delete(void *p)
{
    end(FORMS + DELETE, p, 0, 0, NULL);
}

static void array_delete_nothrow(void *p, const void *nothrow)
{
    end(FORMS + DELETE_NOTHROW, p, 0, 0, nothrow);
}

static void array_delete_size(void *p, size_t bytes)
{
    end(FORMS + DELETE_SIZE, p, bytes, 0, NULL);
}

static void array_delete_align(void *p, size_t align)
{
    end(FORMS + DELETE_ALIGN, p, 0, align, NULL);
}

static void array_delete_align_nothrow(void *p, size_t align, const void *nothrow)
{
    end(FORMS + DELETE_ALIGN_NOTHROW, p, 0, align, nothrow);
}

static void array_delete_size_align(void *p, size_t bytes, size_t align)
{
    end(FORMS + DELETE_SIZE_ALIGN, p, bytes, align, NULL);
}

/* What the runtime calls instead of free: for an operator whose call LMM did not see, and for its own
 * blocks. */
static void release_of_runtime(void *p)
{
    lmm_matching_forget(p);
    lmm_serve_free(p);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* The names of the Itanium C++ ABI: operator new (nw) and new[] (na), delete (dl) and delete[] (da), of
 * a pointer (Pv), size_t as unsigned long (m), std::align_val_t, std::nothrow_t. */
#define ALIGN   "St11align_val_t"
#define NOTHROW "RKSt9nothrow_t"

static struct lmm_import operators[2 * FORMS] = {
    [NEW] = {"_Znwm", (void *) one_plain, NULL},
    [NEW_NOTHROW] = {"_Znwm" NOTHROW, (void *) one_nothrow, NULL},
    [NEW_ALIGN] = {"_Znwm" ALIGN, (void *) one_align, NULL},
    [NEW_ALIGN_NOTHROW] = {"_Znwm" ALIGN NOTHROW, (void *) one_align_nothrow, NULL},
    [DELETE] = {"_ZdlPv", (void *) one_delete, NULL},
    [DELETE_NOTHROW] = {"_ZdlPv" NOTHROW, (void *) one_delete_nothrow, NULL},
    [DELETE_SIZE] = {"_ZdlPvm", (void *) one_delete_size, NULL},
    [DELETE_ALIGN] = {"_ZdlPv" ALIGN, (void *) one_delete_align, NULL},
    [DELETE_ALIGN_NOTHROW] = {"_ZdlPv" ALIGN NOTHROW, (void *) one_delete_align_nothrow, NULL},
    [DELETE_SIZE_ALIGN] = {"_ZdlPvm" ALIGN, (void *) one_delete_size_align, NULL},
    [FORMS + NEW] = {"_Znam", (void *) array_plain, NULL},
    [FORMS + NEW_NOTHROW] = {"_Znam" NOTHROW, (void *) array_nothrow, NULL},
    [FORMS + NEW_ALIGN] = {"_Znam" ALIGN, (void *) array_align, NULL},
    [FORMS + NEW_ALIGN_NOTHROW] = {"_Znam" ALIGN NOTHROW, (void *) array_align_nothrow, NULL},
    [FORMS + DELETE] = {"_ZdaPv", (void *) array_delete, NULL},
    [FORMS + DELETE_NOTHROW] = {"_ZdaPv" NOTHROW, (void *) array_delete_nothrow, NULL},
    [FORMS + DELETE_SIZE] = {"_ZdaPvm", (void *) array_delete_size, NULL},
    [FORMS + DELETE_ALIGN] = {"_ZdaPv" ALIGN, (void *) array_delete_align, NULL},
    [FORMS +
        DELETE_ALIGN_NOTHROW] = {"_ZdaPv" ALIGN NOTHROW, (void *) array_delete_align_nothrow, NULL},
    [FORMS + DELETE_SIZE_ALIGN] = {"_ZdaPvm" ALIGN, (void *) array_delete_size_align, NULL},
};

/* After the start (serve.c), when the loader has set the slots of all modules, and before the
 * program's constructors. */
__attribute__((constructor(102))) static void start_matching(void)
{
    if (lmm_options.match && lmm_has_started()) {
        lmm_imports_start(operators, 2 * (size_t) FORMS, release_of_runtime);
    }
}
