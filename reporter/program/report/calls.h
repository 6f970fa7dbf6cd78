/* SPDX-License-Identifier: MIT */
/*
 * calls: the calls of one stack as the report for people shows them: without those outside of main
 * or of a thread's start function, and with those that repeat folded.
 *
 * Invariants (checked by tests/unit/reporter/test_calls.c): the groups follow each other, and each
 * call belongs to one group; a group of `count` calls stands for count * times calls.
 */
#ifndef LMM_PROGRAM_CALLS_H
#define LMM_PROGRAM_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_model;
struct lmm_model_call;

/* Calls that stand in the stack `times` times, one after the other. */
struct lmm_call_group {
    size_t first; /* index in calls */
    size_t count;
    size_t times;
};

struct lmm_calls {
    struct lmm_model_call *calls;
    size_t count;
    char **texts; /* copies of texts that calls point to */
    size_t text_count;
    bool is_cut; /* outer calls are missing, because the process did not keep them */
    struct lmm_call_group *groups;
    size_t group_count;
};

/* Lists the calls of a stack, to be freed with lmm_calls_free(); false: out of memory. */
bool lmm_calls_list(const struct lmm_model *model, uint32_t stack, struct lmm_calls *ret_calls);

void lmm_calls_free(struct lmm_calls *calls);

#endif
