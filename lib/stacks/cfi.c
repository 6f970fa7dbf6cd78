/* SPDX-License-Identifier: MIT */
#include "lib/stacks/cfi.h"

#include "lib/stacks/cfi_entry.h"

/* Numbers of registers: System V ABI for AMD64, figure 3.36; DWARF for the Arm 64-bit Architecture, table
 * in section 4.1, where the return address is in x30. */
#if defined(__aarch64__)
enum { KNOWS_MACHINE = 1, DWARF_BP = 29, DWARF_SP = 31, DWARF_RETURN_ADDRESS = 30 };
#else
enum { DWARF_BP = 6, DWARF_SP = 7, DWARF_RETURN_ADDRESS = 16 };
#if defined(__x86_64__) && defined(__LP64__)
enum { KNOWS_MACHINE = 1 };
#else
enum { KNOWS_MACHINE = 0 };
#endif
#endif

/* Operators of expressions: DWARF 5, section 7.7.1. */
enum { OP_DEREF = 0x06, OP_BREG_BP = 0x70 + DWARF_BP, OP_BREG_SP = 0x70 + DWARF_SP };

/* The offset of the interrupted sp in a ucontext_t; the CFA of a signal trampoline uses it. */
enum { UCONTEXT_SP_BYTES = 160 };

/* A row of the table that an entry's program describes: DWARF 5, section 6.4.1. */
enum cfa_kind { CFA_OTHER, CFA_REGISTER, CFA_BP_LOAD, CFA_UCONTEXT };
enum value_kind { VALUE_SAME, VALUE_UNDEFINED, VALUE_AT_CFA, VALUE_AT_BP, VALUE_OTHER };
enum column { COLUMN_BP, COLUMN_SP, COLUMN_RETURN_ADDRESS, COLUMNS };

struct value {
    enum value_kind kind; /* of the register in the caller */
    int64_t offset;       /* with VALUE_AT_CFA and VALUE_AT_BP: added to the CFA or bp */
};

struct row {
    enum cfa_kind cfa;
    uint64_t cfa_register;
    int64_t cfa_offset;
    struct value values[COLUMNS];
};

/* Compilers nest remember_state once. */
enum { REMEMBERED_MAX = 8 };

struct machine {
    const struct lmm_cfi_entry *entry;
    uintptr_t at;      /* the row is valid from this address on */
    uintptr_t address; /* the row of this address is wanted */
    bool has_failed;
    unsigned remembered_count;
    struct row row;
    struct row initial; /* after the CIE's instructions */
    struct row remembered[REMEMBERED_MAX];
};

/* Call frame instructions: DWARF 5, sections 6.4.2 and 7.24; LSB, "DWARF CFI Extensions". */
enum opcode {
    CFA_NOP = 0x00,
    CFA_SET_LOC = 0x01,
    CFA_ADVANCE_LOC1 = 0x02,
    CFA_ADVANCE_LOC2 = 0x03,
    CFA_ADVANCE_LOC4 = 0x04,
    CFA_OFFSET_EXTENDED = 0x05,
    CFA_RESTORE_EXTENDED = 0x06,
    CFA_UNDEFINED = 0x07,
    CFA_SAME_VALUE = 0x08,
    CFA_IN_REGISTER = 0x09,
    CFA_REMEMBER_STATE = 0x0a,
    CFA_RESTORE_STATE = 0x0b,
    CFA_DEF_CFA = 0x0c,
    CFA_DEF_CFA_REGISTER = 0x0d,
    CFA_DEF_CFA_OFFSET = 0x0e,
    CFA_DEF_CFA_EXPRESSION = 0x0f,
    CFA_EXPRESSION = 0x10,
    CFA_OFFSET_EXTENDED_SF = 0x11,
    CFA_DEF_CFA_SF = 0x12,
    CFA_DEF_CFA_OFFSET_SF = 0x13,
    CFA_VAL_OFFSET = 0x14,
    CFA_VAL_OFFSET_SF = 0x15,
    CFA_VAL_EXPRESSION = 0x16,
    CFA_AARCH64_NEGATE_RA_STATE = 0x2d, /* the return address is signed from here on, or no more */
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
    CFA_LOW_MAX = 0x3f,
    /* These three have an operand in their low six bits. */
    CFA_ADVANCE_LOC = 0x40,
    CFA_OFFSET = 0x80,
    CFA_RESTORE = 0xc0,
    CFA_LOW_OPERAND = 0x3f,
};

