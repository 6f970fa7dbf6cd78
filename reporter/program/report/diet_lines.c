/* SPDX-License-Identifier: MIT */
/*
 * diet_lines: hints about source lines, from the counts of their size classes: blocks slightly too large
 * for the next smaller slot, many tiny blocks, arrays that grow by doubling, and frees by other
 * threads.
 *
 * The ledger has the smallest and the largest size of each stack and size class. So the sizes of a line
 * are known where these are equal; all others only as a range.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/base/array.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/places.h"

enum {
    OVER_PART = 32,       /* a size is slightly too large up to a 32nd of it, and by 1 */
    SAVED_PART = 64,      /* and the next smaller slot saves at least a 64th */
    TINY_BYTES = 16,      /* slots of at most this size */
    TINY_BLOCKS = 1000,   /* at one line */
    DOUBLINGS = 3,        /* sizes, each twice the one before */
    FOREIGN_FREES = 1000, /* at one line */
    FOREIGN_PERMILLE = 500,
    GROWTH_BYTES = 4096, /* that an array may hold unused */
};

/* What the sites of one line and one size class have together. */
struct part {
    const struct lmm_model_site *site; /* one of them */
    uint32_t place;
    uint64_t stride;
    uint64_t smallest;
    uint64_t largest;
    bool is_range; /* some size is not known */
    struct lmm_model_amount amount;
    uint64_t frees;
    uint64_t foreign;
};

/* ---- Parts ----------------------------------------------------------------------------------- */

static int compare_parts(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    int order = lmm_compare_u64(a->place, b->place);

    /* The family of large blocks has a smaller stride than some size classes. */
    order = order != 0 ? order : lmm_compare_u64(a->smallest, b->smallest);
    order = order != 0 ? order : lmm_compare_u64(a->stride, b->stride);
    return order != 0 ? order : lmm_compare_u64(a->site->id, b->site->id);
}

static int compare_classes(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;
    int order = lmm_compare_u64(a->place, b->place);

    order = order != 0 ? order : lmm_compare_strings(a->site->family->name, b->site->family->name);
    return order != 0 ? order : lmm_compare_u64(a->site->id, b->site->id);
}

static void add_to(struct part *sum, const struct part *part)
{
    sum->smallest = lmm_smaller(sum->smallest, part->smallest);
    sum->largest = part->largest > sum->largest ? part->largest : sum->largest;
    sum->is_range = sum->is_range || part->is_range;
    sum->amount.blocks = lmm_add_saturated(sum->amount.blocks, part->amount.blocks);
    sum->amount.bytes = lmm_add_saturated(sum->amount.bytes, part->amount.bytes);
    sum->frees = lmm_add_saturated(sum->frees, part->frees);
    sum->foreign = lmm_add_saturated(sum->foreign, part->foreign);
}

/* Lists the sites that have a line, each as a part; returns their number. */
static size_t list_parts(const struct lmm_diet *diet, const struct lmm_places *places,
                         struct part *parts)
{
    size_t count = 0;

    for (size_t i = 0; i < diet->model->site_count; i++) {
        const struct lmm_model_site *site = &diet->model->sites[i];
        struct lmm_model_type type;

        lmm_site_type(diet->model, site, &type);
        if (site->line != 0 && lmm_select_matches_type(diet->options.types, &type)) {
            parts[count++] = (struct part) {
                .site = site,
                .place = places->of[i],
                .stride = site->family->stride_bytes,
                .smallest = site->smallest_bytes,
                .largest = site->largest_bytes,
                .is_range = site->smallest_bytes == 0,
                .amount = lmm_diet_amount(diet, site),
                .frees = site->frees,
                .foreign = site->foreign_frees,
            };
        }
    }
    return count;
}

/* Makes the parts of each line and size class, in the order of places and sizes. Returns their
 * number. */
static size_t make_parts(const struct lmm_diet *diet, const struct lmm_places *places,
                         struct part *parts)
{
    size_t count = list_parts(diet, places, parts);
    size_t kept = 0;

    qsort(parts, count, sizeof(*parts), compare_classes);
    for (size_t i = 0; i < count; i++) {
        struct part *last = kept == 0 ? NULL : &parts[kept - 1];

        if (last != NULL && last->place == parts[i].place &&
            lmm_compare_strings(last->site->family->name, parts[i].site->family->name) == 0) {
            add_to(last, &parts[i]);
        } else {
            parts[kept++] = parts[i];
        }
    }
    for (size_t i = 0; i < kept; i++) {
        parts[i].is_range = parts[i].is_range || parts[i].smallest != parts[i].largest;
    }
    qsort(parts, kept, sizeof(*parts), compare_parts);
    return kept;
}

