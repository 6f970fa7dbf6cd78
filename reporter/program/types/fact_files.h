/* SPDX-License-Identifier: MIT */
/*
 * fact_files: the facts about the calls of files (facts.h), each found once, or taken from the cache of an
 * earlier run (type_cache.h), which is written when they are freed.
 */
#ifndef LMM_PROGRAM_FACT_FILES_H
#define LMM_PROGRAM_FACT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/call_facts.h"

struct lmm_fact_files;
struct lmm_mapped_file;

/* A call, by the address that it returns to. */
struct lmm_fact_place {
    uint64_t offset;
    const char *function; /* that makes the call: its mangled name; NULL: unknown */
    enum lmm_maker maker; /* that it calls: lmm_fact_files_maker() */
    bool is_maker_open;   /* it is not known yet */
    struct lmm_facts facts;
    bool
        is_open; /* facts.is_blind, and facts.returns is not known yet: lmm_fact_files_returns() looks */
};

/* Returns an empty table, to be freed with lmm_fact_files_free(); types keeps the types of
 * candidates, and must live longer. NULL: out of memory. */
struct lmm_fact_files *lmm_fact_files_new(struct lmm_type_table *types);

/* Writes the caches, and frees the table before the files are closed. It may be NULL. */
void lmm_fact_files_free(struct lmm_fact_files *files);

/*
 * Sets *ret_place to the call in an open file that returns to an address of the file's headers; NULL: the
 * file cannot be used. inner: the call that the function which was called made, as far as the stack tells;
 * NULL: unknown. Returns false when memory ran out.
 */
bool lmm_fact_files_find(struct lmm_fact_files *files, const struct lmm_mapped_file *mapped,
                         uint64_t offset, const struct lmm_fact_place *inner,
                         struct lmm_fact_place **ret_place);

/* Returns whether the function that makes a call returns the block. Cost: the first time, LMM_WAY_INSTRUCTIONS_MAX
 * instructions are decoded if the facts are blind. */
bool lmm_fact_files_returns(struct lmm_fact_place *place);

/* Returns which operator a call is to. Cost: the first time the code of the call is read. */
enum lmm_maker lmm_fact_files_maker(struct lmm_fact_place *place);

/* Returns which operator a mangled name is that of; function may be NULL. */
enum lmm_maker lmm_fact_maker(const char *function);

#endif
