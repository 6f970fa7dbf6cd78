/* SPDX-License-Identifier: MIT */
/*
 * imports: the operators new and delete that modules import from the C++ runtime, led to LMM.
 *
 * A module calls a function of another one through a word, its slot, to which the dynamic loader
 * writes the function's address. With match=1, LMM writes the addresses of functions of its own into
 * the slots of the operators. So a program without match=1 calls exactly what it would call without
 * LMM, and LMM's library needs no C++ runtime.
 *
 * Only the operators of the one runtime in the process (libstdc++, or libc++abi) are led to LMM. Where
 * any other module defines one of them, the program has operators of its own, which may allocate as
 * they like and mix with malloc; then, or with two runtimes, the imports are not clear any more, and
 * nothing is said about matching. In the runtime, and in modules that may have a runtime or operators
 * hidden inside, the slot of free leads to LMM, too: so LMM knows frees that may be an operator's from
 * those that are not, no matter which module called the operator. (An operator ends with a jump to free, so call
 * stacks do not show it.)
 *
 * Owns what is known of the modules. Invariants:
 *   I1  a slot is written only while it holds the runtime's function, or is not bound yet
 *   I2  an import's original is set before a slot leads to its function, and never changes
 * Locks: the dynamic loader's, while it lists the modules; META. Look-ups take none.
 * Not responsible for: what the functions do (operators), what a mismatch is (matching).
 */
#ifndef LMM_PRELOAD_IMPORTS_H
#define LMM_PRELOAD_IMPORTS_H

#include "lib/ground/base.h"

struct lmm_import {
    const char *name; /* the symbol's */
    void *function;   /* LMM's, which modules call instead */
    void *original;   /* the runtime's; NULL: it has none of that name, or there is no runtime */
};

/* Starts with a table of operators, of which the first is operator new(size_t), and a function to call instead of free where that may be an
 * operator's; then as lmm_imports_refresh(). Does nothing where the program calls another free than
 * LMM's. Call once. */
void lmm_imports_start(struct lmm_import *operators, size_t count, void (*release)(void *p));

/* Leads the slots of modules that were loaded since the last call to LMM. Any thread that may wait for
 * the dynamic loader. Does nothing before the start. Cost: that of the new modules' relocations. */
void lmm_imports_refresh(void);

/* Whether all operators are those of one runtime; once false, it stays so. */
bool lmm_imports_are_clear(void);

enum lmm_import_module {
    LMM_MODULE_UNKNOWN, /* it may have operators of its own, which nobody sees */
    LMM_MODULE_RUNTIME, /* the C++ runtime, or LMM itself, which passes calls on to it */
    LMM_MODULE_PLAIN,   /* its calls of malloc and free are not those of operators */
};

/* What the module is whose first byte is there. */
enum lmm_import_module lmm_imports_module(uintptr_t start);

/*
 * Whether dlopen of file depends on which module calls it: by its DT_RPATH or DT_RUNPATH, or by $ORIGIN.
 * pc: in that module. file: may be NULL.
 */
bool lmm_imports_need_caller(const char *file, uintptr_t pc);

#endif
