/* SPDX-License-Identifier: MIT */
/*
 * cfi: the unwind rule of a code address, from its module's .eh_frame.
 *
 * A rule tells where a frame's CFA is (the value of the stack pointer after the return to the
 * caller), and where the return address and the caller's bp are. On x86-64 the return address is at
 * CFA - 8; if it is elsewhere, there is no rule. On AArch64, where bp is x29, a call leaves it in x30,
 * and the function saves it where it likes. One step to the caller is:
 *
 *     SP       CFA = sp + cfa_offset
 *     BP       CFA = bp + cfa_offset
 *     BP_LOAD  CFA = *(bp + cfa_offset): functions that align their stack, as GCC compiles them for x86-64
 *     then     pc = the word at lmm_cfi_return_at(); bp as `saved` tells; sp = CFA
 *
 *     SIGNAL   sp leads to a ucontext_t (stack_walk.c): pc, sp and bp are in its uc_mcontext, and
 *              that pc is the interrupted instruction, so its rule is looked up with exact = true
 *     END      there is no caller
 *
 * sp and bp are those of the frame whose pc was looked up, at that pc.
 *
 * Owns nothing. It uses no memory, no locks and no system calls, so it may be called inside malloc,
 * before the program's constructors and in signal handlers. Rules exist on x86-64 and AArch64. Sources:
 * DWARF 5, section 6.4; Linux Standard Base 5.0, "DWARF Extensions", "Exception Frames" and
 * ".eh_frame_hdr"; System V ABI for AMD64, section 3.7; DWARF for the Arm 64-bit Architecture, sections
 * 4.1 and 4.4.
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
    LMM_CFI_SAME,     /* the caller's bp is this frame's */
    LMM_CFI_IN_FRAME, /* it is the word at lmm_cfi_bp_at() */
    LMM_CFI_AT_BP,    /* it is *(bp + bp_offset) */
    LMM_CFI_LOST,     /* it is not saved; callers with a rule on bp cannot be unwound */
};

/* Eight bytes, so that a rule is a value of a table. All zero: UNKNOWN. Offsets are in units of
 * LMM_CFI_OFFSET_BYTES. */
#if defined(__aarch64__)

/* Compilers save x29 and x30 at either end of a frame; both ends are near to the register that gives
 * the CFA, and the CFA itself may be far from it. */
enum {
    LMM_CFI_RETURN_VARIES = 1, /* where the return address is does not follow from the CFA */
    LMM_CFI_OFFSET_BYTES = 8,
    LMM_CFI_CFA_BITS = 20,
    LMM_CFI_SAVED_BITS = 14,
    /* Of return_offset: the return address is in x30, as in a leaf function. Only with exact = true. */
    LMM_CFI_RETURN_IN_REGISTER = -(1 << (LMM_CFI_SAVED_BITS - 1)),
};

struct lmm_cfi_rule {
    int64_t cfa_offset : LMM_CFI_CFA_BITS;
    int64_t return_offset : LMM_CFI_SAVED_BITS;
    int64_t bp_offset : LMM_CFI_SAVED_BITS;
    uint64_t base : 3;  /* enum lmm_cfi_base */
    uint64_t saved : 2; /* enum lmm_cfi_saved */
    uint64_t
        variant : 11; /* 0 here; of the module that the address is in, where rules.h keeps it */
};

#else

enum { LMM_CFI_RETURN_VARIES = 0, LMM_CFI_OFFSET_BYTES = 1 };

struct lmm_cfi_rule {
    int32_t cfa_offset;
    int16_t bp_offset;
    uint16_t base : 3;  /* enum lmm_cfi_base */
    uint16_t saved : 2; /* enum lmm_cfi_saved */
    uint16_t
        variant : 11; /* 0 here; of the module that the address is in, where rules.h keeps it */
};

#endif

_Static_assert(sizeof(struct lmm_cfi_rule) == 8, "a rule is one word");

/* The address at an offset of a rule. */
static inline uintptr_t lmm_cfi_at(uintptr_t base, int64_t offset)
{
    return base + (uintptr_t) (intptr_t) offset * LMM_CFI_OFFSET_BYTES;
}

/* Where the return address is. base: the value of sp or bp, which the rule's base names. */
static inline uintptr_t lmm_cfi_return_at(struct lmm_cfi_rule rule, uintptr_t base, uintptr_t cfa)
{
#if defined(__aarch64__)
    (void) cfa;
    return lmm_cfi_at(base, rule.return_offset);
#else
    (void) rule;
    (void) base;
    return cfa - sizeof(uintptr_t);
#endif
}

/* Where the caller's bp is, with LMM_CFI_IN_FRAME. */
static inline uintptr_t lmm_cfi_bp_at(struct lmm_cfi_rule rule, uintptr_t base, uintptr_t cfa)
{
#if defined(__aarch64__)
    (void) cfa;
    return lmm_cfi_at(base, rule.bp_offset);
#else
    (void) base;
    return lmm_cfi_at(cfa, rule.bp_offset);
#endif
}

/* The address of code in a word that was saved for a return. Pointer authentication of AArch64 keeps a
 * signature in the bits that an address does not need; code is in the lower 48, also where a process may
 * have 52, because the kernel maps above only on request. */
static inline uintptr_t lmm_cfi_code(uintptr_t word)
{
#if defined(__aarch64__)
    return word & ((UINT64_C(1) << 48) - 1);
#else
    return word;
#endif
}

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
