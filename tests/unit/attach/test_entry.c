/* SPDX-License-Identifier: MIT */
/* Entries are planned as bytes, and functions of this program are led elsewhere, called by both ways, in memory of the
 * test's own. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "reporter/program/attach/entry.h"
#include "tests/unit/attach/both_ways.h"

enum { CODE = 0x10000, ISLAND = 0x20000 };

/* Code, and how much of it is moved; 0: the entry is refused, for that reason. */
static const struct {
    const char *name;
    unsigned char code[32];
    size_t bytes;
    size_t moved;
    size_t kept; /* before the instructions that are replaced */
    const char *reason;
} cases[] = {
    {"pushes", {0x41, 0x57, 0x41, 0x56, 0x41, 0x55, 0xc3}, 7, 6, 0, NULL},
    {"an endbr64 stays",
     {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x53, 0xc3},
     10,
     5,
     4,
     NULL},
    {"exactly a jump", {0xe9, 0x00, 0x01, 0x00, 0x00}, 5, 5, 0, NULL},
    {"test, je far", {0x48, 0x85, 0xff, 0x0f, 0x84, 0xbf, 0x00, 0x00, 0x00, 0xc3}, 10, 9, 0, NULL},
    {"test, je near", {0x48, 0x85, 0xff, 0x74, 0x10, 0xc3}, 6, 5, 0, NULL},
    {"relative to rip", {0x48, 0x8b, 0x05, 0x00, 0x10, 0x00, 0x00, 0xc3}, 8, 7, 0, NULL},
    {"compares at rip", {0x80, 0x3d, 0x10, 0x00, 0x00, 0x00, 0x00, 0xc3}, 8, 7, 0, NULL},
    {"a call", {0x55, 0x48, 0x89, 0xfd, 0xe8, 0x10, 0x00, 0x00, 0x00, 0xc3}, 10, 9, 0, NULL},
    {"a return comes too early", {0x31, 0xc0, 0xc3, 0x90, 0x90, 0x90}, 6, 0, 0, "it is too short"},
    {"the code ends", {0x55, 0x53}, 2, 0, 0, "its first instructions are unknown"},
    {"no instruction",
     {0x06, 0x06, 0x06, 0x06, 0x06, 0x06},
     6,
     0,
     0,
     "its first instructions are unknown"},
    {"a loop at the start",
     {0xe2, 0xfe, 0x55, 0x55, 0x55, 0x55},
     6,
     0,
     0,
     "its first instructions cannot be moved"},
    {"a branch into it",
     {0x55, 0x48, 0x89, 0xe5, 0x53, 0x90, 0x75, 0xf9, 0xc3},
     9,
     0,
     0,
     "a branch leads into its first instructions"},
    {"a branch to the first of them",
     {0x55, 0x48, 0x89, 0xe5, 0x53, 0x90, 0x75, 0xf8, 0xc3},
     9,
     5,
     0,
     NULL},
    {"a branch behind them", {0x55, 0x48, 0x89, 0xe5, 0x53, 0x90, 0x75, 0xfd, 0xc3}, 9, 5, 0, NULL},
};

Test(entry, plans)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_entry entry;
        const char *reason =
            lmm_entry_plan(cases[i].code, cases[i].bytes, CODE, ISLAND, 0x123456789abc, &entry);

        if (cases[i].reason != NULL) {
            cr_assert_not_null(reason, "%s", cases[i].name);
            cr_assert_str_eq(reason, cases[i].reason, "%s: %s", cases[i].name, reason);
            continue;
        }
        cr_assert_null(reason, "%s: %s", cases[i].name, reason);
        cr_assert_eq(entry.bytes, cases[i].moved, "%s: %zu", cases[i].name, entry.bytes);
        cr_assert_eq(entry.address, CODE + cases[i].kept, "%s", cases[i].name);
        cr_assert_eq(entry.patch[0], 0xe9, "%s", cases[i].name);
        cr_assert_not(lmm_entry_has(&entry, entry.address), "%s", cases[i].name);
        cr_assert(lmm_entry_has(&entry, entry.address + 1), "%s", cases[i].name);
        cr_assert_not(lmm_entry_has(&entry, entry.address + entry.bytes), "%s", cases[i].name);
    }
}

Test(entry, too_far)
{
    const unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0x53, 0xc3};
    struct lmm_entry entry;
    const char *reason = lmm_entry_plan(code, sizeof(code), CODE, UINT64_C(1) << 32, 1, &entry);

    cr_assert_not_null(reason);
    cr_assert_str_eq(reason, "its first instructions reach too far");
}

/* ---- Functions that are led ------------------------------------------------------------------ */

/* Functions of one int, as the compiler might begin them, each with its results for 0 and for 5. */
static const struct {
    const char *name;
    unsigned char code[40];
    int zero;
    int five;
} functions[] = {
    /* test %edi,%edi; je 1f; lea 7(%rdi),%eax; ret; 1: mov $42,%eax; ret */
    {"a near branch",
     {0x85, 0xff, 0x74, 0x04, 0x8d, 0x47, 0x07, 0xc3, 0xb8, 0x2a, 0, 0, 0, 0xc3},
     42,
     12},
    /* mov 4(%rip),%eax; add %edi,%eax; ret; nop; .long 77 */
    {"data at rip", {0x8b, 0x05, 0x04, 0, 0, 0, 0x01, 0xf8, 0xc3, 0x90, 77, 0, 0, 0}, 77, 82},
    /* push %rbx; mov %edi,%ebx; call 1f; add %ebx,%eax; pop %rbx; ret; 1: mov $9,%eax; ret */
    {"a call",
     {0x53, 0x89, 0xfb, 0xe8, 0x04, 0, 0, 0, 0x01, 0xd8, 0x5b, 0xc3, 0xb8, 0x09, 0, 0, 0, 0xc3},
     9,
     14},
    /* endbr64; push %rbx; mov %edi,%ebx; lea 3(%rbx),%eax; pop %rbx; ret */
    {"an endbr64", {0xf3, 0x0f, 0x1e, 0xfa, 0x53, 0x89, 0xfb, 0x8d, 0x43, 0x03, 0x5b, 0xc3}, 3, 8},
};

Test(entry, both_ways)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        check_both_ways(functions[i].name, functions[i].code, sizeof(functions[i].code),
                        functions[i].zero, functions[i].five);
    }
}
