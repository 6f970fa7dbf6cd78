/* SPDX-License-Identifier: MIT */
#include "lib/stacks/rules.h"

#include "lib/ground/module.h"

#include <string.h>

struct lmm_table lmm_rules = LMM_TABLE_INIT(4096, false, true);
uint32_t lmm_rules_forgotten;

struct lmm_lock lmm_rules_lock = LMM_LOCK_INIT(LMM_RANK_RULES);

bool lmm_rules_start(void)
{
    lmm_lock_acquire(&lmm_rules_lock);
    bool has_room = lmm_table_reserve_locked(&lmm_rules);
    lmm_lock_release(&lmm_rules_lock);
    return has_room;
}

/* The rule of code that keeps a frame pointer. */
static const struct lmm_cfi_rule frame_pointer_rule = {
    .cfa_offset = 2 * sizeof(uintptr_t),
    .bp_offset = -2 * (int16_t) sizeof(uintptr_t),
    .base = LMM_CFI_BP,
    .saved = LMM_CFI_AT_CFA,
};

static bool is_usable(struct lmm_cfi_rule rule)
{
    return rule.base != LMM_CFI_UNKNOWN &&
           (rule.base != LMM_CFI_SP ||
            (rule.cfa_offset > 0 && rule.cfa_offset % (int32_t) sizeof(uintptr_t) == 0));
}

/* Without memory the rule is not kept, and is found again when it is needed again. */
static void keep(uintptr_t pc, struct lmm_cfi_rule rule)
{
    uint64_t bits;

    LMM_CHECK(is_usable(rule));
    memcpy(&bits, &rule, sizeof(bits));
    lmm_lock_acquire(&lmm_rules_lock);
    if (lmm_table_reserve_locked(&lmm_rules)) {
        lmm_table_put_locked(&lmm_rules, pc, 0, bits);
    }
    lmm_lock_release(&lmm_rules_lock);
}

struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact)
{
    struct lmm_module_facts module;
    struct lmm_cfi_rule rule;

    if (!lmm_module_find(exact ? pc : pc - 1, &module)) {
        return frame_pointer_rule;
    }
    if (!lmm_cfi_find(module.eh_frame_hdr, pc, exact, &rule) || !is_usable(rule)) {
        rule = (struct lmm_cfi_rule) {.base = LMM_CFI_END};
    }
    if (!exact) {
        keep(pc, rule);
    }
    return rule;
}

void lmm_rules_forget(uintptr_t start, uintptr_t end)
{
    LMM_CHECK(start <= end);
    lmm_lock_acquire(&lmm_rules_lock);
    lmm_table_forget_locked(&lmm_rules, start, end);
    lmm_store_relaxed(&lmm_rules_forgotten, lmm_rules_forgotten + 1);
    lmm_lock_release(&lmm_rules_lock);
}
