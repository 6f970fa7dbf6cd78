/* SPDX-License-Identifier: MIT */
/*
 * harness: runs one misuse of memory in a process of its own and checks how that process ended.
 *
 * The child says on a pipe what line it expects (it alone knows the addresses), then misuses
 * memory. The parent checks that the child died of SIGABRT and that its stderr is exactly that
 * line, or one of several. It is not responsible for the cases themselves.
 */
#ifndef TESTS_DEATH_HARNESS_H
#define TESTS_DEATH_HARNESS_H

#include <stdbool.h>

struct death_case {
    const char *name;
    void (*misuse)(void); /* must not return: LMM aborts in it */
    unsigned times;       /* processes to try it in; more than one where threads race */
};

/* In the child: states the line to expect, without "lmm: panic: " and the newline; when called again, another line that
 * may come instead. */
void death_expect(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs one_case `times` times. True when each process ended as expected; else prints on stderr how
 * it ended. */
bool death_run(const struct death_case *one_case);

#endif
