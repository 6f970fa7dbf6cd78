/* SPDX-License-Identifier: MIT */
/* The table of cases: cases NAME runs one, each in a process of its own. cases --names A B ...
 * checks that the build's list of tests names each case of the table, once, in its order. */
#include "tests/death/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE(name) {#name, name, 1},
#define RACE(name) {#name, name, 100},

static const struct death_case cases[] = {DEATH_CASES(CASE, RACE)};

enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };

static const struct death_case *find(const char *name)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            return &cases[i];
        }
    }
    return NULL;
}

static int check_names(char **names, size_t count)
{
    if (count != CASE_COUNT) {
        fprintf(stderr, "the build knows %zu cases, the table has %d\n", count, (int) CASE_COUNT);
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], cases[i].name) != 0) {
            fprintf(stderr, "case %zu is %s, the build says %s\n", i, cases[i].name, names[i]);
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--names") == 0) {
        return check_names(argv + 2, (size_t) argc - 2);
    }
    if (argc != 2 || find(argv[1]) == NULL) {
        fprintf(stderr, "usage: cases NAME | cases --names NAME...\n");
        return 2;
    }
    return death_run(find(argv[1])) ? EXIT_SUCCESS : EXIT_FAILURE;
}
