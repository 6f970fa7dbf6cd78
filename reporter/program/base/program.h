/* SPDX-License-Identifier: MIT */
/*
 * program: what all subcommands of `lmm` share: exit statuses, one-line messages, and the
 * subcommands. A subcommand is one file, cmd_<name>.c, one line in the table of main.c, and one
 * manual page.
 *
 * Locks: none. The program has one thread, so no header of reporter/program/ speaks of locks; serve/ has helpers of it.
 */
#ifndef LMM_PROGRAM_H
#define LMM_PROGRAM_H

#include <argp.h>
#include <stdbool.h>

enum {
    LMM_EXIT_DONE = 0,
    LMM_EXIT_FAILED = 1, /* a ledger, a file or a process that cannot be used */
    LMM_EXIT_USAGE = 2,  /* invalid options or arguments */
    LMM_EXIT_GREW = 3,   /* lmm diff --fail-on-growth */
};

/* The file of the drop-in. */
#define LMM_DROP_IN_NAME "liblmm_preload.so"

/* The subcommands. argv[0] is "lmm <name>"; each returns an exit status. */
int lmm_cmd_attach(int argc, char **argv);
int lmm_cmd_detach(int argc, char **argv);
int lmm_cmd_diet(int argc, char **argv);
int lmm_cmd_diff(int argc, char **argv);
int lmm_cmd_gc(int argc, char **argv);
int lmm_cmd_leaks(int argc, char **argv);
int lmm_cmd_ls(int argc, char **argv);
int lmm_cmd_mark(int argc, char **argv);
int lmm_cmd_report(int argc, char **argv);
int lmm_cmd_run(int argc, char **argv);
int lmm_cmd_serve(int argc, char **argv);
int lmm_cmd_sites(int argc, char **argv);
int lmm_cmd_snapshot(int argc, char **argv);
int lmm_cmd_top(int argc, char **argv);
int lmm_cmd_watch(int argc, char **argv);

/* Their command lines. */
extern const struct argp lmm_attach_argp;
extern const struct argp lmm_detach_argp;
extern const struct argp lmm_diet_argp;
extern const struct argp lmm_diff_argp;
extern const struct argp lmm_gc_argp;
extern const struct argp lmm_leaks_argp;
extern const struct argp lmm_ls_argp;
extern const struct argp lmm_mark_argp;
extern const struct argp lmm_report_argp;
extern const struct argp lmm_run_argp;
extern const struct argp lmm_serve_argp;
extern const struct argp lmm_sites_argp;
extern const struct argp lmm_snapshot_argp;
extern const struct argp lmm_top_argp;
extern const struct argp lmm_watch_argp;

/* Return the words that options of single subcommands take, as lmm_option_word does. */
const char *lmm_ls_sort_word(size_t index);
const char *lmm_top_by_word(size_t index);

/* Whether SIGPIPE was ignored when this program started. All subcommands ignore it, but a program
 * that one of them starts gets the original disposition. */
extern bool lmm_sigpipe_was_ignored;

/* Prints "lmm: <message>" as one line on stderr; control characters in it are escaped. */
void lmm_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
