/* SPDX-License-Identifier: MIT */
/*
 * command_line: reads the command line of a subcommand by its argp tables: argp_parse(), which first
 * names the option that a mistyped one probably stands for; and the options themselves, for
 * completion.
 */
#ifndef LMM_PROGRAM_COMMAND_LINE_H
#define LMM_PROGRAM_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct argp;
struct argp_state;

struct lmm_option {
    const struct argp *owner; /* whose table has it; NULL: argp adds it itself */
    const char *name;         /* of the long form; NULL: it has none */
    int letter;               /* of the short form; 0: it has none */
    const char *argument;     /* as the help names it; NULL: it takes none */
    bool is_optional;         /* the argument */
    bool is_hidden;
};

/* Receives each option; returns whether to go on. */
typedef bool lmm_option_visit(void *context, const struct lmm_option *option);

/* Visits the options of a parser and of its children, an alias as an option of its own, and those
 * that argp adds. Returns whether all were visited. */
bool lmm_option_walk(const struct argp *argp, lmm_option_visit *visit, void *context);

/* Is argp_parse(argp, argc, argv, flags, NULL, input), except for the message about a long option
 * that does not exist. A wrong command line ends the program with argp_err_exit_status. */
void lmm_command_line_read(const struct argp *argp, int argc, char **argv, unsigned flags,
                           void *input);

/* Returns a word that an option takes; NULL for an index after the last. */
typedef const char *lmm_option_word(size_t index);

/* Returns the index of the argument among the words that an option takes; another one is a usage
 * error, which lists them and ends the program. */
size_t lmm_option_word_parse(const char *option, const char *argument, lmm_option_word *word,
                             const struct argp_state *state);

#endif
