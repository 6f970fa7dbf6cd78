/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_aarch64.h"

#include <capstone/capstone.h>

#include "reporter/program/types/capstone_functions.h"
#include "reporter/program/types/way_aarch64_operands.h"
#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_memory.h"

enum {
    RESULT = 0,
    FRAME_POINTER = 29,
    LINK = 30,
    STACK = 31,
    WORD = 8, /* bytes of a register */
    INSTRUCTION_BYTES = 4,
    ANY_BYTES = 64, /* that an instruction stores, at most */
    SHIFT_MAX = 12, /* of an index */
    ALIGN_MAX = 4096,
    ADDRESS_MIN = 0x10000, /* a smaller constant is a number */
};

/* Fields and values of a word. */
enum {
    FIELD = 0x1F, /* of a register */
    SECOND = 5,   /* where the second and third register are */
    THIRD = 16,
    GROUP = 26, /* three bits: the group of the instruction */
    GROUP_BRANCHES = 5,
};

static const uint32_t retaa = 0xd65f0bffU; /* ret with a check of the address */
static const uint32_t retab = 0xd65f0fffU;

static const int arguments[] = {0, 1, 2, 3, 4, 5, 6, 7};

const struct lmm_way_machine lmm_way_aarch64 = {
    .result = RESULT,
    .stack = STACK,
    .frame_pointer = FRAME_POINTER,
    .is_frame_above = true,
    .kept = 0x3FF80000U | 1U << STACK, /* x19 to x29 */
    .arguments = arguments,
    .argument_count = 8,
};

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

/* ---- Moves and sums --------------------------------------------------------------------------- */

static void move_vector(struct lmm_way *way, const cs_arm64_op *to, const cs_arm64_op *from)
{
    uint32_t bytes = 0;
    int source = from->type == ARM64_OP_REG ? lmm_way_aarch64_vector_of(from->reg, &bytes)
                                            : LMM_REGISTER_NONE;
    int target = lmm_way_aarch64_vector_of(to->reg, &bytes);

    if (source < 0 || target < 0 || bytes < WORD) {
        lmm_way_aarch64_assign(way, to, nothing);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        lmm_way_set_lane(way, (unsigned) target, i, lmm_way_get_lane(way, (unsigned) source, i));
    }
}

/* fmov: between a general register and the low lane. */
static void move_low(struct lmm_way *way, const cs_arm64_op *to, const cs_arm64_op *from)
{
    uint32_t to_bytes = 0;
    uint32_t from_bytes = 0;
    int target = lmm_way_aarch64_vector_of(to->reg, &to_bytes);
    int source = from->type == ARM64_OP_REG ? lmm_way_aarch64_vector_of(from->reg, &from_bytes)
                                            : LMM_REGISTER_NONE;
    struct lmm_way_value value = source >= 0 ? lmm_way_get_lane(way, (unsigned) source, 0)
                                             : lmm_way_aarch64_value_of(way, from);

    lmm_way_aarch64_assign(way, to, from_bytes == 0 || from_bytes == WORD ? value : nothing);
    if (target >= 0 && to_bytes == WORD) {
        lmm_way_set_lane(way, (unsigned) target, 0, value);
    }
}

/* dup, and ins: from a general register into both lanes, or one. */
static void move_lane(struct lmm_way *way, unsigned id, const cs_arm64_op *to,
                      const cs_arm64_op *from)
{
    uint32_t bytes = 0;
    int target = lmm_way_aarch64_vector_of(to->reg, &bytes);
    int source = lmm_way_aarch64_vector_of(from->reg, &bytes);
    bool is_whole =
        id == ARM64_INS_DUP ? to->vas == ARM64_VAS_2D : lmm_way_aarch64_is_lane_of_64(to);

    if (target < 0 || !is_whole || to->vector_index > 1 || from->vector_index > 1) {
        lmm_way_aarch64_assign(way, to, nothing);
        return;
    }
    struct lmm_way_value value =
        source < 0 ? lmm_way_aarch64_value_of(way, from)
                   : lmm_way_get_lane(way, (unsigned) source, (unsigned) from->vector_index & 1);

    if (id == ARM64_INS_DUP) {
        lmm_way_set_lane(way, (unsigned) target, 0, value);
        lmm_way_set_lane(way, (unsigned) target, 1, value);
    } else {
        lmm_way_set_lane(way, (unsigned) target, (unsigned) to->vector_index & 1, value);
    }
}

