/* SPDX-License-Identifier: MIT */
/* cfi: every row of the unwind tables of libraries in this process, compared with libdw's
 * result. */
#include "lib/stacks/cfi.h"
#include "lib/ground/module.h"

#include <alloca.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__)
enum { BP = 29, SP = 31, RETURN_ADDRESS = 30 };
#define LOADER "ld-linux-aarch64.so.1"
#else
enum { BP = 6, SP = 7, RETURN_ADDRESS = 16 };
#define LOADER "ld-linux-x86-64.so.2"
#endif

enum { HDR_TABLE = 12 };

struct library {
    struct lmm_module_facts facts;
    char path[512];
    int descriptor;
    Elf *elf;
    Dwarf_CFI *cfi;
};

static struct library open_library(const void *address)
{
    struct library library;

    cr_assert(lmm_module_find((uintptr_t) address, &library.facts));
    cr_assert(library.facts.eh_frame_hdr != NULL);
    lmm_module_path(&library.facts, library.path, sizeof(library.path));
    elf_version(EV_CURRENT);
    library.descriptor = open(library.path, O_RDONLY | O_CLOEXEC);
    library.elf = elf_begin(library.descriptor, ELF_C_READ_MMAP, NULL);
    library.cfi = dwarf_getcfi_elf(library.elf);
    cr_assert(library.cfi != NULL, "%s", library.path);
    return library;
}

static void close_library(struct library *library)
{
    dwarf_cfi_end(library->cfi);
    elf_end(library->elf);
    close(library->descriptor);
}

static bool is_breg(const Dwarf_Op *op, unsigned dwarf_register, int64_t *ret_offset)
{
    *ret_offset = (int64_t) (op->atom == DW_OP_bregx ? op->number2 : op->number);
    return op->atom == DW_OP_breg0 + dwarf_register ||
           (op->atom == DW_OP_bregx && op->number == dwarf_register);
}

/* The base and offset of the CFA. */
static bool tell_cfa(const Dwarf_Op *ops, size_t count, struct lmm_cfi_rule *ret_rule,
                     int64_t *ret_offset)
{
    bool is_load = count == 2 && ops[1].atom == DW_OP_deref;

    if (is_breg(ops, SP, ret_offset) && count == 1) {
        ret_rule->base = LMM_CFI_SP;
    } else if (is_breg(ops, BP, ret_offset) && (count == 1 || is_load)) {
        ret_rule->base = is_load ? LMM_CFI_BP_LOAD : LMM_CFI_BP;
    } else {
        return false;
    }
    ret_rule->cfa_offset = (int32_t) (*ret_offset / LMM_CFI_OFFSET_BYTES);
    return *ret_offset == (int64_t) ret_rule->cfa_offset * LMM_CFI_OFFSET_BYTES;
}

/* How the row gives a register of the caller. */
static bool tell_register(Dwarf_Frame *frame, int dwarf_register, enum lmm_cfi_saved *ret_saved,
                          int64_t *ret_offset)
{
    Dwarf_Op memory[3];
    Dwarf_Op *ops;
    size_t count;

    cr_assert(dwarf_frame_register(frame, dwarf_register, memory, &ops, &count) == 0);
    *ret_offset = 0;
    if (count == 0) {
        *ret_saved = ops == NULL ? LMM_CFI_SAME : LMM_CFI_LOST;
        return true;
    }
    /* The CFA is on the stack when an expression begins; libdw writes that out. */
    *ret_saved = LMM_CFI_AT_BP;
    if (ops[0].atom != DW_OP_call_frame_cfa || count > 2) {
        return false;
    }
    if (count == 2 && is_breg(&ops[1], BP, ret_offset)) {
        return true;
    }
    *ret_saved = LMM_CFI_IN_FRAME;
    *ret_offset = count == 1 ? 0 : (int64_t) ops[1].number;
    return count == 1 || ops[1].atom == DW_OP_plus_uconst;
}

#if defined(__aarch64__)

/* True and the rule's fields, of what the row gives for the return address and bp, at offsets from the CFA.
 * exact: of an interrupted instruction, whose return address may still be in its register. */
