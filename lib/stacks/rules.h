/* SPDX-License-Identifier: MIT */
/*
 * rules: the unwind rule of each return address that was seen on a stack; each is found once.
 *
 * Owns a table of them, which is read without a lock. Invariants, held by lmm_rule_find():
 *   I1  the table has rules of code in modules only; the rules of a module are forgotten when it
 *       goes
 *   I2  a rule on sp leads outwards by a positive multiple of a word (is_usable() checks it)
 * Locks: RULES, inside, for a rule that is not in the table. Not responsible for: walking (unwind),
 * reading unwind tables (cfi).
 */
#ifndef LMM_RULES_H
#define LMM_RULES_H

#include "lib/ground/table.h"
#include "lib/stacks/cfi.h"

/* By return address: its rule, as bits. */
extern struct lmm_table lmm_rules;

/* How often rules were forgotten; atomic, relaxed. What was derived from older rules may be
 * wrong. */
extern uint32_t lmm_rules_forgotten;

/* Call before the first rule. False with errno ENOMEM; may then be called again. */
bool lmm_rules_start(void);

/*
 * Finds the rule of pc in its module's unwind tables. exact: pc is an instruction that a signal
 * interrupted, not a return address; its rule is not kept. The rule's base is END if the tables
 * have no rule. Code that is in no module is made at run time and may change, so it is walked by
 * frame pointers, and the rule is not kept. Any thread; takes RULES. Async-signal-safe except for
 * that lock.
 */
LMM_NOINLINE struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact);

/* The rule of a return address. body: of lmm_rules. Any thread; takes no lock for a known rule. */
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

/* Whether the step to the caller needs sp only, and bp, if it changes, is saved in the frame. */
static inline bool lmm_rule_is_plain(struct lmm_cfi_rule rule)
{
    return rule.base == LMM_CFI_SP && rule.saved <= LMM_CFI_AT_CFA;
}

/* Whether the step to the caller needs the value of bp. */
static inline bool lmm_rule_uses_bp(struct lmm_cfi_rule rule)
{
    return rule.base != LMM_CFI_SP || rule.saved == LMM_CFI_AT_BP;
}

/* Forgets the rules of code at [start, end), which was unloaded. Takes RULES. O(rules). */
void lmm_rules_forget(uintptr_t start, uintptr_t end);

/* RULES; exported for fork. */
extern struct lmm_lock lmm_rules_lock;

#endif
