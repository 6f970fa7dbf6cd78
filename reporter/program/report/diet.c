/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/diet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/select.h"
#include "reporter/program/types/type_die.h"

struct lmm_model_amount lmm_diet_amount(const struct lmm_diet *diet,
                                        const struct lmm_model_site *site)
{
    return diet->is_at_peak ? (struct lmm_model_amount) {site->peak_blocks, site->peak_bytes}
                            : (struct lmm_model_amount) {site->live_blocks, site->live_bytes};
}

/* ---- Types ----------------------------------------------------------------------------------- */

/* A site, and its type. */
struct item {
    const struct lmm_model_site *site;
    struct lmm_model_type type;
};

static int compare_elements(const struct lmm_model_type *a, const struct lmm_model_type *b)
{
    int order = lmm_compare_strings(a->element, b->element);

    order = order != 0 ? order : lmm_compare_u64(a->bytes, b->bytes);
    order = order != 0 ? order : lmm_compare_strings(a->file, b->file);
    return order != 0 ? order : lmm_compare_u64(a->line, b->line);
}

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    int order = compare_elements(&a->type, &b->type);

    return order != 0 ? order : lmm_compare_u64(a->site->id, b->site->id);
}

static int compare_types(const void *left, const void *right)
{
    const struct lmm_diet_type *a = left;
    const struct lmm_diet_type *b = right;
    int order = lmm_compare_u64(b->amount.bytes, a->amount.bytes);

    return order != 0 ? order : compare_elements(&a->type, &b->type);
}

static int compare_by_element(const void *left, const void *right)
{
    const struct lmm_diet_type *const *a = left;
    const struct lmm_diet_type *const *b = right;

    return compare_elements(&(*a)->type, &(*b)->type);
}

/* Lists the types by element; returns false when memory ran out. */
static bool list_by_element(struct lmm_diet *diet)
{
    diet->by_element = lmm_array_room(diet->type_count, sizeof(struct lmm_diet_type *));
    if (diet->by_element == NULL) {
        return false;
    }
    for (size_t i = 0; i < diet->type_count; i++) {
        diet->by_element[i] = &diet->types[i];
    }
    qsort(diet->by_element, diet->type_count, sizeof(struct lmm_diet_type *), compare_by_element);
    return true;
}

/* Adds the type of the items [first, end); of several confidences the least. */
static void add_type(struct lmm_diet *diet, const struct item *items, size_t first, size_t end)
{
    struct lmm_diet_type *type = &diet->types[diet->type_count++];

    *type = (struct lmm_diet_type) {
        .type = items[first].type, .sites = &diet->sites[first], .site_count = end - first};
    for (size_t i = first; i < end; i++) {
        struct lmm_model_amount amount = lmm_diet_amount(diet, items[i].site);

        diet->sites[i] = items[i].site;
        type->amount.blocks = lmm_add_saturated(type->amount.blocks, amount.blocks);
        type->amount.bytes = lmm_add_saturated(type->amount.bytes, amount.bytes);
        if (items[i].type.confidence < type->type.confidence) {
            type->type.confidence = items[i].type.confidence;
        }
    }
}

static size_t list_items(const struct lmm_diet *diet, struct item *items)
{
    size_t count = 0;

    for (size_t i = 0; i < diet->model->site_count; i++) {
        struct item item = {.site = &diet->model->sites[i]};

        lmm_site_type(diet->model, item.site, &item.type);
        if (lmm_site_type_is_known(&item.type) && item.type.bytes > 0) {
            items[count++] = item;
        }
    }
    qsort(items, count, sizeof(*items), compare_items);
    return count;
}

/* Makes the list of types; returns false when memory ran out. */
static bool list_types(struct lmm_diet *diet)
{
    size_t room = diet->model->site_count;
    struct item *items = lmm_array_room(room, sizeof(*items));

    diet->sites = lmm_array_room(room, sizeof(struct lmm_model_site *));
    diet->types = lmm_array_room(room, sizeof(*diet->types));
    if (items == NULL || diet->sites == NULL || diet->types == NULL) {
        free(items);
        return false;
    }
    size_t count = list_items(diet, items);
    size_t end;

    for (size_t first = 0; first < count; first = end) {
        for (end = first + 1;
             end < count && compare_elements(&items[first].type, &items[end].type) == 0; end++) {
        }
        add_type(diet, items, first, end);
    }
    free(items);
    qsort(diet->types, diet->type_count, sizeof(*diet->types), compare_types);
    return list_by_element(diet);
}

