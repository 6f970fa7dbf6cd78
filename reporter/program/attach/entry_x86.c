/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/entry.h"

#include <string.h>

#include "reporter/program/attach/entry_writer.h"
#include "reporter/program/types/capstone_functions.h"

/* An island: a jump to LMM's function by its address; from ORIGINAL on the moved instructions, and a jump back. */
enum { JUMP_BYTES = 14, ORIGINAL = 16, NEAR_JUMP_BYTES = 5 };

const uint64_t lmm_entry_reach = UINT64_C(0x60000000); /* of a jump, less what may lie between */

/* The distance from the end of an instruction of so many bytes, the next to be written, to the target. */
static int32_t distance(struct lmm_entry_writer *writer, size_t bytes, uint64_t target)
{
    int64_t difference = (int64_t) (target - (writer->address + writer->used + bytes));

    writer->is_short = writer->is_short || difference != (int32_t) difference;
    return (int32_t) difference;
}

/* opcode: of one or two bytes, before a distance of four. */
static void put_branch(struct lmm_entry_writer *writer, const unsigned char *opcode,
                       size_t opcode_bytes, uint64_t target)
{
    int32_t far = distance(writer, opcode_bytes + sizeof(far), target);

    lmm_entry_put(writer, opcode, opcode_bytes);
    lmm_entry_put(writer, &far, sizeof(far));
}

/* Jumps to any address, without a register. */
static void put_far_jump(struct lmm_entry_writer *writer, uint64_t target)
{
    static const unsigned char code[] = {0xff, 0x25, 0, 0, 0, 0};

    lmm_entry_put(writer, code, sizeof(code));
    lmm_entry_put(writer, &target, sizeof(target));
}

static bool is_prefix_free(const cs_insn *instruction)
{
    const uint8_t *prefix = instruction->detail->x86.prefix;

    return prefix[0] == 0 && prefix[1] == 0 && prefix[2] == 0 && prefix[3] == 0;
}

/* Whether it is a branch to a fixed target; *ret_target is that. */
static bool is_branch(const cs_insn *instruction, uint64_t *ret_target)
{
    const cs_x86 *x86 = &instruction->detail->x86;
    bool is_one = false;

    for (size_t i = 0; i < instruction->detail->groups_count; i++) {
        uint8_t group = instruction->detail->groups[i];
        is_one = is_one || group == CS_GRP_JUMP || group == CS_GRP_CALL ||
                 group == CS_GRP_BRANCH_RELATIVE;
    }
    if (!is_one || x86->op_count != 1 || x86->operands[0].type != X86_OP_IMM) {
        return false;
    }
    *ret_target = (uint64_t) x86->operands[0].imm;
    return true;
}

/* Writes a branch with a distance of four bytes. False where the instruction has no such form. */
static bool move_branch(struct lmm_entry_writer *writer, const cs_insn *instruction,
                        uint64_t target)
{
    const uint8_t *code = instruction->bytes;
    unsigned char opcode[2] = {0x0f, 0};

    if (!is_prefix_free(instruction)) {
        return false;
    }
    if (code[0] == 0xe8 || code[0] == 0xe9 || code[0] == 0xeb) {
        opcode[0] = code[0] == 0xeb ? 0xe9 : code[0];
        put_branch(writer, opcode, 1, target);
        return true;
    }
    if (code[0] >= 0x70 && code[0] <= 0x7f) {
        opcode[1] = (unsigned char) (code[0] + 0x10);
    } else if (code[0] == 0x0f && code[1] >= 0x80 && code[1] <= 0x8f) {
        opcode[1] = code[1];
    } else {
        return false;
    }
    put_branch(writer, opcode, 2, target);
    return true;
}

static bool is_relative(const cs_insn *instruction)
{
    const cs_x86 *x86 = &instruction->detail->x86;

    for (size_t i = 0; i < x86->op_count; i++) {
        if (x86->operands[i].type == X86_OP_MEM && x86->operands[i].mem.base == X86_REG_RIP) {
            return true;
        }
    }
    return false;
}

/* An operand that is relative to the instruction's address keeps what it names. */
static bool move_relative(struct lmm_entry_writer *writer, const cs_insn *instruction)
{
    unsigned char code[sizeof(instruction->bytes)];
    const cs_x86 *x86 = &instruction->detail->x86;
    size_t offset = x86->encoding.disp_offset;
    int32_t far;

    if (offset == 0 || offset + sizeof(far) > instruction->size) {
        return false;
    }
    memcpy(code, instruction->bytes, instruction->size);
    memcpy(&far, code + offset, sizeof(far));
    far = distance(writer, instruction->size,
                   instruction->address + instruction->size + (uint64_t) (int64_t) far);
    memcpy(code + offset, &far, sizeof(far));
    lmm_entry_put(writer, code, instruction->size);
    return true;
}

