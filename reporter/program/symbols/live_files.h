/* SPDX-License-Identifier: MIT */
/*
 * live_files: the files that a running process has mapped, as the kernel holds them, also when they
 * were moved, removed or replaced: its program, and, with privileges, its libraries. The process
 * with that number may be another one by now; the caller compares identities
 * (lmm_symbol_file_open()). Stateless.
 */
#ifndef LMM_PROGRAM_LIVE_FILES_H
#define LMM_PROGRAM_LIVE_FILES_H

#include <stdint.h>

enum {
    LMM_LIVE_FILES_WAYS = 2,
};

/* Opens the file by which a process has mapped a module that starts at an address; way: below
 * LMM_LIVE_FILES_WAYS. Returns a descriptor, which the caller closes, or -1. */
int lmm_live_file_open(uint32_t pid, uint64_t start, unsigned way);

#endif
