/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_type_lines.h"

#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/program/report/places.h"

bool lmm_top_type_lines_make(struct lmm_top_type_lines *by_type, const struct lmm_model *model,
                             const struct lmm_places *lines, const struct lmm_places *types)
{
    lmm_top_type_lines_free(by_type);
    by_type->first = calloc(types->count + 2, sizeof(*by_type->first));
    by_type->sites = calloc(model->site_count + 1, sizeof(*by_type->sites));
    by_type->line_bytes = calloc(lines->count + 1, sizeof(*by_type->line_bytes));
    if (by_type->first == NULL || by_type->sites == NULL || by_type->line_bytes == NULL) {
        lmm_top_type_lines_free(by_type);
        return false;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        by_type->first[types->of[i]]++;
    }
    for (size_t k = 1; k < types->count + 2; k++) { /* the end of each type's sites */
        by_type->first[k] += by_type->first[k - 1];
    }
    for (size_t i = model->site_count; i-- > 0;) { /* from the end on: then it is the start */
        by_type->sites[--by_type->first[types->of[i]]] = (uint32_t) i;
    }
    return true;
}

void lmm_top_type_lines_free(struct lmm_top_type_lines *by_type)
{
    free(by_type->first);
    free(by_type->sites);
    free(by_type->line_bytes);
    *by_type = (struct lmm_top_type_lines) {.first = NULL};
}

struct lmm_top_lines lmm_top_type_lines_of(const struct lmm_top_type_lines *by_type,
                                           const struct lmm_model *model,
                                           const struct lmm_places *lines,
                                           const struct lmm_places *types,
                                           const struct lmm_model_site *site)
{
    uint32_t type = types->of[site - model->sites];
    uint32_t first = by_type->first[type];
    uint32_t end = by_type->first[type + 1];
    struct lmm_top_lines found = {0, site};
    uint64_t most = 0;

    for (uint32_t i = first; i < end; i++) {
        const struct lmm_model_site *part = &model->sites[by_type->sites[i]];
        uint64_t *sum = &by_type->line_bytes[lines->of[by_type->sites[i]]];

        if (part->live_blocks == 0) {
            continue;
        }
        found.count += *sum == 0;
        *sum = lmm_add_saturated(*sum == 0 ? 1 : *sum, part->live_bytes); /* 1: it has blocks */
        if (*sum > most) {
            most = *sum;
            found.largest = part;
        }
    }
    for (uint32_t i = first; i < end; i++) {
        by_type->line_bytes[lines->of[by_type->sites[i]]] = 0;
    }
    return found;
}
