/* SPDX-License-Identifier: MIT */
/* cfi: hand-made entries; one table of valid cases, and one of damaged entries. */
#include "lib/stacks/cfi.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    FUNCTION = 0x1000, /* where the function is, from the start of the module */
    FUNCTION_BYTES = 0x100,
    OTHER = 0x3000, /* a second one */
    SECTION = 64,   /* .eh_frame; .eh_frame_hdr is at 0 */
    MODULE_BYTES = 0x4000,
};

/* Where parts of the first CIE and FDE are, for the cases of damage. */
enum {
    AT_HDR_VERSION = 0,
    AT_HDR_COUNT_ENCODING = 2,
    AT_HDR_TABLE_ENCODING = 3,
    AT_HDR_COUNT = 8,
    AT_CIE_LENGTH = SECTION,
    AT_CIE_ID = SECTION + 4,
    AT_CIE_VERSION = SECTION + 8,
    AT_CIE_AUGMENTATION = SECTION + 9,
    AT_CIE_RETURN_ADDRESS = SECTION + 14,
};

/* The bytes of a string literal, and their number. */
#define BYTES(literal) (const unsigned char *) (literal), sizeof(literal) - 1

/* The CIE of most cases: the CFA is sp + 8, and the return address is at CFA - 8. So compilers begin each one
 * for x86-64; on AArch64 the CFA is sp at first, and the return address in a register. */
#if defined(__aarch64__)
enum { RETURN_ADDRESS = 30 };
#define START "\x0c\x1f\x08\x9e\x01"
#else
enum { RETURN_ADDRESS = 16 };
#define START "\x0c\x07\x08\x90\x01"
#endif

static _Alignas(8) unsigned char module[MODULE_BYTES];
static size_t fde_at;
static size_t fde_program_at;
static size_t filled;

static void put(const void *bytes, size_t count)
{
    memcpy(module + filled, bytes, count);
    filled += count;
}

static void put_number(uint64_t value, size_t bytes)
{
    put(&value, bytes);
}

/* Pads a complete entry with DW_CFA_nop, and writes its length. */
static void end_entry(size_t entry_at)
{
    while (filled % 8 != 4) {
        put_number(0, 1);
    }
    uint32_t length = (uint32_t) (filled - entry_at - 4);
    memcpy(module + entry_at, &length, sizeof(length));
}

struct source {
    const char *augmentation;
    const unsigned char *augmentation_data; /* with its length in front */
    size_t augmentation_bytes;
    const unsigned char *cie_program;
    size_t cie_bytes;
    const unsigned char *fde_program;
    size_t fde_bytes;
};

static void put_cie(const struct source *source)
{
    put_number(0, 8);
    put_number(1, 1);
    put(source->augmentation, strlen(source->augmentation) + 1);
    put(BYTES("\x01\x78")); /* factors 1 and -8 */
    put_number(RETURN_ADDRESS, 1);
    put(source->augmentation_data, source->augmentation_bytes);
    put(source->cie_program, source->cie_bytes);
    end_entry(SECTION);
}

static void put_fde(size_t function, const unsigned char *program, size_t bytes, bool has_lengths)
{
    size_t at = filled;

    put_number(0, 4);
    put_number(filled - SECTION, 4);
    if (has_lengths) {
        put_number(function - filled, 4);
        put_number(FUNCTION_BYTES, 4);
        put_number(0, 1);
    } else {
        put_number((uintptr_t) module + function, 8);
        put_number(FUNCTION_BYTES, 8);
    }
    fde_program_at = filled;
    put(program, bytes);
    end_entry(at);
}

/* Makes a module of two functions; the first has the program of the case. */
static void build(const struct source *source)
{
    bool has_lengths = source->augmentation[0] == 'z';

    memset(module, 0, sizeof(module));
    filled = SECTION;
    put_cie(source);
    size_t other_at = filled;
    put_fde(OTHER, BYTES(""), has_lengths);
    fde_at = filled;
    put_fde(FUNCTION, source->fde_program, source->fde_bytes, has_lengths);
    size_t program_at = fde_program_at;
    put_number(0, 4);
    filled = 0;
    put(BYTES("\x01\x1b\x03\x3b"));
    put_number(SECTION - 4, 4);
    put_number(2, 4);
    put_number(FUNCTION, 4);
    put_number(fde_at, 4);
    put_number(OTHER, 4);
    put_number(other_at, 4);
    fde_program_at = program_at;
}

