/* SPDX-License-Identifier: MIT */
/*
 * debug_file: where the debug file of an ELF file is. It is looked for as
 * dwfl_standard_find_debuginfo() does, which may ask servers for it in the end; where nobody named any, LMM
 * asks it only when there is something to find: else it would load an HTTP client with some thirty
 * libraries for nothing, which takes longer than most reports.
 *
 * Locks: none.
 */
#ifndef LMM_PROGRAM_DEBUG_FILE_H
#define LMM_PROGRAM_DEBUG_FILE_H

#include <elfutils/libdwfl.h>

/* Finds the debug file of a module: the find_debuginfo of Dwfl_Callbacks, and what is said there. */
int lmm_debug_file_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                        const char *path, const char *link, GElf_Word crc, char **ret_path);

#endif
