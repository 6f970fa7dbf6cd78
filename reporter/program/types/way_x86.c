/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_x86.h"

#include <capstone/capstone.h>

#include "reporter/program/types/capstone_functions.h"
#include "reporter/program/types/way_flow.h"
#include "reporter/program/types/way_memory.h"
#include "reporter/program/types/way_x86_operands.h"

/* UD1, as capstone 4 and 5 call it. */
#if CS_API_MAJOR < 5
#define INS_UD1 X86_INS_UD2B
#else
#define INS_UD1 X86_INS_UD1
#endif

enum {
    RAX = 0,
    RCX = 2,
    RBX = 3,
    RSI = 4,
    RDI = 5,
    RBP = 6,
    RSP = 7,
    R11 = 11,
    VECTORS = 32,
    QUAD = 8,      /* bytes */
    OCTA = 16,     /* bytes */
    STRING = 4096, /* bytes that an instruction with a prefix `rep` writes, at most */
    SHIFT_MAX = 12,
    LOW_TWICE = 0x44,      /* pshufd: the lower half twice */
    ADDRESS_MIN = 0x10000, /* a smaller constant is a number */
};

static const int arguments[] = {5, 4, 1, 2, 8, 9};

const struct lmm_way_machine lmm_way_x86 = {
    .result = RAX,
    .stack = RSP,
    .frame_pointer = RBP,
    .kept = 1U << RBX | 1U << RBP | 1U << RSP | 0xF000U,
    .arguments = arguments,
    .argument_count = 6,
};

/* ---- Moves and sums --------------------------------------------------------------------------- */

static void move(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *from)
{
    struct lmm_way_value value = lmm_way_x86_value_of(way, from);
    bool is_wide = to->size == QUAD || to->size == QUAD / 2;

    /* In code at a fixed address a constant can be an address. */
    if (from->type == X86_OP_IMM) {
        value.is_address = is_wide && value.number >= ADDRESS_MIN;
    }
    if (value.kind == LMM_WAY_CONSTANT && !is_wide) {
        value.kind = LMM_WAY_NOTHING;
    }
    lmm_way_x86_assign(way, to, value);
}

static void load_address(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *from)
{
    const struct lmm_way_place place = lmm_way_x86_place_of(way, from);

    lmm_way_x86_assign(way, to, lmm_way_address(way, &place));
}

static bool is_same_register(const cs_x86_op *a, const cs_x86_op *b)
{
    return a->type == X86_OP_REG && b->type == X86_OP_REG && a->reg == b->reg;
}

/* Returns what bits set or cleared make of a value: pointers are aligned, and get tags. */
static struct lmm_way_value mask(const cs_x86_op *by, bool is_and, struct lmm_way_value value)
{
    bool is_low = by->type == X86_OP_IMM &&
                  (is_and ? by->imm < 0 && by->imm >= -STRING : by->imm >= 0 && by->imm < QUAD);

    return is_low ? lmm_way_tagged(value) : (struct lmm_way_value) {.kind = LMM_WAY_NOTHING};
}

static void compute(struct lmm_way *way, unsigned id, const cs_x86_op *to, const cs_x86_op *by)
{
    struct lmm_way_value old = lmm_way_x86_value_of(way, to);
    struct lmm_way_value value = lmm_way_x86_value_of(way, by);

    if (is_same_register(to, by) && (id == X86_INS_XOR || id == X86_INS_SUB)) {
        value = lmm_way_constant(0, false);
    } else if (is_same_register(to, by) && (id == X86_INS_OR || id == X86_INS_AND)) {
        lmm_way_test(way, value);
        value = old;
    } else if (id == X86_INS_ADD) {
        value = lmm_way_total(way, old, value);
    } else if (id == X86_INS_SUB) {
        value = lmm_way_difference(old, value);
    } else if (id == X86_INS_AND || id == X86_INS_OR) {
        value = mask(by, id == X86_INS_AND, old);
    } else {
        value = (struct lmm_way_value) {.kind = LMM_WAY_NOTHING};
    }
    lmm_way_x86_assign(way, to, value);
}

