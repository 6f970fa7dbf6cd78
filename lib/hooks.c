/* SPDX-License-Identifier: MIT */
#include "hooks.h"

#include "options.h"

#include <string.h>

#if LMM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void) (address), (void) (bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void) (address), (void) (bytes))
#endif

#if LMM_VALGRIND
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_MALLOCLIKE_BLOCK(block, bytes, redzone, zeroed) ((void) (block), (void) (bytes))
#define VALGRIND_FREELIKE_BLOCK(block, redzone) ((void) (block))
#define VALGRIND_RESIZEINPLACE_BLOCK(block, old_bytes, bytes, redzone) \
    ((void) (block), (void) (old_bytes), (void) (bytes))
#define VALGRIND_MAKE_MEM_NOACCESS(base, bytes) ((void) (base), (void) (bytes))
#define VALGRIND_MAKE_MEM_UNDEFINED(base, bytes) ((void) (base), (void) (bytes))
#endif

enum { NEW_BYTE = 0xAA, FREED_BYTE = 0xDD };

bool lmm_hooks_active;

static bool on_valgrind;

void lmm_hooks_start(void)
{
    on_valgrind = RUNNING_ON_VALGRIND != 0;
    lmm_hooks_active =
        LMM_ASAN || on_valgrind || lmm_options.fill_alloc || lmm_options.fill_free;
}

void lmm_hooks_page_begins(void *base, size_t bytes)
{
    if (on_valgrind) {
        VALGRIND_MAKE_MEM_NOACCESS(base, bytes);
    }
    ASAN_POISON_MEMORY_REGION(base, bytes);
}

void lmm_hooks_page_ends(void *base, size_t bytes)
{
    if (on_valgrind) {
        VALGRIND_MAKE_MEM_UNDEFINED(base, bytes);
    }
    ASAN_UNPOISON_MEMORY_REGION(base, bytes);
}

void lmm_hooks_block_begins(void *block, size_t bytes)
{
    if (on_valgrind) {
        VALGRIND_MALLOCLIKE_BLOCK(block, bytes, 0, 0);
    }
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    if (lmm_options.fill_alloc) {
        memset(block, NEW_BYTE, bytes);
    }
}

void lmm_hooks_block_ends(void *block, size_t bytes)
{
    if (lmm_options.fill_free) {
        memset(block, FREED_BYTE, bytes);
    }
    if (on_valgrind) {
        VALGRIND_FREELIKE_BLOCK(block, 0);
    }
    ASAN_POISON_MEMORY_REGION(block, bytes);
}

void lmm_hooks_block_resized(void *block, size_t old_bytes, size_t bytes)
{
    if (on_valgrind) {
        VALGRIND_RESIZEINPLACE_BLOCK(block, old_bytes, bytes, 0);
    }
    if (bytes > old_bytes) {
        ASAN_UNPOISON_MEMORY_REGION((char *) block + old_bytes, bytes - old_bytes);
        if (lmm_options.fill_alloc) {
            memset((char *) block + old_bytes, NEW_BYTE, bytes - old_bytes);
        }
    } else {
        ASAN_POISON_MEMORY_REGION((char *) block + bytes, old_bytes - bytes);
    }
}