static bool find(size_t offset, bool exact, struct lmm_cfi_rule *ret_rule)
{
    return lmm_cfi_find(module, (uintptr_t) module + offset, exact, ret_rule);
}

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

static void expect_rule(const char *what, size_t offset, bool exact, struct lmm_cfi_rule wanted)
{
    struct lmm_cfi_rule rule = {0};

    cr_expect(find(offset, exact, &rule), "%s", what);
    cr_expect(is_equal(rule, wanted), "%s: base %d%+d, bp %d%+d", what, rule.base,
              (int) rule.cfa_offset, rule.saved, (int) rule.bp_offset);
}

static struct source plain(const unsigned char *program, size_t bytes)
{
    return (struct source) {
        "zR", BYTES("\x01\x1b"), BYTES(START), program, bytes,
    };
}

#define UNKNOWN                                                                                    \
    {                                                                                              \
        .base = LMM_CFI_UNKNOWN                                                                    \
    }

#if defined(__aarch64__)

/* With the return address below the CFA, as START has it; or at an offset from sp or bp. */
#define SP(cfa, ...)          SP_AT(cfa, (cfa) -8, __VA_ARGS__)
#define SP_AT(cfa, back, ...) RULE(LMM_CFI_SP, (cfa) / 8, (back) / 8, __VA_ARGS__)
#define BP_AT(cfa, back, ...) RULE(LMM_CFI_BP, (cfa) / 8, (back) / 8, __VA_ARGS__)
#define LEAF(cfa, ...)        RULE(LMM_CFI_SP, (cfa) / 8, LMM_CFI_RETURN_IN_REGISTER, __VA_ARGS__)
#define RULE(from, cfa, back, ...)                                                                 \
    {                                                                                              \
        .cfa_offset = (cfa), .return_offset = (back), .base = (from), __VA_ARGS__                  \
    }
#define SAVED(offset) .saved = LMM_CFI_IN_FRAME, .bp_offset = (offset) / 8

/* Rules at FUNCTION + 0x11, or at FUNCTION + 0x10 if that is the interrupted instruction. */
static const struct {
    const char *what;
    const unsigned char *program;
    size_t bytes;
    bool exact;
    struct lmm_cfi_rule rule;
} programs[] = {
    {"leaf, not interrupted", BYTES("\x08\x1e"), false, UNKNOWN},
    {"leaf", BYTES("\x08\x1e\x0e\x00"), true, LEAF(0)},
    {"leaf with a frame", BYTES("\x08\x1e\x0e\x20"), true, LEAF(32)},
    {"stp x29, x30, [sp, -48]!", BYTES("\x0e\x30\x9d\x06\x9e\x05"), false, SP_AT(48, 8, SAVED(0))},
    {"mov x29, sp", BYTES("\x0e\x30\x9d\x06\x9e\x05\x0d\x1d"), false, BP_AT(48, 8, SAVED(0))},
    {"x30 alone", BYTES("\x0e\x10\x9e\x02"), false, SP_AT(16, 0)},
    {"at the upper end", BYTES("\x0e\x20\x9d\x02\x9e\x01"), false, SP_AT(32, 24, SAVED(16))},
    {"signed", BYTES("\x2d\x0e\x20\x9d\x04\x9e\x03"), false, SP_AT(32, 8, SAVED(0))},
    {"signed no more", BYTES("\x2d\x2d\x0e\x10"), false, SP_AT(16, 8)},
    {"large frame", BYTES("\x0e\x90\x80\x04\x9d\x82\x40\x9e\x81\x40"), false,
     SP_AT(65552, 8, SAVED(0))},
    {"largest CFA offset", BYTES("\x0e\xf8\xff\xff\x01\x9e\xff\xff\x1f"), false,
     SP_AT((1 << 22) - 8, 0)},
    {"CFA offset too large", BYTES("\x0e\x80\x80\x80\x02\x9e\x80\x80\x20"), false, UNKNOWN},
    {"return address too far", BYTES("\x0e\x88\x80\x04\x9e\x01"), false, UNKNOWN},
    {"x29 too far", BYTES("\x0e\x88\x80\x04\x9d\x01\x9e\x81\x40"), false, UNKNOWN},
    {"no multiple of a word", BYTES("\x0e\x0c"), false, UNKNOWN},
    {"x29 undefined", BYTES("\x07\x1d"), false, SP(8, .saved = LMM_CFI_LOST)},
    {"x29 in a register", BYTES("\x09\x1d\x03"), false, UNKNOWN},
    {"return address undefined", BYTES("\x07\x1e"), false, {.base = LMM_CFI_END}},
    {"return address in a register", BYTES("\x09\x1e\x02"), true, UNKNOWN},
    {"CFA on x16", BYTES("\x0c\x10\x00"), false, UNKNOWN},
    {"CFA *x29", BYTES("\x0f\x03\x8d\x00\x06"), false, UNKNOWN},
    {"unknown instruction", BYTES("\x3f"), false, UNKNOWN},
};

