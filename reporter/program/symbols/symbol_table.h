/* SPDX-License-Identifier: MIT */
/* symbol_table: the functions of an ELF file's symbol table, sorted by address. Addresses are those
 * of the Dwfl. */
#ifndef LMM_PROGRAM_SYMBOL_TABLE_H
#define LMM_PROGRAM_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>

/* A function of the symbol table. */
struct lmm_symbol_entry {
    Dwarf_Addr low;
    Dwarf_Addr bytes; /* 0: unknown; it ends at the next entry */
    const char *name;
    unsigned rank;
};

/* All zeroes at first; the first look-up fills it. */
struct lmm_symbol_table {
    struct lmm_symbol_entry *entries; /* by address; of equal addresses the last is the best */
    size_t count;
    bool is_indexed;
};

/* Returns the function at an address, or NULL; its name is mangled, and lives as long as module. */
const struct lmm_symbol_entry *lmm_symbol_table_find(struct lmm_symbol_table *table,
                                                     Dwfl_Module *module, Dwarf_Addr address);

void lmm_symbol_table_close(struct lmm_symbol_table *table);

#endif
