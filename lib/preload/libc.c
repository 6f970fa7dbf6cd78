/* SPDX-License-Identifier: MIT */
#include "lib/preload/libc.h"

#include <dlfcn.h>
#include <malloc.h>

extern void __libc_free(void *p); /* exported by glibc for libraries that replace malloc */

/* Whether libc's malloc has ever requested memory from the kernel. */
static bool was_used(void)
{
    struct mallinfo2 (*figures)(void);

    *(void **) &figures = dlsym(RTLD_NEXT, "mallinfo2");
    if (figures == NULL) {
        return false;
    }
    struct mallinfo2 info = figures();
    return info.arena != 0 || info.hblkhd != 0;
}

bool lmm_libc_free(void *p)
{
    if (!was_used()) {
        return false;
    }
    __libc_free(p);
    return true;
}

bool lmm_libc_usable(const void *p, size_t *ret_bytes)
{
    size_t (*usable)(const void *p);

    *(void **) &usable = dlsym(RTLD_NEXT, "malloc_usable_size");
    if (usable == NULL || !was_used()) {
        return false;
    }
    *ret_bytes = usable(p);
    return true;
}
