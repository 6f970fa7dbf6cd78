/* SPDX-License-Identifier: MIT */
/*
 * holder_groups: who holds the blocks of a line of a running process, or of another set of sites: one entry for all
 * that are held in the same way, with their number and bytes, where lib/leaks/chain_shapes.h decides what is the same.
 */
#ifndef LMM_PROGRAM_HOLDER_GROUPS_H
#define LMM_PROGRAM_HOLDER_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

struct lmm_memory_names;
struct lmm_model;
struct lmm_sink;
struct lmm_snapshot;

/*
 * Asks the live process of the snapshot, whose ledger is the file `path`, who holds the blocks of the sites of
 * `wanted`, a part of its model, and prints it: the sum, and at most `most` groups, those with most bytes first. word: what the
 * user calls the sites. The snapshot's sites are named. names: of the process; may be NULL. False after a message
 * on stderr.
 */
bool lmm_holder_groups_print(const char *path, const struct lmm_snapshot *snapshot,
                             const struct lmm_model *wanted, const char *word,
                             struct lmm_memory_names *names, size_t most, struct lmm_sink *sink);

#endif
