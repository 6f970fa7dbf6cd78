/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holder_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/attach/holder_words.h"
#include "reporter/program/attach/line_groups.h"
#include "reporter/program/ledger/ledger_file.h"

/* ---- Reading --------------------------------------------------------------------------------- */

static bool take_all(const char **text, uint64_t *const figures[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!lmm_holder_take_figure(text, figures[i])) {
            return false;
        }
    }
    return true;
}

static bool take_link(const char **text, struct lmm_holder_link *ret_link)
{
    uint64_t *const figures[] = {
        &ret_link->site,       &ret_link->least_bytes, &ret_link->most_bytes, &ret_link->is_inside,
        &ret_link->from.first, &ret_link->from.last,   &ret_link->from.step,  &ret_link->has_loop,
        &ret_link->loop.first, &ret_link->loop.last,   &ret_link->loop.step};

    return take_all(text, figures, sizeof(figures) / sizeof(figures[0]));
}

static bool take_group(const char **text, struct lmm_holder_group *ret_group)
{
    uint64_t *const figures[] = {&ret_group->blocks,         &ret_group->bytes,  &ret_group->thread,
                                 &ret_group->is_in_register, &ret_group->length, &ret_group->count};

    ret_group->root[0] = '\0';
    if (!take_all(text, figures, sizeof(figures) / sizeof(figures[0])) || ret_group->count == 0 ||
        ret_group->count > LMM_HOLDER_LINKS_MAX || ret_group->length < ret_group->count) {
        return false;
    }
    for (uint64_t i = 0; i < ret_group->count; i++) {
        if (!take_link(text, &ret_group->links[i])) {
            return false;
        }
    }
    return true;
}

static bool parse(const char *text, struct lmm_holder_answer *ret_answer)
{
    uint64_t *const figures[] = {&ret_answer->blocks, &ret_answer->bytes, &ret_answer->groups};

    ret_answer->count = 0;
    if (!take_all(&text, figures, sizeof(figures) / sizeof(figures[0]))) {
        return false;
    }
    while (*text == '\n' && ret_answer->count < LMM_HOLDER_GROUPS_MAX) {
        if (!take_group(&text, &ret_answer->list[ret_answer->count++])) {
            return false;
        }
    }
    return *text == '\0';
}

static bool parse_keepers(const char *text,
                          struct lmm_holder_keeper keepers[LMM_HOLDER_KEEPERS_MAX],
                          size_t *ret_count)
{
    uint64_t count;

    *ret_count = 0;
    if (!lmm_holder_take_figure(&text, &count)) {
        return false;
    }
    while (*text == '\n' && *ret_count < LMM_HOLDER_KEEPERS_MAX) {
        struct lmm_holder_keeper *keeper = &keepers[(*ret_count)++];

        if (!lmm_holder_take_figure(&text, &keeper->site) ||
            !lmm_holder_take_figure(&text, &keeper->bytes)) {
            return false;
        }
    }
    return *text == '\0';
}

/* ---- Asking ---------------------------------------------------------------------------------- */

size_t lmm_holder_question_write(const struct lmm_model *model, const char *word,
                                 const uint32_t *sites, size_t count,
                                 char text[LMM_LONG_QUESTION_BYTES])
{
    struct lmm_line_groups groups;
    size_t written;

    if (!lmm_line_groups_make(model, &groups)) {
        return 0;
    }
    written = lmm_line_groups_write(&groups, word, sites, count, text);
    lmm_line_groups_free(&groups);
    return written;
}

static bool complain(struct lmm_reason *reason)
{
    lmm_reason_set(reason, "the answer of the process makes no sense");
    return false;
}

bool lmm_holder_answer_ask(const char *path, const struct lmm_snapshot *snapshot,
                           const char *question, struct lmm_holder_answer *ret_answer,
                           struct lmm_reason *ret_reason)
{
    char text[LMM_ANSWER_BYTES];

    return lmm_ask_try(path, snapshot, question, text, ret_reason) &&
           (parse(text, ret_answer) || complain(ret_reason));
}

bool lmm_holder_keepers_ask(const char *path, const struct lmm_snapshot *snapshot,
                            const char *question,
                            struct lmm_holder_keeper ret_keepers[LMM_HOLDER_KEEPERS_MAX],
                            size_t *ret_count, struct lmm_reason *ret_reason)
{
    char text[LMM_ANSWER_BYTES];

    return lmm_ask_try(path, snapshot, question, text, ret_reason) &&
           (parse_keepers(text, ret_keepers, ret_count) || complain(ret_reason));
}

/* ---- Roots ----------------------------------------------------------------------------------- */

/* Returns the length of the part of a name before its offset. */
static size_t bare(const char *name)
{
    return strcspn(name, "+");
}

/* Names the words of a root: of an array the first, and how far they are apart. */
static void name_words(struct lmm_memory_names *names, const struct lmm_holder_range *range,
                       char ret_name[LMM_HOLDER_ROOT_BYTES])
{
    char first[LMM_MEMORY_NAME_BYTES];
    char last[LMM_MEMORY_NAME_BYTES];

    lmm_memory_name(names, range->first, first);
    if (range->last == range->first) {
        snprintf(ret_name, LMM_HOLDER_ROOT_BYTES, "%s", first);
        return;
    }
    lmm_memory_name(names, range->last, last);
    if (bare(first) == bare(last) && memcmp(first, last, bare(first)) == 0) {
        snprintf(ret_name, LMM_HOLDER_ROOT_BYTES, "%s +%" PRIu64 "*i", first, range->step);
    } else {
        snprintf(ret_name, LMM_HOLDER_ROOT_BYTES, "%s to %s", first, last);
    }
}

static void name_root(struct lmm_memory_names *names, struct lmm_holder_group *group)
{
    const struct lmm_holder_range *range = &group->links[0].from;

    if (group->thread != 0) {
        lmm_memory_name_thread(names, group->thread, group->is_in_register != 0 ? 0 : range->first,
                               group->root);
    } else if (range->first != 0) {
        name_words(names, range, group->root);
    } else {
        snprintf(group->root, sizeof(group->root), "a register");
    }
}

void lmm_holder_answer_name(struct lmm_holder_answer *answer, struct lmm_memory_names *names)
{
    for (size_t i = 0; i < answer->count; i++) {
        name_root(names, &answer->list[i]);
    }
}
