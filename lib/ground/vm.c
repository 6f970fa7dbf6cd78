/* SPDX-License-Identifier: MIT */
#include "lib/ground/vm.h"

#include "lib/ground/libc.h"
#include "lib/ground/panic.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"
#include "lib/ground/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

enum { ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
enum { READ_WRITE = PROT_READ | PROT_WRITE };

/* A sanitizer keeps its shadow memory by the calls of libc's functions, which it replaces. */
enum { TELLS_SANITIZER = LMM_ASAN || LMM_TSAN };

static bool is_bypassing; /* atomic, relaxed */

void lmm_vm_bypass_sanitizer(bool bypass)
{
    lmm_store_relaxed(&is_bypassing, bypass);
}

/* The address that a system call gave; NULL and errno when it failed. */
static void *address_of(long result)
{
    if (result < 0 && result >= -LMM_SYSTEM_ERRNO_MAX) {
        errno = (int) -result;
        return NULL;
    }
    return (void *) result;
}

/* 0; or -1 and errno when the system call failed. */
static int status_of(long result)
{
    errno = result < 0 ? (int) -result : errno;
    return result < 0 ? -1 : 0;
}

static void *map(void *address, size_t bytes, int access, int flags, int descriptor, size_t offset)
{
    flags |= address == NULL ? 0 : MAP_FIXED;
    if (TELLS_SANITIZER && !lmm_load_relaxed(&is_bypassing)) {
        void *mapped = mmap(address, bytes, access, flags, descriptor, (off_t) offset);
        return mapped == MAP_FAILED ? NULL : mapped;
    }
    return address_of(lmm_system_call(SYS_mmap, (long) address, (long) bytes, access, flags,
                                      descriptor, (long) offset));
}

static void *system_map(size_t bytes)
{
    return map(NULL, bytes, READ_WRITE, ANONYMOUS, -1, 0);
}

static void *system_map_over(void *address, size_t bytes)
{
    return map(address, bytes, READ_WRITE, ANONYMOUS, -1, 0);
}

static void *system_map_file(void *address, size_t bytes, int descriptor, size_t offset,
                             bool shared)
{
    return map(address, bytes, READ_WRITE, shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE,
               descriptor, offset);
}

static int system_discard(void *address, size_t bytes)
{
    return TELLS_SANITIZER ? madvise(address, bytes, MADV_DONTNEED)
                           : status_of(lmm_system_call(SYS_madvise, (long) address, (long) bytes,
                                                       MADV_DONTNEED, 0, 0, 0));
}

static int system_unmap(void *address, size_t bytes)
{
    return TELLS_SANITIZER && !lmm_load_relaxed(&is_bypassing)
               ? munmap(address, bytes)
               : status_of(lmm_system_call(SYS_munmap, (long) address, (long) bytes, 0, 0, 0, 0));
}

static void *system_remap(void *address, size_t bytes, size_t new_bytes, void *target)
{
    int flags = target == NULL ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED;

    if (TELLS_SANITIZER) {
        void *mapped = mremap(address, bytes, new_bytes, flags, target);
        return mapped == MAP_FAILED ? NULL : mapped;
    }
    return address_of(lmm_system_call(SYS_mremap, (long) address, (long) bytes, (long) new_bytes,
                                      flags, (long) target, 0));
}

static size_t system_limit_bytes(void)
{
    return lmm_system_limit(RLIMIT_AS);
}

static bool system_is_charged(void)
{
    char mode = '0';
    int descriptor = lmm_system_open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC, 0);

    if (descriptor >= 0) {
        mode = lmm_system_read(descriptor, &mode, 1) == 1 ? mode : '0';
        lmm_system_close(descriptor);
    }
    return mode == '2';
}

static void *system_reserve(void *address, size_t bytes, int descriptor, size_t offset)
{
    return map(address, bytes, PROT_NONE, descriptor < 0 ? ANONYMOUS : MAP_SHARED, descriptor,
               offset);
}

static int system_open(void *address, size_t bytes)
{
    return TELLS_SANITIZER ? mprotect(address, bytes, READ_WRITE)
                           : status_of(lmm_system_call(SYS_mprotect, (long) address, (long) bytes,
                                                       READ_WRITE, 0, 0, 0));
}

static int system_populate(void *address, size_t bytes)
{
    return (int) lmm_system_call(SYS_madvise, (long) address, (long) bytes, MADV_POPULATE_WRITE, 0,
                                 0, 0);
}

static int system_advise_large(void *address, size_t bytes, bool wanted)
{
    int saved_errno = errno;
    int result = status_of(lmm_system_call(SYS_madvise, (long) address, (long) bytes,
                                           wanted ? MADV_HUGEPAGE : MADV_NOHUGEPAGE, 0, 0, 0));
    errno = saved_errno;
    return result;
}