/* shl and imul make an index of an array. */
static void multiply(struct lmm_way *way, unsigned id, const cs_x86 *detail)
{
    const cs_x86_op *to = &detail->operands[0];
    const cs_x86_op *by = &detail->operands[detail->op_count - 1];
    bool is_known = detail->op_count >= 2 && by->type == X86_OP_IMM && by->imm > 0 &&
                    (id != X86_INS_SHL || by->imm < SHIFT_MAX);

    if (is_known && to->size == QUAD) {
        lmm_way_x86_assign(
            way, to,
            lmm_way_multiple(id == X86_INS_SHL ? UINT64_C(1) << by->imm : (uint64_t) by->imm));
    } else {
        lmm_way_x86_spoil(way, to);
    }
}

static void compare(struct lmm_way *way, unsigned id, const cs_x86_op *a, const cs_x86_op *b)
{
    bool is_zero =
        id == X86_INS_TEST ? is_same_register(a, b) : b->type == X86_OP_IMM && b->imm == 0;

    if (is_zero && a->size == QUAD) {
        lmm_way_test(way, lmm_way_x86_value_of(way, a));
    }
}

static void move_if(struct lmm_way *way, unsigned id, const cs_x86_op *to, const cs_x86_op *from,
                    bool tests_zero)
{
    struct lmm_way_value value = lmm_way_x86_value_of(way, from);

    if (tests_zero && id == X86_INS_CMOVNE) {
        lmm_way_x86_assign(way, to, value);
    } else if (!(tests_zero && id == X86_INS_CMOVE) &&
               !lmm_way_is_same(value, lmm_way_x86_value_of(way, to))) {
        lmm_way_x86_spoil(way, to);
    }
}

static void exchange(struct lmm_way *way, const cs_x86_op *a, const cs_x86_op *b)
{
    struct lmm_way_value value = lmm_way_x86_value_of(way, a);
    struct lmm_way_value other = lmm_way_x86_value_of(way, b);

    lmm_way_x86_assign(way, a, other);
    lmm_way_x86_assign(way, b, value);
}

/* ---- Vectors ---------------------------------------------------------------------------------- */

static struct lmm_way_value lane_of(struct lmm_way *way, const cs_x86_op *operand, unsigned lane)
{
    if (lmm_way_x86_is_vector(operand)) {
        return lmm_way_get_lane(way, (unsigned) lmm_way_x86_vector_of(operand->reg), lane);
    }
    if (operand->type == X86_OP_MEM) {
        struct lmm_way_place place = lmm_way_x86_place_of(way, operand);

        place.offset = (int64_t) ((uint64_t) place.offset + QUAD * (uint64_t) lane);
        return lmm_way_load(way, &place);
    }
    return lmm_way_x86_value_of(way, operand);
}

static void put_lanes(struct lmm_way *way, const cs_x86_op *to, struct lmm_way_value low,
                      struct lmm_way_value high)
{
    lmm_way_set_lane(way, (unsigned) lmm_way_x86_vector_of(to->reg), 0, low);
    lmm_way_set_lane(way, (unsigned) lmm_way_x86_vector_of(to->reg), 1, high);
}

static void store_lane(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *from,
                       unsigned lane, unsigned bytes_after)
{
    struct lmm_way_place place = lmm_way_x86_place_of(way, to);

    place.offset = (int64_t) ((uint64_t) place.offset + bytes_after);
    lmm_way_store(way, &place, QUAD, lane_of(way, from, lane));
}

