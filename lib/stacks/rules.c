/* SPDX-License-Identifier: MIT */
#include "lib/stacks/rules.h"

#include <string.h>

/* The rule of code that keeps a frame pointer. */
static const struct lmm_cfi_rule frame_pointer_rule = {
    .cfa_offset = 2 * sizeof(uintptr_t),
    .bp_offset = -2 * (int16_t) sizeof(uintptr_t),
    .base = LMM_CFI_BP,
    .saved = LMM_CFI_AT_CFA,
    .variant = LMM_VARIANT_NONE,
};

static bool is_usable(struct lmm_cfi_rule rule)
{
    return rule.base != LMM_CFI_UNKNOWN &&
           (rule.base != LMM_CFI_SP ||
            (rule.cfa_offset > 0 && rule.cfa_offset % (int32_t) sizeof(uintptr_t) == 0));
}

struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact)
{
    struct lmm_module_facts facts;
    struct lmm_cfi_rule rule;
    uint64_t bits;

    if (!lmm_module_find(exact ? pc : pc - 1, &facts)) {
        return frame_pointer_rule;
    }
    if (!lmm_cfi_find(facts.eh_frame_hdr, pc, exact, &rule) || !is_usable(rule)) {
        rule = (struct lmm_cfi_rule) {.base = LMM_CFI_END};
    }
    lmm_lock_acquire(&lmm_modules_lock);
    struct lmm_code_module *module = lmm_modules_meet_locked(&facts);
    rule.variant = lmm_modules_variant(module) & LMM_VARIANT_NONE;
    if (!exact && module != NULL) {
        memcpy(&bits, &rule, sizeof(bits));
        lmm_modules_keep_locked(module, pc, bits);
    }
    lmm_lock_release(&lmm_modules_lock);
    return rule;
}
