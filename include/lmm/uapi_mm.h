/* SPDX-License-Identifier: MIT */
/*
 * The names of the classic Linux Memory Manager, implemented by LMM. A program written for it
 * builds unchanged if this folder is on the include path: #include "uapi_mm.h".
 *
 * LMM allows more: mm_init() is not needed; a struct, and a request, may be larger than a page; a
 * struct may be registered twice; any thread may call any function. mm_print_memory_usage() matches
 * the whole name. New code should use lmm.h, whose allocations have a type.
 *
 * The classic names are inline functions and macros, and the library exports none of them. So LMM
 * can be linked together with a library that has its own xcalloc(). uapi_mm_instance.h has the form
 * of these names that takes an instance.
 *
 * All output goes to stdout, in the order of registration. A block that another thread allocates or
 * frees during a walk may be shown or not.
 */
#ifndef LMM_UAPI_MM_H
#define LMM_UAPI_MM_H

#include "lmm.h"

#ifdef LMM_CLASSIC_NAMES
#error "uapi_mm.h and uapi_mm_instance.h define the same names; include only one of them"
#endif
#define LMM_CLASSIC_NAMES 1

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Used by the classic names -------------------------------------------------------------- */

/*
 * Registers a family, or prints on stdout why it cannot. name and size: as lmm_family_register().
 * align: as there, or 0 if the type is not known; then it is the strictest that the size allows.
 * Does nothing if a family has this name and size, and this alignment or a stricter one.
 */
LMM_API void lmm_classic_register(const char *name, size_t size, size_t align);

/*
 * Allocates units contiguous zeroed structs of the registered family called name. The second
 * function takes the name from site->type and counts the block at that site; the site's size and
 * alignment are not used. Returns a block, which the caller frees with xfree() or lmm_free().
 * Returns NULL with errno ENOENT, and prints a line on stdout, if the name is not registered; else
 * errors as lmm_calloc().
 */
LMM_API void *lmm_classic_calloc(const char *name, size_t units);
LMM_API void *lmm_classic_calloc_at(struct lmm_site *site, size_t units);

/* What the three functions under "Reports" print. name: may be NULL. */
LMM_API void lmm_classic_print_families(void);
LMM_API void lmm_classic_print_memory(const char *name);
LMM_API void lmm_classic_print_blocks(void);

/* ---- Setting up ------------------------------------------------------------------------------ */

/* Does nothing: LMM starts on first use. */
static inline void mm_init(void)
{
}

/* Registers the struct type T as a family named "T". */
#define MM_REG_STRUCT(T) (lmm_classic_register(#T, sizeof(T), LMM_ALIGNOF_(T)))

/* Registers a family by its name (not NULL, copied) and the size of its struct in bytes. */
static inline void mm_instantiate_new_page_family(const char *struct_name, size_t struct_size)
{
    lmm_classic_register(struct_name, struct_size, 0);
}

/* ---- Allocating ------------------------------------------------------------------------------ */

/*
 * Allocates units contiguous zeroed structs of the registered family T and counts the block at this
 * source line; 0 units are a block of their own, as with calloc(). Returns a void *, which the caller
 * frees with XFREE; or NULL with errno ENOENT (T is not registered; also printed on stdout),
 * EOVERFLOW or ENOMEM.
 */
#define XCALLOC(units, T)                                                                          \
    (__extension__({                                                                               \
        static struct lmm_site lmm_site_ = LMM_SITE_HERE_(#T, 0, 0);                               \
        lmm_classic_calloc_at(&lmm_site_, (units));                                                \
    }))

/* The same by name (not NULL), but the block is counted at the family's "(unattributed)" site. */
static inline void *xcalloc(const char *struct_name, size_t units)
{
    return lmm_classic_calloc(struct_name, units);
}

/* Frees a block, as lmm_free(): ptr may be NULL; a pointer that is not a block panics. */
#define XFREE(ptr) (xfree(ptr))

static inline void xfree(void *ptr)
{
    lmm_free(ptr);
}

/* ---- Reports --------------------------------------------------------------------------------- */

/* Prints the name and the struct size of each family. */
static inline void mm_print_registered_page_families(void)
{
    lmm_classic_print_families();
}

/*
 * Prints the pages of the family struct_name (NULL: of every family), block by block. Then it prints
 * how many pages there are (LMM's pages of 256 KiB; a longer one counts as several), their bytes,
 * and how many of these bytes have been touched. Neighbouring free slots are shown as one free
 * block.
 */
static inline void mm_print_memory_usage(const char *struct_name)
{
    lmm_classic_print_memory(struct_name);
}

/*
 * Prints one line for each family: its blocks (TBC), those that are free (FBC) and occupied (OBC),
 * and the bytes of the structs in the occupied blocks (AppMemUsage).
 */
static inline void mm_print_block_usage(void)
{
    lmm_classic_print_blocks();
}

#ifdef __cplusplus
}
#endif

#endif