/* zip1 of halves: the low lanes of two registers. */
static void zip(struct lmm_way *way, const cs_arm64_op *ops)
{
    uint32_t bytes = 0;
    int target = lmm_way_aarch64_vector_of(ops[0].reg, &bytes);
    int low = lmm_way_aarch64_vector_of(ops[1].reg, &bytes);
    int high = lmm_way_aarch64_vector_of(ops[2].reg, &bytes);

    if (target < 0 || low < 0 || high < 0 || ops[0].vas != ARM64_VAS_2D) {
        lmm_way_aarch64_assign(way, &ops[0], nothing);
        return;
    }
    struct lmm_way_value second = lmm_way_get_lane(way, (unsigned) high, 0);

    lmm_way_set_lane(way, (unsigned) target, 0, lmm_way_get_lane(way, (unsigned) low, 0));
    lmm_way_set_lane(way, (unsigned) target, 1, second);
}

static struct lmm_way_value number(struct lmm_way *way, unsigned id, const cs_arm64_op *from)
{
    struct lmm_way_value value = lmm_way_aarch64_value_of(way, from);

    if (value.kind != LMM_WAY_CONSTANT) {
        return nothing;
    }
    value.number = id == ARM64_INS_MOVN ? ~value.number : value.number;
    value.is_address = value.number >= ADDRESS_MIN;
    return value;
}

/* and, orr: a pointer that is aligned, or gets a tag. */
static struct lmm_way_value mask(struct lmm_way *way, unsigned id, const cs_arm64_op *ops)
{
    const cs_arm64_op *by = &ops[2];
    bool is_low =
        by->type == ARM64_OP_IMM && (id == ARM64_INS_AND ? by->imm < 0 && by->imm >= -ALIGN_MAX
                                                         : by->imm >= 0 && by->imm < WORD);

    if (id == ARM64_INS_ORR && lmm_way_aarch64_is_zero(by)) {
        return lmm_way_aarch64_value_of(way, &ops[1]);
    }
    return is_low ? lmm_way_tagged(lmm_way_aarch64_value_of(way, &ops[1])) : nothing;
}

static struct lmm_way_value choose(struct lmm_way *way, const cs_arm64 *detail, bool tests_zero)
{
    struct lmm_way_value a = lmm_way_aarch64_value_of(way, &detail->operands[1]);
    struct lmm_way_value b = lmm_way_aarch64_value_of(way, &detail->operands[2]);

    if (tests_zero && detail->cc == ARM64_CC_NE) {
        return a;
    }
    if (tests_zero && detail->cc == ARM64_CC_EQ) {
        return b;
    }
    return lmm_way_is_same(a, b) ? a : nothing;
}

static void compare(struct lmm_way *way, unsigned id, const cs_arm64_op *a, const cs_arm64_op *b)
{
    bool is_zero = id == ARM64_INS_TST
                       ? b->type == ARM64_OP_REG && a->reg == b->reg
                       : lmm_way_aarch64_is_zero(b) || (b->type == ARM64_OP_IMM && b->imm == 0);

    if (is_zero && b->shift.type == ARM64_SFT_INVALID) {
        lmm_way_test(way, lmm_way_aarch64_value_of(way, a));
    }
}

