/* SPDX-License-Identifier: MIT */
/* Instructions: Arm Architecture Reference Manual for A-profile, C4.1. */
#include <string.h>

#include "reporter/program/attach/entry.h"
#include "reporter/program/attach/entry_writer.h"

/*
 * An island: what the function has done before the branch is undone, and a jump to LMM's function by its address; from ORIGINAL on what stays at the
 * start of the function, the moved instruction, and a branch back. To get back it takes no register, which could ask for a
 * landing place of indirect branches (bti).
 */
enum { WORD = 4, ORIGINAL = 32 };

/* A branch reaches 128 MiB; what is left lies between. */
const uint64_t lmm_entry_reach = UINT64_C(96) << 20;

#define BTI_C      UINT32_C(0xd503245f)
#define BTI_JC     UINT32_C(0xd50324df)
#define PACIASP    UINT32_C(0xd503233f)
#define AUTIASP    UINT32_C(0xd50323bf)
#define PACIBSP    UINT32_C(0xd503237f)
#define AUTIBSP    UINT32_C(0xd50323ff)
#define NOP        UINT32_C(0xd503201f)
#define BRANCH     UINT32_C(0x14000000)
#define LOAD_8     UINT32_C(0x58000040) /* ldr x0, 8 bytes from here; other registers by their number */
#define BRANCH_X16 UINT32_C(0xd61f0200)

enum { X16 = 16, ZERO = 31 };

static void put_word(struct lmm_entry_writer *writer, uint32_t word)
{
    lmm_entry_put(writer, &word, sizeof(word));
}

static void put_branch(struct lmm_entry_writer *writer, uint32_t opcode, uint64_t target)
{
    enum { FIELD = 26 };
    int64_t words = (int64_t) (target - (writer->address + writer->used)) / WORD;

    writer->is_short = writer->is_short || words < -(INT64_C(1) << (FIELD - 1)) ||
                       words >= INT64_C(1) << (FIELD - 1);
    put_word(writer, opcode | ((uint32_t) words & ((UINT32_C(1) << FIELD) - 1)));
}

static void put_far_jump(struct lmm_entry_writer *writer, uint64_t target)
{
    put_word(writer, LOAD_8 | X16);
    put_word(writer, BRANCH_X16);
    lmm_entry_put(writer, &target, sizeof(target));
}

/* ---- The moved instruction --------------------------------------------------------------------- */

/* A field of an instruction, as a signed number. */
static int64_t field(uint32_t word, unsigned first, unsigned bits)
{
    return (int64_t) ((uint64_t) word << (64 - first - bits)) >> (64 - bits);
}

/* Puts a constant into a register, from behind a branch over it. */
static void put_constant(struct lmm_entry_writer *writer, uint32_t into, uint64_t value)
{
    put_word(writer, LOAD_8 | into);
    put_word(writer, BRANCH | 3);
    lmm_entry_put(writer, &value, sizeof(value));
}

/* A branch on a condition: its distance is in so many bits from the fifth on. It leads over a branch that leads over the one to the target. */
static void put_condition(struct lmm_entry_writer *writer, uint32_t word, unsigned bits,
                          uint64_t target)
{
    enum { FIRST = 5 };
    uint32_t mask = ((UINT32_C(1) << bits) - 1) << FIRST;

    put_word(writer, (word & ~mask) | 2 << FIRST);
    put_word(writer, BRANCH | 2);
    put_branch(writer, BRANCH, target);
}

/* A load of a constant at a distance; false: of a register that is not a general one. */
static bool put_load(struct lmm_entry_writer *writer, uint32_t word, uint64_t address)
{
    /* ldr w0, [x0]; ldr x0, [x0]; ldrsw x0, [x0] */
    static const uint32_t loads[] = {0xb9400000, 0xf9400000, 0xb9800000};
    uint32_t into = word & 31;
    uint32_t kind = word >> 30;

    if ((word & UINT32_C(1) << 26) != 0) {
        return false;
    }
    if (kind == sizeof(loads) / sizeof(loads[0])) { /* a prefetch */
        put_word(writer, NOP);
        return true;
    }
    if (into == (uint32_t) ZERO) {
        return false;
    }
    put_constant(writer, into, address);
    put_word(writer, loads[kind] | into << 5 | into);
    return true;
}

