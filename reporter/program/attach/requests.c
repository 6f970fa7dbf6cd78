/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/requests.h"

#include <assert.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/attach/ask.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/report/field_census.h"

bool lmm_request_mark(const char *path, const struct lmm_snapshot *snapshot, const char *text,
                      size_t *ret_number, struct lmm_reason *ret_reason)
{
    char question[LMM_QUESTION_BYTES];
    char answer[LMM_ANSWER_BYTES];

    assert(strlen(text) <= LMM_MARK_TEXT_BYTES);
    snprintf(question, sizeof(question), "mark %s", text);
    if (!lmm_ask_try(path, snapshot, question, answer, ret_reason)) {
        return false;
    }
    *ret_number = strtoul(answer, NULL, 10);
    return true;
}

bool lmm_request_check(const char *path, const struct lmm_snapshot *snapshot,
                       const struct lmm_check_request *request, struct lmm_reason *ret_reason)
{
    char question[LMM_QUESTION_BYTES];
    char answer[LMM_ANSWER_BYTES];

    int length = snprintf(question, sizeof(question), "check %d %zu %d",
                          request->unaligned ? LMM_LEDGER_CHECK_UNALIGNED : 0, request->mark,
                          request->wants_old);

    if (request->confirm_ms != 0) { /* an older LMM in the process does not know it */
        snprintf(question + length, sizeof(question) - (size_t) length, " %zu",
                 request->confirm_ms);
    }
    return lmm_ask_try(path, snapshot, question, answer, ret_reason);
}

bool lmm_request_switch(const char *path, const struct lmm_snapshot *snapshot, bool on,
                        struct lmm_reason *ret_reason)
{
    char answer[LMM_ANSWER_BYTES];

    return lmm_ask_try(path, snapshot, on ? "attach" : "detach", answer, ret_reason);
}

bool lmm_request_pages(const char *path, const struct lmm_snapshot *snapshot,
                       struct lmm_reason *ret_reason)
{
    char answer[LMM_ANSWER_BYTES];

    return lmm_ask_try(path, snapshot, "pages", answer, ret_reason);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Appends a blank and a number to a question; LMM_LONG_QUESTION_BYTES are enough for all there may be. */
static char *put_number(char *at, uint64_t number)
{
    char digits[24];
    size_t length = (size_t) snprintf(digits, sizeof(digits), " %" PRIu64, number);

    memcpy(at, digits, length + 1);
    return at + length;
}

/* Reads a number, and advances; false: there is none. */
static bool take_number(char **at, uint64_t *ret_number)
{
    char *end;

    *ret_number = strtoull(*at, &end, 10);
    if (end == *at) {
        return false;
    }
    *at = end;
    return true;
}

static bool complain(struct lmm_reason *reason)
{
    lmm_reason_set(reason, "the answer of the process makes no sense");
    return false;
}

/* ---- Cells ----------------------------------------------------------------------------------- */

static bool read_cell(char **at, struct lmm_cell *cell)
{
    uint64_t family;

    if (!take_number(at, &family) || !take_number(at, &cell->pages) ||
        !take_number(at, &cell->slots) || !take_number(at, &cell->live_slots)) {
        return false;
    }
    cell->family = (uint32_t) family;
    return family < LMM_LEDGER_MAX_FAMILIES && cell->pages > 0 && cell->live_slots <= cell->slots;
}

/* False: the answer is damaged. */
static bool read_cells(char *text, struct lmm_cells *cells)
{
    char *at = text;

    cells->count = 0;
    if (!take_number(&at, &cells->fold) || !take_number(&at, &cells->pages) ||
        !take_number(&at, &cells->left_out)) {
        return false;
    }
    while (*at != '\0') {
        if (cells->count == LMM_CELLS_MAX || !read_cell(&at, &cells->items[cells->count])) {
            return false;
        }
        cells->count++;
    }
    return true;
}

bool lmm_request_cells(const char *path, const struct lmm_snapshot *snapshot,
                       const uint32_t *families, size_t count, struct lmm_cells *ret_cells,
                       struct lmm_reason *ret_reason)
{
    static _Thread_local char text[LMM_LONG_QUESTION_BYTES]; /* then the answer */
    char *at = stpcpy(text, "cells");

    assert(count <= LMM_CELL_FAMILIES_MAX);
    for (size_t i = 0; i < count; i++) {
        at = put_number(at, families[i]);
    }
    if (!lmm_ask_long(path, snapshot, text, text, sizeof(text), ret_reason)) {
        return false;
    }
    return read_cells(text, ret_cells) || complain(ret_reason);
}

/* ---- Fields ---------------------------------------------------------------------------------- */

/* Returns how LMM in the process is to read a leaf: as a number without or with a sign, as bytes, or as an array of
 * numbers. */
static uint64_t kind_of(const struct lmm_leaf *leaf)
{
    enum { BYTES = 2, ARRAY = 16 };
    uint64_t sign = leaf->kind == LMM_LEAF_SIGNED;
    uint64_t logarithm = 0;

    if (leaf->kind == LMM_LEAF_BYTES || leaf->element_bytes == 0) {
        return leaf->kind == LMM_LEAF_BYTES ? (uint64_t) BYTES : sign;
    }
    while (UINT64_C(1) << logarithm < leaf->element_bytes) {
        logarithm++;
    }
    return ARRAY + 2 * logarithm + sign;
}

static void write_question(const struct lmm_field_question *question, char *text)
{
    char *at = stpcpy(text, "census");

    assert(question->leaf_count <= LMM_FIELD_QUESTION_MAX &&
           question->site_count <= LMM_FIELD_SITES_MAX);
    at = put_number(at, question->element_bytes);
    at = put_number(at, question->has_arrays);
    at = put_number(at, question->leaf_count);
    for (size_t i = 0; i < question->leaf_count; i++) {
        const struct lmm_leaf *leaf = &question->leaves[i];

        at = put_number(at, leaf->bit);
        at = put_number(at, leaf->bits);
        at = put_number(at, kind_of(leaf));
    }
    for (size_t i = 0; i < question->site_count; i++) {
        at = put_number(at, question->sites[i]);
    }
}

static bool read_figures(char **at, struct lmm_field_figures *figures)
{
    return take_number(at, &figures->zeros) && take_number(at, &figures->sames) &&
           take_number(at, &figures->first) && take_number(at, &figures->least) &&
           take_number(at, &figures->most);
}

/* Reads an answer of so many fields; false: it is damaged. */
static bool read_census(char *text, size_t count, struct lmm_field_answer *answer)
{
    char *at = text;

    if (!take_number(&at, &answer->blocks) || !take_number(&at, &answer->elements) ||
        !take_number(&at, &answer->skipped)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct lmm_field_figures *figures = &answer->figures[i];

        if (!read_figures(&at, figures) || figures->zeros > answer->elements ||
            figures->sames > answer->elements) {
            return false;
        }
        figures->elements = answer->elements;
    }
    return true;
}

bool lmm_request_census(const char *path, const struct lmm_snapshot *snapshot,
                        const struct lmm_field_question *question,
                        struct lmm_field_answer *ret_answer, struct lmm_reason *ret_reason)
{
    static char text[LMM_LONG_QUESTION_BYTES];
    char answer[LMM_ANSWER_BYTES];

    write_question(question, text);
    if (!lmm_ask_try(path, snapshot, text, answer, ret_reason)) {
        return false;
    }
    return read_census(answer, question->leaf_count, ret_answer) || complain(ret_reason);
}