/* Handles an instruction on registers alone; returns false when it is another one. */
static bool step_values(struct lmm_way *way, unsigned id, const cs_arm64 *detail, bool tests_zero)
{
    const cs_arm64_op *ops = detail->operands;
    uint32_t bytes = 0;

    switch (id) {
    case ARM64_INS_MOV:
        if (lmm_way_aarch64_is_lane(&ops[0])) {
            move_lane(way, ARM64_INS_INS, &ops[0], &ops[1]);
        } else if (lmm_way_aarch64_vector_of(ops[0].reg, &bytes) >= 0) {
            move_vector(way, &ops[0], &ops[1]);
        } else {
            lmm_way_aarch64_assign(way, &ops[0], lmm_way_aarch64_value_of(way, &ops[1]));
        }
        return true;
    case ARM64_INS_MRS:
        lmm_way_aarch64_assign(
            way, &ops[0],
            lmm_way_aarch64_is_thread_register(&ops[1]) ? lmm_way_thread_value(way) : nothing);
        return true;
    case ARM64_INS_MOVZ:
    case ARM64_INS_MOVN:
        lmm_way_aarch64_assign(way, &ops[0], number(way, id, &ops[1]));
        return true;
    case ARM64_INS_ADR:
    case ARM64_INS_ADRP:
        lmm_way_aarch64_assign(way, &ops[0], lmm_way_constant(ops[1].imm, true));
        return true;
    case ARM64_INS_ADD:
        if (lmm_way_aarch64_vector_of(ops[0].reg, &bytes) >= 0) {
            return false;
        }
        lmm_way_aarch64_assign(way, &ops[0],
                               lmm_way_total(way, lmm_way_aarch64_value_of(way, &ops[1]),
                                             lmm_way_aarch64_value_of(way, &ops[2])));
        return true;
    case ARM64_INS_SUB:
        if (lmm_way_aarch64_vector_of(ops[0].reg, &bytes) >= 0) {
            return false;
        }
        lmm_way_aarch64_assign(way, &ops[0],
                               lmm_way_difference(lmm_way_aarch64_value_of(way, &ops[1]),
                                                  lmm_way_aarch64_value_of(way, &ops[2])));
        return true;
    case ARM64_INS_LSL:
        lmm_way_aarch64_assign(way, &ops[0],
                               ops[2].type == ARM64_OP_IMM && ops[2].imm >= 0 &&
                                       ops[2].imm <= SHIFT_MAX
                                   ? lmm_way_multiple(UINT64_C(1) << ops[2].imm)
                                   : nothing);
        return true;
    case ARM64_INS_AND:
    case ARM64_INS_ORR: lmm_way_aarch64_assign(way, &ops[0], mask(way, id, ops)); return true;
    case ARM64_INS_CSEL:
        lmm_way_aarch64_assign(way, &ops[0], choose(way, detail, tests_zero));
        return true;
    case ARM64_INS_CMP:
    case ARM64_INS_TST: compare(way, id, &ops[0], &ops[1]); return true;
    case ARM64_INS_CMN:
    case ARM64_INS_NOP:
    case ARM64_INS_HINT:
    case ARM64_INS_PRFM:
    case ARM64_INS_DMB:
    case ARM64_INS_DSB:
    case ARM64_INS_ISB: return true;
    case ARM64_INS_FMOV: move_low(way, &ops[0], &ops[1]); return true;
    case ARM64_INS_DUP:
    case ARM64_INS_INS: move_lane(way, id, &ops[0], &ops[1]); return true;
    case ARM64_INS_ZIP1: zip(way, ops); return true;
    default: return false;
    }
}

/* ---- Memory ----------------------------------------------------------------------------------- */

/* Returns the bytes of a register in memory. */
static uint32_t bytes_of(const cs_arm64_op *reg)
{
    uint32_t bytes = 0;

    if (lmm_way_aarch64_vector_of(reg->reg, &bytes) >= 0) {
        return bytes;
    }
    return lmm_way_aarch64_whole_of(reg->reg) >= 0 || reg->reg == ARM64_REG_XZR ? WORD : WORD / 2;
}

static void store_register(struct lmm_way *way, const cs_arm64_op *from, uint32_t bytes,
                           struct lmm_way_place *place)
{
    uint32_t vector_bytes = 0;
    int vector = lmm_way_aarch64_vector_of(from->reg, &vector_bytes);

