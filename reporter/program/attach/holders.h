/* SPDX-License-Identifier: MIT */
/*
 * holders: who holds blocks of a running process: chains of pointers from a root, with names.
 *
 * Not responsible for: which blocks are asked about (cmd_leaks).
 */
#ifndef LMM_PROGRAM_HOLDERS_H
#define LMM_PROGRAM_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_memory_names;
struct lmm_model;
struct lmm_sink;
struct lmm_snapshot;

/*
 * Asks the live process of the snapshot, whose ledger is the file `path`, who holds the block at
 * address, and prints it: a line for the block, one for the root, and one for each pointer. The model's
 * sites are named. names: of the process; may be NULL. False after a message on stderr.
 */
bool lmm_holders_print(const char *path, const struct lmm_snapshot *snapshot,
                       struct lmm_memory_names *names, uint64_t address, struct lmm_sink *sink);

/*
 * Asks the process which sites retain most bytes, and prints at most `most` lines of the source, the
 * largest first. The model's sites are named. False after a message on stderr.
 */
bool lmm_holders_print_retained(const char *path, const struct lmm_snapshot *snapshot, size_t most,
                                struct lmm_sink *sink);

#endif
