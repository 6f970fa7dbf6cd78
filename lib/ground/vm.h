/* SPDX-License-Identifier: MIT */
/*
 * vm: the only caller of mmap, munmap, mremap, mprotect, madvise and mincore.
 *
 * Owns nothing; hands out address space. Any thread may call it; it takes no lock. The operations
 * are in a table, so that tests can count them and make each fail. errno is ENOMEM after a failure,
 * whatever the kernel called it.
 */
#ifndef LMM_VM_H
#define LMM_VM_H

#include "lib/ground/base.h"

/* The seam to the kernel; each as the system call of that name. Replace it only while no other
 * thread is inside LMM. */
struct lmm_vm_operations {
    void *(*map)(size_t bytes);                  /* anonymous, zeroed, read-write; NULL: failed */
    int (*unmap)(void *address, size_t bytes);   /* 0, or -1 */
    int (*discard)(void *address, size_t bytes); /* madvise(MADV_DONTNEED); 0, or -1 */
    /* Read-write, over what is mapped at address, or, when that is NULL, anywhere. shared:
     * stores reach the file; else they make copies of their pages. */
    void *(*map_file)(void *address, size_t bytes, int descriptor, size_t offset, bool shared);
    void *(*map_over)(void *address, size_t bytes); /* as map, over what is mapped at address */
    /* mremap: makes what is mapped at address new_bytes long, where it is when target is NULL,
     * else at target, over what is mapped there; NULL: failed, with the kernel's errno. */
    void *(*remap)(void *address, size_t bytes, size_t new_bytes, void *target);
    /* Not accessible, over what is mapped at address, or, when that is NULL, anywhere: shared pages
     * of the file; with the descriptor -1 private memory. NULL: failed. */
    void *(*reserve)(void *address, size_t bytes, int descriptor, size_t offset);
    int (*open)(void *address, size_t bytes);     /* mprotect, to read-write; 0, or -1 */
    int (*populate)(void *address, size_t bytes); /* madvise(MADV_POPULATE_WRITE); 0 or -errno */
    /* madvise(MADV_HUGEPAGE), or MADV_NOHUGEPAGE; 0, or -1 */
    int (*advise_large)(void *address, size_t bytes, bool wanted);
    size_t (*limit_bytes)(void); /* RLIMIT_AS; SIZE_MAX: none */
    bool (*is_charged)(void);    /* vm.overcommit_memory is 2 */
};

extern struct lmm_vm_operations lmm_vm;

/*
 * The kernel's page: what it maps, protects and takes back. On x86-64 that is a system page. Elsewhere it may
 * be 4 or 16 system pages (16 and 64 KiB). The books go on in system pages, so that tables have one form;
 * functions of this file that say so need ranges of whole kernel pages.
 */
#if defined(__x86_64__)
static inline size_t lmm_vm_page_bytes(void)
{
    return LMM_SYSTEM_PAGE_BYTES;
}
#else
extern size_t lmm_vm_page; /* 0: not known yet */
LMM_COLD size_t lmm_vm_find_page(void);

static inline size_t lmm_vm_page_bytes(void)
{
    size_t bytes = __atomic_load_n(&lmm_vm_page, __ATOMIC_RELAXED);

    return LMM_LIKELY(bytes != 0) ? bytes : lmm_vm_find_page();
}
#endif

/* bytes, at most SIZE_MAX less a kernel page, rounded up to whole kernel pages. */
static inline size_t lmm_vm_round_up(size_t bytes)
{
    return lmm_round_up(bytes, lmm_vm_page_bytes());
}

/* The start of the kernel page that the address is in. */
static inline uintptr_t lmm_vm_page_start(uintptr_t address)
{
    return address & ~(uintptr_t) (lmm_vm_page_bytes() - 1);
}

/* Maps bytes of zeroed memory, rounded up to kernel pages; NULL when there is none. */
void *lmm_vm_map(size_t bytes);

/* Maps zeroed memory that a copy of the process (lmm_system_copy()) shares with it; for results. It
 * costs memory only where it is touched. NULL when there is none. */
void *lmm_vm_map_shared(size_t bytes);

/* Maps bytes, a multiple of system pages, starting at a multiple of align, a power of two of at
 * least a system page. NULL when there is none. */
void *lmm_vm_map_aligned(size_t bytes, size_t align);

/*
 * Maps bytes, a multiple of system pages, of an open file from offset on. address: NULL, or where:
 * the new mapping replaces the old one there atomically. shared: stores reach the file; else only
 * this mapping sees them. NULL on failure.
 */
