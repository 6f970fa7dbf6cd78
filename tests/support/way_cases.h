/* SPDX-License-Identifier: MIT */
/* way_cases: pieces of code, at 0x1000, with the steps of the way of a block in them. */
#ifndef LMM_TESTS_WAY_CASES_H
#define LMM_TESTS_WAY_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/way.h"

enum {
    LMM_WAY_CASES_START = 0x1000,         /* address of the code */
    LMM_WAY_CASES_RETURNS_FIRST = 0x3000, /* functions */
    LMM_WAY_CASES_ENDS = 0x4000,
    LMM_WAY_CASES_THREAD = 0x5000, /* __tls_get_addr() */
};

struct lmm_way_case {
    const char *idea;
    const char *code;  /* in hexadecimal */
    const char *steps; /* as way_text.h writes them */
    uint64_t address;  /* that the call returns to */
};

/* Follows the block of each case and expects its steps, and lmm_way_returns() to agree. output: as that of lmm_way_follow(). */
void lmm_way_cases_check(enum lmm_machine machine, int output, const struct lmm_way_case *cases,
                         size_t count);

#endif
