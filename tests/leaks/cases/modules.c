/* SPDX-License-Identifier: MIT */
/*
 * Modules that are loaded by dlopen: their variables and thread-local variables.
 */
#include "tests/leaks/cases/case.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

enum { BYTES = 24 };

typedef void keep_function(void *block);

static void *load(void)
{
    void *module = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);

    need(module != NULL, "dlopen");
    return module;
}

static void call(void *module, const char *name, void *block)
{
    keep_function *keep = (keep_function *) dlsym(module, name);

    need(keep != NULL, name);
    keep(block);
}

static void module_data(void)
{
    call(load(), "keep_in_data", own(BYTES));
}

static void module_tls_of_main(void)
{
    call(load(), "keep_in_tls", own(BYTES));
}

static void *keep_in_tls(void *module)
{
    call(module, "keep_in_tls", own(BYTES));
    forget();
    ready();
    for (;;) {
        pause();
    }
    return NULL;
}

static void module_tls_of_thread(void)
{
    start(keep_in_tls, load());
}

static void *wait_then_keep(void *unused)
{
    ready();
    while (held == NULL) {
        usleep(1000);
    }
    call(held, "keep_in_tls", own(BYTES));
    forget();
    ready();
    for (;;) {
        pause();
    }
    return unused;
}

/* The thread is older than the module. */
static void module_tls_of_older_thread(void)
{
    start(wait_then_keep, NULL);
    held = load();
    usleep(200 * 1000);
}

static void module_closed(void)
{
    void *module = load();

    call(module, "keep_in_data", own(BYTES));
    need(dlclose(module) == 0, "dlclose");
    need(dlopen(module_path, RTLD_NOW | RTLD_NOLOAD) == NULL, "still loaded");
}

/* The module is loaded again, with fresh variables. */
static void module_reloaded(void)
{
    module_closed();
    call(load(), "keep_in_data", own(BYTES + 8));
}

static void module_allocates(void)
{
    call(load(), "lose", NULL);
}

const struct leak_case module_cases[] = {
    {"module_data", module_data},
    {"module_tls_of_main", module_tls_of_main},
    {"module_tls_of_thread", module_tls_of_thread},
    {"module_tls_of_older_thread", module_tls_of_older_thread},
    {"module_closed", module_closed},
    {"module_reloaded", module_reloaded},
    {"module_allocates", module_allocates},
    {NULL, NULL},
};
