/* SPDX-License-Identifier: MIT */
/*
 * discover: finds the ledgers of this user's processes, and the one that the user names.
 *
 * The places are those in which liblmm would put this user's ledgers: $LMM_DIR alone if it is set;
 * else $XDG_RUNTIME_DIR/lmm, /dev/shm/lmm-<uid>, /tmp/lmm-<uid> and memory files (memory_file.h),
 * because a process may have been started without XDG_RUNTIME_DIR, or some did not work for it; and
 * the directories that `lmm run` makes (run_folder.h). A process that is not in $LMM_DIR is looked
 * for in the other places, too. A directory that is a link, or that belongs to another user, is
 * skipped. Processes of this user in other mount namespaces, and a process that is in none of these
 * places, are found by what they have mapped (running.h).
 *
 * Not responsible for the contents of ledgers after their headers (snapshot.h).
 */
#ifndef LMM_PROGRAM_DISCOVER_H
#define LMM_PROGRAM_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/program/ledger/liveness.h"

/* A ledger in one of the directories; its header has been checked. */
struct lmm_ledger_entry {
    char *path;
    char *program; /* last component of the executable; NULL: memory ran out */
    char *typed;   /* its first argument; NULL: memory ran out */
    char *name;    /* the process's own while it runs; NULL: unknown */
    uint32_t pid;  /* as this process numbers it */
    uint64_t start_time_ns;
    uint64_t file_bytes; /* of the ledger; its file is longer, and sparse */
    enum lmm_process_state state;
};

struct lmm_ledger_list {
    struct lmm_ledger_entry *entry; /* by start time, oldest first */
    size_t count;
    size_t unreadable; /* files *.lmm that are not ledgers of this version */
};

/* Lists the user's ledgers; free the result with lmm_discover_free(). */
struct lmm_ledger_list lmm_discover_list(void);
void lmm_discover_free(struct lmm_ledger_list *ledgers);

/* Returns whether word is the process's PID, or one of its names: its program's file, what was typed
 * to start it, or the process's own. */
bool lmm_discover_matches(const struct lmm_ledger_entry *entry, const char *word);

/* Calls look(context, path) for each directory in which lmm_discover_list() looks. Some may not
 * exist, belong to another user, or come twice. */
void lmm_discover_folders(void (*look)(void *context, const char *path), void *context);

/*
 * Finds the ledger that a user names by `word`: a file (a word with a slash, or one that ends with
 * .lmm, or a file in the working directory that is no program, if no process has that name), a PID
 * (of a dead process only if no live one has it, with a ledger or without; of several the newest), or a name (live ones
 * first): the program's file, what was typed to start it, or the process's own; LMM_WORD_LAST: the
 * program of the newest run of `lmm run` (last_runs.h), LMM_WORD_LAST_BUT_ONE: of the one before; NULL: the only live process. Returns the
 * path, to be freed; or NULL after a message on stderr, which lists the choices if there are several.
 */
char *lmm_discover_path(const char *word);

#endif
