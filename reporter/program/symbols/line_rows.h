/* SPDX-License-Identifier: MIT */
/*
 * line_rows: the lines of a unit of which a linker dropped functions. It leaves their lines, too,
 * at addresses outside of all code (die_ranges.h), and libdw sorts all lines by address, so those of
 * a long dropped function lie between the lines of others. Here a sequence of lines that does not
 * start in code is left out. For other units libdw does.
 *
 * The line program may be damaged: then its rows so far are all.
 */
#ifndef LMM_PROGRAM_LINE_ROWS_H
#define LMM_PROGRAM_LINE_ROWS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/symbols/die_ranges.h"

struct lmm_line_row {
    Dwarf_Addr address;
    uint32_t file; /* for dwarf_filesrc() */
    uint32_t line; /* 0: the end of a sequence; no code here */
    uint32_t index;
};

/* All zero: not read. */
struct lmm_line_rows {
    struct lmm_line_row *items; /* by address */
    size_t count;
};

/* Reads the rows of a unit whose sequences start in `code`. */
void lmm_line_rows_read(struct lmm_line_rows *rows, Dwarf *dwarf, Dwarf_Die *unit,
                        const struct lmm_die_ranges *code);

/* Returns the row of an address, or NULL. */
const struct lmm_line_row *lmm_line_rows_find(const struct lmm_line_rows *rows, Dwarf_Addr address);

void lmm_line_rows_free(struct lmm_line_rows *rows);

#endif
