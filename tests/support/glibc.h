/* SPDX-License-Identifier: MIT */
/* GLIBC: 1 where the C library is glibc, else 0 (musl). */
#ifndef TESTS_SUPPORT_GLIBC_H
#define TESTS_SUPPORT_GLIBC_H

#include <features.h>

#if defined(__GLIBC__)
#define GLIBC 1
#else
#define GLIBC 0
#endif

#endif