Test(cfi, programs)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct source source = plain(programs[i].program, programs[i].bytes);
        build(&source);
        expect_rule(programs[i].what, FUNCTION + 0x11 - programs[i].exact, programs[i].exact,
                    programs[i].rule);
    }
}

Test(cfi, return_addresses_without_their_signature)
{
    cr_expect(lmm_cfi_code(0x0000aaaabbbbcccc) == 0x0000aaaabbbbcccc);
    cr_expect(lmm_cfi_code(0x003faaaabbbbcccc) == 0x0000aaaabbbbcccc);
    cr_expect(lmm_cfi_code(0xff7faaaabbbbcccc) == 0x0000aaaabbbbcccc);
}

/* The return from a signal handler is known by the letter alone. */
#define SIGNAL_PROGRAM "\x0c\x1d\x00\x9d\x00"
#define NO_CONTEXT                                                                                 \
    {                                                                                              \
        .base = LMM_CFI_SIGNAL                                                                     \
    }
#define CIE_SAVES    "\x9d\x04"
#define FDE_SAVES    "\x9d\x02\x50\xdd"
#define SP_8(offset) SP(8, SAVED(8 + (offset)))

#else

#define SP(offset, ...)                                                                            \
    {                                                                                              \
        (offset), .base = LMM_CFI_SP, __VA_ARGS__                                                  \
    }
#define BP(offset, ...)                                                                            \
    {                                                                                              \
        (offset), .base = LMM_CFI_BP, __VA_ARGS__                                                  \
    }
#define AT_CFA(offset) .saved = LMM_CFI_IN_FRAME, .bp_offset = (offset)
#define AT_BP(offset)  .saved = LMM_CFI_AT_BP, .bp_offset = (offset)

