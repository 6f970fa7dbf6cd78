/* SPDX-License-Identifier: MIT */
/*
 * The cases of one program: each does one thing with its own blocks and ends the process. cases.txt, one folder up,
 * has the right answer of each: the blocks and bytes of each class.
 *
 * A block that is lost must be lost for every tool: no copy of its address may be left in a register, on the stack
 * or in a freed block. So blocks of own() are zeroed, a case is a function of its own, and after it main() calls
 * forget(). What must be seen is held by a volatile variable.
 */
#ifndef TESTS_LEAKS_CASE_H
#define TESTS_LEAKS_CASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct leak_case {
    const char *name; /* NULL ends a table */
    void (*run)(void);
};

extern const struct leak_case reference_cases[], mapping_cases[], stack_cases[], thread_cases[],
    module_cases[], hidden_cases[], shape_cases[], interior_cases[], heuristic_cases[],
    container_cases[], process_cases[], verb_cases[], libc_cases[];

/* A global of the program, for the cases that only need some reference. */
extern void *volatile held;

/* The path of the module that cases of modules load. */
extern const char *module_path;

/* Returns a zeroed block; ends the process when there is none. */
void *own(size_t bytes);

/* Overwrites the stack below the caller, and the registers that a call may change. */
void forget(void);

/* A pointer in a form that no tool takes for one, and back. */
uintptr_t hide(const void *block);
void *unhide(uintptr_t hidden);

/* Ends the process with a message when the condition is false. */
void need(int condition, const char *what);

/* Ends the process with the status of a skipped test. */
void skip(const char *why);

/* Starts a thread; returns when it has called ready(). */
uintptr_t start(void *(*run)(void *), void *argument);
void ready(void);

#ifdef __cplusplus
}
#endif

#endif
