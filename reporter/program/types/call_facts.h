/* SPDX-License-Identifier: MIT */
/* call_facts: the facts about one call (facts.h), and where they are looked for. */
#ifndef LMM_PROGRAM_CALL_FACTS_H
#define LMM_PROGRAM_CALL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/decide.h"

struct lmm_bases;
struct lmm_file_code;
struct lmm_sources;
struct lmm_symbol_file;
struct lmm_type_table;
struct lmm_way_follower;

struct lmm_facts {
    struct lmm_candidate *items; /* to be freed */
    size_t count;
    bool returns;    /* the function returns the result, unchanged */
    bool is_generic; /* returns, and the function's result type is void *, or unknown */
    /* The function returns a pointer so many bytes after the result: the size of a header, or
     * LMM_HEADER_UNKNOWN; 0: it does not. */
    int32_t returns_after;
    bool has_debug; /* there is debug information at this address */
    bool
        is_blind; /* its file has none: only `returns` can be known, and is_generic, which is the same */
    /* The number, from 1 on, of the function's parameter, a `void **`, that points at where it stores
     * the result; 0: there is none. */
    uint32_t output;
};

/* Where facts of one file are looked for; all of it is the caller's. */
struct lmm_facts_reader {
    struct lmm_symbol_file *file;
    struct lmm_file_code *code;
    struct lmm_sources *sources;
    struct lmm_way_follower *follower;
    struct lmm_type_table *types; /* keeps the types of candidates */
    struct lmm_bases *bases;      /* of the file */
    int64_t built_ns;             /* when the file was last changed, CLOCK_REALTIME */
    bool is_brief;                /* only code is looked at: `returns` */
};

#endif
