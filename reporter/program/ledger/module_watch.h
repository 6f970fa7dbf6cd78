/* SPDX-License-Identifier: MIT */
/*
 * module_watch: the paths of the modules that a process adds to its ledger while it runs. A look
 * reads a few numbers by pread(2), and what is new; it copies no counters, and does not disturb the
 * process. The ledger is hostile: a damaged one has no more modules.
 */
#ifndef LMM_PROGRAM_MODULE_WATCH_H
#define LMM_PROGRAM_MODULE_WATCH_H

#include <stdbool.h>

struct lmm_module_watch;

/* Opens a ledger; to be closed with lmm_module_watch_close(). NULL: it cannot be used. */
struct lmm_module_watch *lmm_module_watch_open(const char *path);

/* Calls take(context, path) for each module that is new since the last look; the path ends with a
 * NUL and is not empty. Returns whether the process may still add some. */
bool lmm_module_watch_look(struct lmm_module_watch *watch,
                           void (*take)(void *context, const char *path), void *context);

/* watch may be NULL. */
void lmm_module_watch_close(struct lmm_module_watch *watch);

#endif
