/* SPDX-License-Identifier: MIT */
/*
 * file_code: the machine code of an ELF file, and the names of the functions that it calls: those in
 * the file itself by its symbol table, those of other files by the entries of its procedure linkage
 * table (PLT) or of its global offset table.
 *
 * Addresses are those of the file's headers. The file is hostile: every offset is checked. What is
 * not found is NULL or false.
 */
#ifndef LMM_PROGRAM_FILE_CODE_H
#define LMM_PROGRAM_FILE_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/program/types/code.h"
#include "reporter/program/types/thread_words.h"

struct lmm_file_code;
struct lmm_symbol_file;

/* Returns the code of an open file, which must live longer; to be freed with lmm_file_code_free();
 * NULL: out of memory. */
struct lmm_file_code *lmm_file_code_new(struct lmm_symbol_file *file);

void lmm_file_code_free(struct lmm_file_code *code);

/* Returns the bytes of the section with code at an address, or of the function, if its bounds are
 * known; of machine NONE: there is none. */
struct lmm_code lmm_file_code_at(struct lmm_file_code *code, uint64_t address);
struct lmm_code lmm_file_code_of_function(struct lmm_file_code *code, uint64_t address);

/* Returns the mangled name of the function at an address, that of another file if it is an entry of
 * the PLT; NULL: unknown. */
const char *lmm_file_code_name(struct lmm_file_code *code, uint64_t address);

/* Returns the mangled name of the function that the call before a return address calls; NULL:
 * unknown, such as that of a call through a pointer. */
const char *lmm_file_code_callee(struct lmm_file_code *code, uint64_t return_address);

/* Returns the mangled name whose address the dynamic linker stores at an address; NULL: none. */
const char *lmm_file_code_slot(struct lmm_file_code *code, uint64_t address);

/* Turns a distance from the thread pointer, as an executable's code has it, into one from the start of the
 * block that each thread has for the file. Returns false when it is not in that block. */
bool lmm_file_code_thread(struct lmm_file_code *code, int64_t distance, uint64_t *ret_place);

/* Sets *ret_word to the word of the global offset table that tells where a variable of the thread lies;
 * returns false when that at an address is none. */
bool lmm_file_code_thread_word(struct lmm_file_code *code, uint64_t address,
                               struct lmm_thread_word *ret_word);

/* Returns the mangled name of the object, such as a table of virtual functions, that an address
 * lies in; NULL: unknown. */
const char *lmm_file_code_object(struct lmm_file_code *code, uint64_t address);

#endif
