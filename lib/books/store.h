/* SPDX-License-Identifier: MIT */
/*
 * store: the ledger's file: its directory, name, growth and end.
 *
 * Owns the path and the identity of the file. Between calls it keeps no descriptor open, because a
 * program may close all descriptors that it did not open, and LMM would then write into a file of
 * the program. Each growth opens the file again and checks that it is the same file.
 *
 * Every byte of the file is allocated (fallocate) before it is mapped, so that a full disk is an
 * error here and never a signal at a store to the mapping. Not responsible for what is in the file.
 * Locks: none; chunks calls it under LEDGER. No function changes errno or is a cancellation point.
 */
#ifndef LMM_STORE_H
#define LMM_STORE_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* One part of the contents of a new file. */
struct lmm_store_part {
    void *data;
    size_t bytes;
};

/*
 * Creates the file of this process with the parts in this order, and leaves it open. The file gets
 * its name when it is complete and mapped, so no reader finds half of it. header: of this process,
 * for the name. Returns 0; -1 when the settings forbid a file; or an errno, after one line on
 * stderr that gives the reason.
 */
int lmm_store_create(const struct lmm_store_part *parts, size_t count,
                     const struct lmm_ledger_header *header);

/* Opens the file again; false when it was removed or replaced. */
bool lmm_store_open(void);

/* As lmm_vm_map_file(), for the open file: call it after lmm_store_create() or lmm_store_open(),
 * and before lmm_store_close(). */
bool lmm_store_map_over(void *address, size_t bytes, size_t offset, bool shared);
void lmm_store_close(void);

/*
 * Allocates `more` bytes after the file's first `bytes`, and maps them at an address that the
 * kernel chooses. Returns the address, or NULL with an errno in *ret_error: ENOSPC, EFBIG, ENOENT
 * (the file was removed), ESTALE (it was replaced) and others.
 */
void *lmm_store_grow(size_t bytes, size_t more, int *ret_error);

/* Removes the file, unless another file has its name now. */
void lmm_store_remove(void);

#endif
