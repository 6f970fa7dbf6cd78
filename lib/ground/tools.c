/* SPDX-License-Identifier: MIT */
#include "lib/ground/tools.h"

#include "lib/ground/options.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"

#include <string.h>

#if LMM_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)   ((void) (address), (void) (bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void) (address), (void) (bytes))
#endif

#if LMM_VALGRIND
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(base, bytes)                   ((void) (base), (void) (bytes), 0)
#define VALGRIND_MALLOCLIKE_BLOCK(block, bytes, redzone, zeroed) ((void) (block), (void) (bytes))
#define VALGRIND_FREELIKE_BLOCK(block, redzone)                  ((void) (block))
#define VALGRIND_RESIZEINPLACE_BLOCK(block, old_bytes, bytes, redzone)                             \
    ((void) (block), (void) (old_bytes), (void) (bytes))
#define VALGRIND_MAKE_MEM_NOACCESS(base, bytes)  ((void) (base), (void) (bytes))
#define VALGRIND_MAKE_MEM_UNDEFINED(base, bytes) ((void) (base), (void) (bytes))
#endif

enum { NEW_BYTE = 0xAA, FREED_BYTE = 0xDD };

bool lmm_tools_active;

static bool on_memcheck;

/*
 * AddressSanitizer changes its shadow, one byte for eight bytes of memory, without atomics. Two
 * blocks of different threads may share such a byte, so changes are made one at a time. No lock is
 * taken while the mark is.
 */
static uint32_t shadow_taken;

static void shadow_take(void)
{
    while (LMM_ASAN && lmm_exchange_acq_rel(&shadow_taken, 1) != 0) {
        lmm_system_yield();
    }
}

static void shadow_give(void)
{
    lmm_store_release(&shadow_taken, 0);
}

static void poison(void *base, size_t bytes)
{
    shadow_take();
    ASAN_POISON_MEMORY_REGION(base, bytes);
    shadow_give();
}

static void unpoison(void *base, size_t bytes)
{
    shadow_take();
    ASAN_UNPOISON_MEMORY_REGION(base, bytes);
    shadow_give();
}

/* Another thread of the parent may have held the mark, for the shadow of its own block only. */
void lmm_tools_after_fork_in_child(void)
{
    shadow_give();
}

void lmm_tools_start(void)
{
    /* Only Memcheck answers this one; Valgrind's other tools should see the fast paths. */
    on_memcheck = VALGRIND_MAKE_MEM_DEFINED(&on_memcheck, sizeof(on_memcheck)) != 0;
    lmm_tools_active = LMM_ASAN || on_memcheck || lmm_options.fill_alloc || lmm_options.fill_free ||
                       (LMM_DROP_IN && lmm_options.match);
}

void lmm_tools_page_begins(void *base, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_MAKE_MEM_NOACCESS(base, bytes);
    }
    poison(base, bytes);
}

void lmm_tools_page_ends(void *base, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_MAKE_MEM_UNDEFINED(base, bytes);
    }
    unpoison(base, bytes);
}

void lmm_tools_block_begins(void *block, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_MALLOCLIKE_BLOCK(block, bytes, 0, 0);
    }
    unpoison(block, bytes);
    if (lmm_options.fill_alloc) {
        memset(block, NEW_BYTE, bytes);
    }
}

void lmm_tools_block_ends(void *block, size_t bytes)
{
    /* A block longer than the reservoir goes back to the kernel: a later read of it faults. */
    if (lmm_options.fill_free && bytes <= lmm_options.reservoir_bytes) {
        memset(block, FREED_BYTE, bytes);
    }
    if (on_memcheck) {
        VALGRIND_FREELIKE_BLOCK(block, 0);
    }
    poison(block, bytes);
}

void lmm_tools_block_shrinks(void *block, size_t old_bytes, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_RESIZEINPLACE_BLOCK(block, old_bytes, bytes, 0);
    }
    poison((char *) block + bytes, old_bytes - bytes);
}

void lmm_tools_shrink_undone(void *block, size_t old_bytes, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_RESIZEINPLACE_BLOCK(block, bytes, old_bytes, 0);
        (void) VALGRIND_MAKE_MEM_DEFINED((char *) block + bytes, old_bytes - bytes);
    }
    unpoison((char *) block + bytes, old_bytes - bytes);
}

void lmm_tools_block_grows(void *block, size_t old_bytes, size_t bytes)
{
    if (on_memcheck) {
        VALGRIND_RESIZEINPLACE_BLOCK(block, old_bytes, bytes, 0);
    }
    unpoison((char *) block + old_bytes, bytes - old_bytes);
    if (lmm_options.fill_alloc) {
        memset((char *) block + old_bytes, NEW_BYTE, bytes - old_bytes);
    }
}
