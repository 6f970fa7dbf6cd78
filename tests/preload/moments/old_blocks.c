/* SPDX-License-Identifier: MIT */
/* A program that passes many blocks of libc's own malloc to the drop-in's functions, in any order: each goes back
 * to libc with the contents and the length that it had, also while the program's own blocks come and go between. */
#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <malloc.h>

#include "tests/preload/check.h"

enum { BLOCKS = 100000, BYTES_MAX = 700, ALIGN = 512 };

static struct {
    unsigned char *block;
    size_t bytes;
} old[BLOCKS];

static struct {
    void *(*malloc)(size_t bytes);
    void *(*memalign)(size_t align, size_t bytes);
    size_t (*usable)(void *p);
    struct mallinfo2 (*figures)(void);
} libc;

static void find(void *module, const char *name, void *ret_function)
{
    void *function = dlsym(module, name);
    CHECK(function != NULL);
    memcpy(ret_function, &function, sizeof(function));
}

/* An odd block has a large alignment, and one of a thousand a mapping of its own. */
static void allocate_all(uint64_t *random)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        size_t bytes = random_next(random) % BYTES_MAX + (i % 1000 == 0 ? 200000 : 1);
        old[i].bytes = bytes;
        old[i].block = i % 2 == 0 ? libc.malloc(bytes) : libc.memalign(ALIGN, bytes);
        CHECK_AT(old[i].block != NULL, i);
        check_paint(old[i].block, bytes, i);
    }
}

static void free_one(size_t i)
{
    unsigned char *block = old[i].block;
    size_t bytes = old[i].bytes;
    CHECK_AT(malloc_usable_size(block) == libc.usable(block), i);
    CHECK_AT(check_is_painted(block, bytes, i), i);
    if (i % 3 == 0) {
        block = realloc(block, bytes * 2);
        CHECK_AT(block != NULL && check_is_painted(block, bytes, i), i);
    } else if (i % 3 == 1) {
        block = realloc(block, bytes / 2 + 1);
        CHECK_AT(block != NULL && check_is_painted(block, bytes / 2 + 1, i), i);
    }
    free(block);
}

int main(void)
{
    uint64_t random = 7;
    check_start();
    void *module = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
    CHECK(module != NULL);
    find(module, "malloc", &libc.malloc);
    find(module, "memalign", &libc.memalign);
    find(module, "malloc_usable_size", &libc.usable);
    find(module, "mallinfo2", &libc.figures);
    size_t before = libc.figures().uordblks + libc.figures().hblkhd;
    allocate_all(&random);
    for (size_t i = 0; i < BLOCKS; i++) { /* a random order */
        size_t other = random_next(&random) % BLOCKS;
        __typeof__(old[0]) kept = old[i];
        if (i % 3 == other % 3) {
            old[i] = old[other];
            old[other] = kept;
            check_paint(old[i].block, old[i].bytes, i);
            check_paint(old[other].block, old[other].bytes, other);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        void *own = malloc(random_next(&random) % BYTES_MAX + 1);
        CHECK_AT(own != NULL, i);
        free_one(i);
        free(own);
    }
    CHECK(libc.figures().uordblks + libc.figures().hblkhd <
          before + (size_t) BLOCKS * (BYTES_MAX / 8));
    return 0;
}
