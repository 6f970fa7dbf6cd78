/* SPDX-License-Identifier: MIT */
/*
 * observed: one process that the server observes: its last reading, and what was made of it. A process that has ended, or whose ledger was
 * removed, keeps its last figures.
 *
 * A reading has names only when somebody asks for them: `named` is the last one that has, and what the page shows. `latest` is a newer one
 * without.
 *
 * Invariants (checked by assert in observed.c):
 *   I1  while is_naming, symbols is NULL: the namer has them
 *   I2  facts are those of the last reading that succeeded; latest, or else named, is that reading, unless both were freed
 *   I3  page is NULL, or its last reading is named
 */
#ifndef LMM_PROGRAM_OBSERVED_H
#define LMM_PROGRAM_OBSERVED_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/liveness.h"
#include "reporter/program/page/page_facts.h"
#include "reporter/program/serve/serve_memory.h"
#include "reporter/program/serve/serve_route.h"

struct lmm_answer;
struct lmm_json;
struct lmm_live_page;
struct lmm_timeline;
struct lmm_ledger_entry;
struct lmm_snapshot;
struct lmm_symbols;

enum {
    LMM_OBSERVED_ID_BYTES = 36,
    LMM_OBSERVED_MARKS = 4,         /* as many as the process keeps */
    LMM_OBSERVED_KEPT_SECONDS = 60, /* how long a page is kept that nobody asks for */
};

/* What was read at a mark that this server made. */
struct lmm_observed_mark {
    uint32_t number; /* 0: none */
    struct lmm_snapshot *snapshot;
};

/* The figures that outlive a snapshot. */
struct lmm_observed_facts {
    uint64_t live_bytes;
    uint64_t live_blocks;
    uint64_t peak_bytes;
    uint64_t committed_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint32_t parent_pid;
    bool is_typed;
    bool has_stacks;
    bool has_check;                                     /* a leak check, which succeeded */
    struct lmm_model_amount classes[LMM_MODEL_CLASSES]; /* by it */
};

struct lmm_observed {
    struct lmm_process_id id;
    char id_text[LMM_OBSERVED_ID_BYTES];
    char *path;    /* of its ledger */
    char *binary;  /* the last component of its executable */
    char *program; /* as it was typed, or else the same */
    char *command; /* NULL: not read yet */
    enum lmm_process_state state;
    bool is_removed; /* the ledger's file does not exist any more */
    bool is_stored;  /* and path is that of a copy (past.h) */
    bool was_read;
    bool is_listed;   /* the last search found its ledger */
    bool wants_names; /* it waits for the namer */
    uint64_t end_ns;  /* CLOCK_REALTIME; 0: it has not ended, or nobody knows when */
    uint64_t gone_ns; /* CLOCK_MONOTONIC: when it was found to be removed; 0: it is not */
    uint64_t read_ns; /* CLOCK_REALTIME, of the last reading; 0: none */
    uint64_t used_ns; /* CLOCK_MONOTONIC, when the snapshot was last asked for */
    struct lmm_observed_facts facts;
    struct lmm_memory_use memory;
    uint64_t limit_bytes; /* 0: none */
    bool is_limit_given;  /* by the option --limit */
    struct lmm_reason trouble;
    struct lmm_snapshot *latest; /* NULL: named is as new, or it was freed */
    struct lmm_snapshot *named;  /* NULL: none */
    uint64_t named_read_ns;      /* its read_ns */
    struct lmm_live_page *page;  /* NULL: nobody asks for it */
    struct lmm_answer *
        provisional; /* the page's document while the first names are looked up; NULL: it is not needed */
    struct lmm_timeline *timeline;
    uint64_t noted_read_ns;  /* of the reading that it has last */
    uint64_t stored_read_ns; /* of the one that was stored last */
    uint64_t copied_ns;      /* CLOCK_MONOTONIC, of the last copy of its ledger; 0: none */
    uint64_t copied_calls;   /* allocations and frees in it */
    struct lmm_symbols *symbols;
    uint32_t
        frames; /* these two: of the last reading that was named; another one with as many needs nothing new */
    uint32_t modules;
    uint32_t mark; /* these two: the last mark and leak check that the timeline has */
    uint64_t check_ns;
    struct lmm_observed_mark marks[LMM_OBSERVED_MARKS]; /* the oldest first */
    uint64_t
        rest_ns; /* CLOCK_MONOTONIC: until then a large process has no event, so that the others are served */
    bool wants_advice;      /* somebody looks at its page, which has none yet, or old one */
    uint64_t advice_ns;     /* these two: CLOCK_MONOTONIC: when its last advice was begun */
    uint64_t advice_due_ns; /* when the next one may be; 0: it has none */
    bool is_naming;
    struct lmm_answer *row; /* as it was last listed; NULL: not yet */
    uint64_t row_sequence;  /* of the list, when that changed */
};

