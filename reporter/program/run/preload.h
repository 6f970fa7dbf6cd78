/* SPDX-License-Identifier: MIT */
/*
 * preload: the environment that makes a program run on LMM: the path of the drop-in, LD_PRELOAD and
 * LMM_OPTIONS.
 *
 * Locks: none; the environment of this process is read, not changed.
 */
#ifndef LMM_PROGRAM_PRELOAD_H
#define LMM_PROGRAM_PRELOAD_H

#include <stdbool.h>

/* The settings of the drop-in. */
struct lmm_preload_settings {
    const char *directory; /* for ledgers; absolute */
    const char *starts;    /* file for started processes; absolute */
    unsigned stacks;
    bool children;
    bool fill;
    bool checks_matching;
    bool retained;
    const char *fit; /* NULL: the default, here and below */
    const char *temporary;
    const char *options; /* from the user, "key=value:..."; NULL: none */
};

/*
 * Returns the absolute path of the library, to be freed: `given` when it is not NULL, else
 * $LMM_PRELOAD_LIBRARY, else its place relative to this program in an installed tree or in a build
 * tree. Returns NULL after one line on stderr.
 */
char *lmm_preload_find(const char *given);

/* Returns the value for LD_PRELOAD, to be freed: library before the current value. Returns NULL
 * after one line on stderr: out of memory, or a path that the dynamic loader would split. */
char *lmm_preload_value(const char *library);

/* Returns the key of a setting "key=value..." when `lmm run` sets that key itself, else NULL. */
const char *lmm_preload_taken_key(const char *setting);

/*
 * Returns the value for LMM_OPTIONS, to be freed: the current value, the user's options, then the
 * settings of `lmm run`. The last value of a key is used; one line on stderr names each key in the
 * current value that `lmm run` sets. Returns NULL after one line on stderr.
 */
char *lmm_preload_options(const struct lmm_preload_settings *settings);

/* Opens the program as execvp(3) finds it. Returns the descriptor, or -1. */
int lmm_preload_open_program(const char *program);

/* Whether a program, found as execvp(3) finds it, has a sanitizer that LMM would disturb, or another C library, whose
 * loader would refuse LMM: then it runs without LMM, so that its status is as without. */
bool lmm_preload_must_not(const char *program);

/* Returns why a program, found as execvp(3) finds it, does not run on LMM; NULL: no reason is known. */
const char *lmm_preload_obstacle(const char *program);

#endif
