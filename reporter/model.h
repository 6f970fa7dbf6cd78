/* SPDX-License-Identifier: MIT */
/*
 * model: the rows that every report shows. It reads a ledger once, checks it, sums its counters,
 * and defines every figure in one place (docs/reports.md has the formulas); renderers only format.
 *
 * The ledger may be the books of this very process, written to by other threads meanwhile, or a
 * file that anybody may have damaged. So it is treated as hostile: books.h checks its structure,
 * and every index and size in a record is read once and checked before it is used.
 *
 * Invariants of a model:
 *   I1  in every row live = allocated - freed, and is never below 0
 *   I2  a family's counts are the sums over its sites; the total's are the sums over the families
 *   I3  peak_bytes >= live_bytes; every permille is at most 1000
 *   I4  families and sites are in the order of the report; sites that have counted nothing are left
 *       out
 *
 * Nothing here allocates: the rows live in scratch memory that the caller brings. The strings point
 * into the ledger, are bounded by their length, and need no NUL.
 *
 * Locks: none are taken. Not responsible for keeping the ledger's gauges up to date (the writer
 * does that) nor for chunk pointers: each must point at a chunk that is readable to its end.
 */
#ifndef LMM_REPORTER_MODEL_H
#define LMM_REPORTER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/utf8.h"

struct lmm_ledger_view;

/* One family, or the total over all of them (which has no size, no peak and no free slots). */
struct lmm_model_family {
    struct lmm_string name;
    uint64_t size_bytes;
    uint64_t align_bytes;
    uint64_t stride_bytes;
    uint64_t limit_bytes; /* 0: none */
    uint64_t live_blocks;
    uint64_t live_slots;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint64_t pages;
    uint64_t mapped_bytes;
    uint64_t committed_bytes;
    uint64_t slots; /* room in its pages, used or not */
    uint64_t free_slots;
    uint64_t run_free_slots; /* those of them in pages that hold runs */
    uint64_t longest_run_slots;
    uint64_t internal_bytes;
    uint32_t sites; /* that have counted anything */
    uint32_t occupancy_permille;
    uint32_t internal_permille;
    uint32_t external_permille; /* of run_free_slots */
};

struct lmm_model_site {
    const struct lmm_model_family *family;
    struct lmm_string file;
    struct lmm_string function;
    uint32_t line; /* 0: file alone says what this is, e.g. "(unattributed)" */
    uint32_t id;
    uint64_t live_blocks;
    uint64_t live_slots;
    uint64_t live_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint64_t allocated_slots;
    uint64_t allocated_bytes;
    uint64_t freed_slots;
    uint32_t share_permille; /* of the live bytes of all families */
};

/* Rows that a model was asked to leave out. */
struct lmm_model_rest {
    size_t count;
    uint64_t live_blocks;
};

/* What the process does now, as far as can be told. */
enum lmm_model_process {
    LMM_MODEL_RUNNING,  /* it keeps these books, or kept them at the time of the snapshot */
    LMM_MODEL_EXITED,   /* it left blocks behind */
    LMM_MODEL_LOST,     /* it keeps its books elsewhere, because the ledger could not grow */
    LMM_MODEL_KILLED,   /* it is gone without a word; set by whoever found that out */
    LMM_MODEL_REPLACED, /* it became another program by exec; as above */
};

struct lmm_model {
    struct lmm_string executable; /* as the ledger has it */
    struct lmm_string program;    /* its last component; "(unknown)" where there is none */
    struct lmm_string command;    /* the arguments, with blanks between them */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t system_page_bytes;
    uint32_t lost_errno; /* LMM_MODEL_LOST: why */
    enum lmm_model_process process;
    uint64_t start_time_ns;    /* these three: CLOCK_REALTIME */
    uint64_t end_time_ns;      /* when it exited, or lost its ledger; 0: neither */
    uint64_t snapshot_time_ns; /* when the ledger was copied; 0: this is the original */
    uint64_t sites_merged;
    uint64_t reservoir_bytes;
    uint64_t overhead_bytes;
    bool settled; /* false: rows were being moved whenever they were read */
    struct lmm_model_family total;
    size_t families_used; /* families that have ever counted an allocation or a free */
    size_t family_count;
    const struct lmm_model_family **families; /* live bytes, largest first; equals by name */
    size_t site_count;
    struct lmm_model_site *sites; /* live bytes, then allocations, largest first; then by place */
    const char *order; /* what the rows were sorted by, when not as said above; else NULL */
    struct lmm_model_rest hidden_families; /* not among the above, but in the total; see select.h */
    struct lmm_model_rest hidden_sites;
};

/*
 * Returns how much scratch memory a model of view needs, with some room for families and sites that
 * other threads add meanwhile. view may be damaged: the answer is then bounded, and the build
 * fails.
 */
size_t lmm_model_bytes(const struct lmm_ledger_view *view);

/*
 * Builds the model of view in scratch, and sets *ret_model to it. The model lies inside scratch and
 * refers to the ledger's header and STRINGS chunks, so the caller keeps these as long as the model
 * is used; the view itself and all other chunks may go.
 * Returns 0; -EINVAL when the ledger is damaged; -ENOTSUP when it is of another version; -ENOSPC when
 * scratch is too small: the ledger has grown, so ask lmm_model_bytes() again.
 * Threads: any, while others write the ledger's counters, gauges and new records.
 * Cost: one pass over all rows, and sorting the sites.
 */
int lmm_model_build(const struct lmm_ledger_view *view, void *scratch, size_t scratch_bytes,
                    struct lmm_model **ret_model);

/*
 * Defines the total, families_used, and the sites' shares anew, from the families and sites that the
 * model now has. For whoever takes families, with all their sites, out of a model.
 */
void lmm_model_sum(struct lmm_model *model);

/* Returns part / whole in thousandths, rounded down, at most 1000; 0 when whole is 0. */
uint32_t lmm_model_permille(uint64_t part, uint64_t whole);

#endif
