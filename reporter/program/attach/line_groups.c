/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/line_groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/saturate.h"

/* ---- The order of sites ---------------------------------------------------------------------- */

struct sorting {
    const struct lmm_places *lines;
    const uint32_t *first; /* by line: its first site */
};

static int compare(const void *left, const void *right, void *context)
{
    const struct sorting *sorting = context;
    uint32_t a = *(const uint32_t *) left;
    uint32_t b = *(const uint32_t *) right;
    int order = lmm_compare_u64(sorting->first[sorting->lines->of[a]],
                                sorting->first[sorting->lines->of[b]]);

    return order != 0 ? order : lmm_compare_u64(a, b);
}

bool lmm_line_groups_make(const struct lmm_model *model, struct lmm_line_groups *ret_groups)
{
    struct lmm_line_groups groups = {.model = model};
    uint32_t *first = NULL;
    bool made = lmm_places_make(model, LMM_BY_LINE, &groups.lines);

    if (made) {
        groups.order = calloc(model->site_count + 1, sizeof(*groups.order));
        first = calloc(groups.lines.count + 1, sizeof(*first));
    }
    if (groups.order == NULL || first == NULL) {
        free(first);
        lmm_line_groups_free(&groups);
        return false;
    }
    for (size_t i = model->site_count; i-- > 0;) {
        groups.order[i] = (uint32_t) i;
        first[groups.lines.of[i]] = (uint32_t) i;
    }
    struct sorting sorting = {&groups.lines, first};

    qsort_r(groups.order, model->site_count, sizeof(*groups.order), compare, &sorting);
    free(first);
    *ret_groups = groups;
    return true;
}

void lmm_line_groups_free(struct lmm_line_groups *groups)
{
    lmm_places_free(&groups->lines);
    free(groups->order);
    *groups = (struct lmm_line_groups) {.model = NULL};
}

/* ---- Questions ------------------------------------------------------------------------------- */

struct writing {
    char *text;
    size_t used;
};

/* Appends " SITE", or " , SITE" at the start of a group; false: there is no room. */
static bool put_site(struct writing *writing, uint32_t site, bool is_start)
{
    char word[32];
    int bytes = snprintf(word, sizeof(word), "%s %" PRIu32, is_start ? " ," : "", site);

    if (writing->used + (size_t) bytes + 2 > LMM_LONG_QUESTION_BYTES) {
        return false;
    }
    memcpy(writing->text + writing->used, word, (size_t) bytes + 1);
    writing->used += (size_t) bytes;
    return true;
}

static int compare_sites(const void *left, const void *right)
{
    return lmm_compare_u64(*(const uint32_t *) left, *(const uint32_t *) right);
}

/* Whether a site belongs into its line's group. asked: in order. */
static bool is_of_line(const struct lmm_model_site *site, const uint32_t *asked, size_t count)
{
    return site->live_blocks > 0 &&
           (count == 0 || bsearch(&site->id, asked, count, sizeof(*asked), compare_sites) == NULL);
}

static void put_lines(const struct lmm_line_groups *groups, struct writing *writing,
                      const uint32_t *asked, size_t count)
{
    const struct lmm_model *model = groups->model;
    size_t end;

    for (size_t from = 0; from < model->site_count; from = end) {
        uint32_t line = groups->lines.of[groups->order[from]];
        bool is_start = true;

        for (end = from + 1;
             end < model->site_count && groups->lines.of[groups->order[end]] == line; end++) {
        }
        for (size_t i = from; i < end && end - from > 1; i++) {
            const struct lmm_model_site *site = &model->sites[groups->order[i]];

            if (is_of_line(site, asked, count)) {
                if (!put_site(writing, site->id, is_start)) {
                    return;
                }
                is_start = false;
            }
        }
    }
}

size_t lmm_line_groups_write(const struct lmm_line_groups *groups, const char *word,
                             const uint32_t *asked, size_t count,
                             char text[LMM_LONG_QUESTION_BYTES])
{
    struct writing writing = {text, (size_t) sprintf(text, "%s", word)};
    uint32_t *sorted = calloc(count + 1, sizeof(*sorted));
    size_t written = 0;

    while (written < count && put_site(&writing, asked[written], false)) {
        written++;
    }
    if (sorted != NULL) { /* else all other sites count alone */
        memcpy(sorted, asked, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), compare_sites);
        put_lines(groups, &writing, sorted, count);
    }
    free(sorted);
    return written;
}

struct lmm_model_amount lmm_line_groups_live(const struct lmm_line_groups *groups, uint64_t site)
{
    const struct lmm_model *model = groups->model;
    struct lmm_model_amount live = {0, 0};
    uint32_t line = 0; /* no line has the number 0 */

    for (size_t i = 0; i < model->site_count && line == 0; i++) {
        line = model->sites[i].id == site ? groups->lines.of[i] : 0;
    }
    for (size_t i = 0; i < model->site_count && line != 0; i++) {
        if (groups->lines.of[i] == line) {
            live.blocks = lmm_add_saturated(live.blocks, model->sites[i].live_blocks);
            live.bytes = lmm_add_saturated(live.bytes, model->sites[i].live_bytes);
        }
    }
    return live;
}
