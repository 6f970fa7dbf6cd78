/* SPDX-License-Identifier: MIT */
#include "reporter/program/history/time_marks.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/saturate.h"

static void remove_at(struct lmm_time_marks *marks, size_t index)
{
    free(marks->items[index].text);
    marks->count--;
    memmove(&marks->items[index], &marks->items[index + 1],
            (marks->count - index) * sizeof(*marks->items));
}

/* Makes one of every two neighbours of kind FORK. */
static void join_forks(struct lmm_time_marks *marks)
{
    for (size_t i = 0; i + 1 < marks->count; i++) {
        struct lmm_timeline_mark *mark = &marks->items[i];

        if (mark->kind == LMM_TIMELINE_FORK && mark[1].kind == LMM_TIMELINE_FORK) {
            mark->count = lmm_add_saturated(mark->count, mark[1].count);
            remove_at(marks, i + 1);
        }
    }
}

static bool must_stay(enum lmm_timeline_mark_kind kind)
{
    return kind == LMM_TIMELINE_PEAK || kind == LMM_TIMELINE_EXIT || kind == LMM_TIMELINE_EXEC;
}

/* Removes the oldest mark that need not stay. */
static void give_up_one(struct lmm_time_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        if (!must_stay(marks->items[i].kind)) {
            remove_at(marks, i);
            marks->left_out++;
            return;
        }
    }
}

static bool make_room(struct lmm_time_marks *marks, enum lmm_timeline_mark_kind kind)
{
    if (marks->items == NULL) {
        marks->items = calloc(LMM_TIMELINE_MARKS, sizeof(*marks->items));
    }
    if (marks->items != NULL && marks->count == LMM_TIMELINE_MARKS) {
        join_forks(marks);
    }
    if (marks->items != NULL && marks->count == LMM_TIMELINE_MARKS && must_stay(kind)) {
        give_up_one(marks);
    }
    return marks->items != NULL && marks->count < LMM_TIMELINE_MARKS;
}

bool lmm_time_marks_add(struct lmm_time_marks *marks, const struct lmm_timeline_mark *mark)
{
    char *text = strndup(mark->text == NULL ? "" : mark->text, LMM_TIMELINE_TEXT_MAX);

    if (text == NULL || !make_room(marks, mark->kind)) {
        free(text);
        marks->left_out++;
        return false;
    }
    size_t at = marks->count;

    while (at > 0 && marks->items[at - 1].time_ns > mark->time_ns) {
        marks->items[at] = marks->items[at - 1];
        at--;
    }
    marks->items[at] = *mark;
    marks->items[at].text = text;
    marks->count++;
    return true;
}

bool lmm_time_marks_are_valid(const struct lmm_time_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        const struct lmm_timeline_mark *mark = &marks->items[i];

        if (mark->text == NULL || strlen(mark->text) > LMM_TIMELINE_TEXT_MAX ||
            mark->kind >= LMM_TIMELINE_KINDS || (i > 0 && mark->time_ns < mark[-1].time_ns)) {
            return false;
        }
    }
    return marks->count <= LMM_TIMELINE_MARKS;
}

void lmm_time_marks_free(struct lmm_time_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        free(marks->items[i].text);
    }
    free(marks->items);
    *marks = (struct lmm_time_marks) {.items = NULL};
}
