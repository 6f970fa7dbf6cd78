/* SPDX-License-Identifier: MIT */
/*
 * server: `lmm serve`: answers requests by what the observer has, and runs until a signal ends it.
 *
 * One thread does everything but two things that take long: names are looked up by the namer, and processes are asked by the asker. So the
 * observed processes and the connections need no locks.
 */
#ifndef LMM_PROGRAM_SERVER_H
#define LMM_PROGRAM_SERVER_H

struct lmm_server_options; /* serve_options.h */

/* Serves until SIGINT or SIGTERM. Returns an exit status, after a message on stderr if it is not LMM_EXIT_DONE. */
int lmm_server_run(const struct lmm_server_options *options);

#endif
