/* SPDX-License-Identifier: MIT */
/*
 * surroundings: what the drop-in changes in its process besides malloc.
 *
 * Environment: with children=0, the variables that made ld.so load LMM are removed. So the program
 * sees the environment that it would see without LMM, and the programs that it starts run without
 * LMM (but see exec.c). dlopen: RTLD_DEEPBIND is removed from the mode, because a module loaded
 * with it would free LMM's blocks with libc's free; the first time, a line tells it. dlclose: lmm_modules_refresh() finds out
 * which modules have gone. Locks: none.
 */
#include "lib/preload/surroundings.h"

#include "lib/stacks/modules.h"
#include "lib/ground/meta.h"
#include "lib/ground/module.h"
#include "lib/ground/options.h"
#include "lib/preload/bare.h"
#include "lib/preload/exec.h"
#include "lib/preload/imports.h"

#include <dlfcn.h>
#include <lmm/lmm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The loader's pointer to argc, the arguments, NULL, the environment, NULL. */
extern void *__libc_stack_end;

/* ---- Environment ----------------------------------------------------------------------------- */

void lmm_surroundings_find_environment(void)
{
    if (environ == NULL) {
        char **arguments = (char **) __libc_stack_end + 1;
        environ = arguments + (size_t) arguments[-1] + 1;
    }
}

static void remove_variable(size_t i)
{
    do {
        environ[i] = environ[i + 1];
    } while (environ[i++] != NULL);
}

/* A copy, because programs overwrite their first environment to show a title in ps. */
static const char *keep(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = lmm_meta_alloc(&lmm_arena_records, bytes);

    return copy == NULL ? text : memcpy(copy, text, bytes);
}

void lmm_surroundings_restore_environment(void)
{
    static const char preload[] = "LD_PRELOAD=";
    static const char options[] = "LMM_OPTIONS=";
    struct lmm_module_facts own;
    const char *removed = NULL;

    if (environ == NULL ||
        !lmm_module_find((uintptr_t) &lmm_surroundings_restore_environment, &own)) {
        return;
    }
    for (size_t i = 0; environ[i] != NULL;) {
        bool is_list = strncmp(environ[i], preload, sizeof(preload) - 1) == 0;
        bool is_options = strncmp(environ[i], options, sizeof(options) - 1) == 0;
        removed = is_options ? environ[i] : removed;
        if (is_options || (is_list && !lmm_bare_strip_list(environ[i] + sizeof(preload) - 1))) {
            remove_variable(i);
        } else {
            i++;
        }
    }
    lmm_exec_follow(own.name, removed == NULL ? NULL : keep(removed));
}

/* ---- Modules --------------------------------------------------------------------------------- */

static struct {
    void *(*dlopen)(const char *file, int mode);
    int (*dlclose)(void *module);
} next;

static void find_next(void)
{
    if (next.dlopen == NULL) {
        *(void **) &next.dlopen = dlsym(RTLD_NEXT, "dlopen");
        *(void **) &next.dlclose = dlsym(RTLD_NEXT, "dlclose");
    }
}

__attribute__((constructor(102))) static void find_next_early(void)
{
    find_next();
}

/* Tells the first time that a module is loaded without the flag that was asked for. */
static LMM_COLD void tell_deepbind(const char *file)
{
    static bool has_told;

    if (!lmm_exchange_acq_rel(&has_told, true)) {
        lmm_warn("dlopen of %s without RTLD_DEEPBIND: with it, the module would free blocks of "
                 "LMM with libc's free",
                 file == NULL ? "the program" : file);
    }
}

/* A tail call, so the loader sees the program's module as the caller and uses its RUNPATH; but with
 * match=1 none where that makes no difference, so that the operators of the new module are followed
 * from the start. */
LMM_API void *dlopen(const char *file, int mode)
{
    find_next();
    lmm_module_expect();
    if ((mode & RTLD_DEEPBIND) != 0) {
        tell_deepbind(file);
    }
    if (LMM_UNLIKELY(lmm_options.match) &&
        !lmm_imports_need_caller(file, (uintptr_t) __builtin_return_address(0))) {
        void *module = next.dlopen(file, mode & ~RTLD_DEEPBIND);
        lmm_imports_refresh();
        return module;
    }
    return next.dlopen(file, mode & ~RTLD_DEEPBIND);
}

LMM_API int dlclose(void *module)
{
    find_next();
    lmm_module_expect();
    int result = next.dlclose(module);
    if (lmm_options.stack_frames != 0) {
        lmm_modules_refresh();
    }
    lmm_imports_refresh();
    return result;
}
