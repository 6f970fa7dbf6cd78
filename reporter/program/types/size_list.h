/* SPDX-License-Identifier: MIT */
/* size_list: the sizes that were requested at several sites (fit.h), each once; of many, the last are one range. */
#ifndef LMM_PROGRAM_SIZE_LIST_H
#define LMM_PROGRAM_SIZE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/types/fit.h"

struct lmm_size_list {
    struct lmm_size_range *items; /* to be freed */
    size_t count;
};

/* Adds the sizes of a site. *ret_news: set when the list did not have them, else untouched; it may be NULL. Returns false when memory ran out. */
bool lmm_size_list_add(struct lmm_size_list *list, struct lmm_size_range sizes, bool *ret_news);

#endif
