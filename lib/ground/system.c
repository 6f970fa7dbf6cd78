/* SPDX-License-Identifier: MIT */
#include "lib/ground/system.h"

#include "lib/ground/libc.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/memfd.h>
#include <signal.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIGNAL_SET_BYTES = 8 }; /* the kernel's, not libc's */

/* ---- Files ----------------------------------------------------------------------------------- */

int lmm_system_openat(int directory, const char *path, int flags, unsigned mode)
{
    return (int) lmm_system_call4(SYS_openat, directory, (long) path, flags, (long) mode);
}

int lmm_system_open(const char *path, int flags, unsigned mode)
{
    return lmm_system_openat(AT_FDCWD, path, flags, mode);
}

int lmm_system_close(int descriptor)
{
    return (int) lmm_system_call3(SYS_close, descriptor, 0, 0);
}

ssize_t lmm_system_read(int descriptor, void *buffer, size_t bytes)
{
    return lmm_system_call3(SYS_read, descriptor, (long) buffer, (long) bytes);
}

ssize_t lmm_system_write(int descriptor, const void *data, size_t bytes)
{
    return lmm_system_call3(SYS_write, descriptor, (long) data, (long) bytes);
}

ssize_t lmm_system_pread(int descriptor, void *buffer, size_t bytes, size_t offset)
{
    return lmm_system_call4(SYS_pread64, descriptor, (long) buffer, (long) bytes, (long) offset);
}

ssize_t lmm_system_pwrite(int descriptor, const void *data, size_t bytes, size_t offset)
{
    return lmm_system_call4(SYS_pwrite64, descriptor, (long) data, (long) bytes, (long) offset);
}

int lmm_system_fallocate(int descriptor, size_t offset, size_t bytes)
{
    return (int) lmm_system_call4(SYS_fallocate, descriptor, 0, (long) offset, (long) bytes);
}

int lmm_system_ftruncate(int descriptor, size_t bytes)
{
    return (int) lmm_system_call3(SYS_ftruncate, descriptor, (long) bytes, 0);
}

int lmm_system_fcntl(int descriptor, int command, long argument)
{
    return (int) lmm_system_call3(SYS_fcntl, descriptor, command, argument);
}

int lmm_system_fstat(int descriptor, struct stat *ret_facts)
{
    return (int) lmm_system_call3(SYS_fstat, descriptor, (long) ret_facts, 0);
}

int lmm_system_stat(const char *path, struct stat *ret_facts)
{
    return (int) lmm_system_call4(SYS_newfstatat, AT_FDCWD, (long) path, (long) ret_facts, 0);
}

int lmm_system_lstat(const char *path, struct stat *ret_facts)
{
    return (int) lmm_system_call4(SYS_newfstatat, AT_FDCWD, (long) path, (long) ret_facts,
                                  AT_SYMLINK_NOFOLLOW);
}

int lmm_system_mkdir(const char *path, unsigned mode)
{
    return (int) lmm_system_call3(SYS_mkdirat, AT_FDCWD, (long) path, (long) mode);
}

int lmm_system_chmod(const char *path, unsigned mode)
{
    return (int) lmm_system_call3(SYS_fchmodat, AT_FDCWD, (long) path, (long) mode);
}

int lmm_system_fchmod(int descriptor, unsigned mode)
{
    return (int) lmm_system_call3(SYS_fchmod, descriptor, (long) mode, 0);
}

int lmm_system_unlinkat(int directory, const char *path)
{
    return (int) lmm_system_call3(SYS_unlinkat, directory, (long) path, 0);
}

int lmm_system_unlink(const char *path)
{
    return lmm_system_unlinkat(AT_FDCWD, path);
}

int lmm_system_renameat(int directory, const char *path, const char *new_path)
{
    return (int) lmm_system_call(SYS_renameat2, directory, (long) path, directory, (long) new_path,
                                 0, 0);
}

bool lmm_system_exists_at(int directory, const char *path)
{
    struct stat facts;

    return lmm_system_call4(SYS_newfstatat, directory, (long) path, (long) &facts,
                            AT_SYMLINK_NOFOLLOW) == 0;
}

int lmm_system_memfd_create(const char *name)
{
    return (int) lmm_system_call3(SYS_memfd_create, (long) name, MFD_CLOEXEC, 0);
}