static bool tell_saved(struct lmm_cfi_rule *rule, bool exact, enum lmm_cfi_saved of_return,
                       int64_t return_offset, enum lmm_cfi_saved of_bp, int64_t bp_offset)
{
    int64_t cfa = (int64_t) rule->cfa_offset * LMM_CFI_OFFSET_BYTES;
    int64_t from_base = of_bp == LMM_CFI_IN_FRAME ? cfa + bp_offset : bp_offset;

    rule->bp_offset = from_base / LMM_CFI_OFFSET_BYTES;
    rule->return_offset = of_return == LMM_CFI_SAME ? LMM_CFI_RETURN_IN_REGISTER
                                                    : (cfa + return_offset) / LMM_CFI_OFFSET_BYTES;
    return rule->bp_offset * LMM_CFI_OFFSET_BYTES == from_base &&
           ((of_return == LMM_CFI_SAME && exact) ||
            (of_return == LMM_CFI_IN_FRAME &&
             rule->return_offset * LMM_CFI_OFFSET_BYTES == cfa + return_offset));
}

#else

static bool tell_saved(struct lmm_cfi_rule *rule, bool exact, enum lmm_cfi_saved of_return,
                       int64_t return_offset, enum lmm_cfi_saved of_bp, int64_t bp_offset)
{
    (void) exact;
    (void) of_bp;
    rule->bp_offset = (int16_t) bp_offset;
    return of_return == LMM_CFI_IN_FRAME && return_offset == -8 && bp_offset == rule->bp_offset;
}

#endif

/* The rule, from libdw's description of the frame. */
static struct lmm_cfi_rule rule_of(Dwarf_Frame *frame, bool exact)
{
    static const struct lmm_cfi_rule unknown;
    struct lmm_cfi_rule rule = unknown;
    enum lmm_cfi_saved of_return;
    enum lmm_cfi_saved of_bp;
    int64_t return_offset;
    int64_t bp_offset;
    int64_t cfa_offset;
    Dwarf_Op *ops;
    size_t count;
    bool is_signal;

    dwarf_frame_info(frame, NULL, NULL, &is_signal);
    if (is_signal) {
        rule.base = LMM_CFI_SIGNAL;
        return rule;
    }
    bool is_known = tell_register(frame, RETURN_ADDRESS, &of_return, &return_offset);
    if (of_return == LMM_CFI_LOST) {
        rule.base = LMM_CFI_END;
        return rule;
    }
    is_known &= tell_register(frame, BP, &of_bp, &bp_offset);
    rule.saved = (uint8_t) of_bp;
    cr_assert(dwarf_frame_cfa(frame, &ops, &count) == 0);
    is_known &= count != 0 && tell_cfa(ops, count, &rule, &cfa_offset);
    is_known &= tell_saved(&rule, exact, of_return, return_offset, of_bp, bp_offset);
    return is_known ? rule : unknown;
}

struct counts {
    size_t functions;
    size_t rows;
    size_t unknown_rows;
    uint64_t bytes;
    uint64_t unknown_bytes;
    size_t of_base[LMM_CFI_END + 1];
};

static bool is_equal(struct lmm_cfi_rule a, struct lmm_cfi_rule b)
{
#if defined(__aarch64__)
    if (a.return_offset != b.return_offset) {
        return false;
    }
#endif
    return a.base == b.base && a.cfa_offset == b.cfa_offset && a.bp_offset == b.bp_offset &&
           a.saved == b.saved;
}

/* Compares the rules of one row at its first and last instruction, and counts it. */
static void compare_row(const struct library *library, Dwarf_Frame *frame, Dwarf_Addr start,
                        Dwarf_Addr end, struct counts *counts)
{
    struct lmm_cfi_rule wanted = rule_of(frame, true);
    struct lmm_cfi_rule of_return = rule_of(frame, false);
    struct lmm_cfi_rule rules[2];
    uintptr_t bias = library->facts.bias;
    const unsigned char *hdr = library->facts.eh_frame_hdr;

    cr_assert(lmm_cfi_find(hdr, bias + start, true, &rules[0]), "%s: %#lx", library->path, start);
    cr_assert(lmm_cfi_find(hdr, bias + end, false, &rules[1]), "%s: %#lx", library->path, end);
    for (int i = 0; i < 2; i++) {
        struct lmm_cfi_rule expected = i == 0 ? wanted : of_return;
        cr_assert(is_equal(rules[i], expected),
                  "%s: %#lx: base %d%+d, bp %d%+d; libdw: base %d%+d, bp %d%+d", library->path,
                  start, rules[i].base, (int) rules[i].cfa_offset, rules[i].saved,
                  (int) rules[i].bp_offset, expected.base, (int) expected.cfa_offset,
                  expected.saved, (int) expected.bp_offset);
    }
    counts->rows++;
    counts->bytes += end - start;
    counts->of_base[wanted.base]++;
    if (wanted.base == LMM_CFI_UNKNOWN) {
        counts->unknown_rows++;
        counts->unknown_bytes += end - start;
    }
}