void *lmm_vm_map_file(void *address, size_t bytes, int descriptor, size_t offset, bool shared);

/*
 * Reserves bytes, a multiple of system pages, that are not accessible and count for no limit but
 * RLIMIT_AS. mlockall gives them no memory. NULL on failure.
 */
void *lmm_vm_reserve(size_t bytes);

/* The same over what is mapped at address; the second as shared pages of an open file from offset
 * on. False on failure. */
bool lmm_vm_reserve_over(void *address, size_t bytes);
bool lmm_vm_reserve_file(void *address, size_t bytes, int descriptor, size_t offset);

/* Makes bytes of reserved pages of a file accessible. False on failure. */
bool lmm_vm_open(void *address, size_t bytes);

/* Makes whole system pages that the caller has opened readable only. */
void lmm_vm_make_read_only(void *address, size_t bytes);

/*
 * Gives memory to all accessible pages at address, as if each was written to. Returns 0 or -errno:
 * -ENOMEM: there is none; -EFAULT: a store would raise SIGBUS, because the file gets no space;
 * -EINVAL: the kernel is older than Linux 5.14.
 */
int lmm_vm_populate(void *address, size_t bytes);

/* Replaces bytes, a multiple of system pages, at address by zeroed memory. False on failure. */
bool lmm_vm_map_over(void *address, size_t bytes);

/*
 * Makes the mapping of bytes at address new_bytes long, without moving it; the added memory is
 * zeroed. Returns 0; -ENOMEM when the addresses after it are in use; -EFAULT when lmm_vm_move()
 * would fail, too (for example when an mprotect of the program split the mapping). All sizes are
 * multiples of system pages.
 */
int lmm_vm_grow(void *address, size_t bytes, size_t new_bytes);

/*
 * Moves the memory mapped at address, without copying it, to target, the start of new_bytes that
 * are mapped and unused; the added memory is zeroed. Nothing remains mapped at address. False with
 * errno ENOMEM; then nothing changed. Call it only after lmm_vm_grow() returned -ENOMEM: after
 * -EFAULT the kernel would unmap target before it fails, and another thread may then map memory
 * there.
 */
bool lmm_vm_move(void *address, size_t bytes, void *target, size_t new_bytes);

/* Unmaps. False when the kernel refuses (no map entry left); the memory stays mapped. */
bool lmm_vm_unmap(void *address, size_t bytes);

/* Copies bytes of the process's memory that another thread may unmap meanwhile. 0; -EFAULT: not all of
 * them can be read; another -errno: the kernel or a filter does not allow it. One system call;
 * async-signal-safe. */
int lmm_vm_read(uintptr_t address, void *buffer, size_t bytes);

/*
 * Whether the aligned word of 8 bytes that holds address can be read; then its system page can be,
 * too. The kernel reads it, so a word that cannot be read does no harm. Also false when the kernel
 * does not tell, for example under a seccomp filter. One system call; async-signal-safe.
 */
bool lmm_vm_is_readable(uintptr_t address);

/* Whether each system page from address on is in memory; a byte each, of which bit 0 counts. At most
 * so many. False when the kernel does not tell. */
bool lmm_vm_residency(uintptr_t address, size_t pages, unsigned char *ret_pages);

/* Whether all system pages that hold the bytes are in memory, so that each was written or read. False
 * also when the kernel does not tell. About 2 ns a page. */
bool lmm_vm_is_resident(const void *address, size_t bytes);

/* From now on memory is mapped without telling a sanitizer of it: other threads stand still, and one
 * of them may hold a lock of its. `false` ends that. */
void lmm_vm_bypass_sanitizer(bool bypass);

/* The most address space that the process may map; SIZE_MAX when there is no limit. A system
 * call. */
size_t lmm_vm_limit_bytes(void);

/* Whether the kernel charges the process for memory that is mapped and not touched. */
bool lmm_vm_is_charged(void);

/* Makes whole system pages of anonymous memory read as zero in every child process that does not share
 * the memory. False where the kernel cannot (before Linux 4.14). */
bool lmm_vm_wipe_in_children(void *address, size_t bytes);

/* Asks the kernel for large pages (2 MiB on x86-64) where the mapping is used, or for none. Advice: it
 * becomes a property of the mapping, and where a part of a mapping is advised, that is split. */
void lmm_vm_prefer_large_pages(void *address, size_t bytes);
void lmm_vm_refuse_large_pages(void *address, size_t bytes);

/* Gives the memory of whole system pages back and keeps the address space, which then reads as
 * zero. False when the kernel refuses. */
bool lmm_vm_discard(void *address, size_t bytes);

#endif
