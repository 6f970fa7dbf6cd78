/* SPDX-License-Identifier: MIT */
/*
 * inner_malloc: a malloc that is part of a program, and that the program calls without exporting it: libraries call another one.
 *
 * The file of the program is hostile. Stateless.
 */
#ifndef LMM_PROGRAM_INNER_MALLOC_H
#define LMM_PROGRAM_INNER_MALLOC_H

#include <sys/types.h>

/* The name of such a malloc of the running process's program, by its file's table of symbols; NULL: it has none, exports one, or was stripped. */
const char *lmm_inner_malloc_find(pid_t pid);

#endif
