/* SPDX-License-Identifier: MIT */
/* DWARF 5, section 6.2.5. Machines with several operations in an instruction are not supported. */
#include "reporter/program/symbols/line_rows.h"

#include <dwarf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"

enum {
    ROWS_MAX = 1 << 22,
    VERSION_MIN = 2,
    VERSION_MAX = 5,
};

/* What is left of the section; after a read past its end nothing is. */
struct cursor {
    const unsigned char *at;
    const unsigned char *end;
    bool has_failed;
};

struct program {
    struct cursor code;
    const struct lmm_die_ranges *places; /* of code */
    struct lmm_line_rows *rows;
    size_t sequence; /* the first row of the current one */
    unsigned min_bytes;
    int line_base;
    unsigned line_range;
    unsigned opcode_base;
    const unsigned char *operands; /* of the standard opcodes, from 1 on */
    /* The state machine. */
    Dwarf_Addr address;
    uint64_t file;
    uint64_t line;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static const unsigned char *take(struct cursor *cursor, uint64_t bytes)
{
    const unsigned char *taken = cursor->at;

    if (bytes > (uint64_t) (cursor->end - cursor->at)) {
        cursor->has_failed = true;
        cursor->at = cursor->end;
        return NULL;
    }
    cursor->at += bytes;
    return taken;
}

/* Reads a number of at most 8 bytes, as the machine writes it; 0 at the end. */
static uint64_t number(struct cursor *cursor, unsigned bytes)
{
    const unsigned char *taken = take(cursor, bytes);
    uint64_t value = 0;

    if (taken != NULL) {
        memcpy(&value, taken, bytes);
    }
    return value;
}

/* Reads a LEB128 number; its sign is extended if it is signed. */
static uint64_t leb(struct cursor *cursor, bool is_signed)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint64_t byte;

