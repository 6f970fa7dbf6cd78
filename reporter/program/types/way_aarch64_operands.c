/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_aarch64_operands.h"

#include <stddef.h>
#include <stdint.h>

enum {
    FRAME_POINTER = 29,
    LINK = 30,
    STACK = 31,
    SHIFT_MAX = 12,     /* of an index */
    TPIDR_EL0 = 0xde82, /* the number of the register in mrs */
};

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

static bool is_within(unsigned reg, unsigned first, unsigned last)
{
    return reg >= first && reg <= last;
}

int lmm_way_aarch64_whole_of(unsigned reg)
{
    switch (reg) {
    case ARM64_REG_X29: return FRAME_POINTER;
    case ARM64_REG_X30: return LINK;
    case ARM64_REG_SP: return STACK;
    default:
        return is_within(reg, ARM64_REG_X0, ARM64_REG_X28) ? (int) (reg - ARM64_REG_X0)
                                                           : LMM_REGISTER_NONE;
    }
}

int lmm_way_aarch64_number_of(unsigned reg)
{
    if (reg == ARM64_REG_WSP) {
        return STACK;
    }
    return is_within(reg, ARM64_REG_W0, ARM64_REG_W30) ? (int) (reg - ARM64_REG_W0)
                                                       : lmm_way_aarch64_whole_of(reg);
}

int lmm_way_aarch64_vector_of(unsigned reg, uint32_t *ret_bytes)
{
    static const struct {
        uint16_t first;
        uint16_t last;
        uint8_t bytes;
    } ranges[] = {
        {ARM64_REG_Q0, ARM64_REG_Q31, 16}, {ARM64_REG_V0, ARM64_REG_V31, 16},
        {ARM64_REG_D0, ARM64_REG_D31, 8},  {ARM64_REG_S0, ARM64_REG_S31, 4},
        {ARM64_REG_H0, ARM64_REG_H31, 2},  {ARM64_REG_B0, ARM64_REG_B31, 1},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (is_within(reg, ranges[i].first, ranges[i].last)) {
            *ret_bytes = ranges[i].bytes;
            return (int) (reg - ranges[i].first);
        }
    }
    return LMM_REGISTER_NONE;
}

bool lmm_way_aarch64_is_zero(const cs_arm64_op *operand)
{
    return operand->type == ARM64_OP_REG &&
           (operand->reg == ARM64_REG_XZR || operand->reg == ARM64_REG_WZR);
}

bool lmm_way_aarch64_is_lane(const cs_arm64_op *operand)
{
    uint32_t bytes;

    return lmm_way_aarch64_vector_of(operand->reg, &bytes) >= 0 && operand->vector_index >= 0;
}

bool lmm_way_aarch64_is_lane_of_64(const cs_arm64_op *operand)
{
#if CS_API_MAJOR < 5
    return operand->vess == ARM64_VESS_D;
#else
    return operand->vas == ARM64_VAS_1D;
#endif
}

bool lmm_way_aarch64_is_thread_register(const cs_arm64_op *operand)
{
#if CS_API_MAJOR < 5
    return operand->type == ARM64_OP_REG_MRS && (unsigned) operand->reg == TPIDR_EL0;
#else
    return operand->type == ARM64_OP_SYS && (unsigned) operand->sys == TPIDR_EL0;
#endif
}

/* Returns what a register or constant is after it was shifted or extended. */
static struct lmm_way_value shifted(const cs_arm64_op *operand, struct lmm_way_value value)
{
    unsigned by = operand->shift.value;

    if (operand->shift.type == ARM64_SFT_INVALID && operand->ext == ARM64_EXT_INVALID) {
        return value;
    }
    if (by > SHIFT_MAX ||
        (operand->shift.type != ARM64_SFT_LSL && operand->shift.type != ARM64_SFT_INVALID)) {
        return nothing;
    }
    if (value.kind == LMM_WAY_CONSTANT && value.scale == 0 && operand->ext == ARM64_EXT_INVALID) {
        value.number = (int64_t) ((uint64_t) value.number << by);
        return value;
    }
    return lmm_way_multiple(UINT64_C(1) << by);
}

struct lmm_way_value lmm_way_aarch64_value_of(struct lmm_way *way, const cs_arm64_op *operand)
{
    if (operand->type == ARM64_OP_IMM) {
        return shifted(operand, lmm_way_constant(operand->imm, false));
    }
    if (operand->type != ARM64_OP_REG) {
        return nothing;
    }
    if (lmm_way_aarch64_is_zero(operand)) {
        return lmm_way_constant(0, false);
    }
    if (lmm_way_aarch64_whole_of(operand->reg) >= 0) {
        return shifted(operand, lmm_way_get(way, lmm_way_aarch64_whole_of(operand->reg)));
    }
    return operand->ext == ARM64_EXT_INVALID ? nothing : shifted(operand, nothing);
}

void lmm_way_aarch64_assign(struct lmm_way *way, const cs_arm64_op *to, struct lmm_way_value value)
{
    uint32_t bytes = 0;

    if (to->type != ARM64_OP_REG) {
        return;
    }
    if (lmm_way_aarch64_whole_of(to->reg) >= 0) {
        lmm_way_set(way, lmm_way_aarch64_whole_of(to->reg), value);
    } else if (lmm_way_aarch64_number_of(to->reg) >= 0) {
        lmm_way_clear(way, lmm_way_aarch64_number_of(to->reg));
    } else if (lmm_way_aarch64_vector_of(to->reg, &bytes) >= 0) {
        lmm_way_clear_vector(way, (unsigned) lmm_way_aarch64_vector_of(to->reg, &bytes));
    }
}

struct lmm_way_place lmm_way_aarch64_place_of(const cs_arm64_op *operand)
{
    const arm64_op_mem *mem = &operand->mem;
    bool has_index = mem->index != ARM64_REG_INVALID;
    struct lmm_way_place place = {
        .base = lmm_way_aarch64_whole_of(mem->base),
        .index = has_index ? lmm_way_aarch64_number_of(mem->index) : LMM_REGISTER_NONE,
        .scale = has_index && operand->shift.value <= SHIFT_MAX ? 1U << operand->shift.value : 0,
        .offset = mem->disp,
    };

    /* An index of 4 bytes is extended: the register's value is another one. */
    place.is_part = has_index && lmm_way_aarch64_whole_of(mem->index) < 0;
    place.is_elsewhere = place.base < 0 || (has_index && place.index < 0);
    return place;
}
