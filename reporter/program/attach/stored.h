/* SPDX-License-Identifier: MIT */
/*
 * stored: where a process has the addresses of some functions: in its data, in its code, on its stacks.
 *
 * All threads stand still meanwhile. Stateless; x86-64 only.
 */
#ifndef LMM_PROGRAM_STORED_H
#define LMM_PROGRAM_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_mapping;
struct lmm_target_map;
struct lmm_tracee;

enum { LMM_STORED_TARGETS_MAX = 64 };

struct lmm_stored_targets {
    uint64_t addresses[LMM_STORED_TARGETS_MAX];
    size_t count;
};

/* A search through all data: aligned words that are such an address, also as libc mangles pointers. Neither the stacks of threads are searched,
 * nor memory that was never touched. */
struct lmm_stored_search {
    const struct lmm_tracee *tracee;
    const struct lmm_target_map *map;
    const struct lmm_stored_targets *targets;
    const struct lmm_mapping *own; /* of a module that is passed over */
    uint64_t next;                 /* 0 at first: where to look */
    /* Results. */
    uint64_t address;
    uint64_t target;
    bool has_failed; /* memory could not be read */
};

/* Finds the next; false: there is none, or the search has failed. */
bool lmm_stored_find(struct lmm_stored_search *search);

/* Finds the next place in code, from `from` on, that leads to a target by a distance of one or four bytes, or has its address;
 * bytes that only look like it are found, too. */
bool lmm_stored_find_in_code(const struct lmm_tracee *tracee, uint64_t from, uint64_t to,
                             const struct lmm_stored_targets *targets, uint64_t *ret_place,
                             uint64_t *ret_target);

struct lmm_stack_facts {
    bool has_target; /* a register, or a word of the stack, is such an address */
    bool has_range;  /* one is in [from, to) */
};

/* Looks at a thread's registers and its stack. False: they cannot be read. */
bool lmm_stored_look_at_stack(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                              pid_t thread, const struct lmm_stored_targets *targets, uint64_t from,
                              uint64_t to, struct lmm_stack_facts *ret_facts);

#endif
