/* SPDX-License-Identifier: MIT */
/*
 * preload: what a program's environment must say so that it runs on LMM: where the library of the drop-in
 * is, LD_PRELOAD and LMM_OPTIONS.
 *
 * Locks: none; the environment of this process is read, not changed.
 */
#ifndef LMM_PROGRAM_PRELOAD_H
#define LMM_PROGRAM_PRELOAD_H

#include <stdbool.h>

#define LMM_PRELOAD_NAME "liblmm_preload.so"

/* How the drop-in shall keep its books. */
struct lmm_preload_settings {
    const char *directory; /* for ledgers; absolute */
    unsigned stacks;
    bool children;
    bool fill;
    const char *fit;     /* NULL: as it has it */
    const char *options; /* of the user's, "key=value:..."; NULL: none */
};

/*
 * Returns the absolute path of the library, to be freed: `given` when it is not NULL, else
 * $LMM_PRELOAD_LIBRARY, else beside this program, as installed or as built. Returns NULL after one line
 * on stderr.
 */
char *lmm_preload_find(const char *given);

/* Returns the value for LD_PRELOAD, to be freed: library in front of what is there. Returns NULL after
 * one line on stderr: memory, or a path that the dynamic loader would take for several. */
char *lmm_preload_value(const char *library);

/* Returns the key of a setting "key=value..." when `lmm run` sets that key itself, else NULL. */
const char *lmm_preload_taken_key(const char *setting);

/*
 * Returns the value for LMM_OPTIONS, to be freed: what is there, what the user says, then what `lmm run`
 * needs; of a key that comes twice the last counts, and one line on stderr says so of a taken key that is there.
 * Returns NULL after one line on stderr.
 */
char *lmm_preload_options(const struct lmm_preload_settings *settings);

/* Returns why the program, which argv[0] names as execvp(3) would take it, does not load what LD_PRELOAD
 * says; NULL: no reason is known. */
const char *lmm_preload_obstacle(const char *program);

#endif
