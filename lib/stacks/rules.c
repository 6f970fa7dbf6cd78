/* SPDX-License-Identifier: MIT */
#include "lib/stacks/rules.h"

#include "lib/ground/vm.h"

#include <string.h>

/* The rule of code that keeps a frame pointer. It leads to the two words at which the frame pointer points:
 * on x86-64 the CFA is after them; on AArch64 it may be further out (lmm_stack_walk_step()). */
static const struct lmm_cfi_rule frame_pointer_rule = {
    .cfa_offset = 2 * sizeof(uintptr_t) / LMM_CFI_OFFSET_BYTES,
#if defined(__aarch64__)
    .return_offset = sizeof(uintptr_t) / LMM_CFI_OFFSET_BYTES,
    .bp_offset = 0,
#else
    .bp_offset = -2 * (int16_t) sizeof(uintptr_t),
#endif
    .base = LMM_CFI_GUESS,
    .saved = LMM_CFI_IN_FRAME,
    .variant = LMM_VARIANT_NONE,
};

#if defined(__aarch64__)

/* Whether the return address is in the frame, which a rule on sp knows; so the walk need not look. */
static bool is_return_inside(struct lmm_cfi_rule rule)
{
    return rule.cfa_offset > 0 && rule.return_offset >= 0 && rule.return_offset < rule.cfa_offset;
}

static bool is_usable(struct lmm_cfi_rule rule, bool exact)
{
    bool is_leaf = exact && rule.return_offset == LMM_CFI_RETURN_IN_REGISTER;

    return rule.base != LMM_CFI_UNKNOWN &&
           (rule.base != LMM_CFI_SP || is_leaf || is_return_inside(rule));
}

/* mov x8, #139 and svc #0: the call of rt_sigreturn, to which the kernel lets a handler return. Unwinders
 * know it by these instructions (libgcc, gdb). It is in the vdso, which has no table for it, or where an
 * emulator has put it. */
static bool is_signal_return(uintptr_t pc)
{
    static const uint32_t code[] = {0xd2801168, 0xd4000001};

    return pc % sizeof(code[0]) == 0 && lmm_vm_is_readable(pc) &&
           lmm_vm_is_readable(pc + sizeof(code) - 1) &&
           memcmp((const void *) pc, code, sizeof(code)) == 0;
}

static struct lmm_cfi_rule rule_without_table(uintptr_t pc)
{
    static const struct lmm_cfi_rule signal_rule = {
        .base = LMM_CFI_SIGNAL,
        .variant = LMM_VARIANT_NONE,
    };

    return is_signal_return(pc) ? signal_rule : frame_pointer_rule;
}

#else

static bool is_usable(struct lmm_cfi_rule rule, bool exact)
{
    (void) exact;
    return rule.base != LMM_CFI_UNKNOWN &&
           (rule.base != LMM_CFI_SP ||
            (rule.cfa_offset > 0 && rule.cfa_offset % (int32_t) sizeof(uintptr_t) == 0));
}

static struct lmm_cfi_rule rule_without_table(uintptr_t pc)
{
    (void) pc;
    return frame_pointer_rule;
}

#endif

struct lmm_cfi_rule lmm_rule_by_frame_pointer(struct lmm_cfi_rule rule)
{
    struct lmm_cfi_rule other = frame_pointer_rule;

    other.variant = rule.variant;
    return other;
}

struct lmm_cfi_rule lmm_rule_find(uintptr_t pc, bool exact)
{
    struct lmm_module_facts facts;
    struct lmm_cfi_rule rule;
    uint64_t bits;

    if (!lmm_module_find(exact ? pc : pc - 1, &facts)) {
        return rule_without_table(pc);
    }
    if (!lmm_cfi_find(facts.eh_frame_hdr, pc, exact, &rule) || !is_usable(rule, exact)) {
        rule = rule_without_table(pc);
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

#elif defined(__aarch64__)

enum { CALL_BYTES_MAX = 4 };

/* Whether the last instruction is a call: bl, blr, and blr with pointer authentication. Arm Architecture
 * Reference Manual, C6.2. */
static bool ends_with_call(const unsigned char *end, size_t bytes)
{
    static const struct {
        uint32_t mask;
        uint32_t code;
    } calls[] = {
        {0xfc000000, 0x94000000}, /* bl */
        {0xfffffc1f, 0xd63f0000}, /* blr */
        {0xfffff81f, 0xd63f081f}, /* blraaz, blrabz */
        {0xfffff800, 0xd73f0800}, /* blraa, blrab */
    };
    uint32_t last;

    if (bytes < CALL_BYTES_MAX || (uintptr_t) end % CALL_BYTES_MAX != 0) {
        return false;
    }
    memcpy(&last, end - sizeof(last), sizeof(last));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        if ((last & calls[i].mask) == calls[i].code) {
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
