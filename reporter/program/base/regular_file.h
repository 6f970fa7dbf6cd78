/* SPDX-License-Identifier: MIT */
/* regular_file: opening and reading files that users and ledgers name. Others than regular files are
 * refused: a read of them may block, or never end. Stateless. */
#ifndef LMM_PROGRAM_REGULAR_FILE_H
#define LMM_PROGRAM_REGULAR_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/* Opens a regular file to read, with more flags of open(2), and sets *ret_status. Returns the
 * descriptor, or -1. */
int lmm_regular_file_open(const char *path, int flags, struct stat *ret_status);

/* Reads such a file of at most `most` bytes. Returns its bytes, to be freed, with a NUL after them;
 * NULL: it cannot be opened, is longer, or memory ran out. *ret_bytes: how many were read; fewer
 * than its length when a read failed. */
char *lmm_regular_file_read(const char *path, int flags, size_t most, struct stat *ret_status,
                            size_t *ret_bytes);

#endif
