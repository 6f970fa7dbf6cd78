/* SPDX-License-Identifier: MIT */
/*
 * ledger_file: opens a file that may be a ledger and checks its header. Any path is safe: a FIFO, a
 * device or a directory is refused without waiting, and the reason is returned as one line.
 *
 * Not responsible for anything after the header (snapshot.h).
 */
#ifndef LMM_PROGRAM_LEDGER_FILE_H
#define LMM_PROGRAM_LEDGER_FILE_H

#include <lmm/ledger.h>
#include <stdbool.h>

/* Why a file cannot be used: the text after "lmm: <path>: ". */
struct lmm_reason {
    char text[256];
};

struct lmm_ledger_file {
    int descriptor;
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;                  /* of the ledger; the file is longer, and sparse */
    struct lmm_ledger_header header; /* a checked copy */
};

/* Sets *reason to a formatted text, which is cut if it is too long. Returns false. */
bool lmm_reason_set(struct lmm_reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Checks a header, and that the file has all bytes the header gives. Returns false and sets
 * *ret_reason if the ledger cannot be used. */
bool lmm_ledger_file_check(const struct lmm_ledger_header *header, uint64_t bytes_there,
                           struct lmm_reason *ret_reason);

/* Opens path for reading. Returns true and fills *ret_file, to be closed with
 * lmm_ledger_file_close(); or returns false and sets *ret_reason. */
bool lmm_ledger_file_open(const char *path, struct lmm_ledger_file *ret_file,
                          struct lmm_reason *ret_reason);

/* Whether a file name ends as those of ledgers do. */
bool lmm_ledger_file_has_suffix(const char *name);

/* Whether the file at path has the name that LMM gave to the ledger with this header: so it is no
 * copy that somebody made. */
bool lmm_ledger_file_has_own_name(const char *path, const struct lmm_ledger_header *header);

/* Whether a file name is that of a ledger which is being created, or whose creation was cut off. */
bool lmm_ledger_file_is_draft(const char *name);

void lmm_ledger_file_close(struct lmm_ledger_file *file);

#endif
