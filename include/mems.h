/* SPDX-License-Identifier: MIT */
/*
 * MeMS: a memory manager with simulated virtual addresses, to see how an operating system maps a
 * process's addresses onto memory. docs/mems.md draws it.
 *
 * mems_malloc() hands out MeMS virtual addresses: numbers that begin at MEMS_VADDR_START and mean
 * nothing to the processor. mems_get() translates one into the MeMS physical address behind it,
 * which can be read and written. Memory comes from mmap in multiples of PAGE_SIZE and goes back
 * with munmap in mems_finish(), MeMS's own records included; nothing else is asked of the kernel.
 *
 * Settings: define PAGE_SIZE (any multiple of the system's page size) and MEMS_VADDR_START before
 * this header is included, or on the command line. They may be any expression; where <limits.h> or
 * <sys/user.h> has defined PAGE_SIZE, that one holds. They count when MeMS starts, which is in
 * mems_init(), or in the first other call without it. A PAGE_SIZE that MeMS can not use is rounded
 * up to one that it can, and a line on stderr says so.
 *
 * Threads: every function may be called from any thread; none from a signal handler. Physical
 * addresses are valid until mems_finish(). A forked child has a copy of everything.
 *
 * Errors: NULL and errno. Where an address is wrong, a line on stderr names it; nothing aborts.
 * MeMS is apart from the typed allocator (lmm/lmm.h) and does not start it.
 */
#ifndef LMM_MEMS_H
#define LMM_MEMS_H

#include <stddef.h>
#include <stdint.h>
/* Programs written for MeMS count on these two. */
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

/* ---- What the functions are made of: the library, told this program's settings --------------- */

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

/* Starts MeMS with this program's settings; does nothing when it runs already. */
static inline void mems_init(void)
{
    lmm_mems_init(lmm_mems_settings_());
}

/*
 * Unmaps all that MeMS has mapped. No physical address is valid afterwards, and virtual addresses
 * begin again; mems_init() may follow. Does nothing when MeMS does not run.
 */
static inline void mems_finish(void)
{
    lmm_mems_finish();
}

/*
 * Allocates exactly size bytes, neither rounded nor aligned: the start of the first hole that is
 * long enough, in address order, else of a new node. Contents are what they were when last freed,
 * zero at first. Returns a MeMS virtual address, or NULL with errno EINVAL (size is 0) or ENOMEM,
 * and nothing changes. With MEMS_VADDR_START 0 the first address is 0, a success that looks like
 * NULL; success leaves errno alone. Cost: logarithmic in the number of segments.
 */
static inline void *mems_malloc(size_t size)
{
    return lmm_mems_malloc(lmm_mems_settings_(), size);
}

/*
 * Frees what mems_malloc() returned; v_ptr is a MeMS virtual address. The pages stay mapped. Any
 * other address, NULL too unless it was returned, changes nothing and gets a line on stderr.
 * Preserves errno, never needs memory. Cost: logarithmic.
 */
static inline void mems_free(void *v_ptr)
{
    lmm_mems_free(lmm_mems_settings_(), v_ptr);
}

/*
 * Translates v_ptr, any virtual address inside an allocation, into its physical one. Returns NULL
 * with errno EFAULT, and a line on stderr, for any other. Neighbouring virtual addresses are
 * neighbours in memory as long as both are in one allocation. Cost: logarithmic.
 */
static inline void *mems_get(void *v_ptr)
{
    return lmm_mems_get(lmm_mems_settings_(), v_ptr);
}

/*
 * Prints both chains and their figures on stdout, through stdio, so that the lines stand in order
 * with those of printf(). They show one moment; other threads wait. (On first use of stdout the C
 * library allocates a buffer for it; setvbuf() can give it one instead.)
 */
static inline void mems_print_stats(void)
{
    lmm_mems_print_stats(lmm_mems_settings_());
}

#ifdef __cplusplus
}
#endif

#endif
