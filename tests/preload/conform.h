/* SPDX-License-Identifier: MIT */
/* conform: for all conformance tests: the sizes to test, and checks of errno. */
#ifndef TESTS_PRELOAD_CONFORM_H
#define TESTS_PRELOAD_CONFORM_H

#include <errno.h>
#include <malloc.h>

#include "tests/preload/check.h"

#define KIB ((size_t) 1 << 10)
#define MIB ((size_t) 1 << 20)
#define GIB ((size_t) 1 << 30)

/* An errno that no function of libc sets. */
enum { CONFORM_ERRNO = 4321 };

/* Evaluates the expression, which must not change errno. */
#define KEEPS_ERRNO(expression)                                                                    \
    __extension__({                                                                                \
        errno = CONFORM_ERRNO;                                                                     \
        __typeof__(expression) result_ = (expression);                                             \
        CHECK(errno == CONFORM_ERRNO);                                                             \
        result_;                                                                                   \
    })

#define KEEPS_ERRNO_VOID(statement)                                                                \
    do {                                                                                           \
        errno = CONFORM_ERRNO;                                                                     \
        statement;                                                                                 \
        CHECK(errno == CONFORM_ERRNO);                                                             \
    } while (0)

/* The expression must be NULL and set errno to `code`. */
#define FAILS_WITH(code, expression)                                                               \
    do {                                                                                           \
        errno = 0;                                                                                 \
        void *block_ = check_opaque_pointer(expression);                                           \
        CHECK(block_ == NULL);                                                                     \
        CHECK_AT(errno == (code), errno);                                                          \
    } while (0)

/* Sizes that no machine can allocate. */
static const size_t conform_too_large[] = {
    PTRDIFF_MAX - 4096,
    PTRDIFF_MAX,
    (size_t) PTRDIFF_MAX + 1,
    (size_t) PTRDIFF_MAX + 4097,
    SIZE_MAX - 65536,
    SIZE_MAX - 4096,
    SIZE_MAX - 64,
    SIZE_MAX - 15,
    SIZE_MAX - 7,
    SIZE_MAX - 1,
    SIZE_MAX,
};

/* The n-th of the sizes around which allocators may behave differently, ascending: every size up to
 * 1100, then, for each eighth between two powers of two up to `limit`, the sizes next to it. 0 at
 * the end. */
static inline size_t conform_size(size_t n, size_t limit)
{
    enum { EACH = 1100, OFFSETS = 5 };
    static const int offsets[OFFSETS] = {-16, -1, 0, 1, 16};
    if (n < EACH) {
        return n + 1;
    }
    size_t step = (n - EACH) / OFFSETS;
    size_t power = (size_t) 1024 << (step / 8);
    size_t size = power + (step % 8 + 1) * (power / 8) + (size_t) offsets[(n - EACH) % OFFSETS];
    return size <= limit ? size : 0;
}

/* The smallest alignment that a block of that many bytes must have. */
static inline size_t conform_align(size_t bytes)
{
    return bytes >= 16 ? 16 : 8;
}

#endif
