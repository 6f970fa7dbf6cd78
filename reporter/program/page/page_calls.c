/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_calls.h"

#include <stdlib.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/array.h"

enum { NO_ROW = -1 };

struct walking {
    struct lmm_page_calls *calls;
    struct lmm_page_strings *strings;
    struct lmm_page_walked *walked;
    const struct lmm_model *model;
};

/* A frame of a stack. */
struct step {
    uint32_t frame;
    bool is_guessed;
};

/* ---- Rows ------------------------------------------------------------------------------------ */

static bool is_same(const struct lmm_page_call *a, const struct lmm_page_call *b)
{
    return a->function == b->function && a->file == b->file && a->line == b->line &&
           a->module == b->module && a->flags == b->flags;
}

static uint64_t key_of(const struct lmm_page_call *call)
{
    uint64_t key = lmm_hash_u64(1, (uint64_t) call->function << 32 | call->file);

    return lmm_hash_u64(key, (uint64_t) call->line << 32 | (call->module << 4 ^ call->flags));
}

/* Returns the index of a call, + 1, which is 0 while it has none; NULL: out of memory. */
static uint32_t *call_at(struct lmm_page_calls *calls, const struct lmm_page_call *call)
{
    uint64_t key = key_of(call);
    uint32_t *number = lmm_numbers_at(&calls->numbers, key);

    while (number != NULL && *number != 0 && !is_same(&calls->items[*number - 1], call)) {
        key = lmm_hash_u64(key, 0); /* another call with this key */
        number = lmm_numbers_at(&calls->numbers, key);
    }
    return number;
}

/* The same for the frame of a call below a parent. */
static uint32_t *frame_at(struct lmm_page_calls *calls, int32_t parent, uint32_t call)
{
    uint64_t key = lmm_hash_u64(1, (uint64_t) ((int64_t) parent + 1) << 32 | call);
    uint32_t *number = lmm_numbers_at(&calls->frame_numbers, key);

    while (
        number != NULL && *number != 0 &&
        (calls->frames[*number - 1].parent != parent || calls->frames[*number - 1].call != call)) {
        key = lmm_hash_u64(key, 0);
        number = lmm_numbers_at(&calls->frame_numbers, key);
    }
    return number;
}

static bool add_call(struct lmm_page_calls *calls, const struct lmm_page_call *call,
                     uint32_t *number)
{
    struct lmm_page_call *item = lmm_array_add(&calls->items, &calls->count, sizeof(*item));

    if (item == NULL) {
        return false;
    }
    *item = *call;
    *number = (uint32_t) calls->count;
    return true;
}

static bool add_frame(struct lmm_page_calls *calls, int32_t parent, uint32_t call, uint32_t *number)
{
    struct lmm_page_frame *frame =
        lmm_array_add(&calls->frames, &calls->frame_count, sizeof(*frame));

    if (frame == NULL) {
        return false;
    }
    *frame = (struct lmm_page_frame) {.parent = parent, .call = call};
    *number = (uint32_t) calls->frame_count;
    return true;
}

/* Sets *row to the frame of a call below it, which is new where there is room; else it stays. */
static bool go_in(struct lmm_page_calls *calls, const struct lmm_page_call *call, bool is_guessed,
                  int32_t *row)
{
    bool has_room = calls->frame_count < LMM_PAGE_FRAMES_MAX;
    uint32_t *call_number = call_at(calls, call);
    uint32_t *number;

    if (call_number == NULL || (*call_number == 0 && !has_room)) {
        return call_number != NULL;
    }
    if (*call_number == 0 && !add_call(calls, call, call_number)) {
        return false;
    }
    number = frame_at(calls, *row, *call_number - 1);
    if (number == NULL ||
        (*number == 0 && has_room && !add_frame(calls, *row, *call_number - 1, number))) {
        return false;
    }
    if (*number != 0) {
        *row = (int32_t) (*number - 1);
        calls->frames[*row].flags |= is_guessed ? (unsigned) LMM_PAGE_GUESSED : 0;
    }
    return true;
}

static unsigned flags_of(const struct lmm_model_call *call)
{
    return (call->is_inline ? (unsigned) LMM_PAGE_INLINED : 0) |
           (call->is_wrapper ? (unsigned) LMM_PAGE_WRAPPER : 0) |
           (call->is_named ? 0 : (unsigned) LMM_PAGE_UNNAMED);
}

/* Goes from *row to the innermost call of a frame. */
static bool enter(const struct walking *walking, struct step step, int32_t *row)
{
    struct lmm_stack_unnamed room;
    const struct lmm_model_call *calls;
    size_t count = lmm_stack_calls(walking->model, step.frame, &room, &calls);
    bool good = true;

    while (good && count-- > 0) {
        struct lmm_page_call call = {
            .line = calls[count].line,
            .flags = flags_of(&calls[count]),
        };

        good = lmm_page_strings_at(walking->strings, calls[count].function, &call.function) &&
               lmm_page_strings_at(walking->strings, calls[count].file, &call.file) &&
               lmm_page_strings_at(walking->strings, calls[count].module, &call.module) &&
               go_in(walking->calls, &call, step.is_guessed, row);
    }
    return good;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

static uint32_t *known_row(const struct walking *walking, struct step step)
{
    return &walking->walked->rows[(size_t) step.frame * 2 + step.is_guessed];
}

/* Sets steps to the frames of a stack that have no rows yet, and *row to that of the next outer one. Returns how many
 * there are. */
static size_t walk_out(const struct walking *walking, uint32_t stack,
                       struct step steps[LMM_MODEL_STACK_MAX], int32_t *row)
{
    struct step step = {stack, false};
    size_t count = 0;

    *row = NO_ROW;
    while (step.frame != 0 && count < LMM_MODEL_STACK_MAX) {
        if (*known_row(walking, step) != 0) {
            *row = (int32_t) (*known_row(walking, step) - 1);
            break;
        }
        steps[count++] = step;
        step.is_guessed |= walking->model->frames[step.frame].is_guess;
        step.frame = lmm_model_caller(walking->model, step.frame);
    }
    return count;
}

bool lmm_page_calls_at(struct lmm_page_calls *calls, struct lmm_page_strings *strings,
                       struct lmm_page_walked *walked, const struct lmm_model *model,
                       uint32_t stack, int32_t *ret_row)
{
    struct walking walking = {calls, strings, walked, model};
    struct step steps[LMM_MODEL_STACK_MAX];
    int32_t row;

    if (walked->rows == NULL) {
        walked->rows = calloc((size_t) model->frame_count * 2, sizeof(*walked->rows));
    }
    if (walked->rows == NULL) {
        return false;
    }
    for (size_t count = walk_out(&walking, stack, steps, &row); count > 0; count--) {
        if (!enter(&walking, steps[count - 1], &row)) {
            return false;
        }
        *known_row(&walking, steps[count - 1]) = (uint32_t) (row + 1);
    }
    *ret_row = row;
    return true;
}

void lmm_page_calls_free(struct lmm_page_calls *calls)
{
    free(calls->items);
    free(calls->frames);
    lmm_numbers_free(&calls->numbers);
    lmm_numbers_free(&calls->frame_numbers);
    *calls = (struct lmm_page_calls) {.items = NULL};
}
