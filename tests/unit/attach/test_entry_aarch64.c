/* SPDX-License-Identifier: MIT */
/* Entries of AArch64 are planned as words, on any machine; on AArch64 functions are led elsewhere, called by both ways, in memory of the
 * test's own. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "reporter/program/attach/entry.h"

enum { CODE = 0x10000, ISLAND = 0x20000, WORDS = 8, BTI_JC_BYTES = 4 };

/* The first words of a function, how many of them stay before the one that is moved, and what is in its place in the island, between what
 * stays and the branch back; or why it is refused. */
static const struct {
    const char *name;
    uint32_t code[2];
    size_t kept;
    uint32_t moved[WORDS];
    size_t count;
    const char *reason;
} cases[] = {
    {"stp", {0xa9bd7bfd, 0}, 0, {0xa9bd7bfd}, 1, NULL},
    {"bti c stays", {0xd503245f, 0xa9bd7bfd}, 1, {0xa9bd7bfd}, 1, NULL},
    {"paciasp stays", {0xd503233f, 0xa9bd7bfd}, 1, {0xa9bd7bfd}, 1, NULL},
    {"b", {0x14000010, 0}, 0, {0x17ffc007}, 1, NULL},
    {"bl", {0x94000010, 0}, 0, {0x97ffc007}, 1, NULL},
    {"b.eq", {0x54000200, 0}, 0, {0x54000040, 0x14000002, 0x17ffc005}, 3, NULL},
    {"cbz x0", {0xb4000200, 0}, 0, {0xb4000040, 0x14000002, 0x17ffc005}, 3, NULL},
    {"cbz backwards", {0x34ffffe0, 0}, 0, {0x34000040, 0x14000002, 0x17ffbff4}, 3, NULL},
    {"tbnz w1, #3", {0x37180201, 0}, 0, {0x37180041, 0x14000002, 0x17ffc005}, 3, NULL},
    {"adr x1", {0x30000081, 0}, 0, {0x58000041, 0x14000003, 0x10011, 0}, 4, NULL},
    {"adrp x1", {0xd0000001, 0}, 0, {0x58000041, 0x14000003, 0x12000, 0}, 4, NULL},
    {"adrp backwards", {0xf0ffffe1, 0}, 0, {0x58000041, 0x14000003, 0xf000, 0}, 4, NULL},
    {"ldr w1", {0x18000201, 0}, 0, {0x58000041, 0x14000003, 0x10040, 0, 0xb9400021}, 5, NULL},
    {"ldr x1", {0x58000201, 0}, 0, {0x58000041, 0x14000003, 0x10040, 0, 0xf9400021}, 5, NULL},
    {"ldrsw x1", {0x98000201, 0}, 0, {0x58000041, 0x14000003, 0x10040, 0, 0xb9800021}, 5, NULL},
    {"prfm", {0xd8000200, 0}, 0, {0xd503201f}, 1, NULL},
    {"ldr q1", {0x9c000201, 0}, 0, {0}, 0, "its first instructions cannot be moved"},
    {"ldr xzr", {0x5800021f, 0}, 0, {0}, 0, "its first instructions cannot be moved"},
    {"no instruction", {0, 0}, 0, {0}, 0, "its first instructions are unknown"},
};

/* Where a branch leads. */
static uint64_t target_of(const unsigned char *code, uint64_t address)
{
    uint32_t word;

    memcpy(&word, code, sizeof(word));
    cr_assert_eq(word >> 26, 5, "%#x is no branch", word);
    return address + (uint64_t) ((int64_t) ((uint64_t) word << 38) >> 36);
}

Test(entry_aarch64, plans)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_entry entry;
        const char *reason =
            lmm_entry_plan((const unsigned char *) cases[i].code, sizeof(cases[i].code), CODE,
                           ISLAND, 0x123456789abc, &entry);

        if (cases[i].reason != NULL) {
            cr_assert_not_null(reason, "%s", cases[i].name);
            cr_assert_str_eq(reason, cases[i].reason, "%s: %s", cases[i].name, reason);
            continue;
        }
        cr_assert_null(reason, "%s: %s", cases[i].name, reason);
        size_t pac = cases[i].code[0] == 0xd503233f ? sizeof(uint32_t) : 0; /* is done once more */
        size_t at = (size_t) (entry.original - ISLAND) + BTI_JC_BYTES + pac;
        size_t bytes = cases[i].count * sizeof(uint32_t);

        cr_assert_eq(entry.address, CODE + cases[i].kept * 4, "%s", cases[i].name);
        cr_assert(entry.bytes == 4 && entry.patch_bytes == 4, "%s", cases[i].name);
        cr_assert_eq(target_of(entry.patch, entry.address), ISLAND, "%s", cases[i].name);
        cr_assert_eq(memcmp(entry.island + at, cases[i].moved, bytes), 0, "%s", cases[i].name);
        cr_assert_eq(target_of(entry.island + at + bytes, ISLAND + at + bytes), entry.address + 4,
                     "%s", cases[i].name);
        cr_assert_not(lmm_entry_has(&entry, entry.address), "%s", cases[i].name);
        cr_assert_not(lmm_entry_has(&entry, entry.address + 4), "%s", cases[i].name);
    }
}

