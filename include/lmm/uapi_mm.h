/* SPDX-License-Identifier: MIT */
/*
 * The names of the classic Linux Memory Manager, on LMM. A program written for it builds unchanged with
 * this folder on the include path: #include "uapi_mm.h".
 *
 * The differences, all on the safe side: mm_init() is not needed; a struct, and a request, may be larger
 * than a page; registering a struct twice is harmless; any number of threads may call; the name given to
 * mm_print_memory_usage() is matched exactly. New code uses lmm.h, whose blocks carry their type.
 *
 * The classic names are inline functions and macros, so the library exports none of them: a library
 * that has an xcalloc() of its own can be linked beside LMM.
 *
 * Everything is printed on stdout, in the order of registration. A walk shows blocks that other threads
 * allocate or free meanwhile either way.
 */
#ifndef LMM_UAPI_MM_H
#define LMM_UAPI_MM_H

#include "lmm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What the classic names are made of --------------------------------------------------------- */

/*
 * Registers a family; says on stdout why when it cannot. name and size as lmm_family_register();
 * align: 0 where the type is not known, and the strictest that its size allows is taken. A family that
 * has the name, the size and at least the alignment already will do.
 */
LMM_API void lmm_classic_register(const char *name, size_t size, size_t align);

/*
 * Allocates units zeroed structs, contiguous, of the registered family named name; lmm_classic_calloc_at
 * of the one that site->type names, counted at that site, whose size and alignment are not used.
 * Returns NULL with errno ENOENT, and says so on stdout, when the name is not registered; else as
 * lmm_calloc().
 */
LMM_API void *lmm_classic_calloc(const char *name, size_t units);
LMM_API void *lmm_classic_calloc_at(struct lmm_site *site, size_t units);

LMM_API void lmm_classic_print_families(void);
LMM_API void lmm_classic_print_memory(const char *name);
LMM_API void lmm_classic_print_blocks(void);

/* ---- Setting up -------------------------------------------------------------------------------- */

/* Does nothing: LMM sets itself up on first use. */
static inline void mm_init(void)
{
}

/* Registers the struct type T as a family of its name. */
#define MM_REG_STRUCT(T) (lmm_classic_register(#T, sizeof(T), LMM_ALIGNOF_(T)))

/* Registers a family by name and size in bytes. */
static inline void mm_instantiate_new_page_family(const char *struct_name, size_t struct_size)
{
    lmm_classic_register(struct_name, struct_size, 0);
}

/* ---- Allocating ---------------------------------------------------------------------------------- */

/*
 * Allocates units zeroed, contiguous structs of the registered family T and counts them at this line of
 * the source. Returns a void *, or NULL: when T is not registered (said on stdout), units is 0, the
 * product overflows or memory has run out; errno tells which.
 */
#define XCALLOC(units, T)                                                                          \
    (__extension__({                                                                               \
        static struct lmm_site lmm_site_ = LMM_SITE_HERE_(#T, 0, 0);                               \
        lmm_classic_calloc_at(&lmm_site_, (units));                                                \
    }))

/* The same by name; the block is counted at the family's "(unattributed)" site. */
static inline void *xcalloc(const char *struct_name, size_t units)
{
    return lmm_classic_calloc(struct_name, units);
}

/* Frees a block, as lmm_free(): NULL is fine, and what is no block panics. */
#define XFREE(ptr) (xfree(ptr))

static inline void xfree(void *ptr)
{
    lmm_free(ptr);
}

/* ---- Reports --------------------------------------------------------------------------------------- */

/* Prints the families: name and struct size. */
static inline void mm_print_registered_page_families(void)
{
    lmm_classic_print_families();
}

/*
 * Prints the pages of the family named struct_name (NULL: of every family), block by block, and the
 * system pages that they have touched. Neighbouring free slots are one free block.
 */
static inline void mm_print_memory_usage(const char *struct_name)
{
    lmm_classic_print_memory(struct_name);
}

/*
 * Prints a line for each family: blocks in all (TBC), free (FBC) and occupied (OBC), and the bytes of
 * the structs in the occupied ones (AppMemUsage).
 */
static inline void mm_print_block_usage(void)
{
    lmm_classic_print_blocks();
}

#ifdef __cplusplus
}
#endif

#endif
