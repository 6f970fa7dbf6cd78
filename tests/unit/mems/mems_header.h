/* SPDX-License-Identifier: MIT */
/*
 * header: mems.h in strict C11 (header_c11.c), where <sys/user.h> has defined PAGE_SIZE, and in
 * C++17 (header_cxx17.cpp) with values of its own. The sources of one program share one MeMS.
 */
#ifndef TESTS_MEMS_HEADER_H
#define TESTS_MEMS_HEADER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Goes on where C11 stopped, finishes and starts anew; returns 0, or the number of the step that
 * failed. */
int header_use_from_cxx(void *given);

#ifdef __cplusplus
}
#endif

#endif