struct lmm_vm_operations lmm_vm = {
    .map = system_map,
    .unmap = system_unmap,
    .discard = system_discard,
    .map_file = system_map_file,
    .map_over = system_map_over,
    .remap = system_remap,
    .limit_bytes = system_limit_bytes,
    .is_charged = system_is_charged,
    .reserve = system_reserve,
    .open = system_open,
    .populate = system_populate,
    .advise_large = system_advise_large,
};

#if !defined(__x86_64__)

size_t lmm_vm_page;

size_t lmm_vm_find_page(void)
{
    size_t told = getauxval(AT_PAGESZ);
    bool is_usable = lmm_is_power_of_two(told) && told >= LMM_SYSTEM_PAGE_BYTES &&
                     told <= LMM_KERNEL_PAGE_BYTES_MAX;
    size_t bytes = is_usable ? told : LMM_KERNEL_PAGE_BYTES_MAX;

    lmm_store_relaxed(&lmm_vm_page, bytes);
    return bytes;
}

#endif

void *lmm_vm_map(size_t bytes)
{
    if (bytes > SIZE_MAX - lmm_vm_page_bytes()) {
        errno = ENOMEM;
        return NULL;
    }
    void *address = lmm_vm.map(lmm_vm_round_up(bytes));
    if (address == NULL) {
        errno = ENOMEM;
    }
    return address;
}

void *lmm_vm_map_shared(size_t bytes)
{
    return map(NULL, lmm_vm_round_up(bytes), READ_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
               -1, 0);
}

bool lmm_vm_residency(uintptr_t address, size_t pages, unsigned char *ret_pages)
{
    uintptr_t from = lmm_vm_page_start(address);
    size_t bytes = address - from + pages * LMM_SYSTEM_PAGE_BYTES;

    if (lmm_system_call(SYS_mincore, (long) from, (long) bytes, (long) ret_pages, 0, 0, 0) != 0) {
        return false;
    }
    /* The kernel tells of its own pages, which are no more. */
    for (size_t i = lmm_vm_page_bytes() == LMM_SYSTEM_PAGE_BYTES ? 0 : pages; i-- > 0;) {
        ret_pages[i] =
            ret_pages[(address - from + i * LMM_SYSTEM_PAGE_BYTES) / lmm_vm_page_bytes()];
    }
    return true;
}

bool lmm_vm_is_resident(const void *address, size_t bytes)
{
    enum { BATCH_PAGES = 256 };
    unsigned char resident[BATCH_PAGES] = {0};
    uintptr_t at = (uintptr_t) address / LMM_SYSTEM_PAGE_BYTES;
    uintptr_t end =
        ((uintptr_t) address + bytes + LMM_SYSTEM_PAGE_BYTES - 1) / LMM_SYSTEM_PAGE_BYTES;

    while (at < end) {
        size_t pages = end - at < BATCH_PAGES ? end - at : BATCH_PAGES;
        if (!lmm_vm_residency(at * LMM_SYSTEM_PAGE_BYTES, pages, resident)) {
            return false;
        }
        for (size_t i = 0; i < pages; i++) {
            if ((resident[i] & 1) == 0) {
                return false;
            }
        }
        at += pages;
    }
    return true;
}

void *lmm_vm_map_aligned(size_t bytes, size_t align)
{
    LMM_CHECK(lmm_is_power_of_two(align) && align >= lmm_vm_page_bytes());
    LMM_CHECK(bytes % lmm_vm_page_bytes() == 0);
    /* The kernel often continues the last mapping downwards, so a plain map is often aligned. */
    char *address = lmm_vm_map(bytes);
    if (address == NULL || ((uintptr_t) address & (align - 1)) == 0) {
        return address;
    }
    lmm_vm_unmap(address, bytes);
    size_t padded;
    if (!lmm_add_fits(bytes, align - lmm_vm_page_bytes(), &padded)) {
        errno = ENOMEM;
        return NULL;
    }
    address = lmm_vm_map(padded);
    if (address == NULL) {
        return NULL;
    }
    char *start = (char *) lmm_round_up((uintptr_t) address, align);
    size_t before = (size_t) (start - address);
    size_t after = padded - before - bytes;
    /* A margin that will not unmap is address space lost, never touched; nothing else follows. */
    if (before != 0) {
        lmm_vm_unmap(address, before);
    }
    if (after != 0) {
        lmm_vm_unmap(start + bytes, after);
    }
    return start;
}

void *lmm_vm_map_file(void *address, size_t bytes, int descriptor, size_t offset, bool shared)
{
    void *mapped = lmm_vm.map_file(address, bytes, descriptor, offset, shared);

    if (mapped == NULL) {
        errno = ENOMEM;
    }
    return mapped;
}

