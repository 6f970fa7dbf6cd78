/* SPDX-License-Identifier: MIT */
/*
 * fit: a type that blocks may have, and how it fits the sizes that were requested: rules R1, R5 and R10 to R13 of
 * decide.h, as far as they are about sizes. Stateless.
 */
#ifndef LMM_PROGRAM_FIT_H
#define LMM_PROGRAM_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_type_info;

enum {
    LMM_HEADER_UNKNOWN = -1, /* a header whose size is not known; there may be none */
};

/* How a struct stands to those that functions return which leave the question to their callers. */
enum lmm_start {
    LMM_START_NONE,
    LMM_START_BASE,    /* it is one of those */
    LMM_START_DERIVED, /* it starts with one of those */
};

/* A type that blocks may have. */
struct lmm_candidate {
    const struct lmm_type_info *type;
    unsigned evidence; /* one of enum lmm_model_evidence */
    bool is_array;     /* the evidence says that there may be several in a block */
    bool has_more;     /* the source adds something to its size */
    bool is_choice;    /* the source tells several, and a condition which it is */
    bool is_inside;    /* a pointer to the inside of the block has this type */
    bool is_late;      /* it is so only on one side of a branch after the call */

    /* What the functions between the allocation and the call say. */
    int32_t header_bytes; /* what lies before it in the block; or LMM_HEADER_UNKNOWN */
    enum lmm_start start;
    bool is_raw; /* what they take the block for before they return a part of it */
};

/* The sizes in bytes that were requested at one site. */
struct lmm_size_range {
    uint64_t smallest; /* 0: unknown */
    uint64_t largest;
};

/* How a type fits all sizes, from badly to well. */
enum lmm_fit {
    LMM_FIT_NONE,
    LMM_FIT_UNKNOWN, /* the type is incomplete, or no size is known */
    LMM_FIT_START,   /* the type, and something after it, which the program's data says */
    LMM_FIT_HEAD,    /* the type, and something after it */
    LMM_FIT_MANY,    /* a constant number, above one */
    LMM_FIT_ARRAY,   /* different numbers */
    LMM_FIT_MORE,    /* the type and something added */
    LMM_FIT_TAIL,    /* its header and elements of its last member */
    LMM_FIT_ONE,
};

/* Returns how a type fits. is_new: operator new allocated the blocks. *ret_header: what lies before it in the
 * blocks, as of the candidate, but found by the sizes where that is possible. */
enum lmm_fit lmm_fit_of(const struct lmm_candidate *candidate, const struct lmm_size_range *sizes,
                        size_t count, bool is_new, int32_t *ret_header);

/* Returns whether all blocks have one size, as far as sizes are known. */
bool lmm_sizes_are_constant(const struct lmm_size_range *sizes, size_t count);

/* Returns whether all blocks have so many bytes at least. */
bool lmm_sizes_are_least(const struct lmm_size_range *sizes, size_t count, uint64_t bytes);

#endif
