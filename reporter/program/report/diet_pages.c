/* SPDX-License-Identifier: MIT */
/*
 * diet_pages: hints by the last walk over the pages (core/page_uses.h): lines whose blocks keep pages that are
 * nearly empty, and what malloc_trim would give back.
 *
 * Their figures are of the walk's moment: now, or the end of the process. Together in pages of their own, the
 * blocks of a line would take their slots. Blocks that are a quarter of a system page or larger keep no sparse one,
 * except by their end, which no other order changes; so they do not count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/saturate.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/base/select.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/places.h"

enum {
    SPARSE_BYTES = 64 << 10, /* of one line, at least */
    TRIM_BYTES = 4 << 20,
    TRIM_PART = 8, /* and an eighth of the committed bytes */
};

/* What the sites of one line have together. */
struct line {
    const struct lmm_model_site *site; /* that with most sparse bytes */
    uint64_t blocks;                   /* these three: on sparse system pages */
    uint64_t held_bytes;
    uint64_t slot_bytes; /* of these blocks */
};

/* ---- Lines ----------------------------------------------------------------------------------- */

static bool counts(const struct lmm_diet *diet, const struct lmm_model_site *site)
{
    const struct lmm_model_page_use *use = site->page_use;
    struct lmm_model_type type;

    if (use == NULL || use->sparse_blocks == 0 || site->line == 0 ||
        use->live_bytes / use->blocks >= diet->model->system_page_bytes / 4) {
        return false;
    }
    lmm_site_type(diet->model, site, &type);
    return lmm_select_matches_type(diet->options.types, &type);
}

static uint64_t divided_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* The bytes of the slots that the blocks on sparse system pages take, by their average. */
static uint64_t slot_bytes_of(const struct lmm_model_site *site)
{
    const struct lmm_model_page_use *use = site->page_use;
    uint64_t stride = site->family->stride_bytes;
    uint64_t bytes = divided_up(use->sparse_live_bytes, use->sparse_blocks);

    return lmm_multiply_saturated(use->sparse_blocks,
                                  lmm_multiply_saturated(divided_up(bytes, stride), stride));
}

static void add_site(struct line *line, const struct lmm_model_site *site)
{
    const struct lmm_model_page_use *use = site->page_use;

    if (line->site == NULL || use->sparse_bytes > line->site->page_use->sparse_bytes) {
        line->site = site;
    }
    line->blocks = lmm_add_saturated(line->blocks, use->sparse_blocks);
    line->held_bytes = lmm_add_saturated(line->held_bytes, use->sparse_bytes);
    line->slot_bytes = lmm_add_saturated(line->slot_bytes, slot_bytes_of(site));
}

static char *type_text(const struct lmm_diet *diet, const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(diet->model, site, &type);
    return lmm_site_type_is_known(&type) ? strndup(type.name.text, type.name.bytes) : strdup("");
}

static void add_line(struct lmm_diet *diet, const struct line *line)
{
    char size[LMM_CELL_BYTES];
    char *text = NULL;

    if (line->site == NULL || line->held_bytes < SPARSE_BYTES) {
        return;
    }
    lmm_write_size(size, line->held_bytes);
    int length = asprintf(&text, "%skeep %s of pages under 25%% full: allocate them together",
                          diet->model->page_walk.is_at_exit ? "at exit " : "", size);
    const struct lmm_hint hint = {
        .kind = LMM_HINT_SPARSE,
        .type = type_text(diet, line->site),
        .text = length < 0 ? NULL : text,
        .file = line->site->file,
        .function = line->site->function,
        .line = line->site->line,
        .saves_bytes = lmm_subtract_saturated(line->held_bytes, line->slot_bytes),
        .blocks = line->blocks,
        .before_bytes = line->held_bytes / line->blocks,
        .after_bytes = line->slot_bytes / line->blocks,
        .confidence = LMM_MODEL_CERTAIN,
    };

    lmm_diet_add(diet, &hint);
}

static bool find_lines(struct lmm_diet *diet)
{
    struct lmm_places places = {.of = NULL};

    if (!lmm_places_make(diet->model, LMM_BY_LINE, &places)) {
        return false;
    }
    struct line *lines = calloc(places.count + 1, sizeof(*lines));

    for (size_t i = 0; lines != NULL && i < diet->model->site_count; i++) {
        const struct lmm_model_site *site = &diet->model->sites[i];

        if (counts(diet, site)) {
            add_site(&lines[places.of[i]], site);
        }
    }
    for (size_t i = 0; lines != NULL && i <= places.count; i++) {
        add_line(diet, &lines[i]);
    }
    bool done = lines != NULL;

    free(lines);
    lmm_places_free(&places);
    return done;
}

/* ---- Trimming -------------------------------------------------------------------------------- */

/* At its end a program has freed what it frees; then the figure tells nothing. */
static void look_at_trim(struct lmm_diet *diet)
{
    const struct lmm_model_page_walk *walk = &diet->model->page_walk;

    if (walk->is_at_exit || diet->options.types != NULL || walk->returnable_bytes < TRIM_BYTES ||
        walk->returnable_bytes < walk->committed_bytes / TRIM_PART) {
        return;
    }
    const struct lmm_hint hint = {
        .kind = LMM_HINT_TRIM,
        .type = strdup(""),
        .text = strdup("free pages that malloc_trim would give back now"),
        .file = lmm_string_of(""),
        .function = lmm_string_of(""),
        .saves_bytes = walk->returnable_bytes,
        .confidence = LMM_MODEL_CERTAIN,
    };

    lmm_diet_add(diet, &hint);
}

void lmm_diet_find_pages(struct lmm_diet *diet)
{
    const struct lmm_model_page_walk *walk = &diet->model->page_walk;

    if (!walk->is_there || walk->failure != 0) {
        return;
    }
    look_at_trim(diet);
    diet->has_failed = !find_lines(diet) || diet->has_failed;
}
