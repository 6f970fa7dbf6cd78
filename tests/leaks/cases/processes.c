/* SPDX-License-Identifier: MIT */
/*
 * Processes that fork, that become other programs, and that end in other ways than by returning from main.
 */
#include "tests/leaks/cases/case.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 24 };

/* Runs the function in a child that then returns from main. */
static void in_child(void (*run)(void))
{
    pid_t child = fork();

    need(child >= 0, "fork");
    if (child == 0) {
        run();
        return;
    }
    while (waitpid(child, NULL, 0) != child) {
    }
}

static void lose(void)
{
    own(BYTES);
}

static void do_nothing(void)
{
}

static void fork_child_loses(void)
{
    in_child(lose);
}

/* The child has a copy of the lost block. */
static void fork_parent_lost(void)
{
    own(BYTES);
    forget();
    in_child(do_nothing);
}

static void drop_held(void)
{
    held = NULL;
}

static void fork_child_drops(void)
{
    held = own(BYTES);
    in_child(drop_held);
}

static void *hold_local(void *unused)
{
    void *volatile local = own(BYTES + 8);

    (void) local;
    ready();
    for (;;) {
        pause();
    }
    return unused;
}

/* In the child there is no such thread. */
static void fork_beside_thread(void)
{
    start(hold_local, NULL);
    in_child(do_nothing);
}

static void execs_another(void)
{
    own(BYTES);
    execlp("true", "true", (char *) NULL);
}

static void ends_by_exit(void)
{
    own(BYTES);
    forget();
    exit(0);
}

static void ends_by_underscore_exit(void)
{
    own(BYTES);
    forget();
    _exit(0);
}

static void ends_by_quick_exit(void)
{
    own(BYTES);
    forget();
    quick_exit(0);
}

static void ends_by_signal(void)
{
    own(BYTES);
    raise(SIGKILL);
}

static void ends_by_abort(void)
{
    own(BYTES);
    forget();
    abort();
}

static void lose_at_exit(void)
{
    own(BYTES);
    forget();
}

static void lost_in_exit_handler(void)
{
    atexit(lose_at_exit);
}

static void free_held(void)
{
    free(held);
    held = NULL;
}

static void freed_in_exit_handler(void)
{
    held = own(BYTES);
    atexit(free_held);
}

const struct leak_case process_cases[] = {
    {"fork_child_loses", fork_child_loses},
    {"fork_parent_lost", fork_parent_lost},
    {"fork_child_drops", fork_child_drops},
    {"fork_beside_thread", fork_beside_thread},
    {"execs_another", execs_another},
    {"ends_by_exit", ends_by_exit},
    {"ends_by_underscore_exit", ends_by_underscore_exit},
    {"ends_by_quick_exit", ends_by_quick_exit},
    {"ends_by_signal", ends_by_signal},
    {"ends_by_abort", ends_by_abort},
    {"lost_in_exit_handler", lost_in_exit_handler},
    {"freed_in_exit_handler", freed_in_exit_handler},
    {NULL, NULL},
};
