/* SPDX-License-Identifier: MIT */
/* The list of started processes, and what is found missing by it. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/report/unseen.h"
#include "reporter/program/run/starts_list.h"
#include "reporter/program/run/unseen_find.h"

enum {
    TEXT_BYTES = 1000,
    SEEN_MAX = 4,
    PROGRAM = 70000001, /* PIDs that no process has */
    CHILD = 70000002,
    OTHER = 70000003,
};

static struct lmm_starts_list read_lines(const char *lines)
{
    char path[] = "/tmp/lmm-test-starts-XXXXXX";
    int file = mkstemp(path);

    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, lines, strlen(lines)), (ssize_t) strlen(lines));
    close(file);
    struct lmm_starts_list list = lmm_starts_list_read(path);

    unlink(path);
    return list;
}

/* Writes "PID time path;" for each process, and "+N" for N shells. */
static void describe(const struct lmm_starts_list *list, char text[TEXT_BYTES])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        const struct lmm_start *start = &list->items[i];

        used +=
            (size_t) snprintf(text + used, TEXT_BYTES - used, "%" PRIu32 " %" PRIu64 " %s;",
                              start->pid, start->time_ns, start->path == NULL ? "-" : start->path);
    }
    if (list->shells > 0) {
        snprintf(text + used, TEXT_BYTES - used, "+%zu", list->shells);
    }
}

static const struct {
    const char *lines;
    const char *wanted;
} cases[] = {
    {"", ""},
    {"f 5 100 \n", "5 100 -;"},
    {"f 5 100 \nx 5 110 /bin/sh\n", "5 110 /bin/sh;"},
    {"x 5 110 /bin/a b\n", "5 110 /bin/a b;"},
    {"x 5 110 one\nx 5 120 two\n", "5 120 two;"},
    {"f 5 100 \nx 5 110 one\n! 5 111 \n", "5 100 -;"},
    {"x 5 110 one\nx 5 120 two\n! 5 121 \n", "5 110 one;"},
    {"x 5 110 one\n! 5 111 \nx 5 112 two\n! 5 113 \n! 5 114 \n", "5 0 -;"},
    {"s 5 100 /bin/true\n", "5 100 /bin/true;"},
    /* The child was faster than its parent, and has executed another program. */
    {"x 5 110 two\ns 5 100 one\n", "5 110 two;"},
    /* A number that is used again. */
    {"x 5 110 one\nf 5 200 \n", "5 110 one;5 200 -;"},
    {"x 5 110 one\nf 5 200 \nx 5 210 two\n", "5 110 one;5 210 two;"},
    {"c 0 100 sh\nc 0 101 sh\nf 7 102 \n", "7 102 -;+2"},
    /* What makes no sense. */
    {"\n\nx\nx 5\nx 5 6\nx five 6 a\ny 5 6 a\nf 0 6 \nc 5 6 sh\n! 5 6 \nx 9 8 a", "5 0 -;9 8 a;"},
};

Test(starts_list, processes_and_what_they_executed_last)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_starts_list list = read_lines(cases[i].lines);
        char text[TEXT_BYTES];

        describe(&list, text);
        cr_expect_str_eq(text, cases[i].wanted, "'%s': '%s'", cases[i].lines, text);
        lmm_starts_list_free(&list);
    }
}

Test(starts_list, a_file_that_is_not_there_is_empty)
{
    struct lmm_starts_list list = lmm_starts_list_read("/nowhere");

    cr_expect(list.count == 0 && list.shells == 0);
    lmm_starts_list_free(&list);
}

/* ---- What is missing ------------------------------------------------------------------------- */

#define P "70000001"
#define C "70000002"
#define O "70000003"