/* Returns a hint about a line. */
static struct lmm_hint hint_of(enum lmm_hint_kind kind, const struct part *part)
{
    return (struct lmm_hint) {
        .kind = kind,
        .file = part->site->file,
        .line = part->site->line,
        .function = part->site->function,
        .blocks = part->amount.blocks,
        .confidence = LMM_MODEL_CERTAIN,
    };
}

/* Returns the type of the blocks of a site, allocated, empty: unknown; of an array of known size
 * "char[65]". bytes: of a block; 0: unknown. */
static char *type_text(const struct lmm_diet *diet, const struct lmm_model_site *site,
                       uint64_t bytes)
{
    struct lmm_model_type type;
    char *text = NULL;

    lmm_site_type(diet->model, site, &type);
    if (!lmm_site_type_is_known(&type)) {
        return strdup("");
    }
    bool is_array = type.name.bytes > type.element.bytes && !type.has_more;

    if (!is_array || type.bytes == 0 || bytes == 0 || bytes % type.bytes != 0) {
        return strndup(type.name.text, type.name.bytes);
    }
    return asprintf(&text, "%.*s[%" PRIu64 "]", (int) type.element.bytes, type.element.text,
                    bytes / type.bytes) < 0
               ? NULL
               : text;
}

/* Takes a text from asprintf(), whose result is `length`. */
static char *taken(int length, char *text)
{
    return length < 0 ? NULL : text;
}

/* ---- Slightly too large ---------------------------------------------------------------------- */

static void look_at_slack(struct lmm_diet *diet, const struct part *part)
{
    uint64_t bytes = part->largest;
    uint64_t below = lmm_slots_below(&diet->slots, bytes);
    uint64_t slot = lmm_slots_of(&diet->slots, bytes);
    const struct lmm_diet_type *type = lmm_diet_type_of(diet, part->site);
    char *text = NULL;

    if (part->is_range || below == 0 ||
        bytes - below > (bytes < OVER_PART ? 1 : bytes / OVER_PART) ||
        slot - below < bytes / SAVED_PART || (type != NULL && type->saves_bytes > 0)) {
        return;
    }
    struct lmm_hint hint = hint_of(LMM_HINT_SLACK, part);
    int length = asprintf(
        &text, "%" PRIu64 " bytes in a slot of %" PRIu64 "; %" PRIu64 " fit the next smaller",
        bytes, slot, below);

    hint.type = type_text(diet, part->site, bytes);
    hint.text = taken(length, text);
    hint.before_bytes = slot;
    hint.after_bytes = below;
    hint.saves_bytes = lmm_multiply_saturated(part->amount.blocks, slot - below);
    lmm_diet_add(diet, &hint);
}

/* ---- Many tiny blocks ------------------------------------------------------------------------ */

/* Looks at the parts of one line. In one array the blocks would take no more than what they ask for. */
static void look_at_tiny(struct lmm_diet *diet, const struct part *parts, size_t count)
{
    struct lmm_model_amount sum = {0, 0};
    uint64_t taken_bytes = 0;
    const struct part *largest = NULL;
    char *text = NULL;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].stride > TINY_BYTES || parts[i].largest > TINY_BYTES) {
            continue;
        }
        sum.blocks = lmm_add_saturated(sum.blocks, parts[i].amount.blocks);
        sum.bytes = lmm_add_saturated(sum.bytes, parts[i].amount.bytes);
        taken_bytes = lmm_add_saturated(
            taken_bytes,
            lmm_multiply_saturated(parts[i].amount.blocks, parts[i].stride + LMM_SLOT_TAG_BYTES));
        largest = largest == NULL || parts[i].amount.blocks > largest->amount.blocks ? &parts[i]
                                                                                     : largest;
    }
    if (sum.blocks < TINY_BLOCKS) {
        return;
    }
    struct lmm_hint hint = hint_of(LMM_HINT_TINY, largest);
    int length = asprintf(&text, "blocks of %" PRIu64 " bytes on average: put many in one",
                          sum.bytes / sum.blocks);

    hint.type = type_text(diet, largest->site, 0);
    hint.text = taken(length, text);
    hint.blocks = sum.blocks;
    hint.before_bytes = taken_bytes / sum.blocks;
    hint.after_bytes = sum.bytes / sum.blocks;
    hint.saves_bytes = lmm_subtract_saturated(taken_bytes, sum.bytes);
    lmm_diet_add(diet, &hint);
}

