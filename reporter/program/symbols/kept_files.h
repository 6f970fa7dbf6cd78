/* SPDX-License-Identifier: MIT */
/*
 * kept_files: files that were opened while a process had them mapped, so that they can be read after
 * they were moved, removed or replaced. Several files may have had one path, one after the other.
 *
 * Not responsible for which of them was mapped (lmm_symbol_file_open() compares identities).
 */
#ifndef LMM_PROGRAM_KEPT_FILES_H
#define LMM_PROGRAM_KEPT_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_kept_files;

/* Returns an empty list, to be freed with lmm_kept_files_free(); NULL: out of memory. */
struct lmm_kept_files *lmm_kept_files_new(void);

/* Opens a regular file, unless the list has it, or half of the descriptors that this process may
 * open. source: what is opened; path: what it is kept as, NULL: any path. Returns whether it was
 * added. */
bool lmm_kept_files_add(struct lmm_kept_files *kept, const char *path, const char *source);

/* Returns a new descriptor for the index-th file that has the path, or, if with_any is set, any path,
 * which the caller closes, or -1. kept may be NULL. */
int lmm_kept_files_open(const struct lmm_kept_files *kept, const char *path, bool with_any,
                        size_t index);

/* Closes all files; kept may be NULL. */
void lmm_kept_files_free(struct lmm_kept_files *kept);

#endif
