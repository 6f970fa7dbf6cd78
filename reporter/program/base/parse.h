/* SPDX-License-Identifier: MIT */
/* parse: what users write on the command line: numbers, durations, which process. Stateless. */
#ifndef LMM_PROGRAM_PARSE_H
#define LMM_PROGRAM_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct argp_state;

/* Sets *ret_count to the number that text is, all of it, at least 1; returns whether it is one. */
bool lmm_parse_count(const char *text, size_t *ret_count);

/*
 * Sets *ret_ns to the duration that text is: a whole number or a decimal fraction, and behind it ms, s
 * (also when there is no unit), m or h. Returns false when it is none, is 0, or is more than 10 years.
 */
bool lmm_parse_duration(const char *text, uint64_t *ret_ns);

/* Sets *word, NULL so far, to the argument that says which process; a second one is a usage error. */
void lmm_take_word(const char **word, const char *argument, const struct argp_state *state);

#endif
