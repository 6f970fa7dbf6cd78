/* SPDX-License-Identifier: MIT */
/*
 * serve_namer: a thread that looks up names and types, which takes seconds when debug information is large, while the server goes on
 * answering. It has one job at a time; the job's symbols and snapshot belong to it from lmm_namer_start() until lmm_namer_take().
 *
 * What finds types keeps state for the whole process (types/unit_index.c), so lmm_types_apply() may be called by the server itself
 * only while the namer is idle.
 *
 * Locks: one mutex, for the job.
 */
#ifndef LMM_PROGRAM_SERVE_NAMER_H
#define LMM_PROGRAM_SERVE_NAMER_H

#include <stdbool.h>

#include "reporter/program/report/diet.h"
#include "reporter/program/symbols/gap_note.h"

struct lmm_namer;
struct lmm_snapshot;
struct lmm_symbols;

struct lmm_naming {
    void *of;                      /* the caller's */
    struct lmm_symbols *symbols;   /* NULL at first: the job opens them */
    struct lmm_snapshot *snapshot; /* whose model gets names */
    bool wants_advice;             /* also a diet, and notes */
    bool is_named;                 /* the result; false: memory ran out */
    struct lmm_diet
        diet; /* these three: if it wants advice; the caller frees them. The diet is of the snapshot's model */
    char *notes[LMM_GAP_NOTES_MAX]; /* on files without debug information */
    size_t note_count;
};

/* Starts the thread. wake: an eventfd, to which 1 is added when a job has ended. NULL: out of memory. */
struct lmm_namer *lmm_namer_new(int wake);

/* Waits for the end of its job and frees that. namer may be NULL. */
void lmm_namer_free(struct lmm_namer *namer);

/* Whether it has no job, and no result that was not taken. */
bool lmm_namer_is_idle(const struct lmm_namer *namer);

/* Starts a job; the namer must be idle. */
void lmm_namer_start(struct lmm_namer *namer, const struct lmm_naming *job);

/* Frees what a job wants advice for. */
void lmm_naming_free_advice(struct lmm_naming *job);

/* Takes the result of a job that has ended; false: none has. */
bool lmm_namer_take(struct lmm_namer *namer, struct lmm_naming *ret_job);

#endif