/* ---- Growth by doubling ---------------------------------------------------------------------- */

static bool is_doubled(uint64_t from, uint64_t to)
{
    uint64_t times = from == 0 ? 0 : to / from;

    return from != 0 && to % from == 0 && times > 1 && (times & (times - 1)) == 0;
}

/* Returns how many sizes of a line are known and double, 0: some does not. The family of large blocks
 * holds several sizes, of which two are known. */
static size_t count_doublings(const struct lmm_diet *diet, const struct part *parts, size_t count)
{
    size_t sizes = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_large = parts[i].largest > LMM_SLOTS_MAX && diet->slots.count > 0 &&
                        parts[i].smallest > diet->slots.strides[diet->slots.count - 1];

        if (parts[i].smallest == 0 || (i > 0 && parts[i].smallest != 2 * parts[i - 1].largest) ||
            (parts[i].is_range &&
             (!is_large || !is_doubled(parts[i].smallest, parts[i].largest)))) {
            return 0;
        }
        sizes += parts[i].is_range ? 2 : 1;
    }
    return sizes;
}

static void look_at_growth(struct lmm_diet *diet, const struct part *parts, size_t count)
{
    struct lmm_model_amount sum = {0, 0};
    char size[LMM_CELL_BYTES];
    char *text = NULL;

    if (count_doublings(diet, parts, count) < DOUBLINGS) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sum.blocks = lmm_add_saturated(sum.blocks, parts[i].amount.blocks);
        sum.bytes = lmm_add_saturated(sum.bytes, parts[i].amount.bytes);
    }
    if (sum.bytes / 2 < GROWTH_BYTES) {
        return;
    }
    lmm_write_size(size, sum.bytes / 2);
    struct lmm_hint hint = hint_of(LMM_HINT_GROWTH, &parts[0]);
    int length = asprintf(&text, "doubles, %" PRIu64 " to %" PRIu64 " bytes: %s may be unused",
                          parts[0].smallest, parts[count - 1].largest, size);

    hint.type = type_text(diet, parts[0].site, 0);
    hint.text = taken(length, text);
    hint.blocks = sum.blocks;
    hint.share_permille = 500;
    lmm_diet_add(diet, &hint);
}

/* ---- Frees by other threads ------------------------------------------------------------------ */

static void look_at_foreign(struct lmm_diet *diet, const struct part *parts, size_t count)
{
    uint64_t frees = 0;
    uint64_t foreign = 0;

    for (size_t i = 0; i < count; i++) {
        frees = lmm_add_saturated(frees, parts[i].frees);
        foreign = lmm_add_saturated(foreign, parts[i].foreign);
    }
    uint32_t share = lmm_model_permille(foreign, frees);

    if (frees < FOREIGN_FREES || share < FOREIGN_PERMILLE) {
        return;
    }
    struct lmm_hint hint = hint_of(LMM_HINT_FOREIGN, &parts[0]);

    hint.type = type_text(diet, parts[0].site, 0);
    hint.text = strdup("other threads free them: takes 1.3 times as long, with glibc 5 times");
    hint.blocks = foreign;
    hint.share_permille = share;
    lmm_diet_add(diet, &hint);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void look_at_line(struct lmm_diet *diet, const struct part *parts, size_t count)
{
    if (diet->slots.is_drop_in) {
        for (size_t i = 0; i < count; i++) {
            look_at_slack(diet, &parts[i]);
        }
        look_at_tiny(diet, parts, count);
        look_at_growth(diet, parts, count);
    }
    look_at_foreign(diet, parts, count);
}

void lmm_diet_find_lines(struct lmm_diet *diet)
{
    struct lmm_places places = {.of = NULL};
    struct part *parts = lmm_array_room(diet->model->site_count, sizeof(*parts));

    if (parts == NULL || !lmm_places_make(diet->model, LMM_BY_LINE, &places)) {
        free(parts);
        diet->has_failed = true;
        return;
    }
    size_t count = make_parts(diet, &places, parts);
    size_t end;

    for (size_t first = 0; first < count; first = end) {
        for (end = first + 1; end < count && parts[end].place == parts[first].place; end++) {
        }
        look_at_line(diet, &parts[first], end - first);
    }
    lmm_places_free(&places);
    free(parts);
}