void *lmm_vm_reserve(size_t bytes)
{
    return lmm_vm.reserve(NULL, bytes, -1, 0);
}

/* Whether a range starts and ends where kernel pages do. */
static bool is_whole(const void *address, size_t bytes)
{
    return (uintptr_t) address % lmm_vm_page_bytes() == 0 && bytes % lmm_vm_page_bytes() == 0;
}

bool lmm_vm_reserve_over(void *address, size_t bytes)
{
    LMM_CHECK(is_whole(address, bytes));
    return lmm_vm.reserve(address, bytes, -1, 0) != NULL;
}

bool lmm_vm_reserve_file(void *address, size_t bytes, int descriptor, size_t offset)
{
    return lmm_vm.reserve(address, bytes, descriptor, offset) != NULL;
}

bool lmm_vm_open(void *address, size_t bytes)
{
    LMM_CHECK(is_whole(address, bytes));
    return lmm_vm.open(address, bytes) == 0;
}

void lmm_vm_make_read_only(void *address, size_t bytes)
{
    lmm_system_call(SYS_mprotect, (long) address, (long) bytes, PROT_READ, 0, 0, 0);
}

int lmm_vm_populate(void *address, size_t bytes)
{
    return lmm_vm.populate(address, bytes);
}

bool lmm_vm_map_over(void *address, size_t bytes)
{
    LMM_CHECK(is_whole(address, bytes));
    return lmm_vm.map_over(address, bytes) != NULL;
}

int lmm_vm_grow(void *address, size_t bytes, size_t new_bytes)
{
    int saved_errno = errno;

    LMM_CHECK(bytes % lmm_vm_page_bytes() == 0 && new_bytes % lmm_vm_page_bytes() == 0);
    bool done = lmm_vm.remap(address, bytes, new_bytes, NULL) != NULL;
    int result = done ? 0 : errno == ENOMEM ? -ENOMEM : -EFAULT;
    errno = saved_errno;
    return result;
}

bool lmm_vm_move(void *address, size_t bytes, void *target, size_t new_bytes)
{
    bool done = lmm_vm.remap(address, bytes, new_bytes, target) != NULL;

    if (!done) {
        errno = ENOMEM;
    }
    return done;
}

bool lmm_vm_unmap(void *address, size_t bytes)
{
    int saved_errno = errno;
    bool done = lmm_vm.unmap(address, lmm_vm_round_up(bytes)) == 0;
    errno = saved_errno;
    return done;
}

bool lmm_vm_wipe_in_children(void *address, size_t bytes)
{
    return lmm_system_call(SYS_madvise, (long) address, (long) bytes, MADV_WIPEONFORK, 0, 0, 0) ==
           0;
}

void lmm_vm_prefer_large_pages(void *address, size_t bytes)
{
    lmm_vm.advise_large(address, bytes, true);
}

void lmm_vm_refuse_large_pages(void *address, size_t bytes)
{
    lmm_vm.advise_large(address, bytes, false);
}

bool lmm_vm_discard(void *address, size_t bytes)
{
    int saved_errno = errno;

    LMM_CHECK(is_whole(address, bytes));
    bool done = lmm_vm.discard(address, bytes) == 0;
    errno = saved_errno;
    return done;
}

size_t lmm_vm_limit_bytes(void)
{
    return lmm_vm.limit_bytes();
}

bool lmm_vm_is_charged(void)
{
    return lmm_vm.is_charged();
}

int lmm_vm_read(uintptr_t address, void *buffer, size_t bytes)
{
    struct iovec to = {.iov_base = buffer, .iov_len = bytes};
    struct iovec from = {.iov_base = (void *) address, .iov_len = bytes};
    long got = lmm_system_call(SYS_process_vm_readv, lmm_system_getpid(), (long) &to, 1,
                               (long) &from, 1, 0);

    return got < 0 ? (int) got : (size_t) got == bytes ? 0 : -EFAULT;
}

/* rt_sigprocmask copies the new set from the caller's memory before it finds that the first
 * argument is none of SIG_BLOCK, SIG_UNBLOCK and SIG_SETMASK: EFAULT or EINVAL, and nothing
 * changes. Others were rejected: mincore and msync do not see PROT_NONE, process_vm_readv is often
 * forbidden, a write to a pipe needs descriptors, and MADV_POPULATE_READ needs Linux 5.14.
 * Sandboxes allow rt_sigprocmask, because libc calls it for each thread. */
bool lmm_vm_is_readable(uintptr_t address)
{
    enum { NO_SUCH_OPERATION = -1, SET_BYTES = 8 };

    return lmm_system_call(SYS_rt_sigprocmask, NO_SUCH_OPERATION,
                           (long) (address & ~(uintptr_t) (SET_BYTES - 1)), 0, SET_BYTES, 0,
                           0) == -EINVAL;
}
