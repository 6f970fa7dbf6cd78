/* SPDX-License-Identifier: MIT */
/*
 * system: system calls, made without the C library.
 *
 * Another preloaded library may define open, getpid or write itself, and may allocate in there:
 * while LMM starts, or under one of its locks, LMM would then wait for itself. So lib/ calls no
 * function of libc that other libraries replace; scripts/check-calls has the list. What is left of
 * libc either computes only (memcpy, snprintf), or is called without a lock (dlsym, stdio), or is
 * called by the start alone, whose recursive requests lib/preload/startup.h serves.
 *
 * Owns nothing. Each function is the system call of its name: the result is what the kernel gives,
 * 0 or more, or -errno. None changes errno, takes a lock, or is a cancellation point; all are
 * async-signal-safe. Only lib/ground/vm.c makes the calls for memory.
 */
#ifndef LMM_SYSTEM_H
#define LMM_SYSTEM_H

#include "lib/ground/base.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <errno.h>
#include <unistd.h>
#endif

/* The result is an error when it lies in [-LMM_SYSTEM_ERRNO_MAX, -1]; else it may be an address. */
enum { LMM_SYSTEM_ERRNO_MAX = 4095 };

/* The system call `number`; only system.c, system_sockets.c and vm.c may call it and the two below. */
static inline long lmm_system_call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
#else
    int saved_errno = errno;
    long result = syscall(number, a, b, c, d, e, f);

    result = result == -1 ? -errno : result;
    errno = saved_errno;
    return result;
#endif
}

static inline long lmm_system_call3(long number, long a, long b, long c)
{
    return lmm_system_call(number, a, b, c, 0, 0, 0);
}

