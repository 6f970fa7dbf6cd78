/* SPDX-License-Identifier: MIT */
/*
 * exec: with children=0, a program that the process itself becomes by exec still gets LMM.
 *
 * The environment was restored at start (surroundings), so the programs that this process starts
 * run without LMM. But `env`, `nice` or a wrapper script start nothing: they become the program
 * that the user meant. So exec, in the process that was started with LMM, puts LMM back into the
 * environment. In a child of that process it does not. posix_spawn and system() are libc's and
 * always start children.
 *
 * With or without children=0, a program that cannot run with LMM never gets it (unfit.h). posix_spawn
 * does the same in starts.c.
 *
 * Owns a copy of what the environment had. A function here is async-signal-safe if libc's is, also
 * after vfork: the child has another process id, so it gets libc's function only. Locks: none.
 */
#include "lib/preload/exec.h"

#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/short_text.h"
#include "lib/ground/vm.h"
#include "lib/preload/bare.h"
#include "lib/preload/unfit.h"
#include "lib/preload/starts.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
    ARGUMENTS = 1024, /* execl and the like need no memory for fewer arguments */
    DESCRIPTOR_PATH_MAX = 64,
};

static struct {
    pid_t pid;           /* the process whose exec keeps LMM; 0: none */
    const char *library; /* path in LD_PRELOAD */
    const char *options; /* "LMM_OPTIONS=..."; NULL: there was none */
} follow;

static const char preload_is[] = "LD_PRELOAD=";
static const char options_is[] = "LMM_OPTIONS=";

void lmm_exec_follow(const char *library, const char *options)
{
    LMM_CHECK(library != NULL && follow.pid == 0);
    follow.library = library;
    follow.options = options;
    follow.pid = lmm_system_getpid();
}

/* ---- The environment ------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Writes a const text: the parameters of exec are not const, although exec changes nothing. */
static void put(char **place, const char *text)
{
    memcpy(place, &text, sizeof(text));
}

struct environment {
    char *const *variables;
    char **copy; /* NULL: the variables are the caller's; else a mapping with them and a text */
    size_t copy_bytes;
};

static const char *find(char *const variables[], const char *start)
{
    for (size_t i = 0; variables != NULL && variables[i] != NULL; i++) {
        if (starts_with(variables[i], start)) {
            return variables[i] + strlen(start);
        }
    }
    return "";
}

/* Whether LMM is put back into the environment. */
static bool follows(void)
{
    return follow.pid != 0 && follow.pid == lmm_system_getpid();
}

/* The variables with LMM added; or the same ones, in another process or without memory. */
static struct environment enter(char *const variables[])
{
    struct environment same = {.variables = variables};

    if (!follows()) {
        return same;
    }
    const char *list = find(variables, preload_is);
    size_t text_bytes = sizeof(preload_is) + strlen(follow.library) + 1 + strlen(list);
    size_t count = 0;
    while (variables != NULL && variables[count] != NULL) {
        count++;
    }
    size_t array_bytes = (count + 3) * sizeof(char *);
    char **copy = lmm_vm_map(array_bytes + text_bytes);
    if (copy == NULL) {
        return same;
    }
    char *text = (char *) copy + array_bytes;
    lmm_short_text_join(text, text_bytes,
                        LMM_TEXTS(preload_is, follow.library, *list == '\0' ? "" : ":", list));
    char **at = copy;
    for (size_t i = 0; i < count; i++) {
        if (!starts_with(variables[i], preload_is) && !starts_with(variables[i], options_is)) {
            *at++ = variables[i];
        }
    }
    *at++ = text;
    if (follow.options != NULL) {
        put(at, follow.options);
    }
    return (struct environment) {copy, copy, array_bytes + text_bytes};
}

/* Only after an exec that failed. */
static int leave(const struct environment *environment, int result)
{
    lmm_starts_note_exec_failed();
    if (environment->copy != NULL) {
        lmm_vm_unmap(environment->copy, environment->copy_bytes);
    }
    return result;
}

/* ---- libc's names ---------------------------------------------------------------------------- */

typedef int exec_by_path(const char *path, char *const arguments[], char *const variables[]);
typedef int exec_by_descriptor(int descriptor, char *const arguments[], char *const variables[]);

static struct {
    exec_by_path *execve;
    exec_by_path *execvpe;
    exec_by_descriptor *fexecve;
} next;

