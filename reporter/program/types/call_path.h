/* SPDX-License-Identifier: MIT */
/*
 * call_path: the calls from an allocation outwards that say what its blocks are, and the candidates
 * for their type that they give together.
 *
 * A function may return less than it allocates: what follows a header, or a struct that larger ones start with
 * (`PyObject *`). Then what is known at calls further out comes after the header, and the struct may be one that
 * starts with the one returned (R11 of decide.h). What they know of the struct returned itself is no news, and what
 * holds only on one side of a branch is left out: the struct may be another one in other cases.
 */
#ifndef LMM_PROGRAM_CALL_PATH_H
#define LMM_PROGRAM_CALL_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/decide.h"
#include "reporter/program/types/fact_files.h"
#include "reporter/program/types/size_list.h"

enum {
    LMM_CALL_PATH_MAX = 12, /* calls */
};

struct lmm_call_path {
    struct lmm_fact_place *places[LMM_CALL_PATH_MAX];
    size_t count;
    size_t first; /* the first whose candidates count: those of generic wrappers do not */
    size_t
        first_left; /* the first that returns less than it got, and `count` or more: there is none */

    /* Of a place: what lies in the block before what the call returns to it, as of candidates; and the struct that
     * its function returns a pointer to, if that is less than it got. */
    int32_t headers[LMM_CALL_PATH_MAX + 1];
    const struct lmm_type_info *bases[LMM_CALL_PATH_MAX];
    /* The sizes of all sites that agree up to the place, where its function returns less; set by the caller, NULL:
     * unknown. They refute what is known there. */
    const struct lmm_size_list *sizes[LMM_CALL_PATH_MAX];
};

/* Candidates; the items are to be freed. */
struct lmm_call_path_candidates {
    struct lmm_candidate *items;
    size_t count;
    bool failed; /* out of memory */
};

/* Adds the next call outwards; the path has room. */
void lmm_call_path_add(struct lmm_call_path *path, struct lmm_fact_place *place);

/* Returns the outermost operator that a call of the path is to. Cost: that of lmm_fact_files_maker() for each. */
enum lmm_maker lmm_call_path_maker(const struct lmm_call_path *path);

/* Returns whether some call of a path says what the blocks may be. */
bool lmm_call_path_has_facts(const struct lmm_call_path *path);

/* Lists what the calls of a path say. */
struct lmm_call_path_candidates lmm_call_path_list(const struct lmm_call_path *path);

/* Returns whether the function that makes the last call returns less than the block. */
bool lmm_call_path_returns_less(const struct lmm_call_path *path);

/* Returns whether it does so, and its caller is to be asked what that is: with these sizes it is not known yet. */
bool lmm_call_path_leaves_question(const struct lmm_call_path *path,
                                   const struct lmm_size_range *sizes, size_t size_count);

#endif