/* All rows from address on, up to limit or to an address that no entry covers. */
static void compare_function(const struct library *library, Dwarf_Addr address, Dwarf_Addr limit,
                             struct counts *counts)
{
    Dwarf_Frame *frame;

    counts->functions++;
    while (address < limit && dwarf_cfi_addrframe(library->cfi, address, &frame) == 0) {
        Dwarf_Addr end;
        /* libdw gives a wrong start after a restore_state. */
        dwarf_frame_info(frame, NULL, &end, NULL);
        cr_assert(end > address, "%s: %#lx", library->path, address);
        compare_row(library, frame, address, end, counts);
        free(frame);
        address = end;
    }
    struct lmm_cfi_rule rule;
    cr_assert(address >= limit || !lmm_cfi_find(library->facts.eh_frame_hdr,
                                                library->facts.bias + address, true, &rule),
              "%s: %#lx", library->path, address);
}

static double percent(uint64_t part, uint64_t whole)
{
    return 100.0 * (double) part / (double) whole;
}

static void report(const char *path, const struct counts *counts)
{
    const size_t *of_base = counts->of_base;

    printf("%s: %zu functions, %zu rows: sp %zu, bp %zu, *bp %zu, signal %zu, end %zu, "
           "unknown %zu (%.3f %% of rows, %.3f %% of bytes)\n",
           path, counts->functions, counts->rows, of_base[LMM_CFI_SP], of_base[LMM_CFI_BP],
           of_base[LMM_CFI_BP_LOAD], of_base[LMM_CFI_SIGNAL], of_base[LMM_CFI_END],
           counts->unknown_rows, percent(counts->unknown_rows, counts->rows),
           percent(counts->unknown_bytes, counts->bytes));
}

static int32_t table_start(const struct library *library, uint32_t i)
{
    int32_t start;

    memcpy(&start, library->facts.eh_frame_hdr + HDR_TABLE + 8 * (size_t) i, sizeof(start));
    return start;
}

static void compare_library(const void *address, struct counts *ret_counts)
{
    struct library library = open_library(address);
    uintptr_t hdr = (uintptr_t) library.facts.eh_frame_hdr - library.facts.bias;
    uint32_t count;

    memcpy(&count, library.facts.eh_frame_hdr + HDR_TABLE - 4, sizeof(count));
    for (uint32_t i = 0; i < count; i++) {
        uintptr_t start = hdr + (uintptr_t) table_start(&library, i);
        bool is_last = i + 1 == count;
        uintptr_t limit = is_last ? UINTPTR_MAX : hdr + (uintptr_t) table_start(&library, i + 1);
        compare_function(&library, start, limit, ret_counts);
    }
    report(library.path, ret_counts);
    close_library(&library);
}

/* An address in a library; the program itself has the name NULL. */
static const void *address_in(const char *library)
{
    void *handle = dlopen(library, RTLD_NOW);
    struct link_map *map;

    cr_assert(handle != NULL, "%s", dlerror());
    cr_assert(dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0);
    return map->l_ld;
}

Test(cfi_libdw, rules_are_those_of_libdw)
{
    static const char *const libraries[] = {
        "libc.so.6", "libstdc++.so.6", LOADER, "libdw.so.1", "libcriterion.so.3",
    };

    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        struct counts counts = {0};
        compare_library(address_in(libraries[i]), &counts);
        cr_expect(counts.rows > 1000, "%s: %zu rows", libraries[i], counts.rows);
        cr_expect(counts.unknown_rows * 100 < counts.rows, "%s: %zu of %zu rows are unknown",
                  libraries[i], counts.unknown_rows, counts.rows);
    }
}

/* Compiled with a stack that is realigned, so that this program has rules that no library has. */
__attribute__((noinline)) static int realigned(size_t bytes)
{
    _Alignas(64) volatile unsigned char room[128];
    volatile unsigned char *more = alloca(bytes);

    room[bytes] = 1;
    more[0] = room[bytes];
    return more[0];
}

Test(cfi_libdw, rules_of_the_program_itself)
{
    struct counts counts = {0};

    cr_assert(realigned(100) == 1);
    compare_library(address_in(NULL), &counts);
#if defined(__aarch64__)
    cr_expect(counts.of_base[LMM_CFI_BP] != 0);
#else
    cr_expect(counts.of_base[LMM_CFI_BP_LOAD] != 0);
#endif
    cr_expect(counts.of_base[LMM_CFI_END] != 0, "_start");
}
