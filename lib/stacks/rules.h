/* SPDX-License-Identifier: MIT */
/*
 * rules: the unwind rule of each return address that was met on a stack, found once.
 *
 * Owns a table that is read without a lock. Invariants: I1 an entry is filled in once; its rule
 * alone changes, by one store: when its module goes it is not known any more. I2 a rule on sp leads
 * upwards by whole words. Locks: RULES, inside, for what is new. Not responsible for walking
 * (unwind), nor for finding rules (cfi).
 */
#ifndef LMM_RULES_H
#define LMM_RULES_H

#include "lib/ground/table.h"
#include "lib/stacks/cfi.h"

/* By return address: its rule, as bits. */
extern struct lmm_table lmm_rules;

/* How often rules were forgotten; atomic. What was derived from rules before is then no longer
 * sure. */
extern uint32_t lmm_rules_forgotten;

/* Call once, before the first rule. False with errno ENOMEM. */
bool lmm_rules_start(void);

/*  Finds the rule of pc and keeps it; exact: of an instruction that a signal interrupted, which is
 * not kept. END where there is none; by frame pointer for code that no module holds: that is made
 * at run time, comes and goes, and is not kept either.
 */
LMM_NOINLINE struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact);

/* The rule of a return address. body: that of lmm_rules. */
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

/* Whether the step to the caller takes sp alone, and at most notes where bp is. */
static inline bool lmm_rule_is_plain(struct lmm_cfi_rule rule)
{
    return rule.base == LMM_CFI_SP && rule.saved <= LMM_CFI_AT_CFA;
}

static inline bool lmm_rule_uses_bp(struct lmm_cfi_rule rule)
{
    return rule.base != LMM_CFI_SP || rule.saved == LMM_CFI_AT_BP;
}

/* Forgets the rules of the code at [start, end), which is gone. */
void lmm_rules_forget(uintptr_t start, uintptr_t end);

void lmm_rules_before_fork(void);
void lmm_rules_after_fork(void);

#endif
