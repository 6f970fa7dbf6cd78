/* SPDX-License-Identifier: MIT */
/*
 * numbers: a table from 64-bit keys (hash.h) to numbers of the caller. The report looks up each
 * name and each row once by it, and works with numbers after that. All zero: empty.
 *
 * Invariants (checked by assertions in numbers.c, and by tests/unit/reporter/test_numbers.c):
 *   I1  room is 0 or a power of two, and more than 4/3 of count
 *   I2  an entry whose key is 0 is free
 *
 * Not responsible for keys that are equal by accident: a caller for whom that matters compares what
 * the keys were made of.
 */
#ifndef LMM_PROGRAM_NUMBERS_H
#define LMM_PROGRAM_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

struct lmm_numbers_entry {
    uint64_t key;
    uint32_t value;
};

struct lmm_numbers {
    struct lmm_numbers_entry *entries;
    size_t room;
    size_t count;
};

/* Returns the number of a key, which is not 0; a new key's is 0. The address is valid until the
 * next call. NULL: out of memory. Cost: constant on average. */
uint32_t *lmm_numbers_at(struct lmm_numbers *numbers, uint64_t key);

/* Returns the number of a key, which is not 0; 0: the key is not in the table. */
uint32_t lmm_numbers_find(const struct lmm_numbers *numbers, uint64_t key);

void lmm_numbers_free(struct lmm_numbers *numbers);

#endif
