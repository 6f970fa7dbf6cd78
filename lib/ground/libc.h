/* SPDX-License-Identifier: MIT */
/*
 * libc: what newer C libraries, compilers and kernel headers have and older ones lack, back to glibc 2.28,
 * GCC 10 and Linux 4.18, so that no other file asks for a version. (_dl_find_object is in module.)
 *
 * A function that the C library lacks when the program runs is a weak symbol, so one build serves old and
 * new ones.
 */
#ifndef LMM_LIBC_H
#define LMM_LIBC_H

#include <features.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9, on every machine */
#endif

#if defined(__GLIBC__) /* musl has no such macro */
#if !__GLIBC_PREREQ(2, 33)
struct mallinfo2 {
    size_t arena;
    size_t ordblks;
    size_t smblks;
    size_t hblks;
    size_t hblkhd;
    size_t usmblks;
    size_t fsmblks;
    size_t uordblks;
    size_t fordblks;
    size_t keepcost;
};

struct mallinfo2 mallinfo2(void);
#endif
#endif

/* The thread's control block: GCC knows the built-in function on x86-64 since version 11. */
static inline uintptr_t lmm_thread_pointer(void)
{
#if defined(__x86_64__) && !defined(__clang__) && __GNUC__ < 11
    uintptr_t self;

    __asm__("mov %%fs:0, %0" : "=r"(self));
    return self;
#else
    return (uintptr_t) __builtin_thread_pointer();
#endif
}

/* glibc's pointer to the start of the main thread's stack, its highest address; musl has none. */
extern void *__libc_stack_end __attribute__((weak));

/* That address; where libc cannot tell, one that is not far above it. */
static inline uintptr_t lmm_main_stack_end(void)
{
    return &__libc_stack_end != NULL ? (uintptr_t) __libc_stack_end : getauxval(AT_RANDOM);
}

/* Writes what the program's streams hold, as exit() does. glibc's function does not wait for a stream's lock. */
static inline void lmm_streams_finish(void)
{
#if defined(__GLIBC__)
    fcloseall();
#else
    fflush(NULL);
#endif
}

/* glibc 2.32 declares it. The C library's text for an error, untranslated. */
extern const char *strerrordesc_np(int err) __attribute__((weak));

/* What an errno means, in words; never NULL. Async-signal-safe. Where the C library cannot tell, the errors of
 * files and memory have their words here, and others are "an unknown error". */
const char *lmm_error_text(int error);

/* The same, without asking the C library; for its test. */
const char *lmm_error_text_without_libc(int error);

#endif
