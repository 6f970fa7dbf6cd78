/* SPDX-License-Identifier: MIT */
/*
 * module: which mapped ELF file an address lies in.
 *
 * Asks the dynamic loader by way of _dl_find_object (glibc 2.35), which takes no lock and is
 * async-signal-safe; dl_iterate_phdr would take the loader's lock. Where the C library that runs has
 * no such function, LMM's own table answers (module_table). Nothing here calls malloc, so malloc may call
 * it; any thread. Facts are valid while their module is mapped, as is the module of an address on the
 * caller's stack.
 *
 * Locks: LOADED, inside, for LMM's own table.
 */
#ifndef LMM_MODULE_H
#define LMM_MODULE_H

#include "lib/ground/module_elf.h"

/* True and *ret_facts when pc lies in a segment of a mapped module. The facts are those of the whole module,
 * whose segments may have gaps between them. */
bool lmm_module_find(uintptr_t pc, struct lmm_module_facts *ret_facts);

/* Whether an address lies in the module. */
static inline bool lmm_module_has(const struct lmm_module_facts *facts, const void *address)
{
    return (uintptr_t) address - facts->start < facts->end - facts->start;
}

/* Tells that modules may be loaded or unloaded from now on. */
void lmm_module_expect(void);

/* For tests: true makes LMM's own table answer, whatever the C library has. */
void lmm_module_use_table(bool always);

/* What tells whether a file is still the same. */
struct lmm_module_file {
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    int64_t changed_ns; /* its contents, since 1970 */
};

/* True and *ret_file for an existing file. One system call. */
bool lmm_module_file(const char *path, struct lmm_module_file *ret_file);

/* Whether a module is mapped at exactly [start, end); another thread may unload it meanwhile. */
bool lmm_module_is_at(uintptr_t start, uintptr_t end);

/*
 * Writes the module's path to ret_path, ended by NUL and cut to bytes (1 or more); returns its
 * length. Absolute, as far as /proc and getcwd can tell: the program itself is what /proc/self/exe
 * leads to, or what `ld.so PROGRAM` was given. The kernel's own module is "[vdso]". A few system calls; async-signal-safe.
 */
size_t lmm_module_path(const struct lmm_module_facts *facts, char *ret_path, size_t bytes);

#endif
