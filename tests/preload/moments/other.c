/* SPDX-License-Identifier: MIT */
/* A program that is linked with another allocator, and passes blocks of a function that only this
 * allocator has, mallocx, to the functions that the drop-in has: none of them stops it, and the
 * blocks go back to their allocator. */
#include <malloc.h>

#include "tests/preload/check.h"
#include "tests/preload/moments/other_library.h"

int main(void)
{
    check_start();
    void *plain = malloc(100);
    CHECK(plain != NULL && other_has(plain) == !check_is_under_lmm());
    for (size_t bytes = 1; bytes < 300000; bytes = bytes * 3 + 1) {
        long before = other_live_blocks();
        void *block = mallocx(bytes, 0);
        CHECK_AT(block != NULL && other_has(block), bytes);
        CHECK_AT(malloc_usable_size(block) == bytes, bytes);
        free(block);
        CHECK_AT(other_live_blocks() == before, bytes);
        block = mallocx(bytes, 0);
        check_paint(block, bytes, bytes);
        void *moved = realloc(block, bytes * 2);
        CHECK_AT(moved != NULL && other_has(moved) == !check_is_under_lmm(), bytes);
        CHECK_AT(check_is_painted(moved, bytes, bytes), bytes);
        free(moved);
        CHECK_AT(other_live_blocks() == before, bytes);
        block = mallocx(bytes, 0);
        block = reallocarray(block, 3, bytes);
        CHECK_AT(block != NULL && malloc_usable_size(block) >= 3 * bytes, bytes);
        free(block);
    }
    free(plain);
    return 0;
}
