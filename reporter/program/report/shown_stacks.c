/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/shown_stacks.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/base/array.h"
#include "reporter/program/report/calls.h"
#include "reporter/program/report/shown_names.h"

enum {
    INDENT = 9,        /* of the second and later lines of a stack */
    GAP = 2,           /* between two calls of a line */
    REST_COLUMNS = 24, /* "  ... 4,096 more calls" */
    WORDS_BYTES = 64,
};

struct lmm_shown_stacks {
    const struct lmm_look *look;
    uint32_t *printed; /* number n is at n - 1 */
    size_t count;
};

struct lmm_shown_stacks *lmm_shown_stacks_new(const struct lmm_look *look)
{
    struct lmm_shown_stacks *stacks = calloc(1, sizeof(*stacks));

    if (stacks != NULL) {
        stacks->look = look;
    }
    return stacks;
}

/* A report has only dozens of stacks, so a linear search will do. */
size_t lmm_shown_stacks_number(const struct lmm_shown_stacks *stacks, uint32_t stack)
{
    for (size_t i = 0; i < stacks->count; i++) {
        if (stacks->printed[i] == stack) {
            return i + 1;
        }
    }
    return 0;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* A stack that is being put. */
struct text {
    const struct lmm_look *look;
    struct lmm_sink *sink;
    const struct lmm_calls *calls;
    size_t columns; /* of the current line */
    size_t lines;   /* begun, at least 1 */
    size_t lines_max;
    size_t number; /* of the next call */
    bool has_call; /* at least one call was put */
};

static void begin_line(struct text *text)
{
    lmm_sink_puts(text->sink, "\n");
    lmm_sink_pad(text->sink, INDENT);
    text->columns = INDENT;
    text->lines++;
}

/* Returns the blanks before a call on the current line. */
static size_t gap_of(const struct text *text)
{
    return text->columns == INDENT ? 0 : GAP;
}

/* Returns whether a call of so many columns can be put on the current line. On the last line there
 * must be room for the number of those that follow it. */
static bool has_room(const struct text *text, size_t columns, bool is_last)
{
    bool is_last_line = text->lines >= text->lines_max;
    size_t end = is_last_line && !is_last ? REST_COLUMNS : 0;

    return text->columns + gap_of(text) + columns + end <= LMM_SHOWN_COLUMNS;
}

/* Puts the blanks before the next call, or a line's end. Returns false when the stack has all its
 * lines. */
static bool make_room(struct text *text, size_t columns, bool is_last)
{
    bool begins = text->look->is_whole || !has_room(text, columns, is_last);

    if (begins && text->lines >= text->lines_max) {
        return false;
    }
    if (begins) {
        begin_line(text);
    }
    lmm_sink_pad(text->sink, gap_of(text));
    text->columns += gap_of(text);
    return true;
}

/* Puts words, with what make_room() puts before them. */
static bool put_words(struct text *text, const char *words, bool is_last)
{
    if (!make_room(text, strlen(words), is_last)) {
        return false;
    }
    lmm_sink_puts(text->sink, words);
    text->columns += strlen(words);
    return true;
}

/* Returns the columns for the name and the place of a call after so many columns of other words. A
 * stack of one line has its first call there, with a shortened name if it has to be. */
static size_t room_of(const struct text *text, size_t words)
{
    bool is_alone = text->lines >= text->lines_max && !text->has_call;
    size_t start = is_alone ? text->columns + GAP : INDENT;

    assert(start + REST_COLUMNS + words < LMM_SHOWN_COLUMNS);
    return LMM_SHOWN_COLUMNS - start - REST_COLUMNS - words;
}

/* Puts "#3 hire (hr.c:42) x 24". */
static bool put_call(struct text *text, const struct lmm_model_call *call, size_t times,
                     bool is_last)
{
    char number[WORDS_BYTES];
    char repeated[WORDS_BYTES] = "";
    size_t words = (size_t) snprintf(number, sizeof(number), "#%zu ", text->number);

    if (times > 1) {
        words += (size_t) snprintf(repeated, sizeof(repeated), " x %zu", times);
    }
    size_t room = room_of(text, words);
    size_t columns = words + lmm_shown_put_call(text->look, NULL, call, room);

    if (!make_room(text, columns, is_last)) {
        return false;
    }
    lmm_sink_puts(text->sink, number);
    lmm_shown_put_call(text->look, text->sink, call, room);
    lmm_sink_puts(text->sink, repeated);
    text->columns += columns;
    text->has_call = true;
    return true;
}

static bool put_group(struct text *text, const struct lmm_call_group *group, bool is_last)
{
    size_t start = text->number;

    for (size_t i = 0; i < group->count; i++) {
        bool ends = is_last && i + 1 == group->count;

        if (!put_call(text, &text->calls->calls[group->first + i],
                      group->count == 1 ? group->times : 1, ends)) {
            return false;
        }
        text->number++;
    }
    if (group->count > 1 && group->times > 1) {
        char words[WORDS_BYTES];

        snprintf(words, sizeof(words), "(#%zu to #%zu x %zu)", start, text->number - 1,
                 group->times);
        if (!put_words(text, words, is_last)) {
            return false;
        }
    }
    text->number = start + group->count * group->times;
    return true;
}

static bool is_of_wrappers(const struct lmm_calls *calls, const struct lmm_call_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        if (!calls->calls[group->first + i].is_wrapper) {
            return false;
        }
    }
    return true;
}