enum operand {
    OPERAND_NONE,
    OPERAND_1,
    OPERAND_2,
    OPERAND_4,
    OPERAND_ADDRESS,
    OPERAND_UNSIGNED,
    OPERAND_UNSIGNED_FACTORED,
    OPERAND_SIGNED_FACTORED,
    OPERAND_BLOCK,
};

struct operand_kinds {
    bool is_known;
    uint8_t first;
    uint8_t second;
};

static const struct operand_kinds kinds_of_low[CFA_LOW_MAX + 1] = {
    [CFA_NOP] = {true, OPERAND_NONE, OPERAND_NONE},
    [CFA_SET_LOC] = {true, OPERAND_ADDRESS, OPERAND_NONE},
    [CFA_ADVANCE_LOC1] = {true, OPERAND_1, OPERAND_NONE},
    [CFA_ADVANCE_LOC2] = {true, OPERAND_2, OPERAND_NONE},
    [CFA_ADVANCE_LOC4] = {true, OPERAND_4, OPERAND_NONE},
    [CFA_OFFSET_EXTENDED] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED_FACTORED},
    [CFA_RESTORE_EXTENDED] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_UNDEFINED] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_SAME_VALUE] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_IN_REGISTER] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED},
    [CFA_REMEMBER_STATE] = {true, OPERAND_NONE, OPERAND_NONE},
    [CFA_RESTORE_STATE] = {true, OPERAND_NONE, OPERAND_NONE},
    [CFA_DEF_CFA] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED},
    [CFA_DEF_CFA_REGISTER] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_DEF_CFA_OFFSET] = {true, OPERAND_NONE, OPERAND_UNSIGNED},
    [CFA_DEF_CFA_EXPRESSION] = {true, OPERAND_NONE, OPERAND_BLOCK},
    [CFA_EXPRESSION] = {true, OPERAND_UNSIGNED, OPERAND_BLOCK},
    [CFA_OFFSET_EXTENDED_SF] = {true, OPERAND_UNSIGNED, OPERAND_SIGNED_FACTORED},
    [CFA_DEF_CFA_SF] = {true, OPERAND_UNSIGNED, OPERAND_SIGNED_FACTORED},
    [CFA_DEF_CFA_OFFSET_SF] = {true, OPERAND_NONE, OPERAND_SIGNED_FACTORED},
    [CFA_VAL_OFFSET] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED_FACTORED},
    [CFA_VAL_OFFSET_SF] = {true, OPERAND_UNSIGNED, OPERAND_SIGNED_FACTORED},
    [CFA_VAL_EXPRESSION] = {true, OPERAND_UNSIGNED, OPERAND_BLOCK},
#if defined(__aarch64__)
    [CFA_AARCH64_NEGATE_RA_STATE] = {true, OPERAND_NONE,
                                     OPERAND_NONE}, /* lmm_cfi_code() is always used */
#endif
    [CFA_GNU_ARGS_SIZE] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_GNU_NEGATIVE_OFFSET_EXTENDED] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED_FACTORED},
};

/* By the high two bits; the first operand is in the low six. */
static const struct operand_kinds kinds_of_high[] = {
    [CFA_ADVANCE_LOC >> 6] = {true, OPERAND_NONE, OPERAND_NONE},
    [CFA_OFFSET >> 6] = {true, OPERAND_NONE, OPERAND_UNSIGNED_FACTORED},
    [CFA_RESTORE >> 6] = {true, OPERAND_NONE, OPERAND_NONE},
};

struct instruction {
    unsigned opcode;
    uint64_t first;              /* a register, a distance or an address */
    int64_t second;              /* a register or an offset in bytes, */
    struct lmm_cfi_reader block; /* or an expression */
};

static uint64_t read_operand(struct lmm_cfi_reader *program, const struct lmm_cfi_entry *entry,
                             enum operand operand, struct lmm_cfi_reader *ret_block)
{
    uint64_t factor = (uint64_t) entry->data_factor;

    switch (operand) {
    case OPERAND_NONE: return 0;
    case OPERAND_1: return lmm_cfi_read_byte(program);
    case OPERAND_2: return lmm_cfi_read_unsigned(program, 2);
    case OPERAND_4: return lmm_cfi_read_unsigned(program, 4);
    case OPERAND_ADDRESS: return lmm_cfi_read_address(program, entry->address_encoding);
    case OPERAND_UNSIGNED: return lmm_cfi_read_uleb(program);
    case OPERAND_UNSIGNED_FACTORED: return lmm_cfi_read_uleb(program) * factor;
    case OPERAND_SIGNED_FACTORED: return (uint64_t) lmm_cfi_read_sleb(program) * factor;
    case OPERAND_BLOCK: break;
    }
    uint64_t bytes = lmm_cfi_read_uleb(program);
    const unsigned char *block = lmm_cfi_read_block(program, bytes);
    *ret_block = (struct lmm_cfi_reader) {.at = block, .end = block == NULL ? NULL : block + bytes};
    return 0;
}