static const struct {
    const char *lines;
    struct lmm_seen seen[SEEN_MAX];
    bool has_children;
    uint64_t started; /* the rest is what is wanted */
    size_t names;
    size_t processes;
    uint64_t unknown;
    size_t became; /* of how many of the seen */
} findings[] = {
    {"", {{.pid = PROGRAM, .start_time_ns = 10}}, false, 0, 0, 0, 0, 0},
    /* Not traced: the program's own starts count, and names are told once. */
    {"f " C " 20 \nx " C " 21 /bin/a\nx " O " 22 b/a\nc 0 23 sh\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 3}},
     false,
     3,
     2,
     0,
     0,
     0},
    /* A child that executed nothing has the program's name, like one that executed it again. */
    {"f " C " 20 \nf " O " 22 \nx " O " 23 /bin/hr\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 2, .name = {"hr", 2}}},
     false,
     2,
     1,
     0,
     0,
     0},
    /* The program became another one, by an exec after its ledger was begun; or before. */
    {"x " P " 20 /bin/static\n", {{.pid = PROGRAM, .start_time_ns = 10}}, false, 0, 0, 0, 0, 1},
    {"x " P " 20 /bin/static\n", {{.pid = PROGRAM, .start_time_ns = 30}}, false, 0, 0, 0, 0, 0},
    /* A child with a ledger, without one, and one that executed nothing. */
    {"f " C " 20 \nx " C " 21 /bin/a\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}, {.pid = CHILD, .start_time_ns = 22}},
     true,
     0,
     0,
     0,
     0,
     0},
    {"f " C " 20 \nx " C " 21 /bin/a\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}},
     true,
     0,
     0,
     1,
     0,
     0},
    {"f " C " 20 \n", {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}}, true, 0, 0, 0, 0, 0},
    /* A child that had a ledger before it became a program without one. */
    {"f " C " 20 \nx " C " 25 /bin/a\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}, {.pid = CHILD, .start_time_ns = 22}},
     true,
     0,
     0,
     1,
     0,
     1},
    /* A child of which nothing is known; and a shell, which has a ledger but no PID in its line. */
    {"f " C " 20 \n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 3}, {.pid = OTHER, .start_time_ns = 30}},
     true,
     0,
     0,
     0,
     1,
     0},
    {"c 0 20 sh\n",
     {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}, {.pid = OTHER, .start_time_ns = 30}},
     true,
     0,
     0,
     0,
     0,
     0},
};

Test(unseen_find, what_has_no_ledger)
{
    for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
        struct lmm_starts_list list = read_lines(findings[i].lines);
        struct lmm_seen seen[SEEN_MAX];
        struct lmm_unseen unseen;
        size_t count = 0;
        size_t became = 0;

        memcpy(seen, findings[i].seen, sizeof(seen));
        while (count < SEEN_MAX && seen[count].pid != 0) {
            count++;
        }
        lmm_unseen_find(&list, seen, count, PROGRAM, findings[i].has_children, &unseen);
        for (size_t k = 0; k < count; k++) {
            became += seen[k].became != NULL;
        }
        cr_expect_eq(unseen.started, findings[i].started, "%zu: started %" PRIu64, i,
                     unseen.started);
        cr_expect_eq(unseen.name_count, findings[i].names, "%zu: %zu names", i, unseen.name_count);
        cr_expect_eq(unseen.process_count, findings[i].processes, "%zu: %zu processes", i,
                     unseen.process_count);
        cr_expect_eq(unseen.unknown, findings[i].unknown, "%zu: unknown %" PRIu64, i,
                     unseen.unknown);
        cr_expect_eq(became, findings[i].became, "%zu: %zu became others", i, became);
        cr_expect_eq(unseen.running_count, 0, "%zu", i);
        lmm_unseen_free(&unseen);
        lmm_starts_list_free(&list);
    }
}

Test(unseen_find, a_process_that_runs_and_one_that_started_later_with_its_number)
{
    for (int is_later = 0; is_later < 2; is_later++) {
        char line[100];
        struct lmm_seen seen[] = {{.pid = PROGRAM, .start_time_ns = 10, .started = 1}};
        struct lmm_unseen unseen;

        snprintf(line, sizeof(line), "f %d %s \n", (int) getpid(),
                 is_later ? "1000000000" : "4000000000000000000");
        struct lmm_starts_list list = read_lines(line);

        lmm_unseen_find(&list, seen, 1, PROGRAM, true, &unseen);
        cr_expect_eq(unseen.running_count, is_later ? 0 : 1);
        lmm_unseen_free(&unseen);
        lmm_starts_list_free(&list);
    }
}
