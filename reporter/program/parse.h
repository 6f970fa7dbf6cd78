/* SPDX-License-Identifier: MIT */
/* parse: numbers and durations as users write them on the command line. Stateless. */
#ifndef LMM_PROGRAM_PARSE_H
#define LMM_PROGRAM_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets *ret_count to the number that text is, all of it, at least 1; returns whether it is one. */
bool lmm_parse_count(const char *text, size_t *ret_count);

/*
 * Sets *ret_ns to the duration that text is: a whole number or a decimal fraction, and behind it ms, s
 * (also when there is no unit), m or h. Returns false when it is none, is 0, or is more than 10 years.
 */
bool lmm_parse_duration(const char *text, uint64_t *ret_ns);

#endif
