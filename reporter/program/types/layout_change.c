/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/layout_change.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/layout.h"

static bool is_understood(const struct lmm_layout *layout)
{
    return layout->rules != 0 && layout->count > 0 &&
           (layout->state == LMM_LAYOUT_BEST || layout->state == LMM_LAYOUT_BETTER);
}

static struct lmm_layout_size size_of(const struct lmm_field *fields, size_t count, uint64_t bytes)
{
    bool has_tail = count > 0 && fields[count - 1].kind == LMM_FIELD_TAIL;

    return (struct lmm_layout_size) {bytes == 0 ? 1 : bytes, has_tail ? fields[count - 1].bit : 0};
}

void lmm_layout_best(const struct lmm_layout *layout, struct lmm_layout_size *ret_size)
{
    bool has_better = layout->state == LMM_LAYOUT_BETTER;

    *ret_size = size_of(has_better ? layout->order : layout->fields, layout->count,
                        has_better ? layout->order_bytes : layout->bytes);
}

/* Copies the fields that stay, with their new sizes; returns their number. */
static size_t copy_changed(const struct lmm_layout *layout, const struct lmm_field_change *changes,
                           struct lmm_field *copy)
{
    size_t count = 0;

    for (size_t i = 0; i < layout->count; i++) {
        struct lmm_field field = layout->fields[i];
        uint64_t align = changes[i].align != 0 ? changes[i].align : changes[i].bytes;

        if (changes[i].bytes == 0) {
            continue;
        }
        if (changes[i].bytes != LMM_FIELD_SAME) {
            field.data_bytes = changes[i].bytes;
            field.bytes = changes[i].bytes;
            field.align = field.align > align ? align : field.align;
        }
        copy[count++] = field;
    }
    return count;
}

/* Places fields in their order by the first of the rules. */
static bool place(struct lmm_field *fields, size_t count, unsigned rules, uint64_t *ret_bytes)
{
    uint64_t align;
    unsigned rule = 0;

    while ((rules & (1u << rule)) == 0) {
        rule++;
    }
    return lmm_fields_place(fields, count, rule, ret_bytes, &align);
}

bool lmm_layout_change(const struct lmm_layout *layout, const struct lmm_field_change *changes,
                       struct lmm_layout_size *ret_size)
{
    struct lmm_field *copy =
        is_understood(layout) ? calloc(layout->count + 1, sizeof(*copy)) : NULL;

    if (copy == NULL) {
        return false;
    }
    uint64_t placed_bytes = 0;
    size_t count = copy_changed(layout, changes, copy);
    bool is_placed = place(copy, count, layout->rules, &placed_bytes);

    if (is_placed) {
        lmm_fields_reorder(copy, count, layout->rules, placed_bytes, &placed_bytes);
        *ret_size = size_of(copy, count, placed_bytes);
    }
    free(copy);
    return is_placed;
}

/* Returns whether the fields lie where their rules put them, as the compiler has them. */
static bool lies_by_rules(const struct lmm_layout *layout, struct lmm_field *copy)
{
    uint64_t bytes = 0;

    if (layout->rules == 0 || layout->state == LMM_LAYOUT_FOREIGN) {
        return false;
    }
    memcpy(copy, layout->fields, layout->count * sizeof(*copy));
    if (!place(copy, layout->count, layout->rules, &bytes) || bytes != layout->bytes) {
        return false;
    }
    for (size_t i = 0; i < layout->count; i++) {
        if (copy[i].bit != layout->fields[i].bit) {
            return false;
        }
    }
    return true;
}

bool lmm_layout_resize(const struct lmm_layout *layout, const struct lmm_field_change *changes,
                       struct lmm_layout_size *ret_size)
{
    struct lmm_field *copy = layout->count == 0 ? NULL : calloc(layout->count, sizeof(*copy));
    uint64_t bytes = 0;

    if (copy == NULL) {
        return false;
    }
    bool is_placed = lies_by_rules(layout, copy);
    size_t count = is_placed ? copy_changed(layout, changes, copy) : 0;

    is_placed = is_placed && count == layout->count && place(copy, count, layout->rules, &bytes);
    if (is_placed) {
        *ret_size = size_of(copy, count, bytes);
    }
    free(copy);
    return is_placed;
}
