/* SPDX-License-Identifier: MIT */
/*
 * entry: the first instructions of a function, led elsewhere by a jump, and moved to where they can still be called.
 *
 * An entry is refused where its instructions cannot be moved: where a branch of the function leads into them, where
 * they end the function, or where a branch among them cannot reach its target from the new place. What stands at the start for the
 * processor's checks of branches stays (endbr64, bti, paciasp). One file for each machine: entry_x86.c, entry_aarch64.c, where one instruction is
 * moved, so that no thread can stand among them.
 *
 * Stateless.
 */
#ifndef LMM_PROGRAM_ENTRY_H
#define LMM_PROGRAM_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_ENTRY_PATCH_MAX = 8,
    LMM_ENTRY_ISLAND_BYTES = 128, /* of one function's code there */
};

/* How far an island may be from its function. */
extern const uint64_t lmm_entry_reach;

struct lmm_entry {
    uint64_t address; /* of the instructions that are replaced */
    size_t bytes;     /* of all of them that are moved */
    unsigned char patch[LMM_ENTRY_PATCH_MAX];
    size_t patch_bytes;
    unsigned char island[LMM_ENTRY_ISLAND_BYTES];
    uint64_t original; /* the address that calls the old function */
};

/*
 * Plans how the function at `address` leads to `own`, with code of LMM_ENTRY_ISLAND_BYTES at `island`, at most
 * lmm_entry_reach away. code: the function's, `bytes` of it. NULL, or why it cannot be led.
 */
const char *lmm_entry_plan(const unsigned char *code, size_t bytes, uint64_t address,
                           uint64_t island, uint64_t own, struct lmm_entry *ret_entry);

/* Whether an address, of an instruction to come, is among those that are moved, after the first. */
static inline bool lmm_entry_has(const struct lmm_entry *entry, uint64_t address)
{
    return address > entry->address && address < entry->address + entry->bytes;
}

#endif
