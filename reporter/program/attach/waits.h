/* SPDX-License-Identifier: MIT */
/* waits: which system calls end with EINTR when their thread was stopped, though no signal came, and have done nothing then. Stateless. */
#ifndef LMM_PROGRAM_WAITS_H
#define LMM_PROGRAM_WAITS_H

#include <stdbool.h>
#include <stdint.h>

bool lmm_waits_can_begin_again(uint64_t call);

#endif
