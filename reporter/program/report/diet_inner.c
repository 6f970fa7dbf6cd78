/* SPDX-License-Identifier: MIT */
/* diet_inner: structs in blocks of other types, such as nodes of containers, that are smaller in another order of
 * their fields, and what these blocks then save. */
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/types/inner_layout.h"
#include "reporter/program/types/type_info.h"

/* Returns the type of blocks that a struct is; NULL: none has its layout. */
static struct lmm_diet_type *find_own(const struct lmm_diet *diet, const struct lmm_type_info *info)
{
    const struct lmm_model_type type = {
        .element = lmm_string_of(info->name),
        .bytes = info->bytes,
        .file = lmm_string_of(info->file),
        .line = info->line,
    };
    struct lmm_diet_type *found = lmm_diet_find_type(diet, &type);

    return found != NULL && found->has_layout ? found : NULL;
}

static struct lmm_diet_type *find_inner(const struct lmm_diet *diet,
                                        const struct lmm_type_info *info)
{
    for (size_t i = 0; i < diet->inner_count; i++) {
        const struct lmm_model_type *type = &diet->inner[i].type;

        if (type->bytes == info->bytes && type->line == info->line &&
            lmm_compare_strings(type->element, lmm_string_of(info->name)) == 0 &&
            lmm_compare_strings(type->file, lmm_string_of(info->file)) == 0) {
            return &diet->inner[i];
        }
    }
    return NULL;
}

/* Adds a struct that no block is known to be, and takes its layout; returns NULL when memory ran out. */
static struct lmm_diet_type *add_type(struct lmm_diet *diet, const struct lmm_type_info *info,
                                      struct lmm_layout *layout)
{
    struct lmm_diet_type *added =
        lmm_array_add(&diet->inner, &diet->inner_count, sizeof(*diet->inner));

    if (added == NULL) {
        return NULL;
    }
    added->own_name = strdup(info->name);
    added->own_file = strdup(info->file);
    if (added->own_name == NULL || added->own_file == NULL) {
        return NULL;
    }
    added->type = (struct lmm_model_type) {
        .name = lmm_string_of(added->own_name),
        .element = lmm_string_of(added->own_name),
        .confidence = LMM_MODEL_CERTAIN,
        .bytes = info->bytes,
        .file = lmm_string_of(added->own_file),
        .line = info->line,
    };
    added->layout = *layout;
    added->has_layout = true;
    *layout = (struct lmm_layout) {.fields = NULL};
    return added;
}

/* Counts the blocks of a type for a struct in it. Returns false when memory ran out. */
static bool count_inner(struct lmm_diet *diet, const struct lmm_diet_type *outer,
                        struct lmm_inner *inner)
{
    struct lmm_type_info info;
    uint64_t saved = lmm_diet_saving(diet, outer, &inner->after);

    if (saved == 0 || !lmm_type_info_of(&inner->type, &info)) {
        return true;
    }
    struct lmm_diet_type *type = find_own(diet, &info);

    type = type != NULL ? type : find_inner(diet, &info);
    type = type != NULL ? type : add_type(diet, &info, &inner->layout);
    if (type == NULL) {
        return false;
    }
    type->is_wanted = type->is_wanted || outer->is_wanted ||
                      lmm_select_matches_type(diet->options.types, &type->type);
    type->in = type->in == NULL ? outer : type->in;
    type->in_count++;
    type->in_amount.blocks = lmm_add_saturated(type->in_amount.blocks, outer->amount.blocks);
    type->in_amount.bytes = lmm_add_saturated(type->in_amount.bytes, outer->amount.bytes);
    type->in_saves_bytes = lmm_add_saturated(type->in_saves_bytes, saved);
    if (outer->type.confidence < type->type.confidence) {
        type->type.confidence = outer->type.confidence;
    }
    return true;
}

void lmm_diet_find_inner(struct lmm_diet *diet)
{
    for (size_t i = 0; i < diet->type_count && !diet->has_failed; i++) {
        const struct lmm_diet_type *outer = &diet->types[i];
        struct lmm_inners inners = {.list = NULL};

        if (!outer->has_layout) {
            continue;
        }
        diet->has_failed = !lmm_inners_read(&outer->layout, &inners);
        for (size_t k = 0; k < inners.count && !diet->has_failed; k++) {
            diet->has_failed = !count_inner(diet, outer, &inners.list[k]);
        }
        lmm_inners_free(&inners);
    }
}
