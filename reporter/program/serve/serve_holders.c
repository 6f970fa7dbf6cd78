/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_holders.h"

#include <stdint.h>
#include <stdlib.h>

#include "reporter/core/json_writer.h"
#include "reporter/core/model.h"
#include "reporter/program/attach/holder_answer.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/serve/live_page.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_asker.h"
#include "reporter/program/serve/serve_body.h"
#include "reporter/program/serve/serve_route.h"

enum { HOLDERS_SCHEMA_VERSION = 1 };

static const char *const table_words[] = {
    [LMM_ASK_FAMILY] = "family", [LMM_ASK_TYPE] = "type", [LMM_ASK_LINE] = "line"};

enum { TABLES = sizeof(table_words) / sizeof(table_words[0]) };

/* ---- The question ---------------------------------------------------------------------------- */

bool lmm_serve_holders_read(const char *body, struct lmm_ask *ask, bool *ret_retained)
{
    uint64_t rows[TABLES];
    struct lmm_body_member members[TABLES + 1];
    size_t given = 0;

    for (size_t i = 0; i < TABLES; i++) {
        rows[i] = UINT64_MAX;
        members[i] =
            (struct lmm_body_member) {.key = table_words[i], .number = &rows[i], .most = INT32_MAX};
    }
    *ret_retained = false;
    members[TABLES] = (struct lmm_body_member) {.key = "retained", .flag = ret_retained};
    if (!lmm_body_read(body, members, TABLES + 1)) {
        return false;
    }
    for (size_t i = 0; i < TABLES; i++) {
        if (rows[i] != UINT64_MAX) {
            ask->table = (enum lmm_ask_table) i;
            ask->row = rows[i];
            given++;
        }
    }
    ask->has_row = given == 1;
    return ask->has_row;
}

/* Whether a site of the page's model belongs to the row. */
static bool is_of_row(const struct lmm_live_page *page, size_t i, const struct lmm_ask *ask)
{
    const struct lmm_page_tables *tables = lmm_live_page_tables(page);
    const struct lmm_model_site *site = &lmm_live_page_moment(page)->model->sites[i];
    const struct lmm_page_site *row = &tables->sites[tables->rows[i]];

    switch (ask->table) {
    case LMM_ASK_FAMILY: return lmm_page_tables_family(tables, site->family) == ask->row;
    case LMM_ASK_TYPE: return row->type == ask->row;
    default: return row->line == ask->row;
    }
}

/* Fills in the sites of the row that have live blocks; returns how many there are. */
static size_t find_sites(const struct lmm_live_page *page, const struct lmm_ask *ask,
                         uint32_t *ret_sites)
{
    const struct lmm_model *model = lmm_live_page_moment(page)->model;
    size_t count = 0;

    for (size_t i = 0; i < lmm_live_page_tables(page)->row_count; i++) {
        if (model->sites[i].live_blocks > 0 && is_of_row(page, i, ask)) {
            ret_sites[count++] = model->sites[i].id;
        }
    }
    return count;
}

/* Returns a question; NULL: out of memory. */
static char *write_question(const struct lmm_live_page *page, const char *word,
                            const uint32_t *sites, size_t count)
{
    char *text = malloc(LMM_LONG_QUESTION_BYTES);

    if (text != NULL && lmm_holder_question_write(lmm_live_page_moment(page)->model, word, sites,
                                                  count, text) == 0) {
        free(text);
        return NULL;
    }
    return text;
}

bool lmm_serve_holders_question(const struct lmm_live_page *page, const struct lmm_ask *ask,
                                bool retained, struct lmm_question_text *text)
{
    const struct lmm_page_tables *tables = lmm_live_page_tables(page);
    const size_t rows[] = {[LMM_ASK_FAMILY] = tables->family_count,
                           [LMM_ASK_TYPE] = tables->type_count,
                           [LMM_ASK_LINE] = tables->line_count};
    uint32_t *sites = calloc(tables->row_count + 1, sizeof(*sites));
    size_t count;
    bool made = true;

    text->kind = LMM_QUESTION_HOLDERS;
    if (sites == NULL || ask->row >= rows[ask->table]) {
        free(sites);
        return false;
    }
    count = find_sites(page, ask, sites);
    if (count > 0) {
        text->site = sites[0];
        text->holders = write_question(page, "holders", sites, count);
        text->retained = retained ? write_question(page, "retained", sites, count) : NULL;
        made = text->holders != NULL && (!retained || text->retained != NULL);
    }
    free(sites);
    if (!made) {
        lmm_question_text_free(text);
    }
    return made;
}