/* At start, because dlsym may not be called after vfork. */
__attribute__((constructor(102))) static void find_next(void)
{
    *(void **) &next.execve = dlsym(RTLD_NEXT, "execve");
    *(void **) &next.execvpe = dlsym(RTLD_NEXT, "execvpe");
    *(void **) &next.fexecve = dlsym(RTLD_NEXT, "fexecve");
}

/* Executes without LMM. Not inlined, because the other cases need less of the stack. */
static LMM_COLD int exec_bare(exec_by_path *call, const char *path, char *const arguments[],
                              char *const variables[])
{
    struct lmm_bare bare = {.copy = NULL};
    int result = call(path, arguments, lmm_bare_make(variables, &bare));

    lmm_bare_free(&bare);
    lmm_starts_note_exec_failed();
    return result;
}

static int exec_path(exec_by_path *call, const char *path, char *const arguments[],
                     char *const variables[])
{
    lmm_starts_note_exec(path);
    if ((follows() || lmm_bare_has_lmm(variables)) && lmm_unfit_path(path)) {
        return exec_bare(call, path, arguments, variables);
    }
    struct environment environment = enter(variables);

    return leave(&environment, call(path, arguments, environment.variables));
}

LMM_API int execve(const char *path, char *const arguments[], char *const variables[])
{
    return exec_path(next.execve, path, arguments, variables);
}

LMM_API int execv(const char *path, char *const arguments[])
{
    return exec_path(next.execve, path, arguments, environ);
}

LMM_API int execvp(const char *file, char *const arguments[])
{
    return exec_path(next.execvpe, file, arguments, environ);
}

LMM_API int execvpe(const char *file, char *const arguments[], char *const variables[])
{
    return exec_path(next.execvpe, file, arguments, variables);
}

static LMM_COLD int exec_descriptor_bare(int descriptor, char *const arguments[],
                                         char *const variables[])
{
    struct lmm_bare bare = {.copy = NULL};
    int result = next.fexecve(descriptor, arguments, lmm_bare_make(variables, &bare));

    lmm_bare_free(&bare);
    lmm_starts_note_exec_failed();
    return result;
}

LMM_API int fexecve(int descriptor, char *const arguments[], char *const variables[])
{
    char path[DESCRIPTOR_PATH_MAX];
    struct lmm_short_text text = lmm_short_text_begin(path, sizeof(path));

    lmm_short_text_put(&text, "/proc/");
    lmm_short_text_put_number(&text, (uint64_t) lmm_system_getpid());
    lmm_short_text_put(&text, "/fd/");
    lmm_short_text_put_number(&text, (uint64_t) descriptor);
    lmm_starts_note_exec(path);
    if ((follows() || lmm_bare_has_lmm(variables)) && lmm_unfit_file(descriptor)) {
        return exec_descriptor_bare(descriptor, arguments, variables);
    }
    struct environment environment = enter(variables);

    return leave(&environment, next.fexecve(descriptor, arguments, environment.variables));
}

/* Executes with first, list..., NULL. has_variables: the environment is next in list. */
static int exec_list(exec_by_path *call, const char *path, const char *first, va_list list,
                     bool has_variables)
{
    char *few[ARGUMENTS];
    char **arguments = few;
    size_t count = 0;
    va_list counted;

    va_copy(counted, list);
    for (const char *at = first; at != NULL; at = va_arg(counted, const char *)) {
        count++;
    }
    va_end(counted);
    if (count >= ARGUMENTS && (arguments = lmm_vm_map((count + 1) * sizeof(char *))) == NULL) {
        return -1;
    }
    put(arguments, first);
    for (size_t i = 1; i <= count; i++) {
        arguments[i] = va_arg(list, char *);
    }
    int result = exec_path(call, path, arguments, has_variables ? va_arg(list, char **) : environ);
    if (arguments != few) {
        lmm_vm_unmap(arguments, (count + 1) * sizeof(char *));
    }
    return result;
}

LMM_API int execl(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next.execve, path, first, list, false);
    va_end(list);
    return result;
}

LMM_API int execlp(const char *file, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next.execvpe, file, first, list, false);
    va_end(list);
    return result;
}

LMM_API int execle(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next.execve, path, first, list, true);
    va_end(list);
    return result;
}
