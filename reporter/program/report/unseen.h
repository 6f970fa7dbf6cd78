/* SPDX-License-Identifier: MIT */
/* unseen: the processes of a run that LMM did not see, and those that it could not wait for;
 * run/unseen_find.h finds them, the report prints them. */
#ifndef LMM_PROGRAM_UNSEEN_H
#define LMM_PROGRAM_UNSEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A process that did not load LMM, although it should. */
struct lmm_unseen_process {
    uint32_t pid;
    char *program;      /* as it was executed */
    const char *reason; /* "it is statically linked"; NULL: unknown */
};

/* A process that still runs. */
struct lmm_unseen_running {
    uint32_t pid;
    char *program; /* its name; NULL: unknown */
};

struct lmm_unseen {
    bool has_children; /* children were to be seen, too: --children */

    /* Without has_children: processes that the program started, and the programs of some of them, each
     * once. */
    uint64_t started;
    char **names;
    size_t name_count;

    /* With has_children. */
    struct lmm_unseen_process *processes;
    size_t process_count;
    uint64_t unknown; /* further processes, of which only the number is known */

    /* Processes that the program started, or these, and that outlive it; with a ledger or without. */
    struct lmm_unseen_running *running;
    size_t running_count;
};

#endif
