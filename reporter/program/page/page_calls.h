/* SPDX-License-Identifier: MIT */
/*
 * page_calls: the calls of a page's document, each once, and the stacks that they are in as a tree: a frame for each
 * call of the source below the frame that made it, inlined ones too. They are told apart by names, so stacks of two processes share
 * them. In a large program a call is in many frames, so a frame is only its parent and the number of its call.
 *
 * Invariants (checked by tests/unit/reporter/test_page_tables.c):
 *   I1  a frame's parent has a lower index; no two frames have the same parent and call; no two calls have the same
 *       names and flags
 *   I2  there are at most LMM_PAGE_FRAMES_MAX frames, and no more calls than frames
 */
#ifndef LMM_PROGRAM_PAGE_CALLS_H
#define LMM_PROGRAM_PAGE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/page/page_strings.h"

struct lmm_model;

enum { LMM_PAGE_FRAMES_MAX = 200000 };

/* Bits of the flags of a call; GUESSED: of a frame. */
enum lmm_page_call_flag {
    LMM_PAGE_INLINED = 1,
    LMM_PAGE_WRAPPER = 2,
    LMM_PAGE_GUESSED = 4,
    LMM_PAGE_UNNAMED = 8,
};

/* Texts are numbers in the strings. */
struct lmm_page_call {
    uint32_t function;
    uint32_t file;
    uint32_t line;
    uint32_t module;
    uint32_t flags;
};

struct lmm_page_frame {
    int32_t parent; /* -1: it is an outermost call */
    uint32_t call;
    uint32_t flags;
};

struct lmm_page_calls {
    struct lmm_page_call *items;
    struct lmm_page_frame *frames;
    size_t count;
    size_t frame_count;
    struct lmm_numbers numbers;       /* by names: index + 1 */
    struct lmm_numbers frame_numbers; /* by parent and call: index + 1 */
};

/* What a reading of one model remembers. All zero at first. */
struct lmm_page_walked {
    uint32_t *
        rows; /* by the model's frame, and by whether it was guessed: index + 1; 0: not walked yet */
};

/* Sets *ret_row to the frame of the innermost call of a stack. When the table is full, it is that of the
 * innermost call that has one, and -1 if no call has one. stack: not 0. walked: of this model, to be freed by
 * free(walked->rows). Returns false when memory ran out. */
bool lmm_page_calls_at(struct lmm_page_calls *calls, struct lmm_page_strings *strings,
                       struct lmm_page_walked *walked, const struct lmm_model *model,
                       uint32_t stack, int32_t *ret_row);

void lmm_page_calls_free(struct lmm_page_calls *calls);

#endif
