/* SPDX-License-Identifier: MIT */
/* rules: which addresses follow a call instruction, and the guess where a module has no rule. */
#include "lib/ground/vm.h"
#include "lib/stacks/rules.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = LMM_SYSTEM_PAGE_BYTES };

#if defined(__x86_64__) || defined(__aarch64__)

/* The ends of some code, and whether its last instruction is a call: Intel SDM, CALL; Arm Architecture
 * Reference Manual, BL and BLR. */
static const struct {
    const char *bytes;
    size_t count;
    bool is_call;
} cases[] = {
#if defined(__aarch64__)
    {"\x00\x00\x00\x94", 4, true},                  /* bl . */
    {"\xff\xff\xff\x97", 4, true},                  /* bl .-4 */
    {"\x00\x00\x3f\xd6", 4, true},                  /* blr x0 */
    {"\xc0\x03\x3f\xd6", 4, true},                  /* blr x30 */
    {"\x1f\x08\x3f\xd6", 4, true},                  /* blraaz x0 */
    {"\x5f\x0c\x3f\xd6", 4, true},                  /* blrabz x2 */
    {"\x22\x08\x3f\xd7", 4, true},                  /* blraa x1, x2 */
    {"\x22\x0c\x3f\xd7", 4, true},                  /* blrab x1, x2 */
    {"\x00\x00\x00\x14", 4, false},                 /* b . */
    {"\x00\x00\x1f\xd6", 4, false},                 /* br x0 */
    {"\xc0\x03\x5f\xd6", 4, false},                 /* ret */
    {"\x1f\x20\x03\xd5", 4, false},                 /* nop */
    {"\x00\x00\x00\x94\x1f\x20\x03\xd5", 8, false}, /* bl, nop */
    {"\x00\x00\x00\x94\x1f\x20", 6, false},         /* not at the end of an instruction */
#else
    {"\xe8\x01\x02\x03\x04", 5, true},          /* call rel32 */
    {"\xff\xd0", 2, true},                      /* call *%rax */
    {"\x41\xff\xd7", 3, true},                  /* call *%r15 */
    {"\xff\x10", 2, true},                      /* call *(%rax) */
    {"\xff\x50\x08", 3, true},                  /* call *8(%rax) */
    {"\xff\x14\xc8", 3, true},                  /* call *(%rax,%rcx,8) */
    {"\xff\x54\xc8\x10", 4, true},              /* call *16(%rax,%rcx,8) */
    {"\xff\x15\x11\x22\x33\x44", 6, true},      /* call *x(%rip) */
    {"\xff\x90\x11\x22\x33\x44", 6, true},      /* call *x(%rax) */
    {"\xff\x94\xc8\x11\x22\x33\x44", 7, true},  /* call *x(%rax,%rcx,8) */
    {"\xff\x14\x25\x11\x22\x33\x44", 7, true},  /* call *x */
    {"\xe9\x01\x02\x03\x04", 5, false},         /* jmp */
    {"\xff\xe0", 2, false},                     /* jmp *%rax */
    {"\xff\x25\x11\x22\x33\x44", 6, false},     /* jmp *x(%rip) */
    {"\x90\x90\x90\x90\x90\x90\x90", 7, false}, /* nop */
    {"\xff\x10\x90", 3, false},                 /* call *(%rax); nop */
    {"\xe8\x01\x02\x03\x04\x90", 6, false},     /* call rel32; nop */
    {"\xff\xd0\x55\x48\x89\xe5\x90", 7, false}, /* call *%rax, and a function's start */
    {"\xc3\x66\x2e\x0f\x1f\x84\x00", 7, false}, /* ret, and a part of a long nop */
#endif
};

/* Made code: in no module, behind a page that cannot be read and before another. */
static unsigned char *map_code(void)
{
    unsigned char *memory = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    cr_assert(memory != MAP_FAILED);
    cr_assert(mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    memset(memory + PAGE, 0x90, PAGE);
    return memory + PAGE;
}

Test(rules, tells_addresses_after_a_call)
{
    unsigned char *code = map_code();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char *end = code + 100;
        memset(code, 0x90, PAGE);
        memcpy(end - cases[i].count, cases[i].bytes, cases[i].count);
        cr_expect(lmm_rule_is_after_call((uintptr_t) end) == cases[i].is_call, "case %zu", i);
        end = code + PAGE;
        memcpy(end - cases[i].count, cases[i].bytes, cases[i].count);
        cr_expect(lmm_rule_is_after_call((uintptr_t) end) == cases[i].is_call, "case %zu", i);
    }
}

