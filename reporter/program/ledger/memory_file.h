/* SPDX-License-Identifier: MIT */
/*
 * memory_file: ledgers without a place in the file system. Where a process finds no directory for
 * its ledger it keeps a memfd, and its descriptor; others open it by /proc/PID/fd while the process
 * lives. Owns nothing. Sees the processes whose descriptors this user may see.
 */
#ifndef LMM_PROGRAM_MEMORY_FILE_H
#define LMM_PROGRAM_MEMORY_FILE_H

/* Calls look(context, path) for each descriptor, /proc/PID/fd/N, of such a ledger. A forked child may
 * have its parent's, too, until it first allocates. */
void lmm_memory_files_find(void (*look)(void *context, const char *path), void *context);

#endif