/* movups and similar: both lanes. */
static void move_both(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *from)
{
    if (to->type == X86_OP_MEM && lmm_way_x86_is_vector(from)) {
        store_lane(way, to, from, 0, 0);
        store_lane(way, to, from, 1, QUAD);
    } else if (lmm_way_x86_is_vector(to)) {
        struct lmm_way_value low = lane_of(way, from, 0);

        put_lanes(way, to, low, lane_of(way, from, 1));
    } else {
        lmm_way_x86_spoil(way, to);
    }
}

/* movq: the low lane. */
static void move_low(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *from)
{
    if (lmm_way_x86_is_vector(to)) {
        put_lanes(way, to, lane_of(way, from, 0), lmm_way_constant(0, false));
    } else if (to->type == X86_OP_MEM) {
        store_lane(way, to, from, 0, 0);
    } else {
        lmm_way_x86_assign(way, to, lane_of(way, from, 0));
    }
}

/* movhps: the high lane from or to memory. */
static void move_high(struct lmm_way *way, const cs_x86_op *to, const cs_x86_op *low,
                      const cs_x86_op *from)
{
    if (to->type == X86_OP_MEM) {
        store_lane(way, to, from, 1, 0);
    } else if (lmm_way_x86_is_vector(to)) {
        put_lanes(way, to, lane_of(way, low, 0), lane_of(way, from, 0));
    }
}

/* Handles an instruction on vectors; returns false when it is another one. The forms of AVX have
 * one more operand. */
static bool step_vector(struct lmm_way *way, unsigned id, const cs_x86 *detail)
{
    const cs_x86_op *ops = detail->operands;
    unsigned last = detail->op_count - 1U;

    switch (id) {
    case X86_INS_MOVAPS:
    case X86_INS_MOVUPS:
    case X86_INS_MOVAPD:
    case X86_INS_MOVUPD:
    case X86_INS_MOVDQA:
    case X86_INS_MOVDQU:
    case X86_INS_VMOVAPS:
    case X86_INS_VMOVUPS:
    case X86_INS_VMOVAPD:
    case X86_INS_VMOVUPD:
    case X86_INS_VMOVDQA:
    case X86_INS_VMOVDQU:
        if (detail->op_count != 2 || (ops[0].size != OCTA || ops[1].size != OCTA)) {
            return false;
        }
        move_both(way, &ops[0], &ops[1]);
        return true;
    case X86_INS_MOVQ:
    case X86_INS_VMOVQ:
        if (detail->op_count != 2) {
            return false;
        }
        move_low(way, &ops[0], &ops[1]);
        return true;
    case X86_INS_MOVHPS:
    case X86_INS_MOVHPD:
    case X86_INS_VMOVHPS:
    case X86_INS_VMOVHPD:
    case X86_INS_PUNPCKLQDQ:
    case X86_INS_VPUNPCKLQDQ:
    case X86_INS_UNPCKLPD:
    case X86_INS_VUNPCKLPD:
    case X86_INS_MOVLHPS:
    case X86_INS_VMOVLHPS:
        if (detail->op_count < 2) {
            return false;
        }
        move_high(way, &ops[0], &ops[last - 1], &ops[last]);
        return true;
    case X86_INS_MOVLPS:
    case X86_INS_MOVLPD:
        if (detail->op_count != 2 || ops[0].type != X86_OP_MEM) {
            return false;
        }
        store_lane(way, &ops[0], &ops[1], 0, 0);
        return true;
    case X86_INS_MOVDDUP:
        if (detail->op_count != 2 || !lmm_way_x86_is_vector(&ops[0])) {
            return false;
        }
        put_lanes(way, &ops[0], lane_of(way, &ops[1], 0), lane_of(way, &ops[1], 0));
        return true;
    case X86_INS_PSHUFD:
        if (detail->op_count != 3 || ops[2].imm != LOW_TWICE || !lmm_way_x86_is_vector(&ops[0])) {
            return false;
        }
        put_lanes(way, &ops[0], lane_of(way, &ops[1], 0), lane_of(way, &ops[1], 0));
        return true;
    case X86_INS_PINSRQ:
    case X86_INS_VPINSRQ:
        if (detail->op_count < 3 || !lmm_way_x86_is_vector(&ops[0])) {
            return false;
        }
        if (detail->op_count == 4) {
            put_lanes(way, &ops[0], lane_of(way, &ops[1], 0), lane_of(way, &ops[1], 1));
        }
        lmm_way_set_lane(way, (unsigned) lmm_way_x86_vector_of(ops[0].reg), ops[last].imm & 1,
                         lmm_way_x86_value_of(way, &ops[last - 1]));
        return true;
    default: return false;
    }
}

