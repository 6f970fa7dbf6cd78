/* SPDX-License-Identifier: MIT */
/*
 * ledger_file: opens a file that may be a ledger and checks its header. Nothing that can be opened by
 * a path does harm here: a FIFO, a device or a directory is refused without waiting, and what is wrong
 * comes back as one line.
 *
 * Locks: none. Not responsible for anything behind the header (snapshot.h).
 */
#ifndef LMM_PROGRAM_LEDGER_FILE_H
#define LMM_PROGRAM_LEDGER_FILE_H

#include <lmm/ledger.h>
#include <stdbool.h>

enum {
    LMM_LEDGER_FILE_MAX = 1 << 30, /* bytes; no process has so many families, sites and threads */
};

/* What is wrong with a file: what stands behind "lmm: <path>: ". */
struct lmm_reason {
    char text[256];
};

struct lmm_ledger_file {
    int descriptor;
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;                  /* as the file system has it */
    struct lmm_ledger_header header; /* a copy; checked, file_bytes too */
};

/* Sets *reason to a formatted text, cut where too long. Returns false. */
bool lmm_reason_set(struct lmm_reason *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Checks a header and how much of the ledger there is. Returns false and sets *ret_reason when it
 * cannot be used. */
bool lmm_ledger_file_check(const struct lmm_ledger_header *header, uint64_t bytes_there,
                           struct lmm_reason *ret_reason);

/* Opens path for reading. Returns true and fills *ret_file, to be closed with lmm_ledger_file_close();
 * or returns false and sets *ret_reason. */
bool lmm_ledger_file_open(const char *path, struct lmm_ledger_file *ret_file,
                          struct lmm_reason *ret_reason);

void lmm_ledger_file_close(struct lmm_ledger_file *file);

#endif