/* Rules at the return address FUNCTION + 0x11. */
static const struct {
    const char *what;
    const unsigned char *program;
    size_t bytes;
    struct lmm_cfi_rule rule;
} programs[] = {
    {"nothing", BYTES(""), SP(8)},
    {"def_cfa_offset", BYTES("\x0e\x90\x01"), SP(144)},
    {"def_cfa_offset_sf", BYTES("\x13\x7e"), SP(16)},
    {"def_cfa", BYTES("\x0c\x06\x10"), BP(16)},
    {"def_cfa_sf", BYTES("\x12\x06\x7e"), BP(16)},
    {"negative CFA", BYTES("\x12\x07\x02"), SP(-16)},
    {"push bp; mov sp, bp", BYTES("\x41\x0e\x10\x86\x02\x43\x0d\x06"), BP(16, AT_CFA(-16))},
    {"offset_extended", BYTES("\x05\x06\x03"), SP(8, AT_CFA(-24))},
    {"offset_extended_sf", BYTES("\x11\x06\x7f"), SP(8, AT_CFA(8))},
    {"negative_offset_extended", BYTES("\x2f\x06\x02"), SP(8, AT_CFA(16))},
    {"bp undefined", BYTES("\x07\x06"), SP(8, .saved = LMM_CFI_LOST)},
    {"bp saved, then the same", BYTES("\x86\x02\x08\x06"), SP(8)},
    {"bp saved, then restored", BYTES("\x86\x02\xc6"), SP(8)},
    {"restore_extended", BYTES("\x86\x02\x06\x06"), SP(8)},
    {"bp in a register", BYTES("\x09\x06\x03"), UNKNOWN},
    {"bp a value", BYTES("\x14\x06\x02"), UNKNOWN},
    {"bp a signed value", BYTES("\x15\x06\x02"), UNKNOWN},
    {"bp a computed value", BYTES("\x16\x06\x02\x76\x00"), UNKNOWN},
    {"bp at bp + 0", BYTES("\x10\x06\x02\x76\x00"), SP(8, AT_BP(0))},
    {"bp at bp - 120", BYTES("\x10\x06\x03\x76\x88\x7f"), SP(8, AT_BP(-120))},
    {"bp at sp", BYTES("\x10\x06\x02\x77\x00"), UNKNOWN},
    {"bp at *bp", BYTES("\x10\x06\x03\x76\x00\x06"), UNKNOWN},
    {"bp by an empty expression", BYTES("\x10\x06\x00"), UNKNOWN},
    {"realigned",
     BYTES("\x0c\x0a\x00\x10\x06\x02\x76\x00\x0f\x03\x76\x78\x06"),
     {-8, 0, LMM_CFI_BP_LOAD, LMM_CFI_AT_BP, 0}},
    {"CFA on r10", BYTES("\x0c\x0a\x00"), UNKNOWN},
    {"CFA *sp", BYTES("\x0f\x03\x77\x08\x06"), UNKNOWN},
    {"CFA bp, by an expression", BYTES("\x0f\x02\x76\x08"), UNKNOWN},
    {"PLT", BYTES("\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22"), UNKNOWN},
    {"an expression and then a register", BYTES("\x0f\x03\x77\x08\x06\x0c\x07\x20"), SP(32)},
    {"return address undefined", BYTES("\x07\x10"), {.base = LMM_CFI_END}},
    {"return address elsewhere", BYTES("\x90\x02"), UNKNOWN},
    {"return address in a register", BYTES("\x09\x10\x02"), UNKNOWN},
    {"sp saved", BYTES("\x87\x02"), UNKNOWN},
    {"other registers", BYTES("\x83\x02\x8c\x03\xcc\x07\x00\x09\x03\x0c\x10\x03\x01\x30"), SP(8)},
    {"args_size", BYTES("\x2e\x90\x01\x0e\x18"), SP(24)},
    {"remember, restore", BYTES("\x0e\x10\x86\x02\x0a\x0c\x06\x20\xc6\x41\x0b"),
     SP(16, AT_CFA(-16))},
    {"nested remember", BYTES("\x0a\x0e\x10\x0a\x0e\x18\x0a\x0e\x20\x0b\x0b"), SP(16)},
    {"remember eight times", BYTES("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0e\x10"), SP(16)},
    {"remember nine times", BYTES("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0e\x10"), UNKNOWN},
    {"restore without remember", BYTES("\x0b"), UNKNOWN},
    {"largest CFA offset", BYTES("\x0e\xff\xff\xff\xff\x07"), SP(INT32_MAX)},
    {"CFA offset too large", BYTES("\x0e\x80\x80\x80\x80\x08"), UNKNOWN},
    {"largest bp offset", BYTES("\x86\x80\x20"), SP(8, AT_CFA(INT16_MIN))},
    {"bp offset too large", BYTES("\x86\x81\x20"), UNKNOWN},
    {"unknown instruction", BYTES("\x3f"), UNKNOWN},
    {"a number of more than 64 bits",
     BYTES("\x0e\x90\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), SP(16)},
    {"an expression past the end", BYTES("\x0f\x7f\x77\x08"), UNKNOWN},
    {"a number past the end", BYTES("\x0e\x80\x80\x80\x80\x80\x80"), UNKNOWN},
};

Test(cfi, programs)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        struct source source = plain(programs[i].program, programs[i].bytes);
        build(&source);
        expect_rule(programs[i].what, FUNCTION + 0x11, false, programs[i].rule);
    }
}

/* The CFA of glibc's signal trampoline: *(sp + 160), the sp in the ucontext_t. */
#define SIGNAL_PROGRAM "\x0f\x04\x77\xa0\x01\x06"
#define NO_CONTEXT     UNKNOWN
#define CIE_SAVES      "\x86\x04"
#define FDE_SAVES      "\x86\x02\x50\xc6"
#define SP_8(offset)   SP(8, AT_CFA(offset))

#endif

/* The encodings of "the rule changes at FUNCTION + 0x10". */
Test(cfi, rows_begin_where_they_say)
{
    static const struct {
        const char *what;
        const unsigned char *program;
        size_t bytes;
    } advances[] = {
        {"advance_loc", BYTES("\x50\x0e\x20")},
        {"advance_loc1", BYTES("\x02\x10\x0e\x20")},
        {"advance_loc2", BYTES("\x03\x10\x00\x0e\x20")},
        {"advance_loc4", BYTES("\x04\x10\x00\x00\x00\x0e\x20")},
        {"twice", BYTES("\x48\x0e\x08\x48\x0e\x20")},
    };

    for (size_t i = 0; i < sizeof(advances) / sizeof(advances[0]); i++) {
        struct source source = plain(advances[i].program, advances[i].bytes);
        build(&source);
        expect_rule(advances[i].what, FUNCTION, true, (struct lmm_cfi_rule) SP(8));
        expect_rule(advances[i].what, FUNCTION + 0xf, true, (struct lmm_cfi_rule) SP(8));
        expect_rule(advances[i].what, FUNCTION + 0x10, true, (struct lmm_cfi_rule) SP(32));
        expect_rule(advances[i].what, FUNCTION + 0x10, false, (struct lmm_cfi_rule) SP(8));
        expect_rule(advances[i].what, FUNCTION + 0x11, false, (struct lmm_cfi_rule) SP(32));
        expect_rule(advances[i].what, FUNCTION + 0x100, false, (struct lmm_cfi_rule) SP(32));
    }
}