/* ---- Ways on ---------------------------------------------------------------------------------- */

static void jump(struct lmm_way *way, const cs_insn *insn)
{
    const cs_x86_op *target = &insn->detail->x86.operands[0];
    enum lmm_way_condition condition = LMM_WAY_SOMETIMES;

    if (insn->id == X86_INS_JMP || insn->id == X86_INS_LJMP) {
        if (target->type == X86_OP_IMM) {
            lmm_way_jump(way, (uint64_t) target->imm);
        } else {
            lmm_way_jump_loaded(way, lmm_way_x86_value_of(way, target));
        }
        return;
    }
    if (way->path->tests_zero && (insn->id == X86_INS_JE || insn->id == X86_INS_JNE)) {
        condition = insn->id == X86_INS_JE ? LMM_WAY_ZERO : LMM_WAY_NOT_ZERO;
    }
    lmm_way_branch(way, (uint64_t) target->imm, condition);
}

static bool has_group(const cs_detail *detail, uint8_t group)
{
    for (unsigned i = 0; i < detail->groups_count; i++) {
        if (detail->groups[i] == group) {
            return true;
        }
    }
    return false;
}

/* Handles an instruction after which another one than the next may follow; returns false when it is
 * none. */
static bool step_control(struct lmm_way *way, const cs_insn *insn)
{
    const cs_x86_op *first = &insn->detail->x86.operands[0];

    if (has_group(insn->detail, CS_GRP_CALL)) {
        lmm_way_call(way, lmm_way_x86_value_of(way, first));
    } else if (has_group(insn->detail, CS_GRP_RET)) {
        lmm_way_return(way);
    } else if (has_group(insn->detail, CS_GRP_JUMP) && insn->detail->x86.op_count == 1) {
        jump(way, insn);
    } else if (insn->id == X86_INS_SYSCALL) {
        lmm_way_clear(way, RAX);
        lmm_way_clear(way, RCX);
        lmm_way_clear(way, R11);
    } else if (has_group(insn->detail, CS_GRP_INT) || has_group(insn->detail, CS_GRP_IRET) ||
               insn->id == X86_INS_UD2 || insn->id == X86_INS_UD0 || insn->id == INS_UD1 ||
               insn->id == X86_INS_HLT) {
        lmm_way_end(way);
    } else {
        return false;
    }
    return true;
}

/* ---- All -------------------------------------------------------------------------------------- */

static void leave(struct lmm_way *way)
{
    lmm_way_set(way, RSP, way->path->values[RBP]);
    lmm_way_set(way, RBP, lmm_way_pop(way));
}