static inline long lmm_system_call4(long number, long a, long b, long c, long d)
{
    return lmm_system_call(number, a, b, c, d, 0, 0);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* directory: an open one, or AT_FDCWD; flags and mode as openat(2). */
int lmm_system_openat(int directory, const char *path, int flags, unsigned mode);
int lmm_system_open(const char *path, int flags, unsigned mode);
int lmm_system_close(int descriptor);

/* At most so many bytes; offset in bytes from the start of the file. */
ssize_t lmm_system_read(int descriptor, void *buffer, size_t bytes);
ssize_t lmm_system_write(int descriptor, const void *data, size_t bytes);
ssize_t lmm_system_pread(int descriptor, void *buffer, size_t bytes, size_t offset);
ssize_t lmm_system_pwrite(int descriptor, const void *data, size_t bytes, size_t offset);

int lmm_system_fallocate(int descriptor, size_t offset, size_t bytes);
int lmm_system_ftruncate(int descriptor, size_t bytes);
int lmm_system_fcntl(int descriptor, int command, long argument);

/* Facts about an open file, about what path leads to, and about path itself. */
int lmm_system_fstat(int descriptor, struct stat *ret_facts);
int lmm_system_stat(const char *path, struct stat *ret_facts);
int lmm_system_lstat(const char *path, struct stat *ret_facts);

int lmm_system_mkdir(const char *path, unsigned mode);
int lmm_system_chmod(const char *path, unsigned mode);
int lmm_system_fchmod(int descriptor, unsigned mode);
int lmm_system_unlinkat(int directory, const char *path);
int lmm_system_unlink(const char *path);
/* Both names are in the directory; a file of the new name is replaced. */
int lmm_system_renameat(int directory, const char *path, const char *new_path);
/* Whether the directory has an entry of that name, without following a link. */
bool lmm_system_exists_at(int directory, const char *path);

/* A file without a name, closed on exec; `name` is seen in /proc/PID/maps only. */
int lmm_system_memfd_create(const char *name);

/* Entries of an open directory, as struct linux_dirent64 of the kernel: struct dirent of a libc for 64 bits. */
ssize_t lmm_system_getdents(int directory, void *buffer, size_t bytes);

int lmm_system_ioctl(int descriptor, unsigned long request, void *argument);

/* Closes all descriptors of the process. False when the kernel is older than Linux 5.9. */
bool lmm_system_close_all(void);

/* Whether the open file is a terminal. */
bool lmm_system_is_terminal(int descriptor);

/*
 * Writes the target of a symbolic link, or the working directory, ended by NUL and cut to bytes (1
 * or more). The result is the length without NUL; 0 and an empty text where there is none.
 */
size_t lmm_system_readlink(const char *path, char *ret_target, size_t bytes);
size_t lmm_system_getcwd(char *ret_path, size_t bytes);

/* ---- The process ----------------------------------------------------------------------------- */

int lmm_system_getpid(void);
int lmm_system_getppid(void);
int lmm_system_gettid(void);
unsigned lmm_system_geteuid(void);

/* The soft limit of RLIMIT_...; UINT64_MAX when there is none, or it is unknown. */
uint64_t lmm_system_limit(int resource);

/* A clock of clock_gettime(), in nanoseconds. */
uint64_t lmm_system_clock_ns(int clock);

/* CLOCK_REALTIME, in nanoseconds. */
uint64_t lmm_system_time_ns(void);

void lmm_system_yield(void);
void lmm_system_sleep_us(unsigned microseconds); /* below a second; a signal ends it */

/* Waits until *word is not `value` any more, or for no reason; wakes one that waits there. Only
 * threads of this process. */
void lmm_system_futex_wait(uint32_t *word, uint32_t value);
void lmm_system_futex_wake(uint32_t *word);
void lmm_system_futex_wait_for(uint32_t *word, uint32_t value, uint64_t ns); /* no longer */
void lmm_system_futex_wake_all(uint32_t *word);

/* Signal n is bit n - 1. Changes the thread's mask as sigprocmask(2); before: NULL, or the old one. */
void lmm_system_sigmask(int how, uint64_t set, uint64_t *ret_before);
/* Signals that are pending. */
uint64_t lmm_system_sigpending(void);
/* Takes one pending signal of the set, without waiting. */
void lmm_system_take_signal(uint64_t set);

/* Ends this thread, which libc does not know (bare_thread.h). */
_Noreturn void lmm_system_end_thread(void);

/* ---- Local sockets --------------------------------------------------------------------------- */

/* Creates a socket of SOCK_STREAM, closed on exec, that waits for connections at that path, in at
 * most 107 bytes. */
int lmm_system_listen(const char *path);
/* Accepts a connection; -EAGAIN when none comes within so many milliseconds. */
int lmm_system_accept(int descriptor, int timeout_ms);
/* The effective user of the process at the other end; false: unknown. */
bool lmm_system_peer(int descriptor, unsigned *ret_user);
/* Waits until something can be read, at most so long: as poll(2), 1, 0 or -errno. */
int lmm_system_wait_readable(int descriptor, int timeout_ms);
/* As lmm_system_write(), for a socket, without SIGPIPE. */
ssize_t lmm_system_send(int descriptor, const void *data, size_t bytes);

/* What a signal does: SIG_DFL, SIG_IGN, or a handler as sigaction(2) has with SA_SIGINFO. */
struct lmm_system_action {
    uintptr_t handler;
    unsigned flags; /* SA_...; without SA_RESTORER, which is added */
    uint64_t mask;  /* signal n is bit n - 1 */
};

/* As sigaction(2), for every signal that the kernel has; action and ret_before may be NULL. A tool
 * that replaces sigaction does not see it. */
int lmm_system_sigaction(int number, const struct lmm_system_action *action,
                         struct lmm_system_action *ret_before);

/* Queues a signal for a thread of this process, with SI_QUEUE and that value. */
int lmm_system_queue_signal(int thread, int number, uint64_t value);

#if defined(__x86_64__)
/* The calling thread's thread pointer; 0: it has none, or the kernel does not tell. */
uintptr_t lmm_system_fs_base(void);
#endif

/*
 * Copies the process as fork does, but tells nobody: no handler runs, libc's records stay those of
 * the calling thread, and the parent gets no signal when the child ends; only
 * lmm_system_wait_for_copy() notices. Returns the child's id, 0 in the child, or -errno.
 */
int lmm_system_copy(void);
/* Waits until it has ended; 0 and its status as waitpid has it, or -errno. */
int lmm_system_wait_for_copy(int child, int *ret_status);
/* In the child: the end of the thread that made it kills it. */
void lmm_system_die_with_parent(void);
_Noreturn void lmm_system_exit(int status);

/* The value of an environment variable, or NULL; as getenv(), which bash, for example, replaces. */
const char *lmm_system_variable(const char *name);

#endif
