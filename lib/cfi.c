/* SPDX-License-Identifier: MIT */
#include "cfi.h"

#if defined(__x86_64__) && defined(__LP64__)
enum { KNOWS_MACHINE = 1 };
#else
enum { KNOWS_MACHINE = 0 };
#endif

/* Numbers of registers: System V ABI for AMD64, figure 3.36. */
enum { DWARF_BP = 6, DWARF_SP = 7, DWARF_RETURN_ADDRESS = 16 };

/* Operators of expressions: DWARF 5, section 7.7.1. */
enum { OP_DEREF = 0x06, OP_BREG_BP = 0x70 + DWARF_BP, OP_BREG_SP = 0x70 + DWARF_SP };

/* Where the interrupted sp is in the ucontext_t of a signal frame: what the trampoline's CFA says. */
enum { UCONTEXT_SP_BYTES = 160 };

/* Encodings of pointers: LSB, "DWARF Exception Header Encoding". */
enum {
    ENCODING_ABSOLUTE = 0x00,
    ENCODING_ULEB = 0x01,
    ENCODING_SLEB = 0x09,
    ENCODING_FORMAT = 0x0f,
    ENCODING_PC_RELATIVE = 0x10,
    ENCODING_BASE = 0xf0,
    ENCODING_TABLE = 0x3b,    /* relative to .eh_frame_hdr, four bytes, signed */
};

/* Bytes of each format; 0 for those of other lengths and those that do not exist. */
static const uint8_t format_bytes[ENCODING_FORMAT + 1] = {
    [0x00] = 8, [0x02] = 2, [0x03] = 4, [0x04] = 8, [0x0a] = 2, [0x0b] = 4, [0x0c] = 8,
};

/* Bytes read front to back. What is not there reads as 0, and has_failed stays. */
struct reader {
    const unsigned char *at;
    const unsigned char *end;
    bool has_failed;
};

static const unsigned char *read_block(struct reader *reader, uint64_t bytes)
{
    const unsigned char *block = reader->at;

    if (bytes > (uint64_t) (reader->end - block)) {
        reader->has_failed = true;
        return NULL;
    }
    reader->at += bytes;
    return block;
}

static uint64_t read_unsigned(struct reader *reader, unsigned bytes)
{
    const unsigned char *block = read_block(reader, bytes);
    uint64_t value = 0;

    for (unsigned i = 0; block != NULL && i < bytes; i++) {
        value |= (uint64_t) block[i] << (8 * i);
    }
    return value;
}

static int64_t sign_extended(uint64_t value, unsigned bits)
{
    uint64_t sign = bits == 0 || bits > 64 ? 0 : UINT64_C(1) << (bits - 1);

    return (int64_t) ((value ^ sign) - sign);
}

