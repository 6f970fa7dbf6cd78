/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_FAILS_WITH_H
#define TESTS_SUPPORT_FAILS_WITH_H

/* Checks that the expression is NULL or false, and that it sets errno to `code`. */
#define FAILS_WITH(code, expression)                                                               \
    do {                                                                                           \
        errno = 0;                                                                                 \
        cr_assert(!(expression) && errno == (code), "%s: errno %d", #expression, errno);           \
    } while (0)

#endif
