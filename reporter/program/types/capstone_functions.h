/* SPDX-License-Identifier: MIT */
/*
 * capstone_functions: the functions of Capstone, which decodes machine code. The library has so many relocations that
 * loading it takes longer than all else that most commands do, so it is loaded when code is first decoded (late_module.h).
 */
#ifndef LMM_PROGRAM_CAPSTONE_FUNCTIONS_H
#define LMM_PROGRAM_CAPSTONE_FUNCTIONS_H

#include <capstone/capstone.h>

/* Each is Capstone's function whose name has cs_ before it. */
struct lmm_capstone {
    __typeof__(cs_open) *open;
    __typeof__(cs_close) *close;
    __typeof__(cs_option) *option;
    __typeof__(cs_malloc) *malloc;
    __typeof__(cs_free) *free;
    __typeof__(cs_disasm_iter) *disasm_iter;
    __typeof__(cs_regs_access) *regs_access;
};

/* Their table, in a module; weak: a program that is linked with it, as tests are, needs no module. */
extern const struct lmm_capstone lmm_capstone_functions __attribute__((weak));

/* Returns them; NULL: they cannot be loaded, after one line on stderr. Any thread. */
const struct lmm_capstone *lmm_capstone(void);

#endif
