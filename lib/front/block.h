/* SPDX-License-Identifier: MIT */
/*
 * block: allocation of blocks of any length, free by any thread, and resize, off the fast path.
 *
 * Owns nothing. Any thread may call these functions, with no lock of LMM held; LMM has started when
 * there is a family or a block.
 */
#ifndef LMM_BLOCK_H
#define LMM_BLOCK_H

#include "lib/ground/base.h"
#include "lib/pages/family.h"
#include "lib/pages/page.h"

/*
 * Allocates n structs, at least 1, counted at a site of the family. live_value: that site, and the
 * slack in families that count bytes (page.h). align: a power of two, at most the stride when the
 * block would be a slot of a slot page (n is 1, lmm_family_has_slots()). zero: the block reads as
 * zero. NULL with errno ENOMEM.
 */
void *lmm_block_alloc(struct lmm_family *family, uint32_t live_value, size_t n, size_t align,
                      bool zero);

/* Allocates a block of so many bytes, at least 1, of a flexible family, counted at that site; else
 * as lmm_block_alloc(). */
void *lmm_block_alloc_flexible(struct lmm_family *family, uint32_t site, size_t bytes, bool zero);

/* The slow path of lmm_free(). */
LMM_NOINLINE void lmm_block_free(void *p);

/* Frees p, the start of that slot of `page`, another heap's (LMM_PUSH_FOREIGN). Preserves errno. */
void lmm_block_free_other(void *p, struct lmm_page *page, size_t slot);

/* Atomic, relaxed. Set before the first block counts at an ignored site: until then, each block of the
 * drop-in's families counts at its family's first site, while no call stacks are taken. */
extern bool lmm_block_some_are_ignored __attribute__((visibility("hidden")));

/* A live block. */
struct lmm_block_facts {
    struct lmm_family *family;
    struct lmm_page *page;
    size_t slot; /* the first one */
    size_t slots;
    uint32_t tag; /* the first one, LIVE */
};

/* Changes the length of a live block, of a family that is not flexible, to n, at least 1; as
 * lmm_resize(). */
void *lmm_block_resize(void *p, const struct lmm_block_facts *facts, size_t n);

/*
 * For the drop-in: gives a live block n slots and another live value, and counts one free of the
 * old block and one allocation of the new one. The contents stay. Returns its address: the same,
 * or, for a long block, where it was copied, or the kernel moved it; NULL, with nothing changed, when
 * it must be copied to another block.
 */
void *lmm_block_reshape(void *p, const struct lmm_block_facts *facts, size_t n,
                        uint32_t live_value);

/* Makes a live block one that leak checks ignore: it counts at the ignored site of its place, as one
 * allocation there and one free at its old site. */
void lmm_block_ignore(void *p, const struct lmm_block_facts *facts);

/* True and *ret_facts when a live block starts at p (block_find.c). */
bool lmm_block_find(const void *p, struct lmm_block_facts *ret_facts);

#endif
