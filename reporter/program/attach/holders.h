/* SPDX-License-Identifier: MIT */
/*
 * holders: who holds blocks of a running process: chains of pointers from a root, with names.
 *
 * Also which sites retain most. Not responsible for: which blocks are asked about (cmd_leaks).
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
 * Writes which lines retain most bytes, at most `most` of them, the largest first: of a live process,
 * which is asked as above; of others, which call stacks retained most when it ended. The model's sites are named. output: as lmm_output_open() has it. Returns
 * an exit status, after a message on stderr if that is not LMM_EXIT_DONE.
 */
int lmm_holders_write_retained(const char *path, const struct lmm_snapshot *snapshot, size_t most,
                               const char *output);

#endif