struct lmm_diet_type *lmm_diet_find_type(const struct lmm_diet *diet,
                                         const struct lmm_model_type *type)
{
    const struct lmm_diet_type wanted = {.type = *type};
    const struct lmm_diet_type *key = &wanted;
    struct lmm_diet_type **found =
        diet->type_count == 0 ? NULL
                              : bsearch(&key, diet->by_element, diet->type_count,
                                        sizeof(struct lmm_diet_type *), compare_by_element);

    return found == NULL ? NULL : *found;
}

struct lmm_diet_type *lmm_diet_type_of(const struct lmm_diet *diet,
                                       const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(diet->model, site, &type);
    return lmm_site_type_is_known(&type) ? lmm_diet_find_type(diet, &type) : NULL;
}

/* Reads the layouts of types, also of those that are not wanted: wanted ones may lie in them. */
static void read_layouts(struct lmm_diet *diet)
{
    size_t read[2] = {0, 0}; /* of types that are not wanted, and that are */

    for (size_t i = 0; i < diet->type_count; i++) {
        struct lmm_diet_type *type = &diet->types[i];
        Dwarf_Die die;

        type->is_wanted = lmm_select_matches_type(diet->options.types, &type->type);
        if (type->amount.blocks == 0 || type->amount.bytes < diet->options.least_bytes ||
            read[type->is_wanted] == diet->options.most_types) {
            continue;
        }
        read[type->is_wanted]++;
        type->has_layout =
            lmm_type_dies_find(diet->dies, diet->model, type->sites[0], &type->type, &die) &&
            lmm_layout_read(&die, &type->layout);
    }
}

/* ---- Hints ----------------------------------------------------------------------------------- */

static void free_hint(const struct lmm_hint *hint)
{
    free(hint->type);
    free(hint->text);
}

void lmm_diet_add(struct lmm_diet *diet, const struct lmm_hint *hint)
{
    bool is_whole = hint->type != NULL && hint->text != NULL;
    bool has_bytes = hint->kind != LMM_HINT_FOREIGN && hint->kind != LMM_HINT_GROWTH;
    struct lmm_hint *added = NULL;

    if (is_whole && has_bytes &&
        (hint->saves_bytes == 0 || hint->saves_bytes < diet->options.least_bytes)) {
        free_hint(hint);
        return;
    }
    if (is_whole) {
        added = lmm_array_add(&diet->hints, &diet->hint_count, sizeof(*diet->hints));
    }
    if (added == NULL) {
        diet->has_failed = true;
        free_hint(hint);
        return;
    }
    *added = *hint;
}

static int compare_hints(const void *left, const void *right)
{
    const struct lmm_hint *a = left;
    const struct lmm_hint *b = right;
    int order = lmm_compare_u64(b->saves_bytes, a->saves_bytes);

    order = order != 0 ? order : lmm_compare_u64(b->share_permille, a->share_permille);
    order = order != 0 ? order : lmm_compare_u64(b->blocks, a->blocks);
    order = order != 0 ? order : lmm_compare_strings(a->file, b->file);
    order = order != 0 ? order : lmm_compare_u64(a->line, b->line);
    order = order != 0 ? order : lmm_compare_u64(a->kind, b->kind);
    return order != 0 ? order : strcmp(a->type, b->type);
}

size_t lmm_diet_with_bytes(const struct lmm_diet *diet)
{
    size_t count = 0;

    while (count < diet->hint_count && diet->hints[count].saves_bytes > 0) {
        count++;
    }
    return count;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void find_hints(struct lmm_diet *diet)
{
    static void (*const providers[])(struct lmm_diet *) = {
        lmm_diet_find_inner, lmm_diet_find_layouts, lmm_diet_find_embeddable,
        lmm_diet_find_lines, lmm_diet_find_pages,
    };

    read_layouts(diet);
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        providers[i](diet);
    }
    if (diet->hint_count > 0) {
        qsort(diet->hints, diet->hint_count, sizeof(*diet->hints), compare_hints);
    }
}

