/* SPDX-License-Identifier: MIT */
#include "lib/stacks/rules.h"

#include "lib/ground/vm.h"

#include <string.h>

/* The rule of code that keeps a frame pointer. */
static const struct lmm_cfi_rule frame_pointer_rule = {
    .cfa_offset = 2 * sizeof(uintptr_t),
    .bp_offset = -2 * (int16_t) sizeof(uintptr_t),
    .base = LMM_CFI_GUESS,
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
        rule = frame_pointer_rule;
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

/* ---- Return addresses ------------------------------------------------------------------------ */

#if defined(__x86_64__)

enum { CALL_BYTES_MAX = 7 };

/* The bytes of an instruction from its ModR/M byte on, without an immediate operand: Intel SDM,
 * volume 2, section 2.1. sib: the byte after it. */
static size_t operand_bytes(unsigned char modrm, unsigned char sib)
{
    unsigned mode = modrm >> 6;
    unsigned base = modrm & 7;
    size_t bytes = mode != 3 && base == 4 ? 2 : 1;

    if (mode == 1) {
        bytes += 1;
    } else if (mode == 2 || (mode == 0 && (base == 5 || (base == 4 && (sib & 7) == 5)))) {
        bytes += 4;
    }
    return bytes;
}

/* Whether the last instruction of the code is a call: E8 with an offset, or FF /2. */
static bool ends_with_call(const unsigned char *end, size_t bytes)
{
    if (bytes >= 5 && end[-5] == 0xE8) {
        return true;
    }
    for (size_t length = 2; length <= CALL_BYTES_MAX && length <= bytes; length++) {
        const unsigned char *call = end - length;
        if (call[0] == 0xFF && (call[1] >> 3 & 7) == 2 &&
            operand_bytes(call[1], length > 2 ? call[2] : 0) == length - 1) {
            return true;
        }
    }
    return false;
}

#else

enum { CALL_BYTES_MAX = 4 };

static bool ends_with_call(const unsigned char *end, size_t bytes)
{
    (void) end;
    return bytes >= CALL_BYTES_MAX;
}

#endif

bool lmm_rule_is_after_call(uintptr_t address)
{
    struct lmm_module_facts facts;
    size_t bytes = CALL_BYTES_MAX;

    if (address < CALL_BYTES_MAX) {
        return false;
    }
    if (lmm_module_find(address - 1, &facts)) {
        bytes = lmm_module_code_before(&facts, address);
    } else if (!lmm_vm_is_readable(address - 1) || !lmm_vm_is_readable(address - CALL_BYTES_MAX)) {
        return false;
    }
    return ends_with_call((const unsigned char *) address, bytes);
}
