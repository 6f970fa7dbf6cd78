/* SPDX-License-Identifier: MIT */
/*
 * observer: all processes that the server observes, as their ledgers come and go. Each ledger is read once a second, for all clients
 * together. Names and types are looked up by another thread (serve_namer.h); until they are known, or while that thread works on
 * another process, a process has its totals alone.
 *
 * Invariants (checked by assert in observer.c):
 *   I1  at most one process is with the namer
 *   I2  the sequence number rises with each change of the list
 */
#ifndef LMM_PROGRAM_OBSERVER_H
#define LMM_PROGRAM_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/serve/serve_route.h"

struct lmm_answer;
struct lmm_channel;
struct lmm_namer;
struct lmm_observed;
struct lmm_past;
struct lmm_snapshot;

enum {
    LMM_OBSERVER_DEAD_MAX = 200, /* processes that have ended; the newest */
    LMM_OBSERVER_GONE_SECONDS =
        600, /* how long one is listed whose ledger was removed, without a copy */
};

struct lmm_observer {
    struct lmm_observed **items; /* by start time, oldest first */
    size_t count;
    struct lmm_namer *namer;
    struct lmm_observed *naming; /* which the namer has; NULL: none */
    uint64_t naming_read_ns;     /* when its reading was made */
    size_t turn;                 /* where to look for the next one for the namer */
    uint64_t limit_bytes;        /* of processes without a limit of their own; 0: none */
    struct lmm_past *past;       /* NULL: nothing is kept on disk */
    uint64_t sequence;
    uint64_t made_ns;        /* CLOCK_REALTIME, of the list */
    uint64_t next_search_ns; /* CLOCK_MONOTONIC: when to look for ledgers again */
    struct lmm_channel *channel;
};

/* Returns an observer; wake: an eventfd for lmm_observer_take_names(). past: what is kept on disk; it must live as long; NULL: nothing.
 * NULL: out of memory. */
struct lmm_observer *lmm_observer_new(int wake, uint64_t limit_bytes, struct lmm_past *past);
void lmm_observer_free(struct lmm_observer *observer);

/* Writes to disk what is to be kept, before the end. */
void lmm_observer_store(struct lmm_observer *observer);

/* Looks for ledgers, and reads those of processes that run. Once a second. */
void lmm_observer_read(struct lmm_observer *observer);

/* Takes what the namer has found, and gives it the next process. Returns whether there was anything. */
bool lmm_observer_take_names(struct lmm_observer *observer);

/* Somebody looks at the page of a process that was loaded: it gets hints, layouts and notes, soon. */
void lmm_observer_advise(struct lmm_observer *observer, struct lmm_observed *observed);

/* Returns the process: with a start time that one, else the one that runs, else the one that started last; without a PID the only one that runs.
 * NULL: there is none, or there are several. */
struct lmm_observed *lmm_observer_find(const struct lmm_observer *observer,
                                       struct lmm_process_id id);

/* Has a reading of a process ready, with its names and its page: the last one, or, while the names of that are being looked up, an earlier
 * one. Returns false when there is none: names are being looked up (*ret_wait), or it cannot be read, as observed->trouble says. */
bool lmm_observer_load(struct lmm_observer *observer, struct lmm_observed *observed,
                       bool *ret_wait);

/* Gives a kept reading of a process its names. False: they are being looked up. */
bool lmm_observer_name(struct lmm_observer *observer, struct lmm_observed *observed,
                       struct lmm_snapshot *snapshot);

/* Sends a comment to all event streams, so that dead connections are noticed. */
void lmm_observer_beat(struct lmm_observer *observer);

/* Returns the document of the list; NULL: out of memory. */
struct lmm_answer *lmm_observer_list(const struct lmm_observer *observer, bool one_line);

#endif
