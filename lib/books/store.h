/* SPDX-License-Identifier: MIT */
/*
 * store: the ledger's file: its directory, name, mapping, growth and end.
 *
 * The caller reserves one range of addresses, the region, for the ledger at its bound. The file is
 * created sparse, as long as the bound allows, and mapped over the whole region at once. So later it
 * needs neither its name nor a descriptor: a program may drop its privileges, change its root, close
 * all descriptors, or lose the directory. Only the part in use is accessible; when it grows, the
 * kernel is told to give it memory (MADV_POPULATE_WRITE, Linux 5.14). So a full disk, or a full
 * memory cgroup, is an error here and never a signal at a store.
 *
 * An older kernel cannot do this. There the file grows by fallocate on a descriptor that is kept
 * open from the start, or, if the program has closed that one, on one that is opened by the file's
 * name. Both are checked by device and inode before each use, because a program may reuse a number
 * that it closed.
 *
 * The file is in the first of these directories that works: that of ledger=DIRECTORY, $LMM_DIR,
 * $XDG_RUNTIME_DIR/lmm, /dev/shm/lmm-UID, /tmp/lmm-UID. Where none works it is a memfd, whose
 * descriptor is kept for readers. Each directory must belong to this user alone.
 *
 * Owns the path and the identity of the file. Not responsible for what is in the file. Locks: none;
 * chunks calls it under LEDGER. No function changes errno or is a cancellation point.
 */
#ifndef LMM_STORE_H
#define LMM_STORE_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

/* Whether the settings allow a file: not with ledger=off, nor with raised privileges. */
bool lmm_store_is_wanted(void);

/*
 * Creates the file of this process with the first `bytes` of the region as its contents, and maps it
 * over all bound_bytes of the region, of which the first `bytes` stay accessible. Both are multiples
 * of system pages. The file gets its name when it is complete, so no reader finds half of it.
 * header: of this process, for the name. Returns 0; -1 when the settings forbid a file; or an errno,
 * after one line on stderr that gives the reason; then the contents of the region are as they were.
 */
int lmm_store_create(void *region, size_t bytes, size_t bound_bytes,
                     const struct lmm_ledger_header *header);

/*
 * Makes `more` bytes after the first `bytes` of the region accessible: zeroed memory of the file.
 * Returns 0 or an errno: ENOMEM: no memory now, a later call may succeed; ENOSPC: no space for the
 * file; EFBIG: past its bound; on an older kernel also ENOENT, ESTALE and others: the file is out of
 * reach.
 */
int lmm_store_grow(void *region, size_t bytes, size_t more);

/* Replaces the first `bytes` of the region by private copies, and the file keeps its contents. False
 * if the file is out of reach; then nothing changes. */
bool lmm_store_leave(void *region, size_t bytes);

/* The path of the file; empty: it has none. In a forked child its parent's until it has one. */
const char *lmm_store_path(void);

/* Removes the file, unless another file has its name now. */
void lmm_store_remove(void);

/* In a forked child: gives up the descriptor that was kept for the parent's file. */
void lmm_store_after_fork_in_child(void);

#endif
