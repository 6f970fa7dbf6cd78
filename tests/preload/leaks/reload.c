/* SPDX-License-Identifier: MIT */
/*
 * reload: loads each of its modules again and again, in turn; a block of each load leaks. The
 * modules are as long as one another, so the loader puts one where the other was.
 *
 * usage: reload LOADS MODULE...
 */
#include <dlfcn.h>

#include "tests/preload/check.h"
#include "tests/preload/leaks/reload.h"

int main(int argc, char **argv)
{
    check_start();
    CHECK(argc > 2);
    for (int i = 0; i < atoi(argv[1]); i++) {
        void *handle = dlopen(argv[2 + i % (argc - 2)], RTLD_NOW | RTLD_LOCAL);
        CHECK_AT(handle != NULL, i);
        reload_allocate *allocate;
        *(void **) &allocate = dlsym(handle, "reload_allocate");
        CHECK_AT(allocate != NULL && check_opaque_pointer(allocate(RELOAD_BYTES)) != NULL, i);
        CHECK_AT(dlclose(handle) == 0, i);
    }
    return 0;
}
