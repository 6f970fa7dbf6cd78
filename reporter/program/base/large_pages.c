/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/large_pages.h"

#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    LARGE_PAGE = 2 << 20,
    HEAP_BYTES = 256 << 20, /* of address space: memory only where it is used */
};

void lmm_large_pages_use(void)
{
    mallopt(M_MMAP_MAX, 0); /* all from the heap, which is one piece */
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    char *heap = malloc(HEAP_BYTES);

    if (heap != NULL) {
        uintptr_t start = ((uintptr_t) heap + LARGE_PAGE - 1) & ~(uintptr_t) (LARGE_PAGE - 1);
        uintptr_t end = ((uintptr_t) heap + HEAP_BYTES) & ~(uintptr_t) (LARGE_PAGE - 1);

        madvise((void *) start, end - start, MADV_HUGEPAGE);
        free(heap);
    }
}
