/* SPDX-License-Identifier: MIT */
/* serve_memory: what the kernel says of a process's memory, by /proc. Stateless. */
#ifndef LMM_PROGRAM_SERVE_MEMORY_H
#define LMM_PROGRAM_SERVE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/ledger/memory_limit.h"

struct lmm_memory_use {
    uint64_t resident_bytes; /* 0: unknown */
    uint64_t minor_faults;   /* these two: since the start */
    uint64_t major_faults;
};

/* Sets *ret_use; all is 0 when there is no such process. */
void lmm_memory_use_read(uint32_t pid, struct lmm_memory_use *ret_use);

#endif
