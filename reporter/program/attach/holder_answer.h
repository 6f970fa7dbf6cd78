/* SPDX-License-Identifier: MIT */
/*
 * holder_answer: the question who holds the blocks of some sites of a running process, and its answer: one group for all
 * blocks that are held in the same way, where lib/leaks/chain_shapes.h decides what is the same. Also what these
 * blocks retain.
 *
 * An answer comes from the process: its numbers may be any, except as said below.
 */
#ifndef LMM_PROGRAM_HOLDER_ANSWER_H
#define LMM_PROGRAM_HOLDER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/attach/ask.h"
#include "reporter/program/attach/memory_name.h"

struct lmm_model;

enum {
    LMM_HOLDER_GROUPS_MAX = 64, /* that are read; LMM in the process tells 16 */
    LMM_HOLDER_LINKS_MAX = 16,
    LMM_HOLDER_ROOT_BYTES = 2 * LMM_MEMORY_NAME_BYTES + 32,
};

/* Numbers from first to last, step apart; step 0: one. */
struct lmm_holder_range {
    uint64_t first;
    uint64_t last;
    uint64_t step;
};

/* Blocks of one line, and the pointers to them. */
struct lmm_holder_link {
    uint64_t site;
    uint64_t least_bytes;
    uint64_t most_bytes;
    uint64_t is_inside; /* not 0: some pointer leads to the inside of a block */
    struct lmm_holder_range
        from; /* offsets in the blocks before; of the first link addresses in a root */
    uint64_t has_loop;
    struct lmm_holder_range loop; /* offsets of the pointers that come back to the line */
};

struct lmm_holder_group {
    uint64_t blocks;
    uint64_t bytes;
    uint64_t thread; /* 0: of none */
    uint64_t is_in_register;
    uint64_t length; /* of all its links: at least count */
    uint64_t count; /* of those below: at least 1; of more links the first half and the last ones */
    struct lmm_holder_link links[LMM_HOLDER_LINKS_MAX];
    char root[LMM_HOLDER_ROOT_BYTES]; /* by lmm_holder_answer_name(); may hold anything */
};

struct lmm_holder_answer {
    uint64_t blocks; /* that are held */
    uint64_t bytes;
    uint64_t groups; /* also of those that are not told */
    size_t count;
    struct lmm_holder_group list[LMM_HOLDER_GROUPS_MAX]; /* those with most bytes first */
};

/*
 * Writes the question about `count` sites: word: "holders" or "retained". model: has the sites, which are named; its lines count as one, too.
 * Returns how many of the sites it has; 0: memory ran out.
 */
size_t lmm_holder_question_write(const struct lmm_model *model, const char *word,
                                 const uint32_t *sites, size_t count,
                                 char text[LMM_LONG_QUESTION_BYTES]);

/* Asks a question "holders"; the other parameters are those of lmm_ask_try(). */
bool lmm_holder_answer_ask(const char *path, const struct lmm_snapshot *snapshot,
                           const char *question, struct lmm_holder_answer *ret_answer,
                           struct lmm_reason *ret_reason);

/* Names the roots. names: of the process; NULL: only their addresses are known. */
void lmm_holder_answer_name(struct lmm_holder_answer *answer, struct lmm_memory_names *names);

/* What a site retains. */
struct lmm_holder_keeper {
    uint64_t site;
    uint64_t bytes;
};

enum { LMM_HOLDER_KEEPERS_MAX = 128 };

/* Asks a question "retained": the sites that retain most, the largest first. */
bool lmm_holder_keepers_ask(const char *path, const struct lmm_snapshot *snapshot,
                            const char *question,
                            struct lmm_holder_keeper ret_keepers[LMM_HOLDER_KEEPERS_MAX],
                            size_t *ret_count, struct lmm_reason *ret_reason);

#endif
