/* SPDX-License-Identifier: MIT */
/* diet_types: hints about types: structs that are smaller with their fields in another order, and structs that could be a
 * field of the only struct that points at them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/core/words.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/types/layout_change.h"
#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_walk.h"

enum {
    ORDER_BYTES = 4096, /* of a text that lists fields */
    EMBED_BYTES_MAX = 128,
    EMBED_BLOCKS_MIN = 100,
    POINTER_BYTES = 8,
    CLOSE_PERMILLE = 10, /* two numbers of blocks are called the same up to this difference */
};

static char *copy_string(struct lmm_string string)
{
    return strndup(string.text, string.bytes);
}

/* ---- Another order --------------------------------------------------------------------------- */

/* Returns the alignment that the fields of a struct need. */
static uint64_t align_of(const struct lmm_layout *layout)
{
    uint64_t align = 1;

    for (size_t i = 0; i < layout->count; i++) {
        align = layout->fields[i].align > align ? layout->fields[i].align : align;
    }
    return align;
}

/* Of a program that registers its types, perhaps with more alignment than the struct needs. A block with a
 * flexible array is a whole number of slots. */
static uint64_t typed_saving(const struct lmm_diet_type *type, const struct lmm_model_site *site,
                             struct lmm_model_amount amount, uint64_t after_bytes, uint64_t delta)
{
    const struct lmm_model_family *family = site->family;
    uint64_t align = family->align_bytes > align_of(&type->layout) ? family->align_bytes : 1;
    uint64_t over = after_bytes % align;
    uint64_t after = after_bytes + (over == 0 ? 0 : align - over);

    if (family->counts_bytes) {
        return family->stride_bytes == 0
                   ? 0
                   : lmm_multiply_saturated(amount.blocks,
                                            delta / family->stride_bytes * family->stride_bytes);
    }
    return lmm_multiply_saturated(amount.bytes / type->layout.bytes,
                                  lmm_subtract_saturated(family->stride_bytes, after));
}

/* Returns what a struct, with the elements after it, has less after a change, at least: the
 * program may compute its size by sizeof, or by the offset of the elements. */
static uint64_t shrinking_of(const struct lmm_layout *layout, const struct lmm_layout_size *after,
                             bool *ret_has_tail)
{
    const struct lmm_field *last = &layout->fields[layout->count - 1];
    uint64_t delta = lmm_subtract_saturated(layout->bytes, after->bytes);
    uint64_t moved = lmm_subtract_saturated(last->bit, after->tail_bit) / 8;

    *ret_has_tail = last->kind == LMM_FIELD_TAIL;
    return *ret_has_tail ? lmm_smaller(delta, moved) : delta;
}

/* Returns what the blocks of a site take less, at least, when their structs are smaller. The sizes
 * in between save no less than the largest one: all are in one slot now. */
static uint64_t saving_of(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                          const struct lmm_model_site *site, const struct lmm_layout_size *after)
{
    struct lmm_model_amount amount = lmm_diet_amount(diet, site);
    uint64_t largest = site->largest_bytes;
    bool has_tail;
    uint64_t delta = shrinking_of(&type->layout, after, &has_tail);

    if (!diet->slots.is_drop_in || site->stack == 0) {
        return diet->slots.is_drop_in ? 0 : typed_saving(type, site, amount, after->bytes, delta);
    }
    if (largest < type->layout.bytes || site->smallest_bytes == 0) {
        return 0;
    }
    has_tail = has_tail || type->type.has_more || largest % type->layout.bytes != 0;
    uint64_t now = lmm_slots_of(&diet->slots, largest);
    uint64_t structs = has_tail ? 1 : largest / type->layout.bytes;

    if (now == lmm_slots_of(&diet->slots, site->smallest_bytes)) {
        return lmm_multiply_saturated(amount.blocks,
                                      now - lmm_slots_of(&diet->slots, largest - structs * delta));
    }
    structs = has_tail ? amount.blocks : amount.bytes / type->layout.bytes; /* of all blocks */
    return lmm_subtract_saturated(lmm_multiply_saturated(structs, delta),
                                  lmm_multiply_saturated(amount.blocks, diet->slots.large_bytes));
}

uint64_t lmm_diet_saving(const struct lmm_diet *diet, const struct lmm_diet_type *type,
                         const struct lmm_layout_size *after)
{
    uint64_t saved = 0;

    for (size_t i = 0; type->layout.count > 0 && i < type->site_count; i++) {
        saved = lmm_add_saturated(saved, saving_of(diet, type, type->sites[i], after));
    }
    return saved;
}