    if (vector < 0 || bytes < WORD) {
        lmm_way_store(way, place, bytes,
                      bytes == WORD ? lmm_way_aarch64_value_of(way, from) : nothing);
    }
    for (uint32_t i = 0; vector >= 0 && i < bytes / WORD; i++) {
        struct lmm_way_place part = *place;

        part.offset += WORD * (int64_t) i;
        lmm_way_store(way, &part, WORD, lmm_way_get_lane(way, (unsigned) vector, i));
    }
    place->offset += bytes;
}

static void load_register(struct lmm_way *way, uint32_t bytes, struct lmm_way_place *place,
                          struct lmm_way_value ret_values[2])
{
    ret_values[0] = bytes >= WORD ? lmm_way_load(way, place) : nothing;
    ret_values[1] = nothing;
    if (bytes > WORD) {
        struct lmm_way_place part = *place;

        part.offset += WORD;
        ret_values[1] = lmm_way_load(way, &part);
    }
    place->offset += bytes;
}

static void put_loaded(struct lmm_way *way, const cs_arm64_op *to,
                       const struct lmm_way_value values[2])
{
    uint32_t bytes = 0;
    int vector = lmm_way_aarch64_vector_of(to->reg, &bytes);

    if (vector < 0) {
        lmm_way_aarch64_assign(way, to, values[0]);
        return;
    }
    lmm_way_set_lane(way, (unsigned) vector, 0, values[0]);
    lmm_way_set_lane(way, (unsigned) vector, 1, values[1]);
}

/* Returns what the base of an operand holds after the instruction, which changes it before the access
 * or, with one more operand, after it. */
static struct lmm_way_value new_base(struct lmm_way *way, const cs_arm64 *detail,
                                     const cs_arm64_op *memory, int base)
{
    const cs_arm64_op *last = &detail->operands[detail->op_count - 1];

    if (last != memory && last->type != ARM64_OP_IMM) {
        return nothing;
    }
    return lmm_way_sum(lmm_way_get(way, base),
                       lmm_way_constant(last == memory ? memory->mem.disp : last->imm, false));
}

static const cs_arm64_op *find_memory(const cs_arm64 *detail)
{
    for (unsigned i = 0; i < detail->op_count; i++) {
        if (detail->operands[i].type == ARM64_OP_MEM) {
            return &detail->operands[i];
        }
    }
    return NULL;
}

static void access_registers(struct lmm_way *way, const cs_arm64_op *first, size_t count,
                             uint32_t bytes, bool is_store, struct lmm_way_place place)
{
    struct lmm_way_value values[2][2];

    for (size_t i = 0; i < count; i++) {
        uint32_t size = bytes != 0 ? bytes : bytes_of(&first[i]);

        if (is_store) {
            store_register(way, &first[i], size, &place);
        } else {
            load_register(way, size, &place, values[i]);
        }
    }
    for (size_t i = 0; !is_store && i < count; i++) {
        put_loaded(way, &first[i], values[i]);
    }
}

/* A load or store of one or two registers, of `bytes` each, or of their own size (0). */
static bool access_memory(struct lmm_way *way, const cs_arm64 *detail, uint32_t bytes,
                          bool is_store)
{
    const cs_arm64_op *memory = find_memory(detail);

    if (memory == NULL || memory == detail->operands) {
        return false;
    }
    struct lmm_way_place place = lmm_way_aarch64_place_of(memory);
    struct lmm_way_value base = nothing;
    size_t count = (size_t) (memory - detail->operands);

    if (count > 2) {
        return false;
    }
    if (detail->writeback && place.base >= 0) {
        base = new_base(way, detail, memory, place.base);
    }
    access_registers(way, detail->operands, count, bytes, is_store, place);
    if (detail->writeback && place.base >= 0) {
        lmm_way_set(way, place.base, base);
    }
    return true;
}

