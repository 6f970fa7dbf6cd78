/* SPDX-License-Identifier: MIT */
#include "lib/ground/sync.h"

_Thread_local uint32_t lmm_ranks_held __attribute__((tls_model("initial-exec")));
