/* SPDX-License-Identifier: MIT */
/* other_library: an allocator that programs are linked with, as with jemalloc: libc's names for
 * memory, and a function of its own, mallocx. It never reuses memory, and counts its blocks. */
#include "tests/preload/moments/other_library.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 64 << 20, LEAST_ALIGN = 16 };

static _Alignas(4096) unsigned char arena[ARENA_BYTES];
static size_t used_bytes;
static long live_blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Before each block stands its length. */
static size_t *length_of(void *block)
{
    return (size_t *) block - 1;
}

static void *take(size_t align, size_t bytes)
{
    align = align < LEAST_ALIGN ? LEAST_ALIGN : align;
    pthread_mutex_lock(&lock);
    size_t start = (used_bytes + sizeof(size_t) + align - 1) / align * align;
    void *block = NULL;
    if (bytes <= ARENA_BYTES && start <= ARENA_BYTES - bytes) {
        block = arena + start;
        used_bytes = start + bytes;
        live_blocks++;
        *length_of(block) = bytes;
    }
    pthread_mutex_unlock(&lock);
    if (block == NULL) {
        errno = ENOMEM;
    }
    return block;
}

static void give(const void *block)
{
    if (block != NULL) {
        pthread_mutex_lock(&lock);
        live_blocks--;
        pthread_mutex_unlock(&lock);
    }
}

void *mallocx(size_t bytes, int flags)
{
    (void) flags;
    return take(LEAST_ALIGN, bytes);
}

long other_live_blocks(void)
{
    return live_blocks;
}

bool other_has(const void *block)
{
    return (uintptr_t) block - (uintptr_t) arena < ARENA_BYTES;
}

/* ---- libc's names ---------------------------------------------------------------------------- */

void *malloc(size_t bytes)
{
    return take(LEAST_ALIGN, bytes);
}

void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return take(LEAST_ALIGN, bytes); /* the arena is zero */
}

void free(void *block)
{
    give(block);
}

void *realloc(void *block, size_t bytes)
{
    void *moved = take(LEAST_ALIGN, bytes);
    if (moved != NULL && block != NULL) {
        size_t old_bytes = *length_of(block);
        memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
        give(block);
    }
    return moved;
}

int posix_memalign(void **ret_block, size_t align, size_t bytes)
{
    void *block = take(align, bytes);
    if (block == NULL) {
        return ENOMEM;
    }
    *ret_block = block;
    return 0;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return take(align, bytes);
}

void *memalign(size_t align, size_t bytes)
{
    return take(align, bytes);
}

size_t malloc_usable_size(void *block)
{
    return block == NULL ? 0 : *length_of(block);
}