/* Handles an instruction that moves values or computes with them; returns false when it is another one. */
static bool step_values(struct lmm_way *way, unsigned id, const cs_x86 *detail, bool tests_zero)
{
    const cs_x86_op *ops = detail->operands;

    switch (id) {
    case X86_INS_MOV:
    case X86_INS_MOVABS: move(way, &ops[0], &ops[1]); return true;
    case X86_INS_LEA: load_address(way, &ops[0], &ops[1]); return true;
    case X86_INS_ADD:
    case X86_INS_SUB:
    case X86_INS_AND:
    case X86_INS_OR:
    case X86_INS_XOR: compute(way, id, &ops[0], &ops[1]); return true;
    case X86_INS_INC:
        lmm_way_x86_assign(
            way, &ops[0],
            lmm_way_sum(lmm_way_x86_value_of(way, &ops[0]), lmm_way_constant(1, false)));
        return true;
    case X86_INS_DEC:
        lmm_way_x86_assign(
            way, &ops[0],
            lmm_way_sum(lmm_way_x86_value_of(way, &ops[0]), lmm_way_constant(-1, false)));
        return true;
    case X86_INS_SHL: multiply(way, id, detail); return true;
    case X86_INS_IMUL:
        if (detail->op_count < 2) {
            return false;
        }
        multiply(way, id, detail);
        return true;
    case X86_INS_TEST:
    case X86_INS_CMP: compare(way, id, &ops[0], &ops[1]); return true;
    case X86_INS_PUSH: lmm_way_push(way, lmm_way_x86_value_of(way, &ops[0])); return true;
    case X86_INS_POP: lmm_way_x86_assign(way, &ops[0], lmm_way_pop(way)); return true;
    case X86_INS_LEAVE: leave(way); return true;
    case X86_INS_XCHG: exchange(way, &ops[0], &ops[1]); return true;
    case X86_INS_CMPXCHG:
        lmm_way_x86_assign(way, &ops[0], lmm_way_x86_value_of(way, &ops[1]));
        lmm_way_clear(way, RAX);
        return true;
    case X86_INS_CMOVE:
    case X86_INS_CMOVNE: move_if(way, id, &ops[0], &ops[1], tests_zero); return true;
    case X86_INS_NOP:
    case X86_INS_ENDBR64: return true;
    default: return step_vector(way, id, detail);
    }
}

/* Forgets all that another instruction may write. */
static void step_any(struct lmm_way *way, const cs_x86 *detail, const uint16_t *written,
                     unsigned count)
{
    bool is_repeated = detail->prefix[0] == X86_PREFIX_REP || detail->prefix[0] == X86_PREFIX_REPNE;

    for (unsigned i = 0; i < count; i++) {
        if (lmm_way_x86_number_of(written[i]) >= 0) {
            lmm_way_clear(way, lmm_way_x86_number_of(written[i]));
        } else if (lmm_way_x86_vector_of(written[i]) >= 0) {
            lmm_way_clear_vector(way, (unsigned) lmm_way_x86_vector_of(written[i]));
        }
    }
    for (unsigned i = 0; i < detail->op_count; i++) {
        const cs_x86_op *operand = &detail->operands[i];

        if (operand->type == X86_OP_MEM && (i == 0 || (operand->access & CS_AC_WRITE) != 0)) {
            const struct lmm_way_place place = lmm_way_x86_place_of(way, operand);

            lmm_way_store(way, &place, is_repeated ? STRING : operand->size,
                          (struct lmm_way_value) {.kind = LMM_WAY_NOTHING});
        } else if (i == 0 && operand->type == X86_OP_REG) {
            lmm_way_x86_spoil(way, operand);
        }
    }
    if (is_repeated) {
        lmm_way_clear(way, RCX);
        lmm_way_clear(way, RSI);
        lmm_way_clear(way, RDI);
    }
}

void lmm_way_x86_step(struct lmm_way *way, csh handle, const cs_insn *insn)
{
    const cs_x86 *detail = &insn->detail->x86;
    bool tests_zero = way->path->tests_zero;
    cs_regs read;
    cs_regs written;
    uint8_t read_count = 0;
    uint8_t count = 0;

    if (step_control(way, insn)) {
        return;
    }
    if (lmm_capstone()->regs_access(handle, insn, read, &read_count, written, &count) !=
        CS_ERR_OK) {
        lmm_way_end(way);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        if (written[i] == X86_REG_EFLAGS) {
            way->path->tests_zero = false;
        }
    }
    if (!step_values(way, insn->id, detail, tests_zero)) {
        step_any(way, detail, written, count);
    }
}
