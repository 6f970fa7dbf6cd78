/* SPDX-License-Identifier: MIT */
/* scenarios: small programs, by name, that end in some way with or without live blocks. exit.c runs
 * each in a process of its own and checks its output, its files and its status. */
#ifndef TESTS_EXIT_SCENARIOS_H
#define TESTS_EXIT_SCENARIOS_H

/* Runs the scenario and returns main's exit status; or does not return. */
int scenario_run(const char *name);

/* The leak lines of the scenario "leak", in no order; LEAK_LINES of them. */
enum { LEAK_LINES = 4 };
extern const char *const leak_lines[LEAK_LINES];

#endif
