/* SPDX-License-Identifier: MIT */
/* Sets of classes in Valgrind's words. */
#include "reporter/program/report/leak_kinds.h"

#include <criterion/criterion.h>

enum {
    D = 1 << LMM_MODEL_DEFINITE,
    I = 1 << LMM_MODEL_INDIRECT,
    P = 1 << LMM_MODEL_POSSIBLE,
    R = 1 << LMM_MODEL_REACHABLE,
    WRONG = 1 << 20,
};

Test(leak_kinds, are_words_of_valgrind)
{
    static const struct {
        const char *text;
        unsigned kinds;
    } cases[] = {
        {"definite", D},
        {"definite,possible", D | P},
        {"reachable,indirect,definite,possible", D | I | P | R},
        {"indirect,indirect", I},
        {"all", D | I | P | R},
        {"none", 0},
        {"", WRONG},
        {"definite,", WRONG},
        {",definite", WRONG},
        {"definitely", WRONG},
        {"defin", WRONG},
        {"all,definite", WRONG},
        {"definite possible", WRONG},
        {"ignored", WRONG},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned kinds = WRONG;

        cr_expect_eq(lmm_kinds_parse(cases[i].text, &kinds), cases[i].kinds != WRONG, "'%s'",
                     cases[i].text);
        cr_expect_eq(kinds, cases[i].kinds, "'%s': %x", cases[i].text, kinds);
    }
}
