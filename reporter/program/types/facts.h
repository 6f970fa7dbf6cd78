/* SPDX-License-Identifier: MIT */
/*
 * facts: what a file says about the result of one of its calls: which types it may point at, and
 * whether the function returns it to its own caller. Facts belong to a return address alone; they
 * are the same in all stacks and processes, so they can be kept (type_cache.h). What sizes and other frames say
 * about them is decided later (decide.h).
 *
 * Evidence is looked for in this order: a record of the compiler at the call; the names of the functions that were
 * inlined there; the way of the result (way.h), with the variables, fields and functions that it
 * meets; the statement in the source, as far as the file is there and older than the program.
 */
#ifndef LMM_PROGRAM_FACTS_H
#define LMM_PROGRAM_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/call_facts.h"

/*
 * Finds the facts about the call that returns to an address of the file's headers. allocator: the
 * mangled name of the function that was called; NULL: unknown. output: how it gives the block, as
 * for lmm_way_follow(); posix_memalign() is known. Returns false when memory ran out.
 */
bool lmm_facts_find(const struct lmm_facts_reader *reader, uint64_t address, const char *allocator,
                    int output, struct lmm_facts *ret_facts);

/* Returns whether the function that makes the call returns the block, by its code alone. The parameters are those of
 * lmm_facts_find(). */
bool lmm_facts_returns(const struct lmm_facts_reader *reader, uint64_t address,
                       const char *allocator, int output);

#endif
