/* SPDX-License-Identifier: MIT */
/*
 * debug_file: finds the debug file of an ELF file, as dwfl_standard_find_debuginfo() does. That
 * function may ask servers in the end, and then loads an HTTP client with about thirty libraries,
 * which takes longer than most reports. So without a server in DEBUGINFOD_URLS it is called only
 * when a debug file may exist.
 */
#ifndef LMM_PROGRAM_DEBUG_FILE_H
#define LMM_PROGRAM_DEBUG_FILE_H

#include <elfutils/libdwfl.h>

/* Finds the debug file of a module: a find_debuginfo of Dwfl_Callbacks, with the contract of
 * <libdwfl.h>. */
int lmm_debug_file_find(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
                        const char *path, const char *link, GElf_Word crc, char **ret_path);

#endif
