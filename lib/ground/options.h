/* SPDX-License-Identifier: MIT */
/*
 * options: LMM_OPTIONS="key=value:key=value", read once when LMM starts.
 *
 * Where lmm_options_give() was called, its text takes the place of the variable.
 * Owns the settings of the process. One table in options.c has every key, and `help=1` prints it. A
 * process with raised privileges (AT_SECURE) ignores LMM_OPTIONS. An unknown key or a bad value is
 * reported on stderr and ignored. After lmm_options_read() the settings never change, except
 * ledger_off in a forked child, what the variables of teaching allocators (ALLOCATOR_...) set
 * when the program itself changes these, and lmm_options_default(); then another thread may see the
 * old value for a while.
 */
#ifndef LMM_OPTIONS_H
#define LMM_OPTIONS_H

#include "lib/ground/base.h"

enum {
    LMM_OPTION_PATH_MAX = 1024,
    LMM_STACK_FRAMES_MAX = 64,
    LMM_STACK_FRAMES_MATCH = 8, /* with match=1, where no others are asked for */
    LMM_SIGNAL_MAX = 64,
    LMM_SIGNAL_AUTO = LMM_SIGNAL_MAX + 1,
};

/* Which hole a run is cut from. */
enum lmm_fit {
    LMM_FIT_LARGEST = 0,
    LMM_FIT_FIRST, /* the lowest address */
    LMM_FIT_BEST,  /* the shortest that fits */
};

/* The bits of enum lmm_heuristic (lib/leaks/mark.h), in the order of their names. */
enum { LMM_OPTION_HEURISTICS = 5, LMM_OPTION_HEURISTICS_ALL = (1 << LMM_OPTION_HEURISTICS) - 1 };

struct lmm_options {
    bool leaks;              /* print the leak report at exit */
    bool leaks_all;          /* it lists all live blocks, without a check */
    bool check;              /* check for leaks at exit, for readers of the ledger */
    bool pages;              /* walk over the pages at exit, for readers of the ledger */
    bool retained;           /* that check finds which sites retain most, too */
    bool unaligned;          /* checks at exit take words at any address as pointers */
    unsigned heuristics_off; /* bits of LMM_OPTION_HEURISTICS_ALL: what checks do not go by */
    bool usage;              /* print the usage report at exit */
    bool fill_alloc;         /* fill new blocks with 0xAA */
    bool fill_free;          /* fill freed blocks with 0xDD */
    unsigned exit_code;      /* of a process that leaks; 0: leave it */
    enum lmm_fit fit;
    size_t reservoir_bytes; /* kept for reuse */
    bool never_huge_pages;  /* also none that the kernel gives unasked */
    uint32_t signal; /* lets readers ask the process; 0: none; LMM_SIGNAL_AUTO: one that is free */
    bool ledger_off; /* keep no ledger file */
    bool keep;       /* drop-in: a clean exit leaves the file */
    bool leaves_children_alone;       /* drop-in: what the process starts is not on LMM by itself */
    uint32_t stack_frames;            /* drop-in: kept of each call stack; 0: none are taken */
    bool match;                       /* drop-in: tell frees that do not match their allocations */
    bool heaptrack_temporaries;       /* drop-in: count temporary blocks as heaptrack does */
    char starts[LMM_OPTION_PATH_MAX]; /* drop-in: file that lists started programs; empty: none */
    bool leaks_to_stdout;             /* the leak report goes there, unless there is a log */
    uint32_t given;                   /* a bit for each key that was set */
    char ledger[LMM_OPTION_PATH_MAX]; /* directory for it; empty: the usual one */
    char log[LMM_OPTION_PATH_MAX];    /* file for reports at exit; empty: stderr */
};

extern struct lmm_options lmm_options;

/* Reads LMM_OPTIONS; call once, before there are threads that allocate. */
void lmm_options_read(void);

/* Makes lmm_options_read() take this text, which the caller keeps, as that of LMM_OPTIONS, whatever the
 * environment and AT_SECURE say; call it before LMM starts. */
void lmm_options_give(const char *text);

/* Drop-in: sets what the variables of teaching allocators say now, except where LMM_OPTIONS has set
 * the same. */
void lmm_options_follow_allocator_names(void);

/*
 * Parses one setting string as LMM_OPTIONS holds it into *options; bad parts are named on stderr.
 * Returns the number of parts that were taken.
 */
size_t lmm_options_parse(const char *text, struct lmm_options *options);

/* Sets a key, which exists, as LMM_OPTIONS would, unless LMM_OPTIONS has set it: for what the program asks for
 * by another interface. A bad value is passed over. */
void lmm_options_default(const char *name, const char *value, size_t length);

/* Copies pattern to ret_path, with %p (pid), %e (executable), %t (time in seconds) replaced.
 * False when it does not fit in path_bytes. */
bool lmm_options_expand_path(const char *pattern, char *ret_path, size_t path_bytes);

#endif