/* A store that may fail: its first operand says whether it did. */
static bool store_exclusive(struct lmm_way *way, const cs_arm64 *detail)
{
    const cs_arm64_op *ops = detail->operands;

    if (detail->op_count == 3 && ops[2].type == ARM64_OP_MEM) {
        access_registers(way, &ops[1], 1, 0, true, lmm_way_aarch64_place_of(&ops[2]));
    }
    lmm_way_aarch64_assign(way, &ops[0], nothing);
    return true;
}

static bool step_memory(struct lmm_way *way, unsigned id, const cs_arm64 *detail)
{
    switch (id) {
    case ARM64_INS_LDR:
    case ARM64_INS_LDUR:
    case ARM64_INS_LDTR:
    case ARM64_INS_LDAR:
    case ARM64_INS_LDXR:
    case ARM64_INS_LDAXR:
    case ARM64_INS_LDP:
    case ARM64_INS_LDNP: return access_memory(way, detail, 0, false);
    case ARM64_INS_STR:
    case ARM64_INS_STUR:
    case ARM64_INS_STTR:
    case ARM64_INS_STLR:
    case ARM64_INS_STP:
    case ARM64_INS_STNP: return access_memory(way, detail, 0, true);
    case ARM64_INS_STRB:
    case ARM64_INS_STURB:
    case ARM64_INS_STLRB: return access_memory(way, detail, 1, true);
    case ARM64_INS_STRH:
    case ARM64_INS_STURH:
    case ARM64_INS_STLRH: return access_memory(way, detail, 2, true);
    case ARM64_INS_STXR:
    case ARM64_INS_STLXR: return store_exclusive(way, detail);
    default: return false;
    }
}

/* ---- Ways on ---------------------------------------------------------------------------------- */

static void branch_on_zero(struct lmm_way *way, unsigned id, const cs_arm64_op *ops)
{
    bool tested = way->path->tests_zero;
    enum lmm_way_condition condition = LMM_WAY_SOMETIMES;

    lmm_way_test(way, lmm_way_aarch64_value_of(way, &ops[0]));
    if (way->path->tests_zero) {
        condition = id == ARM64_INS_CBZ ? LMM_WAY_ZERO : LMM_WAY_NOT_ZERO;
    }
    way->path->tests_zero = tested;
    lmm_way_branch(way, (uint64_t) ops[1].imm, condition);
}

static void branch(struct lmm_way *way, const cs_arm64 *detail)
{
    uint64_t target = (uint64_t) detail->operands[0].imm;
    enum lmm_way_condition condition = LMM_WAY_SOMETIMES;

    if (detail->cc == ARM64_CC_INVALID || detail->cc == ARM64_CC_AL || detail->cc == ARM64_CC_NV) {
        lmm_way_jump(way, target);
        return;
    }
    if (way->path->tests_zero && detail->cc == ARM64_CC_EQ) {
        condition = LMM_WAY_ZERO;
    } else if (way->path->tests_zero && detail->cc == ARM64_CC_NE) {
        condition = LMM_WAY_NOT_ZERO;
    }
    lmm_way_branch(way, target, condition);
}

/* Handles an instruction after which another one than the next may follow; returns false when it is
 * none. */
static bool step_control(struct lmm_way *way, unsigned id, const cs_arm64 *detail)
{
    const cs_arm64_op *ops = detail->operands;

    switch (id) {
    case ARM64_INS_BL: lmm_way_call(way, lmm_way_constant(ops[0].imm, true)); return true;
    case ARM64_INS_BLR: lmm_way_call(way, lmm_way_aarch64_value_of(way, &ops[0])); return true;
    case ARM64_INS_BR:
        lmm_way_jump_loaded(way, lmm_way_aarch64_value_of(way, &ops[0]));
        return true;
    case ARM64_INS_RET: lmm_way_return(way); return true;
    case ARM64_INS_B: branch(way, detail); return true;
    case ARM64_INS_CBZ:
    case ARM64_INS_CBNZ: branch_on_zero(way, id, ops); return true;
    case ARM64_INS_TBZ:
    case ARM64_INS_TBNZ: lmm_way_branch(way, (uint64_t) ops[2].imm, LMM_WAY_SOMETIMES); return true;
    case ARM64_INS_SVC: lmm_way_clear(way, RESULT); return true;
    case ARM64_INS_BRK:
    case ARM64_INS_HLT:
    case ARM64_INS_ERET: lmm_way_end(way); return true;
    default: return false;
    }
}