/* DWARF 5, section 7.6. Bits past the 64th are dropped. */
static uint64_t read_leb(struct reader *reader, unsigned *ret_bits)
{
    uint64_t value = 0;
    uint64_t byte;
    unsigned shift = 0;

    do {
        byte = read_unsigned(reader, 1);
        value |= shift < 64 ? (byte & 0x7f) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    *ret_bits = shift;
    return value;
}

static uint64_t read_uleb(struct reader *reader)
{
    unsigned bits;

    return read_leb(reader, &bits);
}

static int64_t read_sleb(struct reader *reader)
{
    unsigned bits;
    uint64_t value = read_leb(reader, &bits);

    return sign_extended(value, bits);
}

/* A number in the encoding's format, whatever it is relative to. */
static uint64_t read_formatted(struct reader *reader, uint8_t encoding)
{
    unsigned format = encoding & ENCODING_FORMAT;
    unsigned bytes = format_bytes[format];

    if (format == ENCODING_ULEB) {
        return read_uleb(reader);
    }
    if (format == ENCODING_SLEB) {
        return (uint64_t) read_sleb(reader);
    }
    if (bytes == 0) {
        reader->has_failed = true;
        return 0;
    }
    uint64_t value = read_unsigned(reader, bytes);
    bool is_signed = format > ENCODING_SLEB;
    return is_signed ? (uint64_t) sign_extended(value, 8 * bytes) : value;
}

/* An address; of what it can be relative to, the code's own position alone. */
static uintptr_t read_address(struct reader *reader, uint8_t encoding)
{
    uintptr_t position = (uintptr_t) reader->at;
    uintptr_t value = read_formatted(reader, encoding);

    switch (encoding & ENCODING_BASE) {
    case ENCODING_ABSOLUTE: return value;
    case ENCODING_PC_RELATIVE: return position + value;
    default: reader->has_failed = true; return 0;
    }
}

/* The header of .eh_frame_hdr and its table: LSB, "The .eh_frame_hdr section". */
enum {
    HDR_VERSION = 1,
    HDR_BYTES_MAX = 4 + 8 + 8,
    TABLE_ENTRY_BYTES = 8,    /* where a function starts, and its entry in .eh_frame */
};

/* The number at `at`, four bytes, an address relative to .eh_frame_hdr. */
static int32_t table_offset(const unsigned char *at)
{
    struct reader reader = {.at = at, .end = at + 4};

    return (int32_t) (uint32_t) read_unsigned(&reader, 4);
}

/* The table of *ret_count entries, or NULL. */
static const unsigned char *find_table(const unsigned char *eh_frame_hdr, uint64_t *ret_count)
{
    struct reader reader = {.at = eh_frame_hdr, .end = eh_frame_hdr + HDR_BYTES_MAX};
    uint64_t version = read_unsigned(&reader, 1);
    uint8_t section_encoding = (uint8_t) read_unsigned(&reader, 1);
    uint8_t count_encoding = (uint8_t) read_unsigned(&reader, 1);
    uint64_t table_encoding = read_unsigned(&reader, 1);

    if (version != HDR_VERSION || table_encoding != ENCODING_TABLE) {
        return NULL;
    }
    read_formatted(&reader, section_encoding);
    *ret_count = read_formatted(&reader, count_encoding);
    return reader.has_failed || (count_encoding & ENCODING_BASE) != 0 ? NULL : reader.at;
}

/* The entry of the last function that starts at or before address, and where that is; or NULL. */
static const unsigned char *find_entry(const unsigned char *eh_frame_hdr, uintptr_t address,
                                       uintptr_t *ret_start)
{
    uint64_t count = 0;
    const unsigned char *table = find_table(eh_frame_hdr, &count);
    int64_t wanted = (int64_t) (address - (uintptr_t) eh_frame_hdr);

    if (table == NULL || wanted != (int32_t) wanted || count > INT32_MAX) {
        return NULL;
    }
    uint64_t first_after = 0;
    while (first_after < count) {
        uint64_t middle = first_after + (count - first_after) / 2;
        if (table_offset(table + middle * TABLE_ENTRY_BYTES) <= wanted) {
            first_after = middle + 1;
        } else {
            count = middle;
        }
    }
    if (first_after == 0) {
        return NULL;
    }
    const unsigned char *found = table + (first_after - 1) * TABLE_ENTRY_BYTES;
    *ret_start = (uintptr_t) eh_frame_hdr + (uintptr_t) table_offset(found);
    return eh_frame_hdr + table_offset(found + 4);
}

/* Entries: LSB, "Exception Frames". */
enum {
    ENTRY_LENGTH_BYTES = 4,
    ENTRY_ID_BYTES = 4,    /* 0: a CIE; else a FDE, and this far behind here is its CIE */
    ENTRY_LENGTH_MAX = 0xffffffef,    /* longer: the length is in eight more bytes; nobody needs it */
};

/* What the FDEs of one kind share. */
struct cie {
    uint64_t code_factor;
    int64_t data_factor;
    uint8_t address_encoding;
    bool has_lengths;    /* its FDEs have augmentation data, behind its length */
    bool is_signal;
    struct reader program;
};

/* True and what follows the length in *ret_entry; false when the entry ends the section or is of the
 * 64-bit kind. */
static bool open_entry(const unsigned char *at, struct reader *ret_entry)
{
    struct reader length_reader = {.at = at, .end = at + ENTRY_LENGTH_BYTES};
    uint64_t length = read_unsigned(&length_reader, ENTRY_LENGTH_BYTES);

    if (length < ENTRY_ID_BYTES || length > ENTRY_LENGTH_MAX) {
        return false;
    }
    *ret_entry = (struct reader) {.at = length_reader.at, .end = length_reader.at + length};
    return true;
}

/* A pointer behind the byte that says how it is written. */
static void skip_encoded(struct reader *reader)
{
    uint8_t encoding = (uint8_t) read_unsigned(reader, 1);

    read_formatted(reader, encoding);
}

/* Data of letters that are not known, and of what follows them, is passed over by its length. */
static void read_augmentation(struct reader *entry, const unsigned char *letters, struct cie *cie)
{
    uint64_t bytes = read_uleb(entry);
    const unsigned char *data_at = read_block(entry, bytes);
    struct reader data = {.at = data_at, .end = entry->at};
    bool is_known = data_at != NULL;

    cie->has_lengths = true;
    for (; is_known && *letters != '\0'; letters++) {
        switch (*letters) {
        case 'R': cie->address_encoding = (uint8_t) read_unsigned(&data, 1); break;
        case 'P': skip_encoded(&data); break;
        case 'L': read_unsigned(&data, 1); break;
        case 'S': cie->is_signal = true; break;
        default: is_known = false; break;
        }
    }
    entry->has_failed |= data.has_failed;
}

static bool read_cie(const unsigned char *at, struct cie *ret_cie)
{
    struct reader entry;

    if (!open_entry(at, &entry) || read_unsigned(&entry, ENTRY_ID_BYTES) != 0) {
        return false;
    }
    uint64_t version = read_unsigned(&entry, 1);
    const unsigned char *letters = entry.at;
    while (read_unsigned(&entry, 1) != 0) {
    }
    ret_cie->code_factor = read_uleb(&entry);
    ret_cie->data_factor = read_sleb(&entry);
    uint64_t return_address = version == 1 ? read_unsigned(&entry, 1) : read_uleb(&entry);
    ret_cie->address_encoding = ENCODING_ABSOLUTE;
    ret_cie->has_lengths = false;
    ret_cie->is_signal = false;
    if (!entry.has_failed && *letters == 'z') {
        read_augmentation(&entry, letters + 1, ret_cie);
    } else if (*letters != '\0') {
        return false;
    }
    ret_cie->program = entry;
    return !entry.has_failed && (version == 1 || version == 3) && return_address == DWARF_RETURN_ADDRESS;
}

/* Reads the FDE at `at`, whose function starts at start, as the table has it. True, *ret_cie and the FDE's
 * instructions when it covers address. */
static bool read_fde(const unsigned char *at, uintptr_t start, uintptr_t address, struct cie *ret_cie,
                     struct reader *ret_program)
{
    struct reader entry;

    if (!open_entry(at, &entry)) {
        return false;
    }
    const unsigned char *id_at = entry.at;
    uint64_t cie_distance = read_unsigned(&entry, ENTRY_ID_BYTES);
    if (cie_distance == 0 || !read_cie(id_at - cie_distance, ret_cie)) {
        return false;
    }
    uintptr_t own_start = read_address(&entry, ret_cie->address_encoding);
    uint64_t bytes = read_formatted(&entry, ret_cie->address_encoding);
    if (ret_cie->has_lengths) {
        uint64_t passed_bytes = read_uleb(&entry);
        read_block(&entry, passed_bytes);
    }
    *ret_program = entry;
    return !entry.has_failed && own_start == start && address - start < bytes;
}

/* A row of the table that an entry's program stands for: DWARF 5, section 6.4.1. */
enum cfa_kind { CFA_OTHER, CFA_REGISTER, CFA_BP_LOAD, CFA_UCONTEXT };
enum value_kind { VALUE_SAME, VALUE_UNDEFINED, VALUE_AT_CFA, VALUE_AT_BP, VALUE_OTHER };
enum column { COLUMN_BP, COLUMN_SP, COLUMN_RETURN_ADDRESS, COLUMNS };

struct value {
    enum value_kind kind;    /* of the register in the caller */
    int64_t offset;          /* with VALUE_AT_CFA and VALUE_AT_BP: it is at that plus offset */
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
    const struct cie *cie;
    uintptr_t at;         /* the row is that of this address on */
    uintptr_t address;    /* the row that is wanted is this one's */
    bool has_failed;
    unsigned remembered_count;
    struct row row;
    struct row initial;    /* after the CIE's instructions */
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
    CFA_GNU_ARGS_SIZE = 0x2e,
    CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
    CFA_LOW_MAX = 0x3f,
    /* These have an operand in their low six bits. */
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
    [CFA_GNU_ARGS_SIZE] = {true, OPERAND_UNSIGNED, OPERAND_NONE},
    [CFA_GNU_NEGATIVE_OFFSET_EXTENDED] = {true, OPERAND_UNSIGNED, OPERAND_UNSIGNED_FACTORED},
};

struct instruction {
    unsigned opcode;
    uint64_t first;         /* a register, a distance or an address */
    int64_t second;         /* a register or an offset in bytes, */
    struct reader block;    /* or an expression */
};

static uint64_t read_operand(struct reader *program, const struct cie *cie, enum operand operand,
                             struct reader *ret_block)
{
    uint64_t factor = (uint64_t) cie->data_factor;

    switch (operand) {
    case OPERAND_NONE: return 0;
    case OPERAND_1: return read_unsigned(program, 1);
    case OPERAND_2: return read_unsigned(program, 2);
    case OPERAND_4: return read_unsigned(program, 4);
    case OPERAND_ADDRESS: return read_address(program, cie->address_encoding);
    case OPERAND_UNSIGNED: return read_uleb(program);
    case OPERAND_UNSIGNED_FACTORED: return read_uleb(program) * factor;
    case OPERAND_SIGNED_FACTORED: return (uint64_t) read_sleb(program) * factor;
    case OPERAND_BLOCK: break;
    }
    uint64_t bytes = read_uleb(program);
    const unsigned char *block = read_block(program, bytes);
    *ret_block = (struct reader) {.at = block, .end = block == NULL ? NULL : block + bytes};
    return 0;
}

/* False at an instruction that is not known, or is cut off. */
static bool read_instruction(struct reader *program, const struct cie *cie,
                             struct instruction *ret_instruction)
{
    unsigned byte = (unsigned) read_unsigned(program, 1);
    struct instruction *instruction = ret_instruction;

    if (byte > CFA_LOW_MAX) {
        instruction->opcode = byte & ~(unsigned) CFA_LOW_OPERAND;
        instruction->first = byte & CFA_LOW_OPERAND;
        instruction->second = 0;
        if (instruction->opcode == CFA_OFFSET) {
            instruction->second =
                (int64_t) read_operand(program, cie, OPERAND_UNSIGNED_FACTORED, &instruction->block);
        }
        return !program->has_failed;
    }
    const struct operand_kinds *kinds = &kinds_of_low[byte];
    instruction->opcode = byte;
    instruction->first = read_operand(program, cie, kinds->first, &instruction->block);
    instruction->second = (int64_t) read_operand(program, cie, kinds->second, &instruction->block);
    return kinds->is_known && !program->has_failed;
}

/* True and its operand when the expression is DW_OP_breg<n> operand, and then `then` unless that is 0. */
static bool is_register_plus(struct reader expression, uint8_t breg, uint8_t then, int64_t *ret_operand)
{
    uint64_t operation = read_unsigned(&expression, 1);
    int64_t operand = read_sleb(&expression);
    bool has_then = then == 0 || read_unsigned(&expression, 1) == then;

    if (operation != breg || !has_then || expression.has_failed || expression.at != expression.end) {
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

static void set_cfa_expression(struct row *row, struct reader expression)
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

/* The row's value of a register; NULL when nobody here cares for that one. */
static struct value *value_of(struct row *row, uint64_t dwarf_register)
{
    switch (dwarf_register) {
    case DWARF_BP: return &row->values[COLUMN_BP];
    case DWARF_SP: return &row->values[COLUMN_SP];
    case DWARF_RETURN_ADDRESS: return &row->values[COLUMN_RETURN_ADDRESS];
    default: return NULL;
    }
}

static void set_value(struct row *row, uint64_t dwarf_register, enum value_kind kind, int64_t offset)
{
    struct value *value = value_of(row, dwarf_register);

    if (value != NULL) {
        value->kind = kind;
        value->offset = offset;
    }
}

static void set_value_expression(struct row *row, uint64_t dwarf_register, struct reader expression)
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

/* Carries out one instruction that does not move. */
static void execute(struct machine *machine, const struct instruction *instruction)
{
    struct row *row = &machine->row;
    uint64_t first = instruction->first;
    int64_t second = instruction->second;

    switch (instruction->opcode) {
    case CFA_OFFSET:
    case CFA_OFFSET_EXTENDED:
    case CFA_OFFSET_EXTENDED_SF: set_value(row, first, VALUE_AT_CFA, second); break;
    case CFA_GNU_NEGATIVE_OFFSET_EXTENDED: set_value(row, first, VALUE_AT_CFA, -second); break;
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

/* Where the machine stands after the instruction. */
static uintptr_t moved(const struct machine *machine, const struct instruction *instruction)
{
    switch (instruction->opcode) {
    case CFA_ADVANCE_LOC:
    case CFA_ADVANCE_LOC1:
    case CFA_ADVANCE_LOC2:
    case CFA_ADVANCE_LOC4: return machine->at + instruction->first * machine->cie->code_factor;
    case CFA_SET_LOC: return instruction->first;
    default: return machine->at;
    }
}

/* Runs a program up to the row of the wanted address. */
static void run(struct machine *machine, struct reader program)
{
    struct instruction instruction = {0};

    while (program.at != program.end && !machine->has_failed) {
        machine->has_failed = !read_instruction(&program, machine->cie, &instruction);
        machine->at = moved(machine, &instruction);
        if (machine->at > machine->address) {
            return;
        }
        execute(machine, &instruction);
    }
}

static const struct lmm_cfi_rule unknown_rule;

/* True and where the caller's bp is in the rule, when a rule can say it. */
static bool tell_saved(const struct value *value, struct lmm_cfi_rule *rule)
{
    static const enum lmm_cfi_saved saved_of[] = {
        [VALUE_SAME] = LMM_CFI_SAME,
        [VALUE_UNDEFINED] = LMM_CFI_LOST,
        [VALUE_AT_CFA] = LMM_CFI_AT_CFA,
        [VALUE_AT_BP] = LMM_CFI_AT_BP,
    };

    if (value->kind == VALUE_OTHER || value->offset != (int16_t) value->offset) {
        return false;
    }
    rule->saved = (uint8_t) saved_of[value->kind];
    rule->bp_offset = (int16_t) value->offset;
    return true;
}

static enum lmm_cfi_base base_of(const struct row *row)
{
    if (row->cfa_offset != (int32_t) row->cfa_offset) {
        return LMM_CFI_UNKNOWN;
    }
    switch (row->cfa) {
    case CFA_BP_LOAD: return LMM_CFI_BP_LOAD;
    case CFA_REGISTER:
        return row->cfa_register == DWARF_SP   ? LMM_CFI_SP
               : row->cfa_register == DWARF_BP ? LMM_CFI_BP
                                               : LMM_CFI_UNKNOWN;
    default: return LMM_CFI_UNKNOWN;
    }
}

static struct lmm_cfi_rule rule_of(const struct row *row, bool is_signal)
{
    const struct value *return_address = &row->values[COLUMN_RETURN_ADDRESS];
    struct lmm_cfi_rule rule = unknown_rule;

    if (is_signal) {
        rule.base = row->cfa == CFA_UCONTEXT ? LMM_CFI_SIGNAL : LMM_CFI_UNKNOWN;
        return rule;
    }
    if (return_address->kind == VALUE_UNDEFINED) {
        rule.base = LMM_CFI_END;
        return rule;
    }
    bool is_usual = return_address->kind == VALUE_AT_CFA && return_address->offset == -8 &&
                    row->values[COLUMN_SP].kind == VALUE_SAME;
    rule.cfa_offset = (int32_t) row->cfa_offset;
    rule.base = (uint8_t) base_of(row);
    if (!is_usual || rule.base == LMM_CFI_UNKNOWN || !tell_saved(&row->values[COLUMN_BP], &rule)) {
        return unknown_rule;
    }
    return rule;
}

bool lmm_cfi_find(const unsigned char *eh_frame_hdr, uintptr_t pc, bool exact,
                  struct lmm_cfi_rule *ret_rule)
{
    uintptr_t address = exact ? pc : pc - 1;
    uintptr_t start = 0;
    struct cie cie;
    struct reader program;

    if (!KNOWS_MACHINE || eh_frame_hdr == NULL) {
        return false;
    }
    const unsigned char *entry = find_entry(eh_frame_hdr, address, &start);
    if (entry == NULL || !read_fde(entry, start, address, &cie, &program)) {
        return false;
    }
    struct machine machine;
    machine.cie = &cie;
    machine.address = address;
    machine.at = start;
    machine.has_failed = false;
    machine.remembered_count = 0;
    machine.row = (struct row) {0};
    machine.initial = machine.row;
    run(&machine, cie.program);
    machine.initial = machine.row;
    run(&machine, program);
    *ret_rule = machine.has_failed ? unknown_rule : rule_of(&machine.row, cie.is_signal);
    return true;
}
