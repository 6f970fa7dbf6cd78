/* SPDX-License-Identifier: MIT */
/*
 * symbol_file: one ELF file, and the functions and lines of the addresses in it: from its DWARF, or
 * that of its debug file, else from its symbol table. Addresses are those of the file's headers.
 *
 * The file may be damaged, or not be an ELF file at all: then look-ups find nothing; they never
 * loop. The DWARF is read, and its units listed, at the first look-up that needs it; the functions
 * of a unit are listed at the first look-up in it. After that a look-up costs two binary searches
 * and a walk through the inlined calls of one function.
 *
 * Not responsible for demangling (symbols.h).
 */
#ifndef LMM_PROGRAM_SYMBOL_FILE_H
#define LMM_PROGRAM_SYMBOL_FILE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/symbols/debug_gap.h"

struct lmm_symbol_file;

/* What tells whether a file is the one that was mapped: its build-id; or, of a file without one, what
 * stat(2) said. */
struct lmm_symbol_identity {
    const unsigned char *build_id;
    size_t build_id_bytes; /* 0: it has none, or it is unknown */
    bool has_file;         /* false: the fields below are unknown */
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    int64_t changed_ns;
};

enum lmm_symbol_fault {
    LMM_SYMBOL_SOUND,
    LMM_SYMBOL_MISSING, /* there is no such regular file, or it cannot be opened */
    LMM_SYMBOL_OTHER,   /* it is not the file that was mapped, or not an ELF file */
};

/* A function at an address. */
struct lmm_symbol {
    const char *function; /* mangled; NULL: unknown */
    const char *file;     /* NULL: unknown, and so is the line */
    uint32_t line;
};

enum {
    LMM_SYMBOL_FILE_CALLS_MAX = 64,   /* at one address; deeper inlined calls are left out */
    LMM_SYMBOL_FILE_SCOPES_MAX = 128, /* at one address; deeper ones are left out */
};

/*
 * Opens the file at the absolute `path`, or of a descriptor that is not -1, which the function takes;
 * path is then its name only. Returns the file, to be closed with lmm_symbol_file_close(); NULL: it
 * cannot be used, and *ret_fault says why.
 */
struct lmm_symbol_file *lmm_symbol_file_open(const char *path, int descriptor,
                                             const struct lmm_symbol_identity *identity,
                                             enum lmm_symbol_fault *ret_fault);

/* file may be NULL. */
void lmm_symbol_file_close(struct lmm_symbol_file *file);

/* Returns the mangled name of the function at an address from the symbol table, or NULL; the string
 * lives as long as the file. Much cheaper than lmm_symbol_file_find() when the file's DWARF is
 * large. */
const char *lmm_symbol_file_name(struct lmm_symbol_file *file, uint64_t address);

/* Sets *ret_low and *ret_high to the first address of the function at an address, and the one after
 * its last; returns false when the symbol table does not have them. */
bool lmm_symbol_file_bounds(struct lmm_symbol_file *file, uint64_t address, uint64_t *ret_low,
                            uint64_t *ret_high);

/*
 * Finds the functions at an address: the innermost first, each inlined into the next; the last one
 * is not inlined. Returns their number; 0: nothing is known. The strings live as long as the file.
 */
size_t lmm_symbol_file_find(struct lmm_symbol_file *file, uint64_t address,
                            struct lmm_symbol ret_symbols[LMM_SYMBOL_FILE_CALLS_MAX]);

/* Returns whether there is debug information that libdw can read. It is read at the first call. */
bool lmm_symbol_file_has_debug(struct lmm_symbol_file *file);

/* Return the file, its DWARF, and its call frame information, or NULL, for callers that look for more than names; they live as
 * long as the file. *ret_bias: what is added to an address of the file's headers to get one of the
 * result. The DWARF is read at the first call. */
Elf *lmm_symbol_file_elf(const struct lmm_symbol_file *file);
Dwarf *lmm_symbol_file_dwarf(struct lmm_symbol_file *file, Dwarf_Addr *ret_bias);
Dwarf_CFI *lmm_symbol_file_cfi(struct lmm_symbol_file *file, Dwarf_Addr *ret_bias);

/*
 * Sets ret_scopes to the function at an address, the functions inlined into it there, and the
 * lexical blocks, the outermost first, and returns their number; 0: nothing is known. Addresses in
 * these DIEs are those of lmm_symbol_file_dwarf().
 */
size_t lmm_symbol_file_scopes(struct lmm_symbol_file *file, uint64_t address,
                              Dwarf_Die ret_scopes[LMM_SYMBOL_FILE_SCOPES_MAX]);

/* Returns what is missing of the debug information, after the first lmm_symbol_file_find(); and
 * one line about it for the user, to be freed, NULL: there is nothing to say. */
enum lmm_debug_gap lmm_symbol_file_gap(const struct lmm_symbol_file *file);
char *lmm_symbol_file_gap_text(const struct lmm_symbol_file *file, const char *path);

#endif
