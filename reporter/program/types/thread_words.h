/* SPDX-License-Identifier: MIT */
/*
 * thread_words: the words of an ELF file's global offset table that tell code where a variable of the
 * thread lies: the index that __tls_get_addr() gets, the distance from the thread pointer, and the
 * descriptor whose function returns that distance.
 *
 * Addresses are those of the file's headers. The file is hostile: every offset is checked.
 */
#ifndef LMM_PROGRAM_THREAD_WORDS_H
#define LMM_PROGRAM_THREAD_WORDS_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/types/code.h"

/* A word that the dynamic linker fills. */
struct lmm_thread_word {
    uint64_t address;
    uint64_t
        offset; /* of the variable, from the start of the block that each thread has for the file */
    const char *name; /* of a variable of another file; NULL: it is one of this file */
};

struct lmm_thread_words {
    struct lmm_thread_word *items; /* by address */
    size_t count;
};

/* Lists the words of a file, until memory runs out; to be freed with lmm_thread_words_free(). */
void lmm_thread_words_read(Elf *elf, enum lmm_machine machine, struct lmm_thread_words *ret_words);

void lmm_thread_words_free(struct lmm_thread_words *words);

/* Returns the word at an address, or NULL. */
const struct lmm_thread_word *lmm_thread_words_find(const struct lmm_thread_words *words,
                                                    uint64_t address);

#endif