/* Appends to a text of ORDER_BYTES, as far as there is room. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t *used,
                                                         const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text + *used, ORDER_BYTES - *used, format, arguments);

    va_end(arguments);
    if (length > 0) {
        *used = *used + (size_t) length < ORDER_BYTES ? *used + (size_t) length : ORDER_BYTES - 1;
    }
}

/* Appends ", in tree_node" for a struct that lies in others; of one of C++ without its arguments. */
static void append_outer(char *text, size_t *used, const struct lmm_diet_type *type)
{
    const struct lmm_string name = type->in->type.element;
    const char *angle = memchr(name.text, '<', name.bytes);
    size_t bytes = angle == NULL ? name.bytes : (size_t) (angle - name.text);

    append(text, used, ", %sin %.*s", type->saves_bytes > 0 ? "also " : "", (int) bytes, name.text);
    if (type->in_count > 1) {
        append(text, used, " and %zu more %s", type->in_count - 1,
               lmm_plural(type->in_count - 1, "type", "types"));
    }
}

/* Writes "2 holes (7+7 bytes), 4 at the end, in tree_node. Order: next data port"; NULL: out of memory. */
static char *describe_layout(const struct lmm_diet_type *type)
{
    const struct lmm_layout *layout = &type->layout;
    char text[ORDER_BYTES] = "";
    size_t used = 0;
    size_t holes = 0;

    for (size_t i = 0; i < layout->count; i++) {
        uint64_t gap = lmm_fields_gap(layout->fields, layout->count, i, layout->bytes);

        if (gap > 0 && holes == 0) {
            append(text, &used, "%zu %s (", layout->hole_count,
                   lmm_plural(layout->hole_count, "hole", "holes"));
        }
        if (gap > 0) {
            append(text, &used, "%s%" PRIu64, holes++ == 0 ? "" : "+", gap);
        }
    }
    append(text, &used, holes > 0 ? " bytes)" : "");
    if (layout->padding_bytes > 0) {
        append(text, &used, "%s%" PRIu64 " at the end", holes > 0 ? ", " : "",
               layout->padding_bytes);
    }
    if (type->in != NULL) {
        append_outer(text, &used, type);
    }
    append(text, &used, ". Order:");
    for (size_t i = 0; i < layout->count; i++) {
        const struct lmm_field *field = &layout->order[i];

        if (field->kind >= LMM_FIELD_MEMBER) {
            append(text, &used, " %s", field->name == NULL ? "(unnamed)" : field->name);
        }
    }
    return strdup(text);
}

static void add_layout(struct lmm_diet *diet, const struct lmm_diet_type *type)
{
    if (!type->is_wanted) {
        return;
    }
    lmm_diet_add(diet,
                 &(struct lmm_hint) {
                     .kind = LMM_HINT_LAYOUT,
                     .type = copy_string(type->type.element),
                     .text = describe_layout(type),
                     .file = type->type.file,
                     .line = type->type.line,
                     .saves_bytes = lmm_add_saturated(type->saves_bytes, type->in_saves_bytes),
                     .blocks = lmm_add_saturated(type->amount.blocks, type->in_amount.blocks),
                     .before_bytes = type->layout.bytes,
                     .after_bytes = type->layout.order_bytes,
                     .confidence = type->type.confidence,
                 });
}

void lmm_diet_find_layouts(struct lmm_diet *diet)
{
    for (size_t i = 0; i < diet->type_count; i++) {
        struct lmm_diet_type *type = &diet->types[i];
        struct lmm_layout_size best;

        if (type->has_layout && type->layout.state == LMM_LAYOUT_BETTER) {
            lmm_layout_best(&type->layout, &best);
            type->saves_bytes = lmm_diet_saving(diet, type, &best);
            add_layout(diet, type);
        }
    }
    for (size_t i = 0; i < diet->inner_count; i++) {
        add_layout(diet, &diet->inner[i]);
    }
}

/* ---- Structs to embed ------------------------------------------------------------------------ */

static bool points_at(const struct lmm_field *field, const struct lmm_model_type *type)
{
    char name[LMM_TYPE_NAME_MAX];
    Dwarf_Die target;

    if (field->kind != LMM_FIELD_MEMBER || !lmm_type_is_pointer(&field->type) ||
        !lmm_type_target(&field->type, &target)) {
        return false;
    }
    lmm_type_name(&target, name);
    return lmm_compare_strings(lmm_string_of(name), type->element) == 0;
}

