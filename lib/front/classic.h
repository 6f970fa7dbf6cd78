/* SPDX-License-Identifier: MIT */
/*
 * classic: what the two forms of the classic names (uapi_mm.h, uapi_mm_instance.h) share: families
 * by name, and printing. The functions of uapi_mm.h themselves are declared there.
 *
 * A label is the name that the program knows a family by. It is the family's name, or, in an
 * instance, a part of it.
 * Locks: none; nothing is printed while a lock of LMM is held.
 */
#ifndef LMM_CLASSIC_H
#define LMM_CLASSIC_H

#include <stddef.h>

struct lmm_family;
struct lmm_site;

/* The families that a report shows. */
struct lmm_classic_scope {
    /* Returns the label of a family, or NULL if the family is not in the scope. */
    const char *(*label)(const struct lmm_family *family, const void *arg);
    const void *arg;
};

/* As lmm_classic_register(), for a family called name. label: what a message calls it; may be
 * NULL, as name may. */
void lmm_classic_register_as(const char *name, const char *label, size_t size, size_t align);

/* Returns the family called name, or prints that label is not registered and returns NULL with
 * errno ENOENT. Both may be NULL. */
struct lmm_family *lmm_classic_find(const char *name, const char *label);

/* Declared in uapi_mm.h, too, which cannot be included together with uapi_mm_instance.h. */
void *lmm_classic_calloc_at(struct lmm_site *site, size_t units);

/* As the functions of uapi_mm.h, for the families of a scope. family: NULL, or the only one to
 * print. */
void lmm_classic_print_families_in(const struct lmm_classic_scope *scope);
void lmm_classic_print_memory_in(const struct lmm_classic_scope *scope, struct lmm_family *family);
void lmm_classic_print_blocks_in(const struct lmm_classic_scope *scope);

/* Prints the line of lmm_classic_print_blocks() for one family. family: NULL if it has no blocks
 * yet. */
void lmm_classic_print_counts(const char *label, struct lmm_family *family);

#endif
