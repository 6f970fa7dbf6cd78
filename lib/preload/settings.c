/* SPDX-License-Identifier: MIT */
/*
 * settings: the variables of teaching allocators (ALLOCATOR_ALGORITHM, ALLOCATOR_LEAK_CHECK,
 * ALLOCATOR_SCRIBBLE), which count also when the program sets them itself.
 *
 * Wraps libc's functions that change the environment. A change counts at once in the thread that
 * makes it; another thread with open fast paths fills blocks from its next slow path on. A program
 * that writes to environ itself, or changes a string that it gave to putenv, is not noticed.
 * Threads: as libc's functions, which the program calls in one thread at a time. Locks: RUNS of each
 * family, one after the other.
 */
#include "lib/front/report.h"
#include "lib/ground/options.h"
#include "lib/ground/tools.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <string.h>

static struct {
    int (*setenv)(const char *name, const char *value, int overwrites);
    int (*unsetenv)(const char *name);
    int (*putenv)(char *variable);
    int (*clearenv)(void);
} next;

static void find_next(void)
{
    if (next.setenv == NULL) {
        *(void **) &next.unsetenv = dlsym(RTLD_NEXT, "unsetenv");
        *(void **) &next.putenv = dlsym(RTLD_NEXT, "putenv");
        *(void **) &next.clearenv = dlsym(RTLD_NEXT, "clearenv");
        *(void **) &next.setenv = dlsym(RTLD_NEXT, "setenv");
    }
}

__attribute__((constructor(102))) static void find_next_early(void)
{
    find_next();
}

/* Returns what libc's function returned. variable: which one it changed, "NAME" or "NAME=..."; NULL:
 * all. If LMM has not started, it will read the variables then. */
static int follow(int result, const char *variable)
{
    static const char start[] = "ALLOCATOR_";
    int saved_errno = errno;

    if (!lmm_has_started() ||
        (variable != NULL && strncmp(variable, start, sizeof(start) - 1) != 0)) {
        return result;
    }
    lmm_options_follow_allocator_names();
    lmm_tools_start();
    lmm_thread_leave(lmm_thread_enter()); /* opens or closes this thread's fast paths */
    for (uint32_t i = 0; i < lmm_families_count(); i++) {
        lmm_runs_set_fit(&lmm_families_at(i)->runs, lmm_options.fit);
    }
    lmm_report_keep_stream();
    errno = saved_errno;
    return result;
}

LMM_API int setenv(const char *name, const char *value, int overwrites)
{
    find_next();
    return follow(next.setenv(name, value, overwrites), name);
}

LMM_API int unsetenv(const char *name)
{
    find_next();
    return follow(next.unsetenv(name), name);
}

LMM_API int putenv(char *variable)
{
    find_next();
    return follow(next.putenv(variable), variable);
}

LMM_API int clearenv(void)
{
    find_next();
    return follow(next.clearenv(), NULL);
}
