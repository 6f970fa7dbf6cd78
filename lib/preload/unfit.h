/* SPDX-License-Identifier: MIT */
/*
 * unfit: whether a program that is about to be executed cannot run with LMM, so that it gets an environment without it.
 * reporter/program/run/preload.c and sanitizer.c tell the same of the program of `lmm run` itself. Such are programs
 *   - that are built with a sanitizer that has a malloc of its own (AddressSanitizer and others): under LMM they would
 *     refuse to start, or miss what they look for. They call the sanitizer's start by name (__asan_init): the name is in
 *     their dynamic string table, whether a library has the function or the program itself. Only that table is read.
 *   - of musl: its loader cannot load what needs glibc, and does not start them then. They name that loader.
 *
 * Any thread, also in the child of vfork; async-signal-safe; no memory but 2 KiB of stack. Locks: none.
 */
#ifndef LMM_PRELOAD_UNFIT_H
#define LMM_PRELOAD_UNFIT_H

#include <stdbool.h>

/* Whether the file, or the interpreter that it names if it is a script, is unfit. file: an open descriptor;
 * false if it cannot be read. */
bool lmm_unfit_file(int file);

/* The same for the file at a path, or, if that has no slash, for the first one of this name in PATH. */
bool lmm_unfit_path(const char *path);

#endif