ssize_t lmm_system_getdents(int directory, void *buffer, size_t bytes)
{
    return lmm_system_call3(SYS_getdents64, directory, (long) buffer, (long) bytes);
}

int lmm_system_ioctl(int descriptor, unsigned long request, void *argument)
{
    return (int) lmm_system_call3(SYS_ioctl, descriptor, (long) request, (long) argument);
}

bool lmm_system_close_all(void)
{
    return lmm_system_call3(SYS_close_range, 0, UINT32_MAX, 0) == 0;
}

bool lmm_system_is_terminal(int descriptor)
{
    struct termios settings;

    return lmm_system_call3(SYS_ioctl, descriptor, TCGETS, (long) &settings) == 0;
}

size_t lmm_system_readlink(const char *path, char *ret_target, size_t bytes)
{
    long length = lmm_system_call4(SYS_readlinkat, AT_FDCWD, (long) path, (long) ret_target,
                                   (long) bytes - 1);

    ret_target[length < 0 ? 0 : length] = '\0';
    return length < 0 ? 0 : (size_t) length;
}

/* The kernel gives "(unreachable)/..." for a directory outside the process's root. */
size_t lmm_system_getcwd(char *ret_path, size_t bytes)
{
    long with_nul = lmm_system_call3(SYS_getcwd, (long) ret_path, (long) bytes, 0);

    if (with_nul <= 1 || ret_path[0] != '/') {
        ret_path[0] = '\0';
        return 0;
    }
    return (size_t) with_nul - 1;
}

/* ---- The process ----------------------------------------------------------------------------- */

int lmm_system_getpid(void)
{
    return (int) lmm_system_call3(SYS_getpid, 0, 0, 0);
}

int lmm_system_getppid(void)
{
    return (int) lmm_system_call3(SYS_getppid, 0, 0, 0);
}

int lmm_system_gettid(void)
{
    return (int) lmm_system_call3(SYS_gettid, 0, 0, 0);
}

unsigned lmm_system_geteuid(void)
{
    return (unsigned) lmm_system_call3(SYS_geteuid, 0, 0, 0);
}

uint64_t lmm_system_limit(int resource)
{
    struct rlimit limit = {0}; /* as the kernel's: rlim_t has 64 bits where long has */

    return lmm_system_call4(SYS_prlimit64, 0, resource, 0, (long) &limit) == 0 ? limit.rlim_cur
                                                                               : UINT64_MAX;
}