bool lmm_diet_make(const struct lmm_model *model, struct lmm_symbols *symbols,
                   const struct lmm_diet_options *options, struct lmm_diet *ret_diet)
{
    struct lmm_diet diet = {
        .model = model,
        .options = *options,
        .is_at_peak = model->has_peak &&
                      (model->process != LMM_MODEL_RUNNING || model->total.live_blocks == 0),
        .dies = lmm_type_dies_new(symbols),
    };

    lmm_slots_read(model, &diet.slots);
    diet.has_failed = diet.dies == NULL || !list_types(&diet);
    if (!diet.has_failed) {
        find_hints(&diet);
    }
    if (diet.has_failed) {
        lmm_diet_free(&diet);
        return false;
    }
    *ret_diet = diet;
    return true;
}

/* ---- Hints in other reports ------------------------------------------------------------------ */

bool lmm_diet_make_brief(const struct lmm_model *model, struct lmm_symbols *symbols,
                         char *const *types, struct lmm_diet *ret_diet)
{
    uint64_t bytes = model->has_peak ? model->peak_bytes : model->total.live_bytes;
    uint64_t part = bytes / LMM_HINTS_PART;
    const struct lmm_diet_options options = {
        .least_bytes = part > LMM_HINTS_LEAST_BYTES ? part : LMM_HINTS_LEAST_BYTES,
        .most_types = LMM_HINTS_TYPES,
        .types = types,
    };

    return lmm_diet_make(model, symbols, &options, ret_diet);
}

struct lmm_hints lmm_diet_hints(const struct lmm_diet *diet)
{
    return (struct lmm_hints) {diet->hints, diet->hint_count, diet->is_at_peak};
}

size_t lmm_diet_brief_count(const struct lmm_diet *diet)
{
    size_t count = lmm_diet_with_bytes(diet);

    return count < LMM_HINTS_MOST ? count : (size_t) LMM_HINTS_MOST;
}

/* Ends a text of UTF-8 with "..." where it is longer than room. */
static void cut(char *text, size_t room)
{
    static const char dots[] = "...";
    size_t end = room < sizeof(dots) ? 0 : room - strlen(dots);

    if (strlen(text) <= room) {
        return;
    }
    while (end > 0 && ((unsigned char) text[end] & 0xc0) == 0x80) {
        end--;
    }
    size_t count = strnlen(dots, room - end);

    memcpy(text + end, dots, count);
    text[end + count] = '\0';
}

char *lmm_hint_line(const struct lmm_hint *hint, size_t room)
{
    struct lmm_string file = lmm_model_last_component(hint->file);
    bool has_type = hint->kind == LMM_HINT_LAYOUT || hint->kind == LMM_HINT_EMBED;
    char *line = NULL;
    int length = hint->line == 0
                     ? asprintf(&line, "%s: %s", hint->type, hint->text)
                     : asprintf(&line, "%s%s%.*s:%" PRIu32 "%s: %s", has_type ? hint->type : "",
                                has_type ? " (" : "", (int) file.bytes, file.text, hint->line,
                                has_type ? ")" : "", hint->text);

    if (length < 0) {
        return NULL;
    }
    cut(line, room);
    return line;
}

void lmm_diet_free(struct lmm_diet *diet)
{
    for (size_t i = 0; i < diet->hint_count; i++) {
        free_hint(&diet->hints[i]);
    }
    for (size_t i = 0; i < diet->type_count; i++) {
        lmm_layout_free(&diet->types[i].layout);
    }
    for (size_t i = 0; i < diet->inner_count; i++) {
        lmm_layout_free(&diet->inner[i].layout);
        free(diet->inner[i].own_name);
        free(diet->inner[i].own_file);
    }
    free(diet->hints);
    free((void *) diet->by_element);
    free(diet->types);
    free(diet->inner);
    free(diet->sites);
    lmm_type_dies_free(diet->dies);
    *diet = (struct lmm_diet) {.model = NULL};
}