/* False: the instruction is unknown, or the program ends inside it. */
static bool read_instruction(struct lmm_cfi_reader *program, const struct lmm_cfi_entry *entry,
                             struct instruction *ret_instruction)
{
    unsigned byte = lmm_cfi_read_byte(program);
    unsigned high = byte & ~(unsigned) CFA_LOW_OPERAND;
    const struct operand_kinds *kinds = high == 0 ? &kinds_of_low[byte] : &kinds_of_high[high >> 6];
    struct lmm_cfi_reader *block = &ret_instruction->block;

    ret_instruction->opcode = high == 0 ? byte : high;
    ret_instruction->first = byte & CFA_LOW_OPERAND;
    if (high == 0) {
        ret_instruction->first = read_operand(program, entry, kinds->first, block);
    }
    ret_instruction->second = (int64_t) read_operand(program, entry, kinds->second, block);
    return kinds->is_known && !program->has_failed;
}

/* True and *ret_operand when the expression is DW_OP_breg<n> operand, and then `then` unless 0. */
static bool is_register_plus(struct lmm_cfi_reader expression, uint8_t breg, uint8_t then,
                             int64_t *ret_operand)
{
    uint8_t operation = lmm_cfi_read_byte(&expression);
    int64_t operand = lmm_cfi_read_sleb(&expression);
    bool has_then = then == 0 || lmm_cfi_read_byte(&expression) == then;

    bool is_whole = !expression.has_failed && expression.at == expression.end;
    if (operation != breg || !has_then || !is_whole) {
        return false;
    }
    *ret_operand = operand;
    return true;
}

static void set_cfa(struct row *row, uint64_t cfa_register, int64_t offset)
{
    row->cfa = CFA_REGISTER;
    row->cfa_register = cfa_register;
    row->cfa_offset = offset;
}

static void set_cfa_expression(struct row *row, struct lmm_cfi_reader expression)
{
    int64_t operand;

    row->cfa = CFA_OTHER;
    if (is_register_plus(expression, OP_BREG_BP, OP_DEREF, &operand)) {
        row->cfa = CFA_BP_LOAD;
        row->cfa_offset = operand;
    } else if (is_register_plus(expression, OP_BREG_SP, OP_DEREF, &operand) &&
               operand == UCONTEXT_SP_BYTES) {
        row->cfa = CFA_UCONTEXT;
    }
}

/* The row's value of a register; NULL for registers that rules do not use. */
static struct value *value_of(struct row *row, uint64_t dwarf_register)
{
    switch (dwarf_register) {
    case DWARF_BP: return &row->values[COLUMN_BP];
    case DWARF_SP: return &row->values[COLUMN_SP];
    case DWARF_RETURN_ADDRESS: return &row->values[COLUMN_RETURN_ADDRESS];
    default: return NULL;
    }
}

static void set_value(struct row *row, uint64_t dwarf_register, enum value_kind kind,
                      int64_t offset)
{
    struct value *value = value_of(row, dwarf_register);

    if (value != NULL) {
        value->kind = kind;
        value->offset = offset;
    }
}

static void set_value_expression(struct row *row, uint64_t dwarf_register,
                                 struct lmm_cfi_reader expression)
{
    int64_t operand = 0;
    bool is_known = is_register_plus(expression, OP_BREG_BP, 0, &operand);

    set_value(row, dwarf_register, is_known ? VALUE_AT_BP : VALUE_OTHER, operand);
}

static void restore_value(struct machine *machine, uint64_t dwarf_register)
{
    struct value *value = value_of(&machine->row, dwarf_register);

    if (value != NULL) {
        *value = *value_of(&machine->initial, dwarf_register);
    }
}

static void remember(struct machine *machine)
{
    if (machine->remembered_count == REMEMBERED_MAX) {
        machine->has_failed = true;
        return;
    }
    machine->remembered[machine->remembered_count++] = machine->row;
}

static void recall(struct machine *machine)
{
    if (machine->remembered_count == 0) {
        machine->has_failed = true;
        return;
    }
    machine->row = machine->remembered[--machine->remembered_count];
}

/* Wraps, because a number of a damaged table may be any. */
static int64_t negative(int64_t value)
{
    return (int64_t) (0 - (uint64_t) value);
}