/* ---- All -------------------------------------------------------------------------------------- */

static void clear_any(struct lmm_way *way, unsigned reg)
{
    uint32_t bytes = 0;

    if (lmm_way_aarch64_number_of(reg) >= 0) {
        lmm_way_clear(way, lmm_way_aarch64_number_of(reg));
    } else if (lmm_way_aarch64_vector_of(reg, &bytes) >= 0) {
        lmm_way_clear_vector(way, (unsigned) lmm_way_aarch64_vector_of(reg, &bytes));
    }
}

/* Forgets all that another instruction may write. */
static void step_any(struct lmm_way *way, csh handle, const cs_insn *insn)
{
    const cs_arm64 *detail = &insn->detail->arm64;
    cs_regs read;
    cs_regs written;
    uint8_t read_count = 0;
    uint8_t count = 0;

    if (lmm_capstone()->regs_access(handle, insn, read, &read_count, written, &count) !=
        CS_ERR_OK) {
        lmm_way_end(way);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        clear_any(way, written[i]);
    }
    for (unsigned i = 0; i < detail->op_count; i++) {
        const cs_arm64_op *operand = &detail->operands[i];

        if (operand->type == ARM64_OP_MEM && (operand->access & CS_AC_WRITE) != 0) {
            const struct lmm_way_place place = lmm_way_aarch64_place_of(operand);

            lmm_way_store(way, &place, ANY_BYTES, nothing);
        } else if (operand->type == ARM64_OP_REG && (i == 0 || operand->access != CS_AC_READ)) {
            clear_any(way, operand->reg);
        }
    }
}

void lmm_way_aarch64_step(struct lmm_way *way, csh handle, const cs_insn *insn)
{
    const cs_arm64 *detail = &insn->detail->arm64;
    bool tests_zero = way->path->tests_zero;

    if (step_control(way, insn->id, detail)) {
        return;
    }
    way->path->tests_zero = tests_zero && !detail->update_flags;
    if (!step_values(way, insn->id, detail, tests_zero) && !step_memory(way, insn->id, detail)) {
        step_any(way, handle, insn);
    }
}

/* Returns whether a word is an atomic operation of Armv8.1, which keeps its base register. */
static bool is_atomic(uint32_t word)
{
    return (word & 0x3b200c00U) == 0x38200000U || (word & 0x3fa07c00U) == 0x08a07c00U;
}

static void clear_field(struct lmm_way *way, uint32_t word)
{
    /* Register 31 is zero here, or sp, which such a word does not write. */
    if ((word & FIELD) != STACK) {
        lmm_way_clear(way, (int) (word & FIELD));
    }
}

size_t lmm_way_aarch64_skip(struct lmm_way *way, const uint8_t *bytes, size_t count)
{
    uint32_t word;

    if (count < INSTRUCTION_BYTES) {
        return 0;
    }
    word = (uint32_t) bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 |
           (uint32_t) bytes[3] << 24;
    if (word == retaa || word == retab) {
        lmm_way_return(way);
        return INSTRUCTION_BYTES;
    }
    if (word >> THIRD == 0 || (word >> GROUP & 7) == GROUP_BRANCHES) {
        return 0;
    }
    clear_field(way, word);
    clear_field(way, word >> THIRD);
    if (!is_atomic(word)) {
        clear_field(way, word >> SECOND);
    }
    for (unsigned i = 0; i < LMM_WAY_LANES / 2; i++) {
        lmm_way_clear_vector(way, i);
    }
    way->path->tests_zero = false;
    return INSTRUCTION_BYTES;
}