/* Steps over the innermost calls that allocate for their callers, where lines are few; not over all
 * calls. Returns the first group that is put. */
static size_t skip_wrappers(struct text *text)
{
    const struct lmm_calls *calls = text->calls;
    size_t first = 0;

    if (text->lines_max == SIZE_MAX) {
        return 0;
    }
    while (first < calls->group_count && is_of_wrappers(calls, &calls->groups[first])) {
        first++;
    }
    first = first < calls->group_count ? first : 0;
    text->number = calls->group_count == 0 ? 0 : calls->groups[first].first;
    return first;
}

static void put_stack(struct text *text)
{
    const struct lmm_calls *calls = text->calls;

    for (size_t i = skip_wrappers(text); i < calls->group_count; i++) {
        bool is_last = i + 1 == calls->group_count;

        if (!put_group(text, &calls->groups[i], is_last && !calls->is_cut)) {
            size_t more = calls->count - text->number;

            lmm_sink_printf(text->sink, "  ... %zu more %s", more, more == 1 ? "call" : "calls");
            return;
        }
    }
    if (calls->is_cut) {
        put_words(text, "...", true);
    }
}

void lmm_shown_stacks_put(struct lmm_shown_stacks *stacks, const struct lmm_model *model,
                          uint32_t stack, size_t columns, size_t lines, struct lmm_sink *sink)
{
    size_t number = lmm_shown_stacks_number(stacks, stack);
    char words[WORDS_BYTES];
    struct lmm_calls calls;

    assert(stack != 0 && lines > 0);
    if (number != 0) {
        lmm_sink_printf(sink, "stack %zu, as above", number);
        return;
    }
    uint32_t *printed = lmm_array_add(&stacks->printed, &stacks->count, sizeof(*printed));

    if (printed == NULL || !lmm_calls_list(model, stack, &calls)) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
        return;
    }
    *printed = stack;
    columns += (size_t) snprintf(words, sizeof(words), "stack %zu:", stacks->count);
    lmm_sink_puts(sink, words);
    struct text text = {stacks->look, sink, &calls, columns, 1, lines, 0, false};

    put_stack(&text);
    lmm_calls_free(&calls);
}

void lmm_shown_stacks_free(struct lmm_shown_stacks *stacks)
{
    if (stacks != NULL) {
        free(stacks->printed);
        free(stacks);
    }
}
