/* SPDX-License-Identifier: MIT */
/* The word that a mistyped one probably stands for. */
#include "reporter/program/base/nearest.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const known[] = {"run", "report", "sites", "snapshot", "stack", "function"};

Test(nearest, the_first_of_the_nearest_words)
{
    static const struct {
        const char *word;
        const char *best; /* NULL: none is near */
    } cases[] = {
        {"reprot", "report"},      /* an exchange */
        {"reort", "report"},       /* one missing */
        {"snapshoot", "snapshot"}, /* one too many */
        {"sitez", "sites"},        /* another one */
        {"nur", NULL},             /* two of three are wrong */
        {"rub", "run"},
        {"stacks", "stack"},
        {"funtcoin", "function"},
        {"everything", NULL},
        {"", NULL},
        {"x", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_nearest nearest = {.word = cases[i].word};
        char hint[64] = "none";

        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            lmm_nearest_look_text(&nearest, known[k]);
        }
        if (cases[i].best != NULL) {
            snprintf(hint, sizeof(hint), " (did you mean '%s'?)", cases[i].best);
        }
        cr_expect_str_eq(lmm_nearest_hint(&nearest, "none"), hint, "%s", cases[i].word);
    }
}

Test(nearest, long_words_are_not_compared)
{
    char word[2 * LMM_NEAREST_BYTES];
    struct lmm_nearest nearest = {.word = word};

    memset(word, 'a', sizeof(word));
    word[sizeof(word) - 1] = '\0';
    lmm_nearest_look_text(&nearest, word);
    cr_expect_str_eq(lmm_nearest_hint(&nearest, ""), "");
    nearest.word = "aa";
    lmm_nearest_look_text(&nearest, word);
    cr_expect_str_eq(lmm_nearest_hint(&nearest, ""), "");
}
