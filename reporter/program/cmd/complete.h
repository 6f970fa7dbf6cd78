/* SPDX-License-Identifier: MIT */
/* complete: what the completion of a shell needs to know of a subcommand's options. */
#ifndef LMM_PROGRAM_COMPLETE_H
#define LMM_PROGRAM_COMPLETE_H

struct argp;

/*
 * Prints a line for each spelling of each option of a subcommand (also hidden ones, whose argument a
 * shell must skip): the spelling; its argument: "none", "optional" (only after =), "file" or "word";
 * "shown" or "hidden"; and the words that it takes, if they are a fixed set. A blank is between two
 * fields.
 */
void lmm_complete_print(const struct argp *argp);

#endif