static bool move(struct lmm_entry_writer *writer, const cs_insn *instruction)
{
    uint64_t target;

    if (is_branch(instruction, &target)) {
        return move_branch(writer, instruction, target);
    }
    if (is_relative(instruction)) {
        return move_relative(writer, instruction);
    }
    for (size_t i = 0; i < instruction->detail->groups_count; i++) {
        uint8_t group = instruction->detail->groups[i];
        if (group == CS_GRP_BRANCH_RELATIVE || group == CS_GRP_INT) {
            return false;
        }
    }
    lmm_entry_put(writer, instruction->bytes, instruction->size);
    return true;
}

/* Whether nothing comes after the instruction. */
static bool is_end(const cs_insn *instruction)
{
    return instruction->id == X86_INS_JMP || instruction->id == X86_INS_RET ||
           instruction->id == X86_INS_UD2 || instruction->id == X86_INS_HLT;
}

/* Moves instructions until a jump fits where they were. */
static const char *move_start(csh decoder, const unsigned char *code, size_t bytes,
                              struct lmm_entry_writer *writer, struct lmm_entry *entry)
{
    cs_insn *instruction = lmm_capstone()->malloc(decoder);
    const char *reason = instruction == NULL ? "out of memory" : NULL;
    uint64_t address = entry->address;
    bool has_ended = false;

    while (reason == NULL && entry->bytes < (size_t) NEAR_JUMP_BYTES) {
        if (has_ended) {
            reason = "it is too short";
        } else if (!lmm_capstone()->disasm_iter(decoder, &code, &bytes, &address, instruction)) {
            reason = "its first instructions are unknown";
        } else if (!move(writer, instruction)) {
            reason = "its first instructions cannot be moved";
        } else {
            entry->bytes += instruction->size;
            has_ended = is_end(instruction);
        }
    }
    if (instruction != NULL) {
        lmm_capstone()->free(instruction, 1);
    }
    return reason;
}

/* Whether a branch of the function leads to what is moved, after the first instruction. */
static bool has_branch_there(csh decoder, const unsigned char *code, size_t bytes, uint64_t address,
                             const struct lmm_entry *entry)
{
    cs_insn *instruction = lmm_capstone()->malloc(decoder);
    bool has_one = instruction == NULL;

    while (!has_one && lmm_capstone()->disasm_iter(decoder, &code, &bytes, &address, instruction)) {
        uint64_t target;
        has_one = is_branch(instruction, &target) && lmm_entry_has(entry, target);
    }
    if (instruction != NULL) {
        lmm_capstone()->free(instruction, 1);
    }
    return has_one;
}

static const char *plan(csh decoder, const unsigned char *code, size_t bytes, uint64_t island,
                        uint64_t own, struct lmm_entry *entry)
{
    static const unsigned char near_jump[] = {0xe9};
    struct lmm_entry_writer there = {.bytes = entry->island, .address = island};
    struct lmm_entry_writer here = {.bytes = entry->patch, .address = entry->address};

    put_far_jump(&there, own);
    there.used = ORIGINAL;
    const char *reason = move_start(decoder, code, bytes, &there, entry);

    if (reason != NULL) {
        return reason;
    }
    put_far_jump(&there, entry->address + entry->bytes);
    put_branch(&here, near_jump, sizeof(near_jump), island);
    entry->patch_bytes = here.used;
    entry->original = island + ORIGINAL;
    return there.is_short || here.is_short ? "its first instructions reach too far"
           : has_branch_there(decoder, code, bytes, entry->address, entry)
               ? "a branch leads into its first instructions"
               : NULL;
}

const char *lmm_entry_plan(const unsigned char *code, size_t bytes, uint64_t address,
                           uint64_t island, uint64_t own, struct lmm_entry *ret_entry)
{
    static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
    size_t kept = bytes > sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0
                      ? sizeof(endbr64)
                      : 0;
    csh decoder;

    *ret_entry = (struct lmm_entry) {.address = address + kept};
    if (lmm_capstone() == NULL) {
        return "there is no decoder of machine code";
    }
    if (lmm_capstone()->open(CS_ARCH_X86, CS_MODE_64, &decoder) != CS_ERR_OK) {
        return "out of memory";
    }
    lmm_capstone()->option(decoder, CS_OPT_DETAIL, CS_OPT_ON);
    const char *reason = plan(decoder, code + kept, bytes - kept, island, own, ret_entry);

    lmm_capstone()->close(&decoder);
    return reason;
}
