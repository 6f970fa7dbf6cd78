/* SPDX-License-Identifier: MIT */
/* parse: the values of command-line options that several subcommands take. Stateless. */
#ifndef LMM_PROGRAM_PARSE_H
#define LMM_PROGRAM_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct argp;
struct argp_state;

/* Sets *ret_count to the number in text, at least 1; returns false if text is anything else. */
bool lmm_parse_count(const char *text, size_t *ret_count);

/*
 * Sets *ret_ns to the duration in text: a whole number or a decimal fraction, and a unit after it:
 * ms, s (the default), m or h. Returns false if text is anything else, or if it is 0 or more than
 * 10 years.
 */
bool lmm_parse_duration(const char *text, uint64_t *ret_ns);

/* Sets *ret_permille to the percentage in text: digits, perhaps one after a point, and perhaps a
 * percent sign. Returns false if text is anything else, or above 1,000,000. */
bool lmm_parse_percent(const char *text, uint64_t *ret_permille);

/* These parse the argument of an option and report a wrong one as a usage error, which ends the
 * program. lmm_parse_number() takes numbers from least to most. */
size_t lmm_parse_number(const char *option, const char *argument, size_t least, size_t most,
                        const struct argp_state *state);
size_t lmm_parse_top(const char *argument, const struct argp_state *state);
uint64_t lmm_parse_time(const char *argument, const struct argp_state *state);

#define LMM_WORD_LAST         "--last"
#define LMM_WORD_LAST_BUT_ONE "--last --last" /* only lmm diff uses it */

/* Parses the one argument that names a process or file, or --last, for `children` of a subcommand's
 * own parser. Its input is a const char **, which stays as it is without an argument; --last sets it
 * to LMM_WORD_LAST. */
extern const struct argp lmm_word_argp;

#endif
