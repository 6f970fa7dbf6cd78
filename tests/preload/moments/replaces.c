/* SPDX-License-Identifier: MIT */
/*
 * replaces: a library that replaces functions of libc, as tracers and libfaketime do, and allocates
 * in them. The first call of each looks its symbol up and asks for one that is not there, for which
 * dlsym allocates; and it keeps a block, which the program takes with replaces_take().
 */
#include "replaces.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A dozen of these are called before this library is initialised, so nothing here needs that. */
static struct replaces_block kept[REPLACES_MAX];
static size_t count;

static void *first_call(const char *name)
{
    size_t i = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    void *next = dlsym(RTLD_NEXT, name);

    dlsym(RTLD_NEXT, "no_function_has_this_name");
    if (i < REPLACES_MAX) {
        char *block = i % 2 == 0 ? malloc(REPLACES_BYTES) : calloc(2, REPLACES_BYTES / 2);
        block = realloc(block, REPLACES_BYTES + i);
        memset(block, (int) i, REPLACES_BYTES + i);
        free(aligned_alloc(256, 512));
        kept[i] = (struct replaces_block) {name, block, REPLACES_BYTES + i, (int) i};
    }
    return next;
}

struct replaces_block replaces_take(size_t i)
{
    return i < count && i < REPLACES_MAX ? kept[i] : (struct replaces_block) {.block = NULL};
}

/* Declares `call`, libc's function of the name. */
#define FIND(result, name, ...)                                                                    \
    static result (*call)(__VA_ARGS__);                                                            \
    static bool is_known;                                                                          \
    if (!is_known) {                                                                               \
        is_known = true;                                                                           \
        *(void **) &call = first_call(#name);                                                      \
    }                                                                                              \
    if (call == NULL) {                                                                            \
        *(void **) &call = dlsym(RTLD_NEXT, #name);                                                \
    }

#define REPLACE_0(result, name)                                                                    \
    result name(void)                                                                              \
    {                                                                                              \
        FIND(result, name, void)                                                                   \
        return call();                                                                             \
    }

#define REPLACE_1(result, name, type_a)                                                            \
    result name(type_a a)                                                                          \
    {                                                                                              \
        FIND(result, name, type_a)                                                                 \
        return call(a);                                                                            \
    }

#define REPLACE_2(result, name, type_a, type_b)                                                    \
    result name(type_a a, type_b b)                                                                \
    {                                                                                              \
        FIND(result, name, type_a, type_b)                                                         \
        return call(a, b);                                                                         \
    }

#define REPLACE_3(result, name, type_a, type_b, type_c)                                            \
    result name(type_a a, type_b b, type_c c)                                                      \
    {                                                                                              \
        FIND(result, name, type_a, type_b, type_c)                                                 \
        return call(a, b, c);                                                                      \
    }

/* Those that LMM calls no more. */
REPLACE_0(pid_t, getpid)
REPLACE_0(pid_t, getppid)
REPLACE_0(uid_t, geteuid)
REPLACE_0(int, sched_yield)
REPLACE_1(int, close, int)
REPLACE_1(long, sysconf, int)
REPLACE_1(char *, getenv, const char *)
REPLACE_1(time_t, time, time_t *)
REPLACE_1(int, isatty, int)
REPLACE_1(int, unlink, const char *)
REPLACE_1(int, pthread_mutex_lock, pthread_mutex_t *)
REPLACE_1(int, pthread_mutex_unlock, pthread_mutex_t *)
REPLACE_2(int, clock_gettime, clockid_t, struct timespec *)
REPLACE_2(int, fstat, int, struct stat *)
REPLACE_2(int, mkdir, const char *, mode_t)
REPLACE_2(int, chmod, const char *, mode_t)
REPLACE_2(int, munmap, void *, size_t)
REPLACE_2(char *, getcwd, char *, size_t)
REPLACE_2(int, pthread_setcancelstate, int, int *)
REPLACE_3(ssize_t, read, int, void *, size_t)
REPLACE_3(ssize_t, write, int, const void *, size_t)
REPLACE_3(ssize_t, readlink, const char *, char *, size_t)
REPLACE_3(int, madvise, void *, size_t, int)
REPLACE_3(int, mprotect, void *, size_t, int)

int open(const char *path, int flags, ...)
{
    FIND(int, open, const char *, int, ...)
    va_list rest;

    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return call(path, flags, mode);
}

int fcntl(int descriptor, int command, ...)
{
    FIND(int, fcntl, int, int, ...)
    va_list rest;

    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return call(descriptor, command, argument);
}

void *mmap(void *address, size_t bytes, int access, int flags, int descriptor, off_t offset)
{
    FIND(void *, mmap, void *, size_t, int, int, int, off_t)
    return call(address, bytes, access, flags, descriptor, offset);
}

/* Those that it still calls while it starts. */
REPLACE_1(unsigned long, getauxval, unsigned long)
REPLACE_2(int, pthread_key_create, pthread_key_t *, replaces_destructor *)
REPLACE_2(int, pthread_setspecific, pthread_key_t, const void *)
