/* SPDX-License-Identifier: MIT */
/*
 * attach: what `lmm attach`, in another process, and the drop-in, which it loads into a running process, tell each other.
 * No program includes this header; it changes with each version of LMM.
 *
 * The library exports lmm_attach_exchange. The other process calls dlopen in a thread of the process; then it writes
 * `options`, and calls lmm_attach(), which starts LMM with them and fills the rest, except `original`. At last, while all
 * threads stand still, it writes where the original functions can be called, and leads the functions
 * with the address `old` to `own`. Nothing is served before.
 */
#ifndef LMM_ATTACH_H
#define LMM_ATTACH_H

#include <stdint.h>

enum {
    LMM_ATTACH_VERSION = 3,
    LMM_ATTACH_OPTIONS_MAX = 4096,
    LMM_ATTACH_MESSAGE_MAX = 256,
    LMM_ATTACH_FUNCTIONS_MAX = 64,
    LMM_ATTACH_NAME_MAX = 40,
};

/* What a function does, in the order in which they are led to LMM: while only the first are, no block of LMM exists. */
enum lmm_attach_role {
    LMM_ATTACH_TAKES = 0,   /* it frees a block, or tells of it; or libc's _Fork */
    LMM_ATTACH_RESIZES = 1, /* it takes a block, and makes one */
    LMM_ATTACH_MAKES = 2,   /* it makes a block */
    LMM_ATTACH_ROLES
};

/* A function of the process's own malloc, or libc's _Fork. */
struct lmm_attach_function {
    char name[LMM_ATTACH_NAME_MAX];
    uint64_t old;       /* where it is; 0: the module lacks it */
    uint64_t own;       /* what takes its place; 0: nothing does */
    uint64_t original;  /* calls the old function */
    uint32_t is_needed; /* 1: it must be led to LMM, as those that take a block */
    uint32_t role;      /* enum lmm_attach_role */
};

struct lmm_attach_exchange {
    uint32_t version; /* LMM_ATTACH_VERSION */
    uint32_t bytes;   /* of this struct */
    uint32_t count;   /* of functions */
    uint32_t reserved;
    uint64_t
        attach_time; /* the address of a uint64_t, to which the other process writes the time when it serves */
    char options[LMM_ATTACH_OPTIONS_MAX]; /* as LMM_OPTIONS has them */
    char message[LMM_ATTACH_MESSAGE_MAX]; /* why lmm_attach() failed */
    struct lmm_attach_function functions[LMM_ATTACH_FUNCTIONS_MAX];
};

/* 0, or 1 after it has set the message. */
#define LMM_ATTACH_CALL     "lmm_attach"
#define LMM_ATTACH_EXCHANGE "lmm_attach_exchange"

#endif
