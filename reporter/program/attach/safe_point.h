/* SPDX-License-Identifier: MIT */
/*
 * safe_point: whether a stopped thread stands where it can be made to call dlopen: its call stack, followed to its end,
 * has no function of malloc or of the dynamic loader, no handler of a signal, and no fork or exit.
 *
 * Owns what is known of the process's functions. The threads stand still while it looks.
 */
#ifndef LMM_PROGRAM_SAFE_POINT_H
#define LMM_PROGRAM_SAFE_POINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_safe_points;
struct lmm_target_map;
struct lmm_tracee;

/* Reads the map's modules. loader: an address in the dynamic loader. Returns NULL when memory runs out, or the process
 * cannot be read. Neither may be freed before it. */
struct lmm_safe_points *lmm_safe_points_open(const struct lmm_tracee *tracee,
                                             const struct lmm_target_map *map);
void lmm_safe_points_close(struct lmm_safe_points *points);

/* Where the malloc that the program calls most likely is. 0: unknown. */
uint64_t lmm_safe_points_malloc(const struct lmm_safe_points *points);

/* A function that libc defines, and its length; 0: it does not. ret_bytes: may be NULL. */
uint64_t lmm_safe_points_libc(const struct lmm_safe_points *points, const char *name,
                              uint64_t *ret_bytes);

/* The dynamic loader's addresses. False: unknown. */
bool lmm_safe_points_loader(const struct lmm_safe_points *points, uint64_t *ret_from,
                            uint64_t *ret_to);

/* Whether its stack is as said above. */
bool lmm_safe_points_is_safe(const struct lmm_safe_points *points, pid_t thread);

/* Whether its stack has a function in [from, to), or cannot be followed. */
bool lmm_safe_points_may_be_in(const struct lmm_safe_points *points, pid_t thread, uint64_t from,
                               uint64_t to);

#endif
