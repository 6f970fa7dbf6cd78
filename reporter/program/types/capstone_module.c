/* SPDX-License-Identifier: MIT */
/* capstone_module: the module liblmm_capstone.so. */
#include "reporter/program/types/capstone_functions.h"

const struct lmm_capstone lmm_capstone_functions = {
    .open = cs_open,
    .close = cs_close,
    .option = cs_option,
    .malloc = cs_malloc,
    .free = cs_free,
    .disasm_iter = cs_disasm_iter,
    .regs_access = cs_regs_access,
};
