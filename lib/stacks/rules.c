/* SPDX-License-Identifier: MIT */
#include "lib/stacks/rules.h"

#include "lib/ground/meta.h"
#include "lib/ground/module.h"

#include <string.h>

enum { RULES_FIRST = 4096 };

struct lmm_rule_table *lmm_rules;
uint32_t lmm_rules_forgotten;

static struct lmm_lock rules_lock = LMM_LOCK_INIT(LMM_RANK_RULES);

/* ---- The table --------------------------------------------------------------------------------- */

/* The entry of pc, or the empty one where it belongs. */
static struct lmm_rule_entry *entry_of(struct lmm_rule_table *table, uintptr_t pc)
{
    size_t i = lmm_rule_index(table, pc);

    while (table->entry[i].pc != pc && table->entry[i].pc != 0) {
        i = (i + 1) & table->mask;
    }
    return &table->entry[i];
}

static struct lmm_rule_table *table_create(size_t entries)
{
    struct lmm_rule_table *table =
        lmm_meta_zalloc(sizeof(*table) + entries * sizeof(struct lmm_rule_entry));

    if (table != NULL) {
        table->mask = entries - 1;
    }
    return table;
}

/* Puts what is known into a table twice as large. False: no memory; then nothing new is kept. */
static bool table_grow_locked(void)
{
    struct lmm_rule_table *old = lmm_rules;
    struct lmm_rule_table *larger = table_create(2 * (old->mask + 1));

    if (larger == NULL) {
        return false;
    }
    for (size_t i = 0; i <= old->mask; i++) {
        if (old->entry[i].pc != 0) {
            *entry_of(larger, old->entry[i].pc) = old->entry[i];
            larger->used++;
        }
    }
    lmm_store_release(&lmm_rules, larger);
    return true;
}

static void keep(uintptr_t pc, struct lmm_cfi_rule rule)
{
    uint64_t bits;

    memcpy(&bits, &rule, sizeof(bits));
    lmm_lock_acquire(&rules_lock);
    if (2 * lmm_rules->used <= lmm_rules->mask || table_grow_locked()) {
        struct lmm_rule_entry *entry = entry_of(lmm_rules, pc);
        lmm_store_relaxed(&entry->rule, bits);
        if (entry->pc == 0) {
            lmm_rules->used++;
            lmm_store_release(&entry->pc, pc);
        }
    }
    lmm_lock_release(&rules_lock);
}

bool lmm_rules_start(void)
{
    if (lmm_rules == NULL) {
        lmm_store_release(&lmm_rules, table_create(RULES_FIRST));
    }
    return lmm_rules != NULL;
}

/* ---- Finding ----------------------------------------------------------------------------------- */

/* As compilers leave it that keep a frame pointer. */
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
    lmm_lock_acquire(&rules_lock);
    for (size_t i = 0; i <= lmm_rules->mask; i++) {
        struct lmm_rule_entry *entry = &lmm_rules->entry[i];
        if (entry->pc >= start && entry->pc <= end) {
            lmm_store_relaxed(&entry->rule, 0);
        }
    }
    lmm_store_relaxed(&lmm_rules_forgotten, lmm_rules_forgotten + 1);
    lmm_lock_release(&rules_lock);
}

void lmm_rules_before_fork(void)
{
    lmm_lock_acquire_for_fork(&rules_lock);
}

void lmm_rules_after_fork(void)
{
    lmm_lock_release_for_fork(&rules_lock);
}
