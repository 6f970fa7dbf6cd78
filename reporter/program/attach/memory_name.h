/* SPDX-License-Identifier: MIT */
/*
 * memory_name: what the memory at an address of a running process is: a variable of a module, a
 * mapping of the kernel's, a thread's stack, or memory that the program maps.
 *
 * Reads /proc/PID/maps, the names of threads, and the symbol tables of the files by libdw. What is told
 * was true at that moment.
 */
#ifndef LMM_PROGRAM_MEMORY_NAME_H
#define LMM_PROGRAM_MEMORY_NAME_H

#include <stddef.h>
#include <stdint.h>

struct lmm_memory_names;

enum { LMM_MEMORY_NAME_BYTES = 512 };

/* Opens a process; NULL: out of memory, or its mappings cannot be read. Close it with
 * lmm_memory_names_close(). */
struct lmm_memory_names *lmm_memory_names_open(uint32_t pid);

/* Writes the name of the memory at address: "redis-server!server+0x3a8", "libfoo.so+0x4010 (data)",
 * "[stack] 0x7ff...", or "memory at 0x7f...". */
void lmm_memory_name(struct lmm_memory_names *names, uint64_t address,
                     char ret_name[LMM_MEMORY_NAME_BYTES]);

/* Writes the name of memory of a thread: "thread 4713 "worker-2", stack or variables at 0x7f...".
 * address: 0: it is a register. names may be NULL. */
void lmm_memory_name_thread(const struct lmm_memory_names *names, uint64_t thread, uint64_t address,
                            char ret_name[LMM_MEMORY_NAME_BYTES]);

/* names may be NULL. */
void lmm_memory_names_close(struct lmm_memory_names *names);

#endif
