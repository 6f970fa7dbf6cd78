/* SPDX-License-Identifier: MIT */
/*
 * MeMS: a memory manager with simulated virtual addresses. It shows how an operating system maps a
 * process's addresses to memory. docs/mems.md has drawings.
 *
 * mems_malloc() returns MeMS virtual addresses: numbers that begin at MEMS_VADDR_START and mean
 * nothing to the processor. mems_get() translates such an address into a MeMS physical address,
 * which can be read and written. MeMS gets all memory, also that of its own records, from mmap in
 * multiples of PAGE_SIZE, and mems_finish() gives it back with munmap. It makes no other system
 * call.
 *
 * Settings: define PAGE_SIZE (a multiple of the system's page size, in bytes) and MEMS_VADDR_START
 * before this header is included, or on the command line. Each may be any expression. If <limits.h>
 * or <sys/user.h> has defined PAGE_SIZE, MeMS uses that value. MeMS reads the settings when it
 * starts, which is in mems_init(), or in the first call of another function. If MeMS cannot use the
 * value of PAGE_SIZE, it rounds it up to one that it can use and prints a line on stderr.
 *
 * Threads: every function may be called from any thread; none may be called from a signal handler.
 * Physical addresses are valid until mems_finish(). A forked child has a copy of everything.
 *
 * Errors: a function that fails returns NULL and sets errno. If an address is wrong, a line on
 * stderr names it; nothing aborts. MeMS does not use the typed allocator (lmm/lmm.h) and does not
 * start it.
 */
#ifndef LMM_MEMS_H
#define LMM_MEMS_H

#include <stddef.h>
#include <stdint.h>
/* Programs written for MeMS expect that this header includes these two. */
#include <stdio.h>
#include <stdlib.h>

#ifndef PAGE_SIZE
#define PAGE_SIZE 4096
#endif

#ifndef MEMS_VADDR_START
#define MEMS_VADDR_START 1000
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The library's functions, which the inline ones below call with this program's settings
 * ---- */

#define LMM_MEMS_API __attribute__((visibility("default")))

struct lmm_mems_settings {
    size_t page_bytes;
    uintptr_t first_address;
};

LMM_MEMS_API void lmm_mems_init(struct lmm_mems_settings settings);
LMM_MEMS_API void lmm_mems_finish(void);
LMM_MEMS_API void *lmm_mems_malloc(struct lmm_mems_settings settings, size_t bytes);
LMM_MEMS_API void lmm_mems_free(struct lmm_mems_settings settings, void *address);
LMM_MEMS_API void *lmm_mems_get(struct lmm_mems_settings settings, void *address);
LMM_MEMS_API void lmm_mems_print_stats(struct lmm_mems_settings settings);

static inline struct lmm_mems_settings lmm_mems_settings_(void)
{
    struct lmm_mems_settings settings;

    settings.page_bytes = PAGE_SIZE;
    settings.first_address = MEMS_VADDR_START;
    return settings;
}

/* ---- MeMS ------------------------------------------------------------------------------------ */

/* Starts MeMS with this program's settings; does nothing if it has started already. */
static inline void mems_init(void)
{
    lmm_mems_init(lmm_mems_settings_());
}

/*
 * Unmaps all that MeMS has mapped. Afterwards no virtual or physical address is valid. mems_init()
 * may follow; virtual addresses then begin at MEMS_VADDR_START again. Does nothing if MeMS has not
 * started. No other thread may use a physical address meanwhile.
 */
static inline void mems_finish(void)
{
    lmm_mems_finish();
}

/*
 * Allocates exactly size bytes, neither rounded nor aligned, from the first hole in address order
 * that is long enough; if there is none, from a new node. size: in bytes, at least 1. New memory is
 * zero; memory that was freed keeps its contents. Returns a MeMS virtual address, which the caller
 * frees with mems_free(); or NULL with errno EINVAL (size is 0) or ENOMEM, and nothing changes.
 * With MEMS_VADDR_START 0 the first address is 0, which equals NULL; a call that succeeds does not
 * change errno. Cost: logarithmic in the number of segments.
 */
static inline void *mems_malloc(size_t size)
{
    return lmm_mems_malloc(lmm_mems_settings_(), size);
}

/*
 * Frees an allocation. v_ptr: the MeMS virtual address that mems_malloc() returned. The pages stay
 * mapped. For any other address (also NULL, unless mems_malloc() returned it) nothing changes, and
 * a line on stderr names it. Preserves errno and never needs memory. Cost: logarithmic.
 */
static inline void mems_free(void *v_ptr)
{
    lmm_mems_free(lmm_mems_settings_(), v_ptr);
}

/*
 * Translates a virtual address. v_ptr: any virtual address inside a live allocation. Returns its
 * physical address; for any other v_ptr NULL with errno EFAULT, and a line on stderr names it. The
 * bytes of one allocation are contiguous in memory, too. Cost: logarithmic.
 */
static inline void *mems_get(void *v_ptr)
{
    return lmm_mems_get(lmm_mems_settings_(), v_ptr);
}

/*
 * Prints both chains and their figures on stdout through stdio, so their lines keep their order
 * with those of printf(). The figures are of one moment. (On its first use of stdout the
 * C library allocates a buffer; setvbuf() can supply one instead.)
 */
static inline void mems_print_stats(void)
{
    lmm_mems_print_stats(lmm_mems_settings_());
}

#ifdef __cplusplus
}
#endif

#endif
