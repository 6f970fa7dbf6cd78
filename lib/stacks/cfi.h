/* SPDX-License-Identifier: MIT */
/*
 * cfi: the unwind rule of a code address, from its module's .eh_frame.
 *
 * A rule tells where a frame's CFA is (the value of the stack pointer after the return to the
 * caller) and where the caller's bp is. The return address is at CFA - 8; if it is elsewhere, there
 * is no rule. One step to the caller is:
 *
 *     SP       CFA = sp + cfa_offset
 *     BP       CFA = bp + cfa_offset
 *     BP_LOAD  CFA = *(bp + cfa_offset): functions that align their stack, as GCC compiles them
 *     then     pc = *(CFA - 8); bp as `saved` tells; sp = CFA
 *
 *     SIGNAL   sp is the address of a ucontext_t: pc, sp and bp are in its uc_mcontext, and that
 *              pc is the interrupted instruction, so its rule is looked up with exact = true
 *     END      there is no caller
 *
 * sp and bp are those of the frame whose pc was looked up, at that pc.
 *
 * Owns nothing. It uses no memory, no locks and no system calls, so it may be called inside malloc,
 * before the program's constructors and in signal handlers. Rules exist on x86-64 only. Sources:
 * DWARF 5, section 6.4; Linux Standard Base 5.0, "DWARF Extensions", "Exception Frames" and
 * ".eh_frame_hdr"; System V ABI for AMD64, section 3.7.
 *
 * The tables are read as they are mapped, and are trusted: reading stays inside the lengths that
 * the entries give, and ends at anything unknown, but a wrong length can lead out of the section.
 */
#ifndef LMM_CFI_H
#define LMM_CFI_H

#include "lib/ground/base.h"

enum lmm_cfi_base {
    LMM_CFI_UNKNOWN, /* no rule of these kinds; the other fields mean nothing */
    LMM_CFI_SP,
    LMM_CFI_BP,
    LMM_CFI_BP_LOAD,
    LMM_CFI_SIGNAL, /* the other fields mean nothing */
    LMM_CFI_END,    /* the other fields mean nothing */
    LMM_CFI_GUESS,  /* not of a table: rules.h gives it, and it is tried like BP */
};

enum lmm_cfi_saved {
    LMM_CFI_SAME,   /* the caller's bp is this frame's */
    LMM_CFI_AT_CFA, /* it is *(CFA + bp_offset) */
    LMM_CFI_AT_BP,  /* it is *(bp + bp_offset) */
    LMM_CFI_LOST,   /* it is not saved; callers with a rule on bp cannot be unwound */
};

/* Eight bytes, so that a rule is a value of a table. All zero: UNKNOWN. */
struct lmm_cfi_rule {
    int32_t cfa_offset; /* bytes */
    int16_t bp_offset;  /* bytes */
    uint16_t base : 3;  /* enum lmm_cfi_base */
    uint16_t saved : 2; /* enum lmm_cfi_saved */
    uint16_t
        variant : 11; /* 0 here; of the module that the address is in, where rules.h keeps it */
};

_Static_assert(sizeof(struct lmm_cfi_rule) == 8, "a rule is one word");

/*
 * Finds the rule of pc. eh_frame_hdr: the section .eh_frame_hdr, as mapped, of the module that pc
 * is in; may be NULL. exact: pc is an instruction about to run (interrupted by a signal), not a
 * return address. The rule of a return address is that of the call before it, which may be a
 * function's last instruction. True and *ret_rule when an entry covers pc. Its base is UNKNOWN if
 * the entry is beyond these rules, or beyond this code; another unwinder may understand it. False
 * when no entry does: no tables, no binary search table of the usual kind, code without unwind
 * data, or damage. There, every unwinder's stack ends; for example in the loader's start code,
 * which calls a library's constructors. Any thread; async-signal-safe. Cost: a binary search and
 * the interpretation of one entry, half a microsecond.
 */
bool lmm_cfi_find(const unsigned char *eh_frame_hdr, uintptr_t pc, bool exact,
                  struct lmm_cfi_rule *ret_rule);

#endif
