/* SPDX-License-Identifier: MIT */
/*
 * cfi: the unwind rule of a code address, from its module's .eh_frame.
 *
 * A rule says where a frame's CFA is (the stack pointer its caller has after the return) and where
 * the caller's bp is. The return address is at CFA - 8, or there is no rule. One step up the stack
 * is then:
 *
 *     SP       CFA = sp + cfa_offset
 *     BP       CFA = bp + cfa_offset
 *     BP_LOAD  CFA = *(bp + cfa_offset)    functions that align their stack, as GCC compiles them
 *     pc = *(CFA - 8); bp as `saved` says; sp = CFA
 *
 *     SIGNAL   sp is the address of a ucontext_t: pc, sp and bp are in its uc_mcontext, and that
 *              pc is the interrupted instruction, so its rule is looked up with exact = true
 *     END      there is no caller
 *
 * sp, bp: of the frame whose pc was looked up; sp is what it was at that pc.
 *
 * Owns nothing and remembers nothing: no memory, no locks, no calls, so it runs anywhere: inside
 * malloc, before the program's constructors, in signal handlers. Only x86-64 is known; elsewhere
 * there are no rules. Sources: DWARF 5, section 6.4; Linux Standard Base 5.0, "DWARF Extensions",
 * "Exception Frames" and ".eh_frame_hdr"; System V ABI for AMD64, section 3.7.
 *
 * The tables are taken as they are mapped: reading stays inside the entries' own lengths and ends
 * at the first thing that is not understood, but a length that lies can lead out of the section.
 */
#ifndef LMM_CFI_H
#define LMM_CFI_H

#include "lib/ground/base.h"

enum lmm_cfi_base {
    LMM_CFI_UNKNOWN, /* not to be told by these rules; the other fields mean nothing */
    LMM_CFI_SP,
    LMM_CFI_BP,
    LMM_CFI_BP_LOAD,
    LMM_CFI_SIGNAL, /* the other fields mean nothing */
    LMM_CFI_END,    /* the other fields mean nothing */
};

enum lmm_cfi_saved {
    LMM_CFI_SAME,   /* the caller's bp is this frame's */
    LMM_CFI_AT_CFA, /* it is *(CFA + bp_offset) */
    LMM_CFI_AT_BP,  /* it is *(bp + bp_offset) */
    LMM_CFI_LOST,   /* nobody knows: callers with a rule on bp cannot be unwound */
};

/* Eight bytes, so that a cache's entry is a pc and its rule. All zero: UNKNOWN. */
struct lmm_cfi_rule {
    int32_t cfa_offset; /* bytes */
    int16_t bp_offset;  /* bytes */
    uint8_t base;       /* enum lmm_cfi_base */
    uint8_t saved;      /* enum lmm_cfi_saved */
};

_Static_assert(sizeof(struct lmm_cfi_rule) == 8, "a rule is one word");

/*
 * Finds the rule of pc.
 * eh_frame_hdr: the section .eh_frame_hdr of the module that pc lies in, as mapped, or NULL.
 * exact: pc is an instruction about to run (interrupted by a signal), not a return address. The
 * rule of a return address is that of the call before it, which may be a function's last
 * instruction.
 * True and *ret_rule when an entry covers pc; its base is UNKNOWN where the entry says what no rule
 * can, or what this code does not understand: then another unwinder may know more. False when none
 * does: no tables, no binary search table of the usual kind, code without unwind data, damage. There
 * a stack ends for everybody; that of a library's constructor does, in the loader's start code.
 * Async-signal-safe; a binary search and the interpretation of one entry, half a microsecond.
 */
bool lmm_cfi_find(const unsigned char *eh_frame_hdr, uintptr_t pc, bool exact,
                  struct lmm_cfi_rule *ret_rule);

#endif
