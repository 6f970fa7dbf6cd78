/* SPDX-License-Identifier: MIT */
/* memory_limit: how much memory the kernel lets a process have, by its cgroup. Stateless. */
#ifndef LMM_PROGRAM_MEMORY_LIMIT_H
#define LMM_PROGRAM_MEMORY_LIMIT_H

#include <stdint.h>

/* Returns the lowest limit of the cgroup of a process and of those around it (version 2); 0: none. */
uint64_t lmm_memory_limit_of(uint32_t pid);

#endif