Test(cfi, set_loc_is_encoded_as_addresses_are)
{
    unsigned char program[] = {0x01, 0, 0, 0, 0, 0x0e, 0x20};
    struct source source = plain(program, sizeof(program));

    build(&source);
    int32_t distance = FUNCTION + 0x10 - (int32_t) (fde_program_at + 1);
    memcpy(program + 1, &distance, sizeof(distance));
    build(&source);
    expect_rule("before", FUNCTION + 0xf, true, (struct lmm_cfi_rule) SP(8));
    expect_rule("after", FUNCTION + 0x10, true, (struct lmm_cfi_rule) SP(32));
}

Test(cfi, only_what_entries_cover_has_rules)
{
    static const struct {
        size_t offset;
        bool exact;
        bool is_covered;
    } cases[] = {
        {FUNCTION - 1, true, false},
        {FUNCTION, false, false},
        {FUNCTION, true, true},
        {FUNCTION + 1, false, true},
        {FUNCTION + FUNCTION_BYTES - 1, true, true},
        {FUNCTION + FUNCTION_BYTES, false, true},
        {FUNCTION + FUNCTION_BYTES, true, false},
        {FUNCTION + FUNCTION_BYTES + 1, false, false},
        {OTHER - 1, true, false},
        {OTHER, true, true},
        {OTHER + FUNCTION_BYTES, false, true},
        {OTHER + FUNCTION_BYTES, true, false},
        {0, true, false},
        {0, false, false},
        {(size_t) 1 << 40, true, false},
        {-((size_t) 1 << 40), true, false},
    };
    struct source source = plain(BYTES(""));
    struct lmm_cfi_rule rule = {.cfa_offset = 77};

    build(&source);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rule.cfa_offset = 77;
        bool is_found = find(cases[i].offset, cases[i].exact, &rule);
        cr_expect(is_found == cases[i].is_covered, "case %zu", i);
        cr_expect(rule.cfa_offset == (is_found ? 8 / LMM_CFI_OFFSET_BYTES : 77),
                  "untouched on failure: %zu", i);
    }
    cr_expect(!lmm_cfi_find(NULL, (uintptr_t) module + FUNCTION, true, &rule));
}

Test(cfi, augmentations)
{
    static const struct {
        const char *what;
        const char *letters;
        const unsigned char *data;
        size_t bytes;
        const unsigned char *program;
        size_t program_bytes;
        struct lmm_cfi_rule rule;
    } cases[] = {
        {"none", "", BYTES(""), BYTES("\x0e\x10"), SP(16)},
        {"zPLR", "zPLR", BYTES("\x07\x9b\x44\x33\x22\x11\x1b\x1b"), BYTES("\x0e\x10"), SP(16)},
        {"personality of 8 bytes", "zPR", BYTES("\x0a\x00pointer!\x1b"), BYTES("\x0e\x10"), SP(16)},
        {"unknown letters", "zRQX", BYTES("\x04\x1b\x01\x02\x03"), BYTES("\x0e\x10"), SP(16)},
        {"signal", "zRS", BYTES("\x01\x1b"), BYTES(SIGNAL_PROGRAM), {.base = LMM_CFI_SIGNAL}},
        {"no ucontext_t", "zRS", BYTES("\x01\x1b"), BYTES("\x0e\x10"), NO_CONTEXT},
        {"elsewhere", "zRS", BYTES("\x01\x1b"), BYTES("\x0f\x04\x77\xa8\x01\x06"), NO_CONTEXT},
        {"letters of AArch64", "zRBG", BYTES("\x01\x1b"), BYTES("\x0e\x10"), SP(16)},
#if !defined(__aarch64__)
        {"ucontext_t, no signal", "zR", BYTES("\x01\x1b"), BYTES(SIGNAL_PROGRAM), UNKNOWN},
#endif
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source source = {
            cases[i].letters, cases[i].data,    cases[i].bytes,
            BYTES(START),     cases[i].program, cases[i].program_bytes,
        };
        build(&source);
        expect_rule(cases[i].what, FUNCTION + 0x11, false, cases[i].rule);
    }
}

