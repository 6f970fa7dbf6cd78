/* SPDX-License-Identifier: MIT */
/* serve_options: what the command line of `lmm serve` says. */
#ifndef LMM_PROGRAM_SERVE_OPTIONS_H
#define LMM_PROGRAM_SERVE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct lmm_server_options {
    unsigned port;
    const char *address;
    const char *unix_path;  /* NULL: TCP */
    const char *token_file; /* NULL: a random token */
    const char *history;    /* a folder; NULL: none is kept */
    uint64_t limit_bytes;   /* 0: none */
    bool opens;             /* the address, in a browser */
};

#endif
