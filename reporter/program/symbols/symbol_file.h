/* SPDX-License-Identifier: MIT */
/*
 * symbol_file: one ELF file, and what is known of the addresses in it: from its DWARF, or that of the
 * debug file that belongs to it, else from its symbol table. Addresses are as the file's headers have
 * them.
 *
 * The file may be damaged, or be anything else; nothing in it makes a look-up loop or fail otherwise
 * than by finding nothing. DWARF is read, and what units there are is found out, at the first look-up that
 * needs it, and which functions a
 * unit has when the first address in it is looked up; a look-up costs two binary searches then, and a
 * walk through one function's inlined calls.
 *
 * Locks: none. Not responsible for names as people write them (symbols.h).
 */
#ifndef LMM_PROGRAM_SYMBOL_FILE_H
#define LMM_PROGRAM_SYMBOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_symbol_file;

/* A function that an address is in. */
struct lmm_symbol {
    const char *function; /* as linkers know it, mangled; NULL: unknown */
    const char *file;     /* NULL: unknown, and so is the line */
    uint32_t line;
};

enum {
    LMM_SYMBOL_FILE_CALLS_MAX = 64, /* of one address; what is further inside is left out */
};

/*
 * Opens the file at the absolute `path`, whose build-id must be the build_id_bytes (0: unknown, any will
 * do) at build_id. Returns the file, to be closed with lmm_symbol_file_close(); or NULL: it cannot be
 * used. *ret_other is then set to whether it is there but is another one.
 */
struct lmm_symbol_file *lmm_symbol_file_open(const char *path, const unsigned char *build_id,
                                             size_t build_id_bytes, bool *ret_other);

/* file may be NULL. */
void lmm_symbol_file_close(struct lmm_symbol_file *file);

/* Returns the name that the file's symbol table has for the function at an address, mangled, or NULL; the
 * string is the file's. It is much cheaper than what follows where a file's DWARF is large. */
const char *lmm_symbol_file_name(struct lmm_symbol_file *file, uint64_t address);

/*
 * Finds the functions that are at an address: the innermost first, each inlined into the next, and the
 * last is no inlined one. Returns their number; 0: nothing is known. Their strings are the file's.
 */
size_t lmm_symbol_file_find(struct lmm_symbol_file *file, uint64_t address,
                            struct lmm_symbol ret_symbols[LMM_SYMBOL_FILE_CALLS_MAX]);

#endif
