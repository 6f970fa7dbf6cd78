/* SPDX-License-Identifier: MIT */
/* kinds: the families that random_model.c allocates from. Some are registered by name, with sizes
 * and alignments up to the extremes; some are C types that go through the macros. */
#ifndef TESTS_PROPERTY_API_KINDS_H
#define TESTS_PROPERTY_API_KINDS_H

#include <lmm/lmm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KINDS_MAX = 128 };

struct kind {
    struct lmm_family *family;
    size_t size;
    size_t align;
    size_t stride;
    /* The macros of a C type; NULL for a family that is registered by name. */
    void *(*alloc)(void);
    void *(*zalloc)(void);
    void *(*calloc)(size_t n);
    const char *file; /* what lmm_for_each_block() shows */
};

extern struct kind kinds[KINDS_MAX];
extern size_t kind_count;

/* Registers all kinds, some of them random; ends the program when that fails. */
void kinds_register(uint64_t *random_state);

/* Blocks of a kind, through its macros or the functions; NULL when memory is out. */
void *kind_alloc(const struct kind *kind);
void *kind_zalloc(const struct kind *kind);
void *kind_calloc(const struct kind *kind, size_t n);

#endif