uint64_t lmm_system_clock_ns(int clock)
{
    struct timespec now = {0};

    lmm_system_call3(SYS_clock_gettime, clock, (long) &now, 0);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

uint64_t lmm_system_time_ns(void)
{
    return lmm_system_clock_ns(CLOCK_REALTIME);
}

void lmm_system_yield(void)
{
    lmm_system_call3(SYS_sched_yield, 0, 0, 0);
}

void lmm_system_sleep_us(unsigned microseconds)
{
    const struct timespec pause = {.tv_nsec = (long) microseconds * 1000};

    lmm_system_call3(SYS_nanosleep, (long) &pause, 0, 0);
}

void lmm_system_futex_wait(uint32_t *word, uint32_t value)
{
    lmm_system_call4(SYS_futex, (long) word, FUTEX_WAIT_PRIVATE, (long) value, 0);
}

void lmm_system_futex_wake(uint32_t *word)
{
    lmm_system_call3(SYS_futex, (long) word, FUTEX_WAKE_PRIVATE, 1);
}

void lmm_system_futex_wait_for(uint32_t *word, uint32_t value, uint64_t ns)
{
    const struct timespec patience = {(time_t) (ns / 1000000000u), (long) (ns % 1000000000u)};

    lmm_system_call4(SYS_futex, (long) word, FUTEX_WAIT_PRIVATE, (long) value, (long) &patience);
}

void lmm_system_futex_wake_all(uint32_t *word)
{
    lmm_system_call3(SYS_futex, (long) word, FUTEX_WAKE_PRIVATE, INT32_MAX);
}

void lmm_system_sigmask(int how, uint64_t set, uint64_t *ret_before)
{
    lmm_system_call4(SYS_rt_sigprocmask, how, (long) &set, (long) ret_before, SIGNAL_SET_BYTES);
}

uint64_t lmm_system_sigpending(void)
{
    uint64_t pending = 0;

    lmm_system_call3(SYS_rt_sigpending, (long) &pending, SIGNAL_SET_BYTES, 0);
    return pending;
}

void lmm_system_take_signal(uint64_t set)
{
    const struct timespec at_once = {0};

    lmm_system_call4(SYS_rt_sigtimedwait, (long) &set, 0, (long) &at_once, SIGNAL_SET_BYTES);
}

void lmm_system_end_thread(void)
{
    for (;;) {
        lmm_system_call3(SYS_exit, 0, 0, 0);
    }
}

/* ---- Signals ---------------------------------------------------------------------------------- */

/* The kernel's struct sigaction. */
struct kernel_action {
    uintptr_t handler;
    unsigned long flags;
    uintptr_t restorer;
    uint64_t mask;
};

#if defined(__x86_64__)
/* Where a handler returns to; debuggers know these two instructions. It is global, because link-time
 * optimisation may put its uses into another object file, and an unwinder that looks at the byte before it
 * must not find another function. The other machines have the code in the vdso. */
__asm__(".pushsection .text\n"
        ".globl lmm_system_restore\n"
        ".hidden lmm_system_restore\n"
        ".type lmm_system_restore, @function\n"
        "    nop\n"
        "lmm_system_restore:\n"
        "    movq $15, %rax\n"
        "    syscall\n"
        ".size lmm_system_restore, . - lmm_system_restore\n"
        ".popsection\n");
extern void lmm_system_restore(void) __attribute__((visibility("hidden")));
enum { SA_RESTORER_FLAG = 0x04000000 };
#else
static void (*const lmm_system_restore)(void) = NULL;
enum { SA_RESTORER_FLAG = 0 };
#endif

int lmm_system_sigaction(int number, const struct lmm_system_action *action,
                         struct lmm_system_action *ret_before)
{
    struct kernel_action before = {0};
    struct kernel_action after = {0};

    if (action != NULL) {
        after = (struct kernel_action) {
            .handler = action->handler,
            .flags = action->flags | SA_RESTORER_FLAG,
            .restorer = (uintptr_t) lmm_system_restore,
            .mask = action->mask,
        };
    }
    int result =
        (int) lmm_system_call4(SYS_rt_sigaction, number, (long) (action == NULL ? NULL : &after),
                               (long) &before, SIGNAL_SET_BYTES);
    if (result == 0 && ret_before != NULL) {
        *ret_before = (struct lmm_system_action) {
            before.handler, (unsigned) before.flags & ~(unsigned) SA_RESTORER_FLAG, before.mask};
    }
    return result;
}

int lmm_system_queue_signal(int thread, int number, uint64_t value)
{
    int process = lmm_system_getpid();
    siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};

    info.si_pid = process;
    info.si_value.sival_ptr = (void *) (uintptr_t) value;
    return (int) lmm_system_call4(SYS_rt_tgsigqueueinfo, process, thread, number, (long) &info);
}

#if defined(__x86_64__)
uintptr_t lmm_system_fs_base(void)
{
    enum { GET_FS = 0x1003 };
    uintptr_t base = 0;

    return lmm_system_call3(SYS_arch_prctl, GET_FS, (long) &base, 0) == 0 ? base : 0;
}
#endif

int lmm_system_copy(void)
{
    return (int) lmm_system_call(SYS_clone, 0, 0, 0, 0, 0, 0);
}

int lmm_system_wait_for_copy(int child, int *ret_status)
{
    long result;

    do {
        result = lmm_system_call4(SYS_wait4, child, (long) ret_status, __WALL, 0);
    } while (result == -EINTR);
    return result < 0 ? (int) result : 0;
}

void lmm_system_die_with_parent(void)
{
    lmm_system_call3(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
}

void lmm_system_exit(int status)
{
    for (;;) {
        lmm_system_call3(SYS_exit_group, status, 0, 0);
    }
}

const char *lmm_system_variable(const char *name)
{
    size_t length = strlen(name);

    for (char **at = environ; at != NULL && *at != NULL; at++) {
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            return *at + length + 1;
        }
    }
    return NULL;
}
