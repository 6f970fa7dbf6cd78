/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/leak_kinds.h"

#include <string.h>

static const char *const words[LMM_MODEL_CLASSES] = {
    [LMM_MODEL_DEFINITE] = "definite",
    [LMM_MODEL_INDIRECT] = "indirect",
    [LMM_MODEL_POSSIBLE] = "possible",
    [LMM_MODEL_REACHABLE] = "reachable",
};

const char *lmm_kinds_word(enum lmm_model_class kind)
{
    return words[kind];
}

const char *lmm_kinds_option_word(size_t index)
{
    static const char *const sets[] = {"definite",  "indirect", "possible",
                                       "reachable", "all",      "none"};

    return index < sizeof(sets) / sizeof(sets[0]) ? sets[index] : NULL;
}

static bool add_word(const char *word, size_t bytes, unsigned *kinds)
{
    for (size_t i = 0; i < LMM_MODEL_CLASSES; i++) {
        if (words[i] != NULL && strlen(words[i]) == bytes && memcmp(words[i], word, bytes) == 0) {
            *kinds |= 1u << i;
            return true;
        }
    }
    return false;
}

bool lmm_kinds_parse(const char *text, unsigned *ret_kinds)
{
    unsigned kinds = 0;

    if (strcmp(text, "all") == 0 || strcmp(text, "none") == 0) {
        *ret_kinds = *text == 'a' ? (unsigned) LMM_KINDS_ALL : 0;
        return true;
    }
    for (const char *at = text;; at++) {
        size_t bytes = strcspn(at, ",");

        if (!add_word(at, bytes, &kinds)) {
            return false;
        }
        at += bytes;
        if (*at == '\0') {
            *ret_kinds = kinds;
            return true;
        }
    }
}
