/* SPDX-License-Identifier: MIT */
/* serve_open: opens an address in the user's browser. Stateless. */
#ifndef LMM_PROGRAM_SERVE_OPEN_H
#define LMM_PROGRAM_SERVE_OPEN_H

/* Starts xdg-open; a message on stderr when that is not there. Does not wait for it. */
void lmm_serve_open(const char *url);

#endif
