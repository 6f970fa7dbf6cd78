/* SPDX-License-Identifier: MIT */
/* run_output: the files that `lmm run` writes: their names may hold the PID of the process. Stateless. */
#ifndef LMM_PROGRAM_RUN_OUTPUT_H
#define LMM_PROGRAM_RUN_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

/* Returns pattern with pid for each %p, and % for each %%, to be freed; NULL: memory ran out. */
char *lmm_run_output_path(const char *pattern, uint32_t pid);

/* Returns whether there is a file for each process. pattern: NULL: standard error, one for all. */
bool lmm_run_output_is_split(const char *pattern);

/* Returns whether a file can probably be written at the end; false after a message on stderr. */
bool lmm_run_output_can(const char *pattern);

#endif
