/* SPDX-License-Identifier: MIT */
/*
 * sanitized: whether a program that is about to be executed is built with a sanitizer that has a malloc of its own
 * (AddressSanitizer and others). Under LMM it would refuse to start, or miss what it looks for, so it gets an
 * environment without LMM. reporter/program/run/sanitizer.c tells the same of the program of `lmm run` itself.
 *
 * Such a program calls the sanitizer's start by name (__asan_init): the name is in its dynamic string table, whether a
 * library has the function or the program itself. Only that table is read.
 *
 * Any thread, also in the child of vfork; async-signal-safe; no memory but 2 KiB of stack. Locks: none.
 */
#ifndef LMM_PRELOAD_SANITIZED_H
#define LMM_PRELOAD_SANITIZED_H

#include <stdbool.h>

/* Whether the file, or the interpreter that it names if it is a script, is so built. file: an open descriptor;
 * false if it cannot be read. */
bool lmm_sanitized_file(int file);

/* The same for the file at a path, or, if that has no slash, for the first one of this name in PATH. */
bool lmm_sanitized_path(const char *path);

#endif