    do {
        byte = number(cursor, 1);
        value |= shift < 64 ? (byte & 0x7f) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    if (is_signed && shift < 64 && (byte & 0x40) != 0) {
        value |= ~UINT64_C(0) << shift;
    }
    return value;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static void add_row(struct program *program, bool is_end)
{
    struct lmm_line_rows *rows = program->rows;
    struct lmm_line_row *row =
        rows->count < ROWS_MAX ? lmm_array_add(&rows->items, &rows->count, sizeof(*row)) : NULL;

    if (row == NULL) {
        take(&program->code, UINT64_MAX);
        return;
    }
    bool is_known = !is_end && program->line <= UINT32_MAX && program->file <= UINT32_MAX;

    *row = (struct lmm_line_row) {
        .address = program->address,
        .file = is_known ? (uint32_t) program->file : 0,
        .line = is_known ? (uint32_t) program->line : 0,
        .index = (uint32_t) rows->count,
    };
}

static void start_sequence(struct program *program)
{
    program->sequence = program->rows->count;
    program->address = 0;
    program->file = 1;
    program->line = 1;
}

/* Ends a sequence; it is forgotten unless it starts in code. */
static void end_sequence(struct program *program)
{
    add_row(program, true);
    if (program->sequence < program->rows->count &&
        lmm_die_ranges_find(program->places, program->rows->items[program->sequence].address) ==
            NULL) {
        program->rows->count = program->sequence;
    }
    start_sequence(program);
}

/* ---- Opcodes --------------------------------------------------------------------------------- */

static void do_extended(struct program *program)
{
    struct cursor part = program->code;
    uint64_t bytes = leb(&program->code, false);

    part.at = program->code.at;
    if (take(&program->code, bytes) == NULL || bytes == 0) {
        return;
    }
    part.end = program->code.at;
    switch (number(&part, 1)) {
    case DW_LNE_end_sequence: end_sequence(program); break;
    case DW_LNE_set_address:
        program->address = number(&part, bytes - 1 < 8 ? (unsigned) bytes - 1 : 8);
        break;
    default: break;
    }
}

static void do_special(struct program *program, unsigned opcode)
{
    unsigned step = opcode - program->opcode_base;

    program->address += (Dwarf_Addr) (step / program->line_range) * program->min_bytes;
    program->line += (uint64_t) (program->line_base + (int) (step % program->line_range));
    add_row(program, false);
}

static void do_standard(struct program *program, unsigned opcode)
{
    struct cursor *code = &program->code;

    switch (opcode) {
    case DW_LNS_copy: add_row(program, false); break;
    case DW_LNS_advance_pc: program->address += leb(code, false) * program->min_bytes; break;
    case DW_LNS_advance_line: program->line += leb(code, true); break;
    case DW_LNS_set_file: program->file = leb(code, false); break;
    case DW_LNS_const_add_pc:
        program->address +=
            (Dwarf_Addr) ((255 - program->opcode_base) / program->line_range) * program->min_bytes;
        break;
    case DW_LNS_fixed_advance_pc: program->address += number(code, 2); break;
    default:
        for (unsigned i = 0; i < program->operands[opcode - 1]; i++) {
            leb(code, false);
        }
        break;
    }
}

static void run(struct program *program)
{
    start_sequence(program);
    while (program->code.at < program->code.end && !program->code.has_failed) {
        unsigned opcode = (unsigned) number(&program->code, 1);

        if (opcode >= program->opcode_base) {
            do_special(program, opcode);
        } else if (opcode == 0) {
            do_extended(program);
        } else {
            do_standard(program, opcode);
        }
    }
    program->rows->count = program->sequence; /* a sequence without an end */
}

/* ---- The header ------------------------------------------------------------------------------ */

/* Reads the header of the program at the start of `section`. Returns whether it is one. */
static bool read_header(struct cursor section, struct program *program)
{
    unsigned offset_bytes = 4;
    uint64_t bytes = number(&section, 4);

    if (bytes == UINT32_MAX) {
        offset_bytes = 8;
        bytes = number(&section, 8);
    }
    if (bytes > (uint64_t) (section.end - section.at)) {
        return false;
    }
    section.end = section.at + bytes;
    uint64_t version = number(&section, 2);

    take(&section, version >= 5 ? 2 : 0); /* the sizes of an address, and of a segment's number */
    uint64_t header_bytes = number(&section, offset_bytes);

    program->code = section;
    program->min_bytes = (unsigned) number(&section, 1);
    take(&section, version >= 4 ? 2 : 1); /* operations in an instruction; what a statement is */
    program->line_base = (int) number(&section, 1);
    program->line_base -= program->line_base > INT8_MAX ? UINT8_MAX + 1 : 0;
    program->line_range = (unsigned) number(&section, 1);
    program->opcode_base = (unsigned) number(&section, 1);
    program->operands = take(&section, program->opcode_base > 0 ? program->opcode_base - 1 : 0);
    return version >= VERSION_MIN && version <= VERSION_MAX && !section.has_failed &&
           program->line_range != 0 && program->opcode_base != 0 &&
           take(&program->code, header_bytes) != NULL;
}

/* Sets *ret_section to the section of line programs, which libdw has decompressed. */
static bool find_section(Elf *elf, struct cursor *ret_section)
{
    Elf_Scn *section = NULL;
    size_t names = 0;
    GElf_Shdr header;

    if (elf == NULL || elf_getshdrstrndx(elf, &names) != 0) {
        return false;
    }
    while ((section = elf_nextscn(elf, section)) != NULL) {
        const char *name =
            gelf_getshdr(section, &header) == NULL ? NULL : elf_strptr(elf, names, header.sh_name);
        bool is_it = name != NULL && header.sh_type != SHT_NOBITS &&
                     (header.sh_flags & SHF_COMPRESSED) == 0 &&
                     (strcmp(name, ".debug_line") == 0 || strcmp(name, ".zdebug_line") == 0);
        const Elf_Data *data = is_it ? elf_getdata(section, NULL) : NULL;

        if (data != NULL && data->d_buf != NULL) {
            const unsigned char *start = data->d_buf;

            *ret_section = (struct cursor) {.at = start, .end = start + data->d_size};
            return true;
        }
    }
    return false;
}

static int compare_rows(const void *left, const void *right)
{
    const struct lmm_line_row *a = left;
    const struct lmm_line_row *b = right;
    int order = lmm_compare_u64(a->address, b->address);

    /* A sequence ends before another one starts. */
    order = order != 0 ? order : lmm_compare_u64(a->line != 0, b->line != 0);
    return order != 0 ? order : lmm_compare_u64(a->index, b->index);
}

void lmm_line_rows_read(struct lmm_line_rows *rows, Dwarf *dwarf, Dwarf_Die *unit,
                        const struct lmm_die_ranges *code)
{
    struct program program = {.places = code, .rows = rows};
    struct cursor section;
    Dwarf_Attribute attribute;
    Dwarf_Word offset;

    if (dwarf_formudata(dwarf_attr(unit, DW_AT_stmt_list, &attribute), &offset) != 0 ||
        !find_section(dwarf_getelf(dwarf), &section) || take(&section, offset) == NULL ||
        !read_header(section, &program)) {
        return;
    }
    run(&program);
    if (rows->count > 0) {
        qsort(rows->items, rows->count, sizeof(rows->items[0]), compare_rows);
    }
}

const struct lmm_line_row *lmm_line_rows_find(const struct lmm_line_rows *rows, Dwarf_Addr address)
{
    size_t low = 0;
    size_t high = rows->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (rows->items[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && rows->items[low - 1].line != 0 ? &rows->items[low - 1] : NULL;
}

void lmm_line_rows_free(struct lmm_line_rows *rows)
{
    free(rows->items);
    *rows = (struct lmm_line_rows) {.items = NULL};
}