/* Returns the only field of a layout that points at a type; NULL: there is none, or there are several. */
static const struct lmm_field *find_pointer(const struct lmm_layout *layout,
                                            const struct lmm_model_type *type)
{
    const struct lmm_field *found = NULL;

    for (size_t i = 0; i < layout->count; i++) {
        if (points_at(&layout->fields[i], type)) {
            if (found != NULL) {
                return NULL;
            }
            found = &layout->fields[i];
        }
    }
    return found;
}

/* Returns whether all blocks of a type are single structs that one function allocates. */
static bool is_single(const struct lmm_diet_type *type)
{
    for (size_t i = 0; i < type->site_count; i++) {
        const struct lmm_model_site *site = type->sites[i];

        if (site->smallest_bytes != type->type.bytes || site->largest_bytes != type->type.bytes ||
            site->function.bytes == 0 ||
            lmm_compare_strings(site->function, type->sites[0]->function) != 0) {
            return false;
        }
    }
    return true;
}

static bool are_close(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return lmm_model_permille(difference, a > b ? a : b) < CLOSE_PERMILLE;
}

/* Returns the struct, of all types, that may hold another one; NULL: there is none, or several point at it. */
static const struct lmm_diet_type *find_holder(const struct lmm_diet *diet,
                                               const struct lmm_diet_type *inner,
                                               const struct lmm_field **ret_field)
{
    const struct lmm_diet_type *holder = NULL;

    for (size_t i = 0; i < diet->type_count; i++) {
        const struct lmm_diet_type *type = &diet->types[i];
        const struct lmm_field *field =
            type->has_layout ? find_pointer(&type->layout, &inner->type) : NULL;

        if (field == NULL) {
            continue;
        }
        if (holder != NULL || type == inner) {
            return NULL;
        }
        holder = type;
        *ret_field = field;
    }
    return holder;
}

static void look_at_inner(struct lmm_diet *diet, const struct lmm_diet_type *inner)
{
    const struct lmm_field *field = NULL;
    const struct lmm_diet_type *holder = find_holder(diet, inner, &field);
    char *text = NULL;

    if (holder == NULL || !is_single(holder) || field->name == NULL ||
        (!holder->is_wanted && !inner->is_wanted) ||
        !are_close(holder->amount.blocks, inner->amount.blocks) ||
        lmm_compare_strings(holder->sites[0]->function, inner->sites[0]->function) != 0) {
        return;
    }
    uint64_t before = lmm_slots_of(&diet->slots, holder->type.bytes) +
                      lmm_slots_of(&diet->slots, inner->type.bytes) + LMM_SLOT_TAG_BYTES;
    uint64_t whole = holder->type.bytes - POINTER_BYTES + inner->type.bytes;
    uint64_t after =
        lmm_slots_of(&diet->slots, (whole + POINTER_BYTES - 1) / POINTER_BYTES * POINTER_BYTES);
    uint64_t blocks = lmm_smaller(holder->amount.blocks, inner->amount.blocks);

    if (asprintf(&text, "embed it as %.256s in %.*s (likely)", field->name,
                 (int) holder->type.element.bytes, holder->type.element.text) < 0) {
        text = NULL;
    }
    lmm_diet_add(diet, &(struct lmm_hint) {
                           .kind = LMM_HINT_EMBED,
                           .type = copy_string(inner->type.element),
                           .text = text,
                           .file = inner->type.file,
                           .line = inner->type.line,
                           .saves_bytes = lmm_multiply_saturated(
                               blocks, lmm_subtract_saturated(before, after)),
                           .blocks = blocks,
                           .before_bytes = before,
                           .after_bytes = after,
                           .confidence = LMM_MODEL_LIKELY,
                       });
}

void lmm_diet_find_embeddable(struct lmm_diet *diet)
{
    for (size_t i = 0; diet->slots.is_drop_in && i < diet->type_count; i++) {
        const struct lmm_diet_type *inner = &diet->types[i];

        if (inner->has_layout && inner->type.bytes <= EMBED_BYTES_MAX &&
            inner->amount.blocks >= EMBED_BLOCKS_MIN && is_single(inner)) {
            look_at_inner(diet, inner);
        }
    }
}