/* An island, a target of the moved branch, and an odd address. */
Test(entry_aarch64, refused)
{
    static const struct {
        uint32_t code;
        uint64_t address;
        uint64_t island;
        const char *reason;
    } far[] = {
        {0xa9bd7bfd, CODE, CODE + (UINT64_C(1) << 27), "its first instructions reach too far"},
        {0x15ffffff, UINT64_C(1) << 28, (UINT64_C(1) << 28) - (UINT64_C(1) << 26),
         "its first instructions reach too far"},
        {0xa9bd7bfd, CODE + 2, ISLAND, "its address is odd"},
    };

    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        struct lmm_entry entry;
        const char *reason = lmm_entry_plan((const unsigned char *) &far[i].code, 4, far[i].address,
                                            far[i].island, 1, &entry);

        cr_assert_not_null(reason, "%zu", i);
        cr_assert_str_eq(reason, far[i].reason, "%zu: %s", i, reason);
    }
}

#if defined(__aarch64__)

#include "tests/unit/attach/both_ways.h"

/* ---- Functions that are led ------------------------------------------------------------------ */

/* Functions of one int, each with its results for 0 and for 5. The first starts at a page. */
static const struct {
    const char *name;
    uint32_t code[WORDS];
    int zero;
    int five;
} functions[] = {
    /* add w0, w0, #1; ret */
    {"nothing to mend", {0x11000400, 0xd65f03c0}, 1, 6},
    /* adr x1, 1f; ldr w1, [x1]; add w0, w0, w1; ret; 1: .word 77 */
    {"an address", {0x10000081, 0xb9400021, 0x0b010000, 0xd65f03c0, 77}, 77, 82},
    /* adrp x1, .; ldr w1, [x1, #16]; add w0, w0, w1; ret; .word 77 */
    {"the address of a page", {0x90000001, 0xb9401021, 0x0b010000, 0xd65f03c0, 77}, 77, 82},
    /* ldr w1, 1f; add w0, w0, w1; ret; 1: .word 77 */
    {"a constant", {0x18000061, 0x0b010000, 0xd65f03c0, 77}, 77, 82},
    /* ldrsw x1, 1f; add w0, w0, w1; ret; 1: .word -5 */
    {"a signed constant", {0x98000061, 0x0b010000, 0xd65f03c0, 0xfffffffb}, -5, 0},
    /* cbz w0, 1f; add w0, w0, #7; ret; 1: mov w0, #42; ret */
    {"cbz", {0x34000060, 0x11001c00, 0xd65f03c0, 0x52800540, 0xd65f03c0}, 42, 12},
    /* tbz w0, #0, 1f; add w0, w0, #7; ret; 1: mov w0, #42; ret */
    {"tbz", {0x36000060, 0x11001c00, 0xd65f03c0, 0x52800540, 0xd65f03c0}, 42, 12},
    /* b 1f; nop; 1: add w0, w0, #3; ret */
    {"b", {0x14000002, 0xd503201f, 0x11000c00, 0xd65f03c0}, 3, 8},
    /* bti c; cbz w0, 1f; add w0, w0, #7; ret; 1: mov w0, #42; ret */
    {"bti c", {0xd503245f, 0x34000060, 0x11001c00, 0xd65f03c0, 0x52800540, 0xd65f03c0}, 42, 12},
    /* paciasp; add w0, w0, #1; autiasp; ret */
    {"paciasp", {0xd503233f, 0x11000400, 0xd50323bf, 0xd65f03c0}, 1, 6},
};

Test(entry_aarch64, both_ways)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        check_both_ways(functions[i].name, functions[i].code, sizeof(functions[i].code),
                        functions[i].zero, functions[i].five);
    }
}

#endif
