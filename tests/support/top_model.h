/* SPDX-License-Identifier: MIT */
/* top_model: a hand-made model for the tests of `lmm top`. The caller owns all names. */
#ifndef LMM_TESTS_TOP_MADE_H
#define LMM_TESTS_TOP_MADE_H

#include "reporter/core/model.h"

enum {
    MADE_MAX = 16,
};

struct made {
    struct lmm_model model;
    struct lmm_model_family family[MADE_MAX];
    const struct lmm_model_family *families[MADE_MAX];
    struct lmm_model_site site[MADE_MAX];
};

/* Makes an empty model of the program "demo", pid 4711; it must not be moved. */
void made_open(struct made *made);

/* Each adds a record and returns it; the caller fills it in. The id of a site is its index. */
struct lmm_model_family *made_family(struct made *made, const char *name, uint64_t size);
struct lmm_model_site *made_site(struct made *made, const struct lmm_model_family *family,
                                 const char *file, uint32_t line, const char *function);

#endif
