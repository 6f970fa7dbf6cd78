/* SPDX-License-Identifier: MIT */
/* wrapper_table: the functions that allocate for their callers, by name, as far as names follow no
 * rule (wrapper.h has the rules). lmm-run(1), section WRAPPERS, shows the same table;
 * tests/reporter/names/test_wrappers.py compares the two. */
#ifndef LMM_PROGRAM_WRAPPER_TABLE_H
#define LMM_PROGRAM_WRAPPER_TABLE_H

struct lmm_wrapper_group {
    const char *whose;
    const char *const *patterns; /* of glob.h; ends with NULL */
};

/* Ends with a group of nobody's. */
extern const struct lmm_wrapper_group lmm_wrapper_table[];

#endif