Test(rules, no_address_of_code)
{
    const uintptr_t code = (uintptr_t) map_code();
    static const uintptr_t words[] = {
        0, 1, 6, 7, 4096, UINTPTR_MAX, UINTPTR_MAX - 6, (uintptr_t) 1 << 47, (uintptr_t) 1 << 63};
    static unsigned char data[] = {0xe8, 0, 0, 0, 0, 0};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        cr_expect(!lmm_rule_is_after_call(words[i]), "word %zu", i);
    }
    for (uintptr_t near = 0; near < 7; near++) {
        cr_expect(!lmm_rule_is_after_call(code + near), "%u", (unsigned) near);
        cr_expect(!lmm_rule_is_after_call(code + PAGE + 1 + near), "%u", (unsigned) near);
    }
    cr_expect(!lmm_rule_is_after_call((uintptr_t) &data[5]), "data of a module is no code");
}

static uintptr_t returned_to;

static __attribute__((noinline)) void note_return(void)
{
    returned_to = (uintptr_t) __builtin_return_address(0);
    __asm__ volatile("" : : : "memory");
}

/* A function of this module without unwind tables. */
void without_tables(void);
__asm__(".text\n.type without_tables, %function\nwithout_tables:\n    nop\n    nop\n    ret\n"
        ".size without_tables, . - without_tables\n");

Test(rules, of_modules)
{
    cr_assert(lmm_modules_start());
    note_return();
    struct lmm_cfi_rule rule = lmm_rule_find(returned_to, false);
    cr_expect(lmm_rule_is_after_call(returned_to) && !lmm_rule_is_after_call(returned_to + 1));
    cr_expect(rule.base != LMM_CFI_GUESS && rule.base != LMM_CFI_UNKNOWN && rule.variant == 0);
    cr_expect(lmm_rule_of(lmm_table_body(&lmm_code_words), returned_to).base == rule.base);
    rule = lmm_rule_find((uintptr_t) &without_tables + 1, false);
    cr_expect(rule.base == LMM_CFI_GUESS && rule.variant == 0 && !lmm_rule_is_plain(rule));
    unsigned char *made = map_code();
    rule = lmm_rule_find((uintptr_t) made + 12, false);
    cr_expect(rule.base == LMM_CFI_GUESS && rule.variant == LMM_VARIANT_NONE);
#if defined(__aarch64__)
    memcpy(made + 12, "\x68\x11\x80\xd2\x01\x00\x00\xd4", 8); /* mov x8, #139; svc #0 */
    rule = lmm_rule_find((uintptr_t) made + 12, false);
    cr_expect(rule.base == LMM_CFI_SIGNAL && rule.variant == LMM_VARIANT_NONE);
#endif
}

#endif

/* base, saved and variant, and what the walk makes of them. */
static const struct {
    struct lmm_cfi_rule rule;
    bool is_plain;
    bool is_simple;
    bool uses_bp;
} kinds[] = {
    {{.base = LMM_CFI_SP, .saved = LMM_CFI_SAME}, true, true, false},
    {{.base = LMM_CFI_SP, .saved = LMM_CFI_IN_FRAME}, true, true, false},
    {{.base = LMM_CFI_SP, .saved = LMM_CFI_AT_BP}, false, false, true},
    {{.base = LMM_CFI_SP, .saved = LMM_CFI_LOST}, false, false, false},
    {{.base = LMM_CFI_SP, .saved = LMM_CFI_IN_FRAME, .variant = 1}, true, false, false},
    {{.base = LMM_CFI_SP, .variant = LMM_VARIANT_NONE}, true, false, false},
    {{.base = LMM_CFI_SP, .cfa_offset = -1, .bp_offset = -1}, true, true, false},
    {{.base = LMM_CFI_BP, .saved = LMM_CFI_IN_FRAME}, false, false, true},
    {{.base = LMM_CFI_BP_LOAD, .saved = LMM_CFI_SAME}, false, false, true},
    {{.base = LMM_CFI_GUESS, .saved = LMM_CFI_IN_FRAME}, false, false, true},
    {{.base = LMM_CFI_END}, false, false, true},
    {{.base = LMM_CFI_UNKNOWN}, false, false, true},
};

Test(rules, kinds_of_rules)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        cr_expect(lmm_rule_is_plain(kinds[i].rule) == kinds[i].is_plain, "case %zu", i);
        cr_expect(lmm_rule_is_simple(kinds[i].rule) == kinds[i].is_simple, "case %zu", i);
        cr_expect(lmm_rule_uses_bp(kinds[i].rule) == kinds[i].uses_bp, "case %zu", i);
    }
}
