/* SPDX-License-Identifier: MIT */
/*
 * place: where ledgers are, whose they are, and whether the process still keeps them.
 *
 * The directories are those that liblmm would use for this user: $LMM_DIR alone, where that is set;
 * else $XDG_RUNTIME_DIR/lmm and /dev/shm/lmm-<uid>, because a process may have been started without
 * the former; and the directories that `lmm run` makes (run_folder.h). A directory that is a link, or not
 * the user's own, is not looked at.
 *
 * Locks: none. Not responsible for what the ledgers say beyond their headers (snapshot.h).
 */
#ifndef LMM_PROGRAM_PLACE_H
#define LMM_PROGRAM_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_ledger_header;

/* What became of the process that keeps a ledger. */
enum lmm_process_state {
    LMM_PROCESS_LIVE,     /* runs, and has the ledger mapped */
    LMM_PROCESS_LOST,     /* runs, but its ledger could not grow: figures are of that moment */
    LMM_PROCESS_EXITED,   /* exited, and left live blocks */
    LMM_PROCESS_KILLED,   /* is gone without a word: a signal, _exit() */
    LMM_PROCESS_REPLACED, /* became another program by exec */
    LMM_PROCESS_SNAPSHOT, /* the file is a copy that `lmm snapshot` made */
    LMM_PROCESS_UNKNOWN,  /* cannot be told: another PID namespace, or hidden from this user */
};

/* A ledger in one of the directories; its header has been checked. */
struct lmm_place {
    char *path;
    char *program; /* last component of the executable */
    uint32_t pid;
    uint64_t start_time_ns;
    uint64_t file_bytes; /* as the file system has it */
    enum lmm_process_state state;
};

struct lmm_places {
    struct lmm_place *place; /* by start time, oldest first */
    size_t count;
    size_t unreadable; /* files *.lmm that are no ledgers of this version */
};

/* Lists the user's ledgers; free the result with lmm_places_free(). */
struct lmm_places lmm_places_list(void);
void lmm_places_free(struct lmm_places *places);

/* The process's state by a ledger's checked header and its file's device and inode. */
enum lmm_process_state lmm_process_state(const struct lmm_ledger_header *header, uint64_t device,
                                         uint64_t inode);

/* Whether the process runs, or may run for all that is known. */
bool lmm_process_runs(enum lmm_process_state state);

/* "live", "exited", ... */
const char *lmm_process_state_name(enum lmm_process_state state);

/*
 * Finds the ledger that a user means by `word`: a file (anything with a slash, or that ends with .lmm,
 * or a file in the working directory when no process is called so), a PID (of a dead process only when
 * no live one has it; the newest), or a program's name (live ones first); NULL: the only live process.
 * Returns the path, to be freed; or NULL after a message on stderr, which lists what there is to choose
 * from when more than one would do.
 */
char *lmm_place_select(const char *word);

#endif