/* False: it cannot be moved. */
static bool move(struct lmm_entry_writer *writer, uint32_t word, uint64_t at)
{
    enum { PAGE_BITS = 12 };
    uint64_t near = at + (uint64_t) (field(word, 5, 19) * WORD);

    if ((word & 0x7c000000) == BRANCH) { /* b, bl */
        put_branch(writer, word & 0xfc000000, at + (uint64_t) (field(word, 0, 26) * WORD));
    } else if ((word & 0xff000000) == 0x54000000 || (word & 0x7e000000) == 0x34000000) {
        put_condition(writer, word, 19, near); /* b.cond, cbz, cbnz */
    } else if ((word & 0x7e000000) == 0x36000000) {
        put_condition(writer, word, 14,
                      at + (uint64_t) (field(word, 5, 14) * WORD)); /* tbz, tbnz */
    } else if ((word & 0x3b000000) == 0x18000000) {
        return put_load(writer, word, near);
    } else if ((word & 0x1f000000) == 0x10000000) { /* adr, adrp */
        uint64_t offset = (uint64_t) field(word, 5, 19) << 2 | (word >> 29 & 3);

        put_constant(writer, word & 31,
                     word >> 31 == 0 ? at + offset
                                     : (at >> PAGE_BITS << PAGE_BITS) + (offset << PAGE_BITS));
    } else {
        put_word(writer, word);
    }
    return true;
}

/* ---- The whole --------------------------------------------------------------------------------- */

/* What undoes an instruction that stays at the start; 0: nothing has to be undone. */
static uint32_t opposite_of(uint32_t word)
{
    return word == PACIASP ? AUTIASP : word == PACIBSP ? AUTIBSP : 0;
}

static bool stays(uint32_t word)
{
    return word == BTI_C || word == BTI_JC || opposite_of(word) != 0;
}

static const char *plan(const uint32_t words[2], size_t count, uint64_t island, uint64_t own,
                        struct lmm_entry *entry)
{
    struct lmm_entry_writer there = {.bytes = entry->island, .address = island};
    struct lmm_entry_writer here = {.bytes = entry->patch, .address = entry->address};
    size_t kept = count > 1 && stays(words[0]) ? 1 : 0;
    uint32_t undone = kept != 0 ? opposite_of(words[0]) : 0;

    if (count <= kept || words[kept] >> 16 == 0) { /* the latter is no instruction */
        return "its first instructions are unknown";
    }
    entry->address += kept * WORD;
    here.address = entry->address;
    entry->bytes = WORD;
    if (undone != 0) {
        put_word(&there, undone);
    }
    put_far_jump(&there, own);
    there.used = ORIGINAL;
    put_word(&there, BTI_JC); /* the room of attempt_caller comes by a register */
    if (undone != 0) {
        put_word(&there, words[0]);
    }
    if (!move(&there, words[kept], entry->address)) {
        return "its first instructions cannot be moved";
    }
    put_branch(&there, BRANCH, entry->address + WORD);
    put_branch(&here, BRANCH, island);
    entry->patch_bytes = here.used;
    entry->original = island + ORIGINAL;
    return there.is_short || here.is_short ? "its first instructions reach too far" : NULL;
}

const char *lmm_entry_plan(const unsigned char *code, size_t bytes, uint64_t address,
                           uint64_t island, uint64_t own, struct lmm_entry *ret_entry)
{
    uint32_t words[2] = {0, 0};
    size_t count = bytes / WORD < 2 ? bytes / WORD : 2;

    *ret_entry = (struct lmm_entry) {.address = address};
    memcpy(words, code, count * sizeof(words[0]));
    return address % WORD != 0 || island % WORD != 0 ? "its address is odd"
                                                     : plan(words, count, island, own, ret_entry);
}
