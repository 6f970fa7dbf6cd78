/* SPDX-License-Identifier: MIT */
/* debug_gap: why the debug information of an ELF file is missing or cannot be read. */
#ifndef LMM_PROGRAM_DEBUG_GAP_H
#define LMM_PROGRAM_DEBUG_GAP_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>

enum lmm_debug_gap {
    LMM_DEBUG_GAP_NONE,
    LMM_DEBUG_GAP_ABSENT, /* neither the file nor a debug file has any */
    LMM_DEBUG_GAP_ZSTD,   /* it is compressed in a way that libdw does not know */
    LMM_DEBUG_GAP_BROKEN, /* libdw cannot read it */
    LMM_DEBUG_GAP_SPLIT,  /* parts of it are in files that are missing, or of a kind that libdw does
                             not read */
};

/* Returns why an ELF file has no DWARF that libdw can read. */
enum lmm_debug_gap lmm_debug_gap_of(Elf *elf);

/* Returns the name of the file with a unit's debug information, if that is not in this file, or
 * NULL; body: the unit's DIE there, with a NULL address if libdw did not find the file. */
const char *lmm_debug_gap_split(Dwarf_Die *unit, const Dwarf_Die *body);

/* Returns one line about a gap for the user, to be freed, or NULL: there is nothing to say, or memory
 * ran out. path: of the file; split: what lmm_debug_gap_split() returned. */
char *lmm_debug_gap_text(enum lmm_debug_gap gap, const char *path, const char *split);

#endif
