/* SPDX-License-Identifier: MIT */
#include "reporter/core/model_order.h"

#include <stdbool.h>
#include <stdint.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/sort.h"

_Static_assert(sizeof(struct lmm_model_site) <= LMM_SORT_ITEM_MAX, "sites are sorted in place");

static int compare_families(const void *left, const void *right)
{
    const struct lmm_model_family *a = *(const struct lmm_model_family *const *) left;
    const struct lmm_model_family *b = *(const struct lmm_model_family *const *) right;
    int order = lmm_compare_u64(b->live_bytes, a->live_bytes);

    order = order != 0 ? order : lmm_compare_strings(a->name, b->name);
    return order != 0 ? order : lmm_compare_u64((uintptr_t) a, (uintptr_t) b);
}

/* Moves each site to the place of its key, from which the one that was there has moved before. */
static void move_sites(struct lmm_model_site *sites, struct lmm_sort_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].index == i) {
            continue;
        }
        struct lmm_model_site held = sites[i];
        size_t to = i;

        for (size_t from = keys[i].index; from != i; from = keys[to].index) {
            sites[to] = sites[from];
            keys[to].index = to;
            to = from;
        }
        sites[to] = held;
        keys[to].index = to;
    }
}

static bool have_equal_figures(const struct lmm_model_site *a, const struct lmm_model_site *b)
{
    return a->live_bytes == b->live_bytes && a->allocations == b->allocations;
}

/* By their figures in linear time, because there may be hundreds of thousands. Sites that stand for a line are few. */
static void sort_sites(struct lmm_model_site *sites, size_t count, struct lmm_sort_key *keys,
                       struct lmm_sort_key *room)
{
    for (size_t i = 0; i < count; i++) {
        keys[i] = (struct lmm_sort_key) {~sites[i].allocations, i};
    }
    lmm_radix_sort(keys, count, room);
    for (size_t i = 0; i < count; i++) {
        keys[i].key = ~sites[keys[i].index].live_bytes;
    }
    lmm_radix_sort(keys, count, room);
    move_sites(sites, keys, count);
    for (size_t i = 0, end; i < count; i = end) {
        bool has_file = sites[i].file.bytes > 0;

        for (end = i + 1; end < count && have_equal_figures(&sites[i], &sites[end]); end++) {
            has_file |= sites[end].file.bytes > 0;
        }
        if (has_file) {
            lmm_sort(&sites[i], end - i, sizeof(*sites), lmm_model_compare_sites);
        }
    }
}

void lmm_model_order(struct lmm_model *model, struct lmm_sort_key *keys, struct lmm_sort_key *room)
{
    lmm_sort(model->families, model->family_count, sizeof(struct lmm_model_family *),
             compare_families);
    sort_sites(model->sites, model->site_count, keys, room);
}
