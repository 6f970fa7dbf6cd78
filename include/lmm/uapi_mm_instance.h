/* SPDX-License-Identifier: MIT */
/*
 * The instance form of the classic names: each call names an instance, and there are buffers of any
 * length. A program written for that form builds if it includes this header in the place of
 * uapi_mm.h.
 *
 * An instance has families of its own. 0 (NULL) is the default instance; its families are called as
 * their structs, and uapi_mm.h, in other source files, uses the same. The families of the first
 * instance that mm_init_new_instance() makes are called "mm1/emp_t" in all reports of LMM, except in
 * those below, which show what one instance has. Buffers are of the family "Misc" ("mm1/Misc"),
 * whose unit is 16 bytes; no struct may have this name.
 *
 * Everything that uapi_mm.h says of errors, threads and output is true here, too. The reports of the
 * default instance also show the families of lmm.h.
 */
#ifndef LMM_UAPI_MM_INSTANCE_H
#define LMM_UAPI_MM_INSTANCE_H

#include "lmm.h"

#ifdef LMM_CLASSIC_NAMES
#error "uapi_mm.h and uapi_mm_instance.h define the same names; include only one of them"
#endif
#define LMM_CLASSIC_NAMES 1

#ifdef __cplusplus
extern "C" {
#endif

/* An instance; LMM never frees one. */
typedef struct mm_instance_ mm_instance_t;

/* ---- Used by the names below ----------------------------------------------------------------- */

/* A call of XCALLOC or XCALLOC_BUFF: static, written only by LMM. */
struct lmm_instance_site {
    struct lmm_site site;
    struct lmm_places *places; /* the call's, in other instances than the default one */
};

LMM_API mm_instance_t *lmm_instance_new(void);
LMM_API void lmm_instance_register(mm_instance_t *instance, const char *name, size_t size,
                                   size_t align);
LMM_API void *lmm_instance_calloc(mm_instance_t *instance, const char *name, size_t units);
LMM_API void *lmm_instance_calloc_at(mm_instance_t *instance, struct lmm_instance_site *site,
                                     size_t units);
LMM_API void *lmm_instance_buffer(mm_instance_t *instance, size_t bytes);
LMM_API void *lmm_instance_buffer_at(mm_instance_t *instance, struct lmm_instance_site *site,
                                     size_t bytes);
LMM_API void lmm_instance_print_families(mm_instance_t *instance);
LMM_API void lmm_instance_print_memory(mm_instance_t *instance, const char *name);
LMM_API void lmm_instance_print_blocks(mm_instance_t *instance);
LMM_API void lmm_instance_print_buffers(mm_instance_t *instance);

#define LMM_INSTANCE_AT_SITE_(name, call)                                                          \
    (__extension__({                                                                               \
        static struct lmm_places lmm_places_;                                                      \
        static struct lmm_instance_site lmm_site_ = {LMM_SITE_HERE_(name, 0, 0), &lmm_places_};    \
        (call);                                                                                    \
    }))

/* ---- Setting up ------------------------------------------------------------------------------ */

/* Does nothing: LMM starts on first use. */
static inline void mm_init(void)
{
}

/* Returns a new instance without families, or NULL with errno ENOMEM. */
static inline mm_instance_t *mm_init_new_instance(void)
{
    return lmm_instance_new();
}

/* Registers the struct type T in an instance (0: the default one). */
#define MM_REG_STRUCT(mm_inst, T) (lmm_instance_register((mm_inst), #T, sizeof(T), LMM_ALIGNOF_(T)))

/* Registers a family by its name (not NULL, copied) and the size of its struct in bytes. */
static inline void mm_instantiate_new_page_family(mm_instance_t *mm_inst, const char *struct_name,
                                                  size_t struct_size)
{
    lmm_instance_register(mm_inst, struct_name, struct_size, 0);
}

/* ---- Allocating ------------------------------------------------------------------------------ */

/*
 * Allocates units contiguous zeroed structs of the family T that is registered in the instance, and
 * counts the block at this source line. Returns a void *, which the caller frees with XFREE; or
 * NULL with errno ENOENT (T is not registered there; also printed on stdout),
 * EOVERFLOW or ENOMEM. In other instances than the default one the family is looked up by its name
 * each time.
 */
#define XCALLOC(mm_inst, units, T)                                                                 \
    LMM_INSTANCE_AT_SITE_(#T, lmm_instance_calloc_at((mm_inst), &lmm_site_, (units)))

/*
 * Allocates a zeroed buffer of the family Misc of the instance, aligned to 16 bytes, and counts it
 * at this source line, in units of 16 bytes. bytes: at least 1. Returns a void *, which the caller
 * frees with XFREE; or NULL with errno EINVAL, EOVERFLOW or ENOMEM.
 */
#define XCALLOC_BUFF(mm_inst, bytes)                                                               \
    LMM_INSTANCE_AT_SITE_("Misc", lmm_instance_buffer_at((mm_inst), &lmm_site_, (bytes)))

/* The same by functions, whose blocks are counted at the family's "(unattributed)" site. */
static inline void *xcalloc(mm_instance_t *mm_inst, const char *struct_name, size_t units)
{
    return lmm_instance_calloc(mm_inst, struct_name, units);
}

static inline void *xcalloc_buff(mm_instance_t *mm_inst, size_t bytes)
{
    return lmm_instance_buffer(mm_inst, bytes);
}

/* Frees a block of any instance, as lmm_free(). */
#define XFREE(ptr) (xfree(ptr))

static inline void xfree(void *ptr)
{
    lmm_free(ptr);
}

/* ---- Reports --------------------------------------------------------------------------------- */
/* What uapi_mm.h says of them, for the families of one instance. Its buffers are in the last. */

static inline void mm_print_registered_page_families(mm_instance_t *mm_inst)
{
    lmm_instance_print_families(mm_inst);
}

static inline void mm_print_memory_usage(mm_instance_t *mm_inst, const char *struct_name)
{
    lmm_instance_print_memory(mm_inst, struct_name);
}

static inline void mm_print_block_usage(mm_instance_t *mm_inst)
{
    lmm_instance_print_blocks(mm_inst);
}

/* Prints the line of mm_print_block_usage() for the buffers of the instance. */
static inline void mm_print_variable_buffers(mm_instance_t *mm_inst)
{
    lmm_instance_print_buffers(mm_inst);
}

#ifdef __cplusplus
}
#endif

#endif
