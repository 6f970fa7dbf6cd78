/* SPDX-License-Identifier: MIT */
/* model_order: the order of a model's rows: families by live bytes, then by name; sites as lmm_model_compare_sites()
 * says. Stateless. */
#ifndef LMM_REPORTER_MODEL_ORDER_H
#define LMM_REPORTER_MODEL_ORDER_H

#include "reporter/core/radix_sort.h"

struct lmm_model;

/* Sorts the families, and the sites, which are in the order of their ids before. keys, room: memory for a key for each
 * site, of any contents before and after. Cost: linear in the sites, and n log n in the families and in the sites of equal figures that
 * stand for a line. */
void lmm_model_order(struct lmm_model *model, struct lmm_sort_key *keys, struct lmm_sort_key *room);

#endif