/* Executes one instruction that does not change the address. */
static void execute(struct machine *machine, const struct instruction *instruction)
{
    struct row *row = &machine->row;
    uint64_t first = instruction->first;
    int64_t second = instruction->second;

    switch (instruction->opcode) {
    case CFA_OFFSET:
    case CFA_OFFSET_EXTENDED:
    case CFA_OFFSET_EXTENDED_SF: set_value(row, first, VALUE_AT_CFA, second); break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
        set_value(row, first, VALUE_AT_CFA, negative(second));
        break;
    case CFA_RESTORE:
    case CFA_RESTORE_EXTENDED: restore_value(machine, first); break;
    case CFA_UNDEFINED: set_value(row, first, VALUE_UNDEFINED, 0); break;
    case CFA_SAME_VALUE: set_value(row, first, VALUE_SAME, 0); break;
    case CFA_EXPRESSION: set_value_expression(row, first, instruction->block); break;
    case CFA_IN_REGISTER:
    case CFA_VAL_OFFSET:
    case CFA_VAL_OFFSET_SF:
    case CFA_VAL_EXPRESSION: set_value(row, first, VALUE_OTHER, 0); break;
    case CFA_REMEMBER_STATE: remember(machine); break;
    case CFA_RESTORE_STATE: recall(machine); break;
    case CFA_DEF_CFA:
    case CFA_DEF_CFA_SF: set_cfa(row, first, second); break;
    case CFA_DEF_CFA_REGISTER: row->cfa_register = first; break;
    case CFA_DEF_CFA_OFFSET:
    case CFA_DEF_CFA_OFFSET_SF: row->cfa_offset = second; break;
    case CFA_DEF_CFA_EXPRESSION: set_cfa_expression(row, instruction->block); break;
    default: break;
    }
}

/* Leaves the remembered rows unset, because most programs remember none. */
static void start(struct machine *machine, const struct lmm_cfi_entry *entry, uintptr_t address)
{
    static const struct row no_row;

    machine->entry = entry;
    machine->at = entry->start;
    machine->address = address;
    machine->has_failed = false;
    machine->remembered_count = 0;
    machine->row = no_row;
    machine->initial = no_row;
}

static uintptr_t moved(const struct machine *machine, const struct instruction *instruction)
{
    switch (instruction->opcode) {
    case CFA_ADVANCE_LOC:
    case CFA_ADVANCE_LOC1:
    case CFA_ADVANCE_LOC2:
    case CFA_ADVANCE_LOC4: return machine->at + instruction->first * machine->entry->code_factor;
    case CFA_SET_LOC: return instruction->first;
    default: return machine->at;
    }
}

/* Runs a program up to the row of the wanted address. */
static void run(struct machine *machine, struct lmm_cfi_reader program)
{
    struct instruction instruction = {0};

    while (program.at != program.end && !machine->has_failed) {
        machine->has_failed = !read_instruction(&program, machine->entry, &instruction);
        machine->at = moved(machine, &instruction);
        if (machine->at > machine->address) {
            return;
        }
        execute(machine, &instruction);
    }
}

static const struct lmm_cfi_rule unknown_rule;

#if defined(__aarch64__)

/* True and *ret_offset, of a rule, when that many bits hold the distance. */
static bool tell_offset(int64_t bytes, unsigned bits, int64_t *ret_offset)
{
    int64_t offset = bytes / LMM_CFI_OFFSET_BYTES;
    int64_t limit = INT64_C(1) << (bits - 1);

    *ret_offset = offset;
    return bytes % LMM_CFI_OFFSET_BYTES == 0 && offset > -limit && offset < limit;
}

/* A distance from the CFA, as one from the register that gives the CFA. */
static int64_t from_base(const struct row *row, int64_t offset)
{
    return (int64_t) ((uint64_t) row->cfa_offset + (uint64_t) offset);
}

static bool tell_cfa_offset(const struct row *row, struct lmm_cfi_rule *rule)
{
    int64_t offset;
    bool fits = tell_offset(row->cfa_offset, LMM_CFI_CFA_BITS, &offset);

    rule->cfa_offset = offset;
    return fits;
}

static bool tell_return(const struct row *row, bool exact, struct lmm_cfi_rule *rule)
{
    const struct value *value = &row->values[COLUMN_RETURN_ADDRESS];
    int64_t offset = LMM_CFI_RETURN_IN_REGISTER;
    bool is_known = value->kind == VALUE_SAME
                        ? exact
                        : value->kind == VALUE_AT_CFA && tell_offset(from_base(row, value->offset),
                                                                     LMM_CFI_SAVED_BITS, &offset);

    rule->return_offset = offset;
    return is_known;
}

