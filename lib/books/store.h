/* SPDX-License-Identifier: MIT */
/*
 * store: the file in which the ledger lies: its directory, name, growth and end.
 *
 * Owns the path and the identity of the file. Between calls it holds no descriptor: a program that
 * closes descriptors it does not know, and opens files of its own under their numbers, cannot make LMM
 * write into one of those. The file is opened again for each growth, and must then still be the same.
 *
 * Every byte of the file was allocated (fallocate) before it is mapped, so that a full disk is an error
 * here and never a signal at a store. Not responsible for what is in the file. Locks: none; the ledger
 * calls it under its own. No function changes errno or is a cancellation point.
 */
#ifndef LMM_STORE_H
#define LMM_STORE_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Bytes to be put into a new file, in this order. */
struct lmm_store_part {
    void *data;
    size_t bytes;
};

/*
 * Creates the file of this process and writes the parts into it; at no moment does anybody else find it
 * under its name half written, or before the process has it mapped. header: of this process, for the
 * name. Returns 0; -1 when
 * the settings say that there shall be no file; or an errno, after one line on stderr that says why.
 */
int lmm_store_create(const struct lmm_store_part *parts, size_t count,
                     const struct lmm_ledger_header *header);

/* Opens the file again; false when it is gone, or another. */
bool lmm_store_open(void);

/* Maps bytes of the file from offset on over what is at address; as lmm_vm_map_file(). Only between
 * lmm_store_create() or lmm_store_open(), and lmm_store_close(). */
bool lmm_store_map_over(void *address, size_t bytes, size_t offset, bool shared);
void lmm_store_close(void);

/*
 * Allocates `more` bytes after the file's first `bytes`, and maps them anywhere. Returns where; NULL
 * with an errno in *ret_error: ENOSPC, EFBIG, ENOENT and ESTALE (the file is gone, or another), ...
 */
void *lmm_store_grow(size_t bytes, size_t more, int *ret_error);

/* Removes the file, if it is still this process's. */
void lmm_store_remove(void);

#endif
