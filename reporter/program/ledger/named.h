/* SPDX-License-Identifier: MIT */
/* named: the running processes that a word of the user names, by PID or by name, whether they have a ledger or not.
 * Stateless. */
#ifndef LMM_PROGRAM_NAMED_H
#define LMM_PROGRAM_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/ledger/running.h"

struct lmm_named {
    const char *word;
    size_t count;
    struct lmm_running first; /* if count > 0; one of this user's, if there is any */
};

/* Finds the processes that are called so (lmm_running_is_called()), but not this one. Cost: reads /proc, unless word is
 * a PID. */
struct lmm_named lmm_named_find(const char *word);

/* Returns the path of the ledger of the only process, which may keep it in a place of its own, to be freed; NULL: there
 * is none. */
char *lmm_named_ledger(const struct lmm_named *named);

/* Says on stderr why none of them has a ledger. earlier: the ledger of a process that had the PID before; may be NULL. */
void lmm_named_complain(const struct lmm_named *named, const char *earlier);

/* Whether word is a PID; sets *ret_pid to it. */
bool lmm_named_is_pid(const char *word, uint32_t *ret_pid);

#endif
