/* SPDX-License-Identifier: MIT */
/*
 * header: the same small program, written twice, as strict C11 (header_c11.c) and as C++17
 * (header_cxx17.cpp): the header compiles without extensions and without warnings, in both at once.
 */
#ifndef TESTS_API_HEADER_H
#define TESTS_API_HEADER_H

#ifdef __cplusplus
extern "C" {
#endif

/* Uses each macro and each function; returns the number of the first step that failed, or 0. */
int header_use_from_cxx(void);

#ifdef __cplusplus
}
#endif

#endif
