/* SPDX-License-Identifier: MIT */
/* layout_expect: what test_layout.c and test_layout_cxx.c expect of a struct of their data files. */
#ifndef LMM_TEST_LAYOUT_EXPECT_H
#define LMM_TEST_LAYOUT_EXPECT_H

#include "reporter/program/types/layout.h"

struct layout_case {
    const char *name; /* of the struct; the variable v_NAME has its type */
    uint64_t bytes;
    uint64_t hole_bytes;
    size_t hole_count;
    uint64_t padding_bytes;
    enum lmm_layout_state state;
};

/* Expects that of a struct, in each variant. Where it has a better order, that has the size and the places that
 * the compiler has given to the struct NAME_best. */
void layout_expect(const struct layout_case *expected);

#endif
