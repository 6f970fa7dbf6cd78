/* SPDX-License-Identifier: MIT */
#include "tests/support/way_cases.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/way_text.h"

enum {
    CODE_MAX = 4096,
    TEXT_MAX = 8192,
};

static enum lmm_way_callee know(void *context, uint64_t target, bool is_loaded)
{
    (void) context;
    (void) is_loaded;
    if (target == LMM_WAY_CASES_RETURNS_FIRST) {
        return LMM_WAY_CALLEE_RETURNS_FIRST;
    }
    if (target == LMM_WAY_CASES_THREAD) {
        return LMM_WAY_CALLEE_THREAD;
    }
    return target == LMM_WAY_CASES_ENDS ? LMM_WAY_CALLEE_ENDS : LMM_WAY_CALLEE_ANY;
}

static size_t read_bytes(const char *text, unsigned char bytes[CODE_MAX])
{
    size_t count = strlen(text) / 2;

    cr_assert_leq(count, CODE_MAX);
    for (size_t i = 0; i < count; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

        bytes[i] = (unsigned char) strtoul(digits, NULL, 16);
    }
    return count;
}

static bool has_returned(const struct lmm_way_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].kind == LMM_WAY_RETURNED && !steps[i].is_inside) {
            return true;
        }
    }
    return false;
}

/* follower: has followed the cases before. */
static void check_case(struct lmm_way_follower *follower, enum lmm_machine machine, int output,
                       const struct lmm_way_case *one)
{
    unsigned char bytes[CODE_MAX];
    const struct lmm_code code = {bytes, read_bytes(one->code, bytes), LMM_WAY_CASES_START,
                                  machine};
    struct lmm_way_step steps[LMM_WAY_STEPS_MAX];
    size_t count = lmm_way_follow(follower, &code, one->address, output, know, NULL, steps);
    struct lmm_way_follower *other = lmm_way_follower_new();
    char text[TEXT_MAX] = "";
    FILE *out = fmemopen(text, TEXT_MAX, "w");

    cr_assert_not_null(out);
    lmm_way_text_put(out, machine, steps, count);
    fclose(out);
    cr_expect_str_eq(text, one->steps, "%s:\n%s", one->idea, text);
    cr_assert_not_null(other);
    cr_expect_eq(lmm_way_returns(follower, &code, one->address, output, know, NULL),
                 has_returned(steps, count), "%s: returned", one->idea);
    cr_expect_eq(lmm_way_returns(other, &code, one->address, output, know, NULL),
                 has_returned(steps, count), "%s: returned, by another follower", one->idea);
    lmm_way_follower_free(other);
}

void lmm_way_cases_check(enum lmm_machine machine, int output, const struct lmm_way_case *cases,
                         size_t count)
{
    struct lmm_way_follower *follower = lmm_way_follower_new();

    cr_assert_not_null(follower);
    for (size_t i = 0; i < count; i++) {
        check_case(follower, machine, output, &cases[i]);
    }
    for (size_t i = count; i-- > 0;) { /* each after the next one, too */
        check_case(follower, machine, output, &cases[i]);
    }
    lmm_way_follower_free(follower);
}
