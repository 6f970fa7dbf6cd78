/* SPDX-License-Identifier: MIT */
/*
 * starts_list: the file in which the drop-in of each process of a run tells what it starts and becomes
 * (lib/preload/starts.h, option starts of lmm(7)). Lines that make no sense are skipped: a program may
 * have written to the file, too.
 */
#ifndef LMM_PROGRAM_STARTS_LIST_H
#define LMM_PROGRAM_STARTS_LIST_H

#include <stddef.h>
#include <stdint.h>

/* A process, as its lines tell. */
struct lmm_start {
    uint32_t pid;
    uint64_t time_ns;  /* of its fork or its last exec, CLOCK_REALTIME */
    char *path;        /* what it executed last; NULL: it was forked, and executed nothing */
    char *path_before; /* these two: before its last exec, in case that failed */
    uint64_t time_before_ns;
};

struct lmm_starts_list {
    struct lmm_start *items; /* in the order of their first lines */
    size_t count;
    size_t shells; /* by system(3) and popen(3): their PIDs are not known */
};

/* Reads the file; an empty list when it cannot be read. Free it with lmm_starts_list_free(). */
struct lmm_starts_list lmm_starts_list_read(const char *path);

void lmm_starts_list_free(struct lmm_starts_list *list);

#endif
