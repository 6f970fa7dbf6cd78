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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_symbol_file;

/* A function at an address. */
struct lmm_symbol {
    const char *function; /* mangled; NULL: unknown */
    const char *file;     /* NULL: unknown, and so is the line */
    uint32_t line;
};

enum {
    LMM_SYMBOL_FILE_CALLS_MAX = 64, /* at one address; deeper inlined calls are left out */
};

/*
 * Opens the file at the absolute `path`, whose build-id must be the build_id_bytes at build_id (0
 * bytes: any build-id). Returns the file, to be closed with lmm_symbol_file_close(); NULL: it
 * cannot be used, and *ret_other says whether the reason is another build-id.
 */
struct lmm_symbol_file *lmm_symbol_file_open(const char *path, const unsigned char *build_id,
                                             size_t build_id_bytes, bool *ret_other);

/* file may be NULL. */
void lmm_symbol_file_close(struct lmm_symbol_file *file);

/* Returns the mangled name of the function at an address from the symbol table, or NULL; the string
 * lives as long as the file. Much cheaper than lmm_symbol_file_find() when the file's DWARF is
 * large. */
const char *lmm_symbol_file_name(struct lmm_symbol_file *file, uint64_t address);

/*
 * Finds the functions at an address: the innermost first, each inlined into the next; the last one
 * is not inlined. Returns their number; 0: nothing is known. The strings live as long as the file.
 */
size_t lmm_symbol_file_find(struct lmm_symbol_file *file, uint64_t address,
                            struct lmm_symbol ret_symbols[LMM_SYMBOL_FILE_CALLS_MAX]);

#endif
