/* SPDX-License-Identifier: MIT */
/*
 * poison [STATUS]: uses freed blocks, each in a process of its own, and checks that the tool
 * reports it.
 *
 * A build with AddressSanitizer poisons free slots, so ASan reports a use of a freed block, or of a
 * slot that was never allocated, where it happens. Other builds skip this (77), except under
 * Valgrind: there STATUS is the exit status that Valgrind gives to a process in which it saw an
 * error.
 */
#include <lmm/lmm.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/read_all.h"
#include "tests/support/sanitizers.h"

enum { SKIPPED = 77, SURVIVED = 99 };

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

/* ASan checks units of eight bytes: the bytes used do not share one with a neighbouring block. */
static volatile unsigned sink;

static void read_freed(void)
{
    emp_t *emp = LMM_NEW(emp_t);
    emp_t *other = LMM_NEW(emp_t);
    lmm_free(emp);
    sink = (unsigned) emp->name[8] + other->id;
}

static void write_freed(void)
{
    emp_t *emp = LMM_NEW(emp_t);
    lmm_free(emp);
    emp->name[8] = (char) sink;
}

static void read_freed_array(void)
{
    emp_t *array = LMM_NEW_ARRAY(emp_t, 10);
    lmm_free(array);
    sink = (unsigned) array[7].name[8];
}

static void overrun_into_fresh(void)
{
    emp_t *emp = LMM_NEW(emp_t);
    sink = (unsigned) emp[5000].name[8];
}

static void use_live(void)
{
    emp_t *emp = LMM_NEW(emp_t);
    emp_t *array = LMM_NEW_ARRAY(emp_t, 10);
    memset(emp, 1, sizeof(*emp));
    memset(array, 1, 10 * sizeof(*array));
    lmm_free(emp);
    lmm_free(array);
    emp = LMM_ALLOC(emp_t);
    array = LMM_NEW_ARRAY(emp_t, 12);
    memset(emp, 2, sizeof(*emp));
    memset(array, 2, 12 * sizeof(*array));
}

static const struct {
    const char *name;
    void (*use)(void);
    bool reported;
} cases[] = {
    {"read_freed", read_freed, true},
    {"write_freed", write_freed, true},
    {"read_freed_array", read_freed_array, true},
    {"overrun", overrun_into_fresh, true},
    {"proper_use", use_live, false},
};

/* Returns true when the tool reported an error of the process that runs `use`: ASan by its report,
 * Valgrind by its exit status. */
static bool is_reported(void (*use)(void), int valgrind_status)
{
    int output[2];
    if (pipe(output) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        dup2(output[1], STDERR_FILENO);
        close(output[0]);
        close(output[1]);
        use();
        _exit(SURVIVED);
    }
    close(output[1]);
    char text[1 << 16];
    read_all(output[0], text, sizeof(text));
    int status = 0;
    waitpid(child, &status, 0);
    if (!ASAN) {
        return WIFEXITED(status) && WEXITSTATUS(status) == valgrind_status;
    }
    bool survived = WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED;
    return !survived && strstr(text, "use-after-poison") != NULL;
}

int main(int argc, char **argv)
{
    int valgrind_status = argc > 1 ? atoi(argv[1]) : 0;
    if (!ASAN && valgrind_status == 0) {
        puts("skipped: built without AddressSanitizer");
        return SKIPPED;
    }
    int failures = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (is_reported(cases[i].use, valgrind_status) != cases[i].reported) {
            fprintf(stderr, "%s: %s\n", cases[i].name,
                    cases[i].reported ? "not reported" : "reported");
            failures++;
        }
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
