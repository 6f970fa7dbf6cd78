/* SPDX-License-Identifier: MIT */
/*
 * module: which mapped ELF file an address lies in.
 *
 * Owns nothing. Asks the dynamic loader by way of _dl_find_object (glibc 2.35), which takes no lock
 * and is async-signal-safe; dl_iterate_phdr would take the loader's lock. Nothing here allocates,
 * so malloc may call it; any thread. Facts are valid while their module is mapped, as is the module
 * of an address on the caller's stack.
 */
#ifndef LMM_MODULE_H
#define LMM_MODULE_H

#include "lib/ground/base.h"

#include <lmm/ledger.h>

struct lmm_module_facts {
    uintptr_t start;                   /* the first byte mapped, that of the ELF header */
    uintptr_t end;                     /* past the last byte mapped */
    uintptr_t bias;                    /* address minus address in the file */
    const unsigned char *eh_frame_hdr; /* the section of that name; NULL: there is none */
    const char *name; /* the loader's, as long as the module stays; "" is the program itself */
};

/* True and *ret_facts when pc lies in a module that the loader mapped. */
bool lmm_module_find(uintptr_t pc, struct lmm_module_facts *ret_facts);

/* A hash of the ELF header and the program headers, which tell the size and place of everything in
 * the file; 0: they are not mapped where they should be. Reads mapped memory only. */
uint64_t lmm_module_headers(const struct lmm_module_facts *facts);

/* What tells whether a file is still the same. */
struct lmm_module_file {
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    int64_t changed_ns; /* its contents, since 1970 */
};

/* True and *ret_file for an existing file. One system call. */
bool lmm_module_file(const char *path, struct lmm_module_file *ret_file);

/* How many bytes of the module's code end at `end`: from the start of the executable segment that
 * the byte before it lies in; 0: that byte is no code. Reads mapped memory only. */
size_t lmm_module_code_before(const struct lmm_module_facts *facts, uintptr_t end);

/* Whether a module is mapped at exactly [start, end); another thread may unload it meanwhile. */
bool lmm_module_is_at(uintptr_t start, uintptr_t end);

/*
 * Writes the module's path to ret_path, ended by NUL and cut to bytes (1 or more); returns its
 * length. Absolute, as far as /proc and getcwd can tell: the program itself is what /proc/self/exe
 * leads to, or what `ld.so PROGRAM` was given. The kernel's own module is "[vdso]". A few system calls; async-signal-safe.
 */
size_t lmm_module_path(const struct lmm_module_facts *facts, char *ret_path, size_t bytes);

/* Copies the GNU build-id to ret_id and returns its length; 0 and nothing when the module has none,
 * or one that is longer than LMM_LEDGER_BUILD_ID_MAX. Reads mapped memory only. */
size_t lmm_module_build_id(const struct lmm_module_facts *facts,
                           unsigned char ret_id[LMM_LEDGER_BUILD_ID_MAX]);

#endif
