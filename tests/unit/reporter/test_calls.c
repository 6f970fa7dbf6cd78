/* SPDX-License-Identifier: MIT */
/* Calls that repeat, and calls that are always the same. */
#include "reporter/program/report/calls.h"

#include <criterion/criterion.h>

#include "reporter/core/model.h"
#include "tests/support/run_model.h"
#include "tests/support/shapes.h"

struct shape {
    size_t calls;
    size_t group_count;
    struct lmm_call_group groups[4];
    bool is_cut;
};

static void expect(const struct lmm_model *model, uint32_t stack, const struct shape *shape)
{
    struct lmm_calls calls;

    cr_assert(lmm_calls_list(model, stack, &calls));
    cr_expect_eq(calls.count, shape->calls);
    cr_expect_eq(calls.is_cut, shape->is_cut);
    cr_assert_eq(calls.group_count, shape->group_count, "%zu", calls.group_count);
    for (size_t i = 0; i < calls.group_count; i++) {
        cr_expect_eq(calls.groups[i].first, shape->groups[i].first, "%zu", i);
        cr_expect_eq(calls.groups[i].count, shape->groups[i].count, "%zu", i);
        cr_expect_eq(calls.groups[i].times, shape->groups[i].times, "%zu", i);
    }
    lmm_calls_free(&calls);
}

Test(calls, repeated_calls_and_sequences_are_groups)
{
    static const struct shape shapes[] = {
        {41, 3, {{0, 1, 1}, {1, 1, 39}, {40, 1, 1}}, false},
        {11, 4, {{0, 1, 1}, {1, 2, 4}, {9, 1, 1}, {10, 1, 1}}, false},
        {7, 4, {{0, 1, 1}, {1, 1, 2}, {3, 1, 3}, {6, 1, 1}}, false}, /* one function, two lines */
    };
    struct lmm_model *model = shape_recursion();

    for (size_t i = 0; i < 3; i++) {
        expect(model, model->sites[i].stack, &shapes[i]);
    }
}

Test(calls, a_stack_ends_with_main_or_where_it_was_cut)
{
    static const struct shape whole = {2, 2, {{0, 1, 1}, {1, 1, 1}}, false};
    static const struct shape cut = {2, 2, {{0, 1, 1}, {1, 1, 1}}, true};
    struct lmm_model *model = made_model();

    expect(model, model->sites[5].stack, &whole); /* a library without names, called by main */
    expect(model, model->sites[3].stack, &whole); /* a thread */
    model->stack_frames = 2;
    expect(model, model->sites[3].stack, &cut);
}
