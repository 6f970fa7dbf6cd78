/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/variable_place.h"

#include <dwarf.h>
#include <stdlib.h>

enum {
    REGISTERS_MAX = 1024, /* numbers of registers, of all machines */
};

static bool set_place(struct lmm_place *place, enum lmm_place_kind kind, uint64_t reg,
                      uint64_t offset)
{
    if (reg >= REGISTERS_MAX) {
        return false;
    }
    *place = (struct lmm_place) {kind, (int) reg, (int64_t) offset};
    return true;
}

/* Reads an operation that gives the sum of a register and a constant. */
static bool is_sum(const Dwarf_Op *operation, uint64_t *ret_register, uint64_t *ret_offset)
{
    if (operation->atom >= DW_OP_breg0 && operation->atom <= DW_OP_breg31) {
        *ret_register = operation->atom - DW_OP_breg0;
        *ret_offset = operation->number;
        return true;
    }
    if (operation->atom == DW_OP_bregx) {
        *ret_register = operation->number;
        *ret_offset = operation->number2;
        return true;
    }
    return false;
}

static bool is_register(const Dwarf_Op *operation, uint64_t *ret_register)
{
    if (operation->atom >= DW_OP_reg0 && operation->atom <= DW_OP_reg31) {
        *ret_register = operation->atom - DW_OP_reg0;
        return true;
    }
    *ret_register = operation->number;
    return operation->atom == DW_OP_regx;
}

bool lmm_place_frame_base(const Dwarf_Die *function, uint64_t address, struct lmm_place *ret_base)
{
    Dwarf_Die die = *function;
    Dwarf_Attribute attribute;
    Dwarf_Op *operation;
    size_t count;
    uint64_t reg = 0;
    uint64_t offset = 0;

    if (dwarf_attr_integrate(&die, DW_AT_frame_base, &attribute) == NULL ||
        dwarf_getlocation_addr(&attribute, address, &operation, &count, 1) != 1 || count != 1) {
        return false;
    }
    if (operation->atom == DW_OP_call_frame_cfa) {
        return set_place(ret_base, LMM_PLACE_FRAME, 0, 0);
    }
    return (is_register(operation, &reg) || is_sum(operation, &reg, &offset)) &&
           set_place(ret_base, LMM_PLACE_MEMORY, reg, offset);
}

/* Reads the constant address that an operation gives. */
static bool is_address(Dwarf_Attribute *location, const Dwarf_Op *operation, uint64_t *ret_address)
{
    Dwarf_Attribute found;
    Dwarf_Addr address;

    switch (operation->atom) {
    case DW_OP_addr: *ret_address = operation->number; return true;
    case DW_OP_addrx:
    case DW_OP_GNU_addr_index:
        if (dwarf_getlocation_attr(location, operation, &found) != 0 ||
            dwarf_formaddr(&found, &address) != 0) {
            return false;
        }
        *ret_address = address;
        return true;
    default: return false;
    }
}

/* Reads the place of a variable of each thread. */
static bool is_of_thread(const Dwarf_Op *operations, uint64_t *ret_offset)
{
    switch (operations[0].atom) {
    case DW_OP_const1u:
    case DW_OP_const2u:
    case DW_OP_const4u:
    case DW_OP_const8u:
    case DW_OP_constu: break;
    default: return false;
    }
    *ret_offset = operations[0].number;
    return operations[1].atom == DW_OP_form_tls_address ||
           operations[1].atom == DW_OP_GNU_push_tls_address;
}

static bool place_of_one(Dwarf_Attribute *location, const Dwarf_Op *operation,
                         const struct lmm_place *base, struct lmm_place *ret_place)
{
    uint64_t reg = 0;
    uint64_t offset = 0;

    if (operation->atom == DW_OP_fbreg) {
        return base != NULL && set_place(ret_place, base->kind, (uint64_t) base->reg,
                                         (uint64_t) base->offset + operation->number);
    }
    if (is_register(operation, &reg)) {
        return set_place(ret_place, LMM_PLACE_REGISTER, reg, 0);
    }
    if (is_sum(operation, &reg, &offset)) {
        return set_place(ret_place, LMM_PLACE_MEMORY, reg, offset);
    }
    return is_address(location, operation, &offset) &&
           set_place(ret_place, LMM_PLACE_FIXED, 0, offset);
}

bool lmm_place_of(Dwarf_Attribute *location, const Dwarf_Op *operations, size_t count,
                  const struct lmm_place *base, struct lmm_place *ret_place)
{
    uint64_t reg = 0;
    uint64_t offset = 0;

    if (count == 1) {
        return place_of_one(location, operations, base, ret_place);
    }
    if (count != 2) {
        return false;
    }
    if (operations[1].atom == DW_OP_stack_value) {
        return is_sum(operations, &reg, &offset) &&
               set_place(ret_place, LMM_PLACE_VALUE, reg, offset);
    }
    if (is_of_thread(operations, &offset)) {
        return set_place(ret_place, LMM_PLACE_THREAD, 0, offset);
    }
    return operations[1].atom == DW_OP_plus_uconst && is_address(location, operations, &offset) &&
           set_place(ret_place, LMM_PLACE_FIXED, 0, offset + operations[1].number);
}

bool lmm_place_cfa(Dwarf_CFI *cfi, uint64_t address, int *ret_register, int64_t *ret_offset)
{
    Dwarf_Frame *frame = NULL;
    Dwarf_Op *operations;
    size_t count;
    uint64_t reg;
    uint64_t offset;

    if (cfi == NULL || dwarf_cfi_addrframe(cfi, address, &frame) != 0) {
        return false;
    }
    bool is_known = dwarf_frame_cfa(frame, &operations, &count) == 0 && count == 1 &&
                    is_sum(operations, &reg, &offset) && reg < REGISTERS_MAX;

    if (is_known) {
        *ret_register = (int) reg;
        *ret_offset = (int64_t) offset;
    }
    free(frame);
    return is_known;
}
