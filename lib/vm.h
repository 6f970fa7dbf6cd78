/* SPDX-License-Identifier: MIT */
/*
 * vm: the only caller of mmap, munmap, mprotect and madvise.
 *
 * Owns nothing; hands out address space. The operations stand in a table so that tests can make any of
 * them fail or count them. errno is ENOMEM after a failure, whatever the kernel called it.
 */
#ifndef LMM_VM_H
#define LMM_VM_H

#include "base.h"

/* The seam to the kernel; each as the system call of that name. Replace it only while no other thread
 * is inside LMM. */
struct lmm_vm_operations {
    void *(*map)(size_t bytes);                  /* anonymous, zeroed, read-write; NULL: failed */
    int (*unmap)(void *address, size_t bytes);   /* 0, or -1 */
    int (*discard)(void *address, size_t bytes); /* madvise(MADV_DONTNEED); 0, or -1 */
};

extern struct lmm_vm_operations lmm_vm;

/* Maps bytes of zeroed memory, rounded up to system pages; NULL when there is none. */
void *lmm_vm_map(size_t bytes);

/* Maps bytes, a multiple of system pages, starting at a multiple of align, a power of two of at least
 * a system page. NULL when there is none. */
void *lmm_vm_map_aligned(size_t bytes, size_t align);

/* Unmaps; false when the kernel would not (it can run out of map entries), and then the memory is
 * still mapped. */
bool lmm_vm_unmap(void *address, size_t bytes);

/* Gives the memory of whole system pages back and keeps the address space; they read as zero again.
 * False when the kernel would not. */
bool lmm_vm_discard(void *address, size_t bytes);

#endif
