/* SPDX-License-Identifier: MIT */
/*
 * exec: with children=0, what the process itself becomes by exec stays on LMM.
 *
 * The environment was restored at start (surroundings), so that what the process starts runs without LMM.
 * But `env`, an interpreter's wrapper or `nice` start nothing: they become the program that was meant. So
 * exec in the process that was started with LMM, not in a child of it, puts LMM back into the environment.
 * posix_spawn and system() are libc's own business and always start children.
 *
 * Owns what the environment had. The functions are safe where libc's are: also after vfork, whose child is
 * another process and gets just libc's. Locks: none.
 */
#include "lib/preload/exec.h"

#include "lib/ground/vm.h"

#include <dlfcn.h>
#include <errno.h>
#include <lmm/lmm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS = 1024 }; /* of execl and its like that need no memory */

static struct {
    pid_t pid;           /* whose exec is followed; 0: nobody's */
    const char *library; /* path in LD_PRELOAD */
    const char *options; /* "LMM_OPTIONS=..."; NULL: there was none */
} follow;

static const char preload_is[] = "LD_PRELOAD=";
static const char options_is[] = "LMM_OPTIONS=";

void lmm_exec_follow(const char *library, const char *options)
{
    follow.library = library;
    follow.options = options;
    follow.pid = getpid();
}

static bool is_followed(void)
{
    return follow.pid != 0 && follow.pid == getpid();
}

/* ---- The environment ----------------------------------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* exec takes its lists as if it changed them. */
static void put(char **place, const char *text)
{
    memcpy(place, &text, sizeof(text));
}

/* A new environment: an array, and the text of its LD_PRELOAD, in memory of its own. */
struct surroundings {
    char **variables;
    size_t bytes;
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

/* Copies the variables with LMM put back; false when there is no memory. */
static bool surround(char *const variables[], struct surroundings *ret_surroundings)
{
    const char *list = find(variables, preload_is);
    size_t text_bytes = sizeof(preload_is) + strlen(follow.library) + 1 + strlen(list);
    size_t count = 0;

    while (variables != NULL && variables[count] != NULL) {
        count++;
    }
    size_t array_bytes = (count + 3) * sizeof(char *);
    char **copy = lmm_vm_map(array_bytes + text_bytes);
    if (copy == NULL) {
        return false;
    }
    *ret_surroundings = (struct surroundings) {copy, array_bytes + text_bytes};
    char *text = (char *) copy + array_bytes;
    snprintf(text, text_bytes, "%s%s%s%s", preload_is, follow.library, *list == '\0' ? "" : ":",
             list);
    for (size_t i = 0; i < count; i++) {
        if (!starts_with(variables[i], preload_is) && !starts_with(variables[i], options_is)) {
            *copy++ = variables[i];
        }
    }
    *copy++ = text;
    if (follow.options != NULL) {
        put(copy, follow.options);
    }
    return true;
}

/* ---- libc's names ---------------------------------------------------------------------------------- */

typedef int exec_by_path(const char *path, char *const arguments[], char *const variables[]);
typedef int exec_by_descriptor(int descriptor, char *const arguments[], char *const variables[]);

static exec_by_path *next_execve;
static exec_by_path *next_execvpe;
static exec_by_descriptor *next_fexecve;

/* Early: after vfork, dlsym may not be called. */
__attribute__((constructor(102))) static void find_next(void)
{
    *(void **) &next_execve = dlsym(RTLD_NEXT, "execve");
    *(void **) &next_execvpe = dlsym(RTLD_NEXT, "execvpe");
    *(void **) &next_fexecve = dlsym(RTLD_NEXT, "fexecve");
}

static int exec_path(exec_by_path *next, const char *path, char *const arguments[],
                     char *const variables[])
{
    struct surroundings surroundings;

    if (!is_followed() || !surround(variables, &surroundings)) {
        return next(path, arguments, variables);
    }
    int result = next(path, arguments, surroundings.variables);
    lmm_vm_unmap(surroundings.variables, surroundings.bytes);
    return result;
}

LMM_API int execve(const char *path, char *const arguments[], char *const variables[])
{
    return exec_path(next_execve, path, arguments, variables);
}

LMM_API int execv(const char *path, char *const arguments[])
{
    return exec_path(next_execve, path, arguments, environ);
}

LMM_API int execvp(const char *file, char *const arguments[])
{
    return exec_path(next_execvpe, file, arguments, environ);
}

LMM_API int execvpe(const char *file, char *const arguments[], char *const variables[])
{
    return exec_path(next_execvpe, file, arguments, variables);
}

LMM_API int fexecve(int descriptor, char *const arguments[], char *const variables[])
{
    struct surroundings surroundings;

    if (!is_followed() || !surround(variables, &surroundings)) {
        return next_fexecve(descriptor, arguments, variables);
    }
    int result = next_fexecve(descriptor, arguments, surroundings.variables);
    lmm_vm_unmap(surroundings.variables, surroundings.bytes);
    return result;
}

/* Executes with the arguments first, list..., NULL; and, behind them, with `has_variables`, the environment. */
static int exec_list(exec_by_path *next, const char *path, const char *first, va_list list,
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
    int result = exec_path(next, path, arguments, has_variables ? va_arg(list, char **) : environ);
    if (arguments != few) {
        lmm_vm_unmap(arguments, (count + 1) * sizeof(char *));
    }
    return result;
}

LMM_API int execl(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next_execve, path, first, list, false);
    va_end(list);
    return result;
}

LMM_API int execlp(const char *file, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next_execvpe, file, first, list, false);
    va_end(list);
    return result;
}

LMM_API int execle(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    int result = exec_list(next_execve, path, first, list, true);
    va_end(list);
    return result;
}
