/* SPDX-License-Identifier: MIT */
/*
 * image: what the dynamic section of a loaded module tells: its symbols, and the relocations that name
 * the slots of its imports.
 *
 * Owns nothing; reads mapped memory only, so the caller makes sure that the module stays loaded. Trusts
 * the tables, as the dynamic loader does. Locks: none.
 */
#ifndef LMM_PRELOAD_IMAGE_H
#define LMM_PRELOAD_IMAGE_H

#include "lib/ground/base.h"

#include <link.h>

struct lmm_image {
    uintptr_t bias;
    uintptr_t start; /* [start, end) is mapped */
    uintptr_t end;
    const ElfW(Sym) * symbols;
    const char *strings;
    const uint32_t *gnu_hash;
    const ElfW(Word) * hash;
    const ElfW(Rela) * relocations[2];
    size_t counts[2]; /* of the relocations */
    const char *name;
    bool needs_runtime; /* it is linked with one */
};

/* Reads the dynamic section of a module whose addresses in its file are moved by bias. False: it has no
 * tables that this file understands. dynamic: may be NULL. */
bool lmm_image_read(uintptr_t bias, const ElfW(Dyn) * dynamic, struct lmm_image *ret_image);

/* The address of what the module defines by that name, or 0. O(1) with a hash table of GNU's form. */
uintptr_t lmm_image_definition(const struct lmm_image *image, const char *name);

/* Whether a DT_SONAME is that of a C++ runtime: libstdc++, libc++ or libc++abi. */
bool lmm_image_is_runtime(const char *name);

#endif