/* ---- The document ---------------------------------------------------------------------------- */

static void put_range(struct lmm_json *json, const char *key, const struct lmm_holder_range *range)
{
    lmm_json_begin_array(json, key, LMM_JSON_COMPACT);
    lmm_json_u64(json, NULL, range->first);
    lmm_json_u64(json, NULL, range->last);
    lmm_json_u64(json, NULL, range->step);
    lmm_json_end_array(json);
}

/* Puts the rows of a site; -1: it is not in the page yet. */
static void put_place(struct lmm_json *json, const struct lmm_live_page *page, uint64_t id)
{
    const struct lmm_page_tables *tables = lmm_live_page_tables(page);
    const struct lmm_model *model = lmm_live_page_moment(page)->model;
    int64_t type = LMM_PAGE_NONE;
    int64_t line = LMM_PAGE_NONE;

    for (size_t i = 0; i < tables->row_count && line == LMM_PAGE_NONE; i++) {
        if (model->sites[i].id == id) {
            type = tables->sites[tables->rows[i]].type;
            line = tables->sites[tables->rows[i]].line;
        }
    }
    lmm_json_i64(json, "type", type);
    lmm_json_i64(json, "line", line);
}

/* is_first: its pointers lie in a root, whose name says where. */
static void put_link(struct lmm_json *json, const struct lmm_live_page *page,
                     const struct lmm_holder_link *link, bool is_first)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    put_place(json, page, link->site);
    lmm_json_u64(json, "least_bytes", link->least_bytes);
    lmm_json_u64(json, "most_bytes", link->most_bytes);
    lmm_json_bool(json, "is_inside", link->is_inside != 0);
    if (is_first) {
        lmm_json_null(json, "from");
    } else {
        put_range(json, "from", &link->from);
    }
    if (link->has_loop != 0) {
        put_range(json, "loop", &link->loop);
    } else {
        lmm_json_null(json, "loop");
    }
    lmm_json_end_object(json);
}

static void put_group(struct lmm_json *json, const struct lmm_live_page *page,
                      const struct lmm_holder_group *group)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_COMPACT);
    lmm_json_u64(json, "blocks", group->blocks);
    lmm_json_u64(json, "bytes", group->bytes);
    lmm_json_text(json, "root", group->root);
    lmm_json_u64(json, "links_left_out", group->length - group->count);
    lmm_json_begin_array(json, "links", LMM_JSON_COMPACT);
    for (uint64_t i = 0; i < group->count; i++) {
        put_link(json, page, &group->links[i], i == 0);
    }
    lmm_json_end_array(json);
    lmm_json_end_object(json);
}

static void put_answer(struct lmm_json *json, const struct lmm_live_page *page,
                       const struct lmm_holder_answer *answer)
{
    lmm_json_u64(json, "held_blocks", answer == NULL ? 0 : answer->blocks);
    lmm_json_u64(json, "held_bytes", answer == NULL ? 0 : answer->bytes);
    lmm_json_u64(json, "ways", answer == NULL ? 0 : answer->groups);
    lmm_json_begin_array(json, "groups", LMM_JSON_LINES);
    for (size_t i = 0; answer != NULL && i < answer->count; i++) {
        put_group(json, page, &answer->list[i]);
    }
    lmm_json_end_array(json);
}

struct lmm_answer *lmm_serve_holders(const struct lmm_live_page *page, const struct lmm_ask *ask,
                                     const char *id, const struct lmm_question_result *result)
{
    struct lmm_answer_json writer;
    struct lmm_json *json = &writer.json;

    if (!lmm_answer_json_begin(&writer, 200, false)) {
        return NULL;
    }
    lmm_json_begin_object(json, NULL, LMM_JSON_LINES);
    lmm_json_text(json, "schema", "lmm-holders");
    lmm_json_u64(json, "schema_version", HOLDERS_SCHEMA_VERSION);
    lmm_json_text(json, "id", id);
    lmm_json_text(json, "by", table_words[ask->table]);
    lmm_json_u64(json, "row", ask->row);
    if (result != NULL && result->has_retained) {
        lmm_json_u64(json, "retained_bytes", result->retained_bytes);
    } else {
        lmm_json_null(json, "retained_bytes");
    }
    put_answer(json, page, result == NULL ? NULL : result->holders);
    lmm_json_end_object(json);
    return lmm_answer_json_end(&writer);
}
