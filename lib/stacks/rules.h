/* SPDX-License-Identifier: MIT */
/*
 * rules: the unwind rule of each return address that was met on a stack, found once.
 *
 * Owns a table that is read without a lock. Invariants: I1 an entry is filled in once; its rule alone changes,
 * by one store: when its module goes it is not known any more. I2 a rule on sp leads upwards by whole words.
 * Locks: RULES, inside, for what is new. Not responsible for walking (unwind), nor for finding rules (cfi).
 */
#ifndef LMM_RULES_H
#define LMM_RULES_H

#include "lib/ground/base.h"
#include "lib/stacks/cfi.h"
#include "lib/ground/sync.h"

struct lmm_rule_entry {
    uintptr_t pc;  /* 0: empty; atomic */
    uint64_t rule; /* as bits; 0: not known any more; atomic */
};

struct lmm_rule_table {
    size_t mask; /* entries - 1 */
    size_t used; /* under the lock; at most half */
    struct lmm_rule_entry entry[];
};

/* The table; outgrown ones stay, for who still reads them. */
extern struct lmm_rule_table *lmm_rules;

/* How often rules were forgotten; atomic. What was derived from rules before is then no longer sure. */
extern uint32_t lmm_rules_forgotten;

/* Call once, before the first rule. False with errno ENOMEM. */
bool lmm_rules_start(void);

/*
 * Finds the rule of pc and keeps it; exact: of an instruction that a signal interrupted, which is not kept.
 * END where there is none; by frame pointer for code that no module holds: that is made at run time, comes
 * and goes, and is not kept either.
 */
LMM_NOINLINE struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact);

static inline size_t lmm_rule_index(const struct lmm_rule_table *table, uintptr_t pc)
{
    return lmm_hash(pc) & table->mask;
}

/* The rule of a return address. table: lmm_rules. */
static inline __attribute__((always_inline)) struct lmm_cfi_rule
lmm_rule_of(const struct lmm_rule_table *table, uintptr_t pc)
{
    size_t i = lmm_rule_index(table, pc);
    uintptr_t found;
    struct lmm_cfi_rule rule;

    while (LMM_UNLIKELY((found = lmm_load_acquire(&table->entry[i].pc)) != pc)) {
        if (found == 0) {
            return lmm_rule_find(pc, false);
        }
        i = (i + 1) & table->mask;
    }
    uint64_t bits = lmm_load_relaxed(&table->entry[i].rule);
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