/* Returns a process for a ledger that was found; NULL: out of memory. */
struct lmm_observed *lmm_observed_new(const struct lmm_ledger_entry *entry);

/* observed may be NULL; it must not be with the namer. */
void lmm_observed_free(struct lmm_observed *observed);

/* Whether it runs, as far as is known. */
bool lmm_observed_runs(const struct lmm_observed *observed);

/*
 * Reads the ledger: facts, state and memory are set anew. Returns the snapshot, which the caller gives to the namer or to lmm_observed_take();
 * NULL: the reading failed, and the figures stay.
 */
struct lmm_snapshot *lmm_observed_read(struct lmm_observed *observed);

/* Adds a reading to the figures over time, unless it is followed: then lmm_observed_take() does it, so that a page and its events have the
 * same points. */
void lmm_observed_note(struct lmm_observed *observed, const struct lmm_snapshot *snapshot);

/* Whether names of this reading are known already, or there are none to look up, so that lmm_types_apply() takes no time. */
bool lmm_observed_knows(const struct lmm_observed *observed, const struct lmm_snapshot *snapshot);

/* Make a snapshot the latest reading, or the named one, which the page then shows. */
void lmm_observed_keep(struct lmm_observed *observed, struct lmm_snapshot *snapshot);
void lmm_observed_take(struct lmm_observed *observed, struct lmm_snapshot *snapshot,
                       uint64_t read_ns);

/* Returns the last reading, which the caller owns then, or a new one; NULL: there is none. */
struct lmm_snapshot *lmm_observed_latest(struct lmm_observed *observed);

/* Takes down that the advice that was begun at advice_ns is there; and returns whether a page that somebody follows has advice that is
 * to be made anew: after ten seconds at least, so that it takes a hundredth of the time at most. now_ns: CLOCK_MONOTONIC. */
void lmm_observed_set_advised(struct lmm_observed *observed);
bool lmm_observed_is_advice_old(const struct lmm_observed *observed, uint64_t now_ns);

/* Makes all readings old, so that the next request gets a new one. */
void lmm_observed_outdate(struct lmm_observed *observed);

/* Keeps a reading of the moment of a mark, in the place of the oldest one; takes the snapshot. */
void lmm_observed_keep_mark(struct lmm_observed *observed, uint32_t number,
                            struct lmm_snapshot *snapshot);

/* Returns the reading at a mark; NULL: it is not kept. */
struct lmm_snapshot *lmm_observed_mark(const struct lmm_observed *observed, uint32_t number);

/* Frees the page and the readings that can be read again, when nobody has asked for them for a while. now_ns: CLOCK_MONOTONIC. */
void lmm_observed_forget_unused(struct lmm_observed *observed, uint64_t now_ns);

/* Whether somebody follows its page's events. */
bool lmm_observed_is_followed(const struct lmm_observed *observed);

/* Returns the last reading, which stays the process's; NULL: it was freed. */
const struct lmm_snapshot *lmm_observed_last(const struct lmm_observed *observed);

/* Returns its model; NULL: it was freed. */
struct lmm_model *lmm_observed_model(const struct lmm_observed *observed);

/* Returns what is known of it at the last reading. */
struct lmm_page_moment lmm_observed_moment(const struct lmm_observed *observed,
                                           const struct lmm_model *model);

/* Returns "ready", "waiting" or "none". */
const char *lmm_observed_names(const struct lmm_observed *observed);

/* Returns "running", "killed" and so on, as docs/http-api.md has them. */
const char *lmm_observed_state(const struct lmm_observed *observed);

/* Puts the object of the list. */
void lmm_observed_put(struct lmm_json *json, const struct lmm_observed *observed);

#endif