Test(cfi, the_program_of_the_cie_is_what_restore_restores)
{
    struct source source = {"zR", BYTES("\x01\x1b"), BYTES(START CIE_SAVES), BYTES(FDE_SAVES)};

    build(&source);
    expect_rule("own", FUNCTION + 0xf, true, (struct lmm_cfi_rule) SP_8(-16));
    expect_rule("restored", FUNCTION + 0x10, true, (struct lmm_cfi_rule) SP_8(-32));
}

Test(cfi, a_cie_that_says_nothing_is_unknown)
{
    struct source source = {"zR", BYTES("\x01\x1b"), BYTES(""), BYTES("")};

    build(&source);
    expect_rule("nothing", FUNCTION + 1, false, (struct lmm_cfi_rule) UNKNOWN);
}

Test(cfi, the_return_address_is_in_one_column)
{
    struct source source = plain(BYTES("\x0e\x10"));

    build(&source);
    cr_assert(module[AT_CIE_RETURN_ADDRESS] == RETURN_ADDRESS);
    module[AT_CIE_RETURN_ADDRESS] = RETURN_ADDRESS - 1;
    expect_rule("another column", FUNCTION + 1, false, (struct lmm_cfi_rule) UNKNOWN);
}

/* With one wrong byte in the tables there is no rule. */
Test(cfi, damage)
{
    static const struct {
        const char *what;
        size_t at;
        bool in_fde;
        unsigned char byte;
    } cases[] = {
        {"version of the table", AT_HDR_VERSION, false, 2},
        {"no count", AT_HDR_COUNT_ENCODING, false, 0xff},
        {"count relative to something", AT_HDR_COUNT_ENCODING, false, 0x13},
        {"no table", AT_HDR_TABLE_ENCODING, false, 0xff},
        {"table of absolute addresses", AT_HDR_TABLE_ENCODING, false, 0x0b},
        {"empty table", AT_HDR_COUNT, false, 0},
        {"CIE is none", AT_CIE_ID, false, 1},
        {"CIE of version 2", AT_CIE_VERSION, false, 2},
        {"CIE of GCC 2", AT_CIE_AUGMENTATION, false, 'e'},
        {"CIE whose text has no end", AT_CIE_LENGTH, false, 6},
        {"CIE shorter than its head", AT_CIE_LENGTH, false, 5},
        {"CIE shorter than its id", AT_CIE_LENGTH, false, 3},
        {"end of the section", 0, true, 0},
        {"FDE is a CIE", 4, true, 0},
        {"FDE starts elsewhere", 8, true, 0},
        {"FDE of no bytes", 13, true, 0},
        {"augmentation data past the end", 16, true, 0x7f},
    };
    struct source source = plain(BYTES("\x0e\x10"));
    struct lmm_cfi_rule rule;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        build(&source);
        module[cases[i].at + (cases[i].in_fde ? fde_at : 0)] = cases[i].byte;
        cr_expect(!find(FUNCTION + 1, false, &rule), "%s", cases[i].what);
    }
}

/* With random bytes after an entry's length and id, the look-up ends, and stays inside the entry.
 * (AddressSanitizer cannot check that, but the bytes of the other module would give a rule.) */
Test(cfi, any_byte_may_be_wrong)
{
    struct source source =
        plain(BYTES("\x41\x0e\x10\x86\x02\x43\x0d\x06\x0a\x02\x20\x0f\x03\x76\x78\x06\x0b"));
    struct lmm_cfi_rule rule;

    build(&source);
    for (size_t at = AT_CIE_VERSION; at < fde_program_at + source.fde_bytes; at++) {
        unsigned char was = module[at];
        bool is_length_or_id = at >= fde_at && at < fde_at + 8;
        for (unsigned byte = 0; byte < 256 && !is_length_or_id; byte++) {
            module[at] = (unsigned char) byte;
            if (find(FUNCTION + 0x30, false, &rule)) {
                cr_assert(rule.base <= LMM_CFI_END && rule.saved <= LMM_CFI_LOST);
            }
        }
        module[at] = was;
    }
}
