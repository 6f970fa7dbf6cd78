/* SPDX-License-Identifier: MIT */
/*
 * header_use: a public header is used by one program in strict C11 (header_c11.c) and in C++17
 * (header_cxx17.cpp): it compiles without extensions and without warnings in both, in one program.
 */
#ifndef TESTS_SUPPORT_HEADER_USE_H
#define TESTS_SUPPORT_HEADER_USE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Uses the header from C++; given is what C11 made, or NULL. Returns 0, or the number of the step
 * that failed. */
int header_use_from_cxx(void *given);

#ifdef __cplusplus
}
#endif

#endif