static bool tell_bp_offset(const struct row *row, struct lmm_cfi_rule *rule)
{
    const struct value *value = &row->values[COLUMN_BP];
    int64_t bytes = value->kind == VALUE_AT_CFA ? from_base(row, value->offset) : value->offset;
    int64_t offset;
    bool fits = tell_offset(bytes, LMM_CFI_SAVED_BITS, &offset);

    rule->bp_offset = offset;
    return fits;
}

#else

static bool tell_cfa_offset(const struct row *row, struct lmm_cfi_rule *rule)
{
    rule->cfa_offset = (int32_t) row->cfa_offset;
    return rule->cfa_offset == row->cfa_offset;
}

static bool tell_return(const struct row *row, bool exact, struct lmm_cfi_rule *rule)
{
    const struct value *value = &row->values[COLUMN_RETURN_ADDRESS];

    (void) exact;
    (void) rule;
    return value->kind == VALUE_AT_CFA && value->offset == -8;
}

static bool tell_bp_offset(const struct row *row, struct lmm_cfi_rule *rule)
{
    rule->bp_offset = (int16_t) row->values[COLUMN_BP].offset;
    return rule->bp_offset == row->values[COLUMN_BP].offset;
}

#endif

/* True and the rule's `saved`, when a rule can express where the caller's bp is. */
static bool tell_saved(const struct row *row, struct lmm_cfi_rule *rule)
{
    static const enum lmm_cfi_saved saved_of[] = {
        [VALUE_SAME] = LMM_CFI_SAME,
        [VALUE_UNDEFINED] = LMM_CFI_LOST,
        [VALUE_AT_CFA] = LMM_CFI_IN_FRAME,
        [VALUE_AT_BP] = LMM_CFI_AT_BP,
    };
    enum value_kind kind = row->values[COLUMN_BP].kind;

    if (kind == VALUE_OTHER) {
        return false;
    }
    rule->saved = (uint8_t) saved_of[kind];
    return tell_bp_offset(row, rule);
}

static enum lmm_cfi_base base_of(const struct row *row)
{
    switch (row->cfa) {
    case CFA_BP_LOAD: return LMM_CFI_RETURN_VARIES ? LMM_CFI_UNKNOWN : LMM_CFI_BP_LOAD;
    case CFA_REGISTER:
        return row->cfa_register == DWARF_SP   ? LMM_CFI_SP
               : row->cfa_register == DWARF_BP ? LMM_CFI_BP
                                               : LMM_CFI_UNKNOWN;
    default: return LMM_CFI_UNKNOWN;
    }
}

/* Whether the entry is of code that the kernel calls, with a ucontext_t where a step expects it. On
 * AArch64 there is one such code, and its CFA is that of the interrupted function. */
static bool is_signal(const struct row *row)
{
#if defined(__aarch64__)
    (void) row;
    return true;
#else
    return row->cfa == CFA_UCONTEXT;
#endif
}

static struct lmm_cfi_rule rule_of(const struct machine *machine, bool exact)
{
    const struct row *row = &machine->row;
    struct lmm_cfi_rule rule = unknown_rule;

    if (machine->entry->is_signal) {
        rule.base = is_signal(row) ? LMM_CFI_SIGNAL : LMM_CFI_UNKNOWN;
        return rule;
    }
    if (row->values[COLUMN_RETURN_ADDRESS].kind == VALUE_UNDEFINED) {
        rule.base = LMM_CFI_END;
        return rule;
    }
    rule.base = (uint8_t) base_of(row);
    if (rule.base == LMM_CFI_UNKNOWN || row->values[COLUMN_SP].kind != VALUE_SAME ||
        !tell_cfa_offset(row, &rule) || !tell_return(row, exact, &rule) ||
        !tell_saved(row, &rule)) {
        return unknown_rule;
    }
    return rule;
}

bool lmm_cfi_find(const unsigned char *eh_frame_hdr, uintptr_t pc, bool exact,
                  struct lmm_cfi_rule *ret_rule)
{
    struct lmm_cfi_entry entry;
    uintptr_t address = exact ? pc : pc - 1;

    if (!KNOWS_MACHINE || eh_frame_hdr == NULL ||
        !lmm_cfi_entry_find(eh_frame_hdr, address, &entry)) {
        return false;
    }
    struct machine machine;
    start(&machine, &entry, address);
    run(&machine, entry.shared_program);
    machine.initial = machine.row;
    run(&machine, entry.program);
    bool is_known = !machine.has_failed && entry.return_address == DWARF_RETURN_ADDRESS;
    *ret_rule = is_known ? rule_of(&machine, exact) : unknown_rule;
    return true;
}
