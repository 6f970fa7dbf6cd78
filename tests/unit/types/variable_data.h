/* SPDX-License-Identifier: MIT */
/* variable_data: what the functions of variable_data.c tell their test while they run. */
#ifndef LMM_TEST_VARIABLE_DATA_H
#define LMM_TEST_VARIABLE_DATA_H

/* A variable lies at an address, in a frame with this CFA; NULL: it is fixed. The call's return address is where
 * that is so. */
void see(const char *function, const char *variable, const void *address, const void *cfa);

/* Adds a variant of the file: run() calls see() for its variables. */
void join(const char *variant, void (*run)(void));

#endif
