/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_x86_operands.h"

#include "reporter/program/types/way_memory.h"

enum {
    QUAD = 8, /* bytes */
};

#define NAMES(number, whole, half, word, byte)                                                     \
    [X86_REG_##whole] = {(number) + 1, 8}, [X86_REG_##half] = {(number) + 1, 4},                   \
    [X86_REG_##word] = {(number) + 1, 2}, [X86_REG_##byte] = {(number) + 1, 1}

static const struct {
    uint8_t number; /* and 1; 0: another register */
    uint8_t bytes;
} registers[X86_REG_ENDING] = {
    NAMES(0, RAX, EAX, AX, AL),       NAMES(1, RDX, EDX, DX, DL),
    NAMES(2, RCX, ECX, CX, CL),       NAMES(3, RBX, EBX, BX, BL),
    NAMES(4, RSI, ESI, SI, SIL),      NAMES(5, RDI, EDI, DI, DIL),
    NAMES(6, RBP, EBP, BP, BPL),      NAMES(7, RSP, ESP, SP, SPL),
    NAMES(8, R8, R8D, R8W, R8B),      NAMES(9, R9, R9D, R9W, R9B),
    NAMES(10, R10, R10D, R10W, R10B), NAMES(11, R11, R11D, R11W, R11B),
    NAMES(12, R12, R12D, R12W, R12B), NAMES(13, R13, R13D, R13W, R13B),
    NAMES(14, R14, R14D, R14W, R14B), NAMES(15, R15, R15D, R15W, R15B),
    [X86_REG_AH] = {0 + 1, 1},        [X86_REG_DH] = {1 + 1, 1},
    [X86_REG_CH] = {2 + 1, 1},        [X86_REG_BH] = {3 + 1, 1},
};

int lmm_way_x86_number_of(unsigned reg)
{
    return reg < X86_REG_ENDING ? registers[reg].number - 1 : LMM_REGISTER_NONE;
}

static int whole_of(unsigned reg)
{
    return lmm_way_x86_number_of(reg) >= 0 && registers[reg].bytes == QUAD
               ? lmm_way_x86_number_of(reg)
               : LMM_REGISTER_NONE;
}

int lmm_way_x86_vector_of(unsigned reg)
{
    if (reg >= X86_REG_XMM0 && reg <= X86_REG_XMM31) {
        return (int) (reg - X86_REG_XMM0);
    }
    if (reg >= X86_REG_YMM0 && reg <= X86_REG_YMM31) {
        return (int) (reg - X86_REG_YMM0);
    }
    return reg >= X86_REG_ZMM0 && reg <= X86_REG_ZMM31 ? (int) (reg - X86_REG_ZMM0)
                                                       : LMM_REGISTER_NONE;
}

bool lmm_way_x86_is_vector(const cs_x86_op *operand)
{
    return operand->type == X86_OP_REG && operand->reg >= X86_REG_XMM0 &&
           operand->reg <= X86_REG_XMM31;
}

struct lmm_way_place lmm_way_x86_place_of(const struct lmm_way *way, const cs_x86_op *operand)
{
    const x86_op_mem *mem = &operand->mem;
    bool is_rip = mem->base == X86_REG_RIP;
    bool has_base = mem->base != X86_REG_INVALID && !is_rip;
    bool is_thread = mem->segment == X86_REG_FS && !is_rip;
    bool has_index = mem->index != X86_REG_INVALID && mem->index != X86_REG_RIZ;
    struct lmm_way_place place = {
        .base = has_base ? whole_of(mem->base) : LMM_REGISTER_NONE,
        .index = has_index ? whole_of(mem->index) : LMM_REGISTER_NONE,
        .scale = has_index ? (uint32_t) mem->scale : 0,
        .offset = (int64_t) ((uint64_t) mem->disp + (is_rip ? way->next : 0)),
    };

    place.is_thread = is_thread;
    place.is_elsewhere = (mem->segment == X86_REG_FS && !is_thread) || mem->segment == X86_REG_GS ||
                         (has_base && place.base == LMM_REGISTER_NONE) ||
                         (has_index && place.index == LMM_REGISTER_NONE);
    return place;
}

struct lmm_way_value lmm_way_x86_value_of(struct lmm_way *way, const cs_x86_op *operand)
{
    if (operand->type == X86_OP_IMM) {
        return lmm_way_constant(operand->imm, false);
    }
    if (operand->type == X86_OP_MEM && operand->size == QUAD) {
        const struct lmm_way_place place = lmm_way_x86_place_of(way, operand);
        bool is_pointer = place.is_thread && place.base == LMM_REGISTER_NONE &&
                          place.index == LMM_REGISTER_NONE && place.offset == 0;

        /* The first word that the thread pointer points at is itself. */
        return is_pointer ? lmm_way_thread_value(way) : lmm_way_load(way, &place);
    }
    if (operand->type == X86_OP_REG && whole_of(operand->reg) >= 0) {
        return lmm_way_get(way, whole_of(operand->reg));
    }
    return (struct lmm_way_value) {.kind = LMM_WAY_NOTHING};
}

void lmm_way_x86_assign(struct lmm_way *way, const cs_x86_op *operand, struct lmm_way_value value)
{
    if (operand->type == X86_OP_MEM) {
        const struct lmm_way_place place = lmm_way_x86_place_of(way, operand);

        lmm_way_store(way, &place, operand->size, value);
    } else if (operand->type == X86_OP_REG && lmm_way_x86_number_of(operand->reg) >= 0) {
        bool is_kept =
            operand->size == QUAD || (value.kind == LMM_WAY_CONSTANT && value.scale == 0);

        if (is_kept) {
            lmm_way_set(way, lmm_way_x86_number_of(operand->reg), value);
        } else {
            lmm_way_clear(way, lmm_way_x86_number_of(operand->reg));
        }
    } else if (operand->type == X86_OP_REG && lmm_way_x86_vector_of(operand->reg) >= 0) {
        lmm_way_clear_vector(way, (unsigned) lmm_way_x86_vector_of(operand->reg));
    }
}

void lmm_way_x86_spoil(struct lmm_way *way, const cs_x86_op *operand)
{
    lmm_way_x86_assign(way, operand, (struct lmm_way_value) {.kind = LMM_WAY_NOTHING});
}
