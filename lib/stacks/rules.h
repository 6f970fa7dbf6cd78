/* SPDX-License-Identifier: MIT */
/*
 * rules: the unwind rule of each return address that was seen on a stack; each is found once.
 *
 * Owns nothing: a rule is the word of its return address in the table of modules.h, which is read
 * without a lock. Invariants, held by lmm_rule_find():
 *   I1  the table has rules of code in modules only; they are forgotten when their module goes
 *   I2  a rule on sp leads outwards by a positive multiple of a word, and the return address is in
 *       between (is_usable() checks it); except for a leaf function of AArch64 that a signal interrupted
 *   I3  a rule's variant is that of its module
 * Locks: MODULES, inside, for a rule that is not in the table. Not responsible for: walking
 * (unwind), reading unwind tables (cfi).
 */
#ifndef LMM_RULES_H
#define LMM_RULES_H

#include "lib/stacks/cfi.h"
#include "lib/stacks/modules.h"

/* Finds the rule of pc in its module's unwind tables. exact: pc is an instruction that a signal
 * interrupted, not a return address; its rule is not kept. If the tables have no rule, as for
 * assembly without directives, the rule is the frame pointer's, and its base is GUESS. So it is for
 * code in no module, which is made at run time and may change; that rule is not kept. (On AArch64 such
 * code may also be the kernel's return from a signal, whose rule is SIGNAL.) Any thread;
 * takes MODULES. Async-signal-safe except for that lock. */
LMM_NOINLINE struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact);

/* The rule of the frame pointer, for code whose rule on sp cannot be used. */
struct lmm_cfi_rule lmm_rule_by_frame_pointer(struct lmm_cfi_rule rule);

/* Whether the address follows a call instruction, so a word that was found by a guess may be a
 * return address. Code of modules is in their executable segments; other memory only has to be
 * readable, because made code is in no list. Any thread; async-signal-safe. Cost: that of reading a
 * module's program headers, or of two system calls. */
LMM_NOINLINE bool lmm_rule_is_after_call(uintptr_t address);

/* The rule of a return address. body: of lmm_code_words. Any thread; takes no lock for a known
 * rule. */
static inline __attribute__((always_inline)) struct lmm_cfi_rule
lmm_rule_of(const struct lmm_table_body *body, uintptr_t pc)
{
    uint64_t bits = lmm_table_get(body, pc);
    struct lmm_cfi_rule rule;

    if (LMM_UNLIKELY(bits == 0)) {
        return lmm_rule_find(pc, false);
    }
    __builtin_memcpy(&rule, &bits, sizeof(rule));
    return rule;
}

/* base, saved and variant as one number, so that one comparison tests all of them. */
static inline uint32_t lmm_rule_kind(struct lmm_cfi_rule rule)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &rule, sizeof(bits));
    return (uint32_t) (bits >> 48);
}

enum {
    LMM_RULE_PLAIN = LMM_CFI_SP | LMM_CFI_SAME << 3,
    LMM_RULE_EITHER = (LMM_CFI_SAME ^ LMM_CFI_IN_FRAME)
                      << 3, /* the bit in which these two differ */
    LMM_RULE_VARIANT = LMM_VARIANT_NONE << 5,
};

/* Whether the step to the caller needs sp only, and bp, if it changes, is saved in the frame. */
static inline bool lmm_rule_is_plain(struct lmm_cfi_rule rule)
{
    return (lmm_rule_kind(rule) & ~(uint32_t) (LMM_RULE_EITHER | LMM_RULE_VARIANT)) ==
           LMM_RULE_PLAIN;
}

/* Whether it is plain, and the code's module is the first one at its place. */
static inline bool lmm_rule_is_simple(struct lmm_cfi_rule rule)
{
    return (lmm_rule_kind(rule) & ~(uint32_t) LMM_RULE_EITHER) == LMM_RULE_PLAIN;
}

/* Whether the step to the caller needs the value of bp. */
static inline bool lmm_rule_uses_bp(struct lmm_cfi_rule rule)
{
    return rule.base != LMM_CFI_SP || rule.saved == LMM_CFI_AT_BP;
}

#endif
