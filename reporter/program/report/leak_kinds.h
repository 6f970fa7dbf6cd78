/* SPDX-License-Identifier: MIT */
/* leak_kinds: sets of classes in Valgrind's words, as --show-leak-kinds takes them. A set has a bit,
 * 1 << enum lmm_model_class, for each class. */
#ifndef LMM_PROGRAM_LEAK_KINDS_H
#define LMM_PROGRAM_LEAK_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/core/model.h"

enum {
    LMM_KINDS_SHOWN = 1 << LMM_MODEL_DEFINITE | 1 << LMM_MODEL_POSSIBLE, /* by default */
    LMM_KINDS_ERRORS = 1 << LMM_MODEL_DEFINITE,                          /* by default */
    LMM_KINDS_ALL = 1 << LMM_MODEL_DEFINITE | 1 << LMM_MODEL_INDIRECT | 1 << LMM_MODEL_POSSIBLE |
                    1 << LMM_MODEL_REACHABLE,
};

/* Sets *ret_kinds to the set that text names: "definite,indirect,possible,reachable" or some of
 * these, "all" or "none". False: it names another word. */
bool lmm_kinds_parse(const char *text, unsigned *ret_kinds);

/* Returns the word of a class: "definite"; NULL: it has none. */
const char *lmm_kinds_word(enum lmm_model_class kind);

/* Returns the words of sets, as lmm_option_word does. */
const char *lmm_kinds_option_word(size_t index);

#endif
