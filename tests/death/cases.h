/* SPDX-License-Identifier: MIT */
/*
 * cases: the misuses of memory that LMM diagnoses, each a function that ends in a panic, and what
 * they share. They are in double_free.c, interior.c, no_block.c and verbs.c; cases.c has the table.
 *
 * The panic lines are part of the API, so they are written out in full, with the names of files:
 * this also shows that reports name files relative to the source root.
 */
#ifndef TESTS_DEATH_CASES_H
#define TESTS_DEATH_CASES_H

#include <lmm/lmm.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "tests/death/harness.h"

#define HEX "0x%" PRIxPTR

typedef struct {
    char name[32];
    uint32_t id;
} emp_t;

typedef struct {
    unsigned char byte;
} byte_t;

typedef struct {
    unsigned char bytes[20000];
} large_t;

/* The table: CASE runs in one process, RACE in many, because its threads may not meet. */
#define DEATH_CASES(CASE, RACE)                                                                    \
    CASE(double_free_at_once)                                                                      \
    CASE(double_free_later)                                                                        \
    CASE(double_free_of_one_of_two_lines)                                                          \
    CASE(double_free_after_reuse)                                                                  \
    CASE(double_free_of_an_unknown_line)                                                           \
    CASE(double_free_after_another_line)                                                           \
    CASE(double_free_first_of_page)                                                                \
    CASE(double_free_large)                                                                        \
    CASE(double_free_unattributed)                                                                 \
    CASE(double_free_in_other_thread)                                                              \
    CASE(double_free_twice_in_other_thread)                                                        \
    CASE(double_free_after_other_thread)                                                           \
    CASE(double_free_of_ended_thread)                                                              \
    CASE(double_free_of_batched)                                                                   \
    RACE(race_of_strangers)                                                                        \
    RACE(race_with_owner)                                                                          \
    RACE(race_for_array)                                                                           \
    CASE(double_free_array)                                                                        \
    CASE(double_free_array_merged)                                                                 \
    CASE(double_free_array_of_an_unknown_line)                                                     \
    CASE(double_free_string)                                                                       \
    CASE(double_free_array_in_other_thread)                                                        \
    CASE(double_free_resized)                                                                      \
    CASE(interior_new)                                                                             \
    CASE(interior_alloc)                                                                           \
    CASE(interior_large)                                                                           \
    CASE(interior_unattributed)                                                                    \
    CASE(interior_in_other_thread)                                                                 \
    CASE(interior_array_element)                                                                   \
    CASE(interior_array_second)                                                                    \
    CASE(interior_array_last)                                                                      \
    CASE(interior_array_misaligned)                                                                \
    CASE(interior_array_span)                                                                      \
    CASE(interior_array_over_older)                                                                \
    CASE(interior_free_slot)                                                                       \
    CASE(interior_free_array_slot)                                                                 \
    CASE(interior_string)                                                                          \
    CASE(never_allocated)                                                                          \
    CASE(never_allocated_after_last_slot)                                                          \
    CASE(no_block_before_use)                                                                      \
    CASE(no_block_stack)                                                                           \
    CASE(no_block_static)                                                                          \
    CASE(no_block_malloc)                                                                          \
    CASE(no_block_mmap)                                                                            \
    CASE(no_block_code)                                                                            \
    CASE(no_block_family)                                                                          \
    CASE(no_block_one)                                                                             \
    CASE(no_block_small)                                                                           \
    CASE(no_block_highest_user)                                                                    \
    CASE(no_block_above_user)                                                                      \
    CASE(no_block_non_canonical)                                                                   \
    CASE(no_block_kernel)                                                                          \
    CASE(no_block_minus_one)                                                                       \
    CASE(no_block_tagged_pointer)                                                                  \
    CASE(given_back_free)                                                                          \
    CASE(given_back_free_in_other_thread)                                                          \
    CASE(given_back_resize)                                                                        \
    CASE(given_back_span)                                                                          \
    CASE(resize_freed)                                                                             \
    CASE(resize_freed_array)                                                                       \
    CASE(resize_interior)                                                                          \
    CASE(resize_no_block)                                                                          \
    CASE(resize_never_allocated)                                                                   \
    CASE(count_freed)                                                                              \
    CASE(count_interior)                                                                           \
    CASE(count_no_block)

#define DECLARE_CASE(name) void name(void);
DEATH_CASES(DECLARE_CASE, DECLARE_CASE)

static inline uintptr_t address_of(const void *p)
{
    return (uintptr_t) p;
}

/* The address `bytes` after p, hidden from the compiler, which would rightly object. */
static inline void *beside(void *p, size_t bytes)
{
    volatile uintptr_t address = (uintptr_t) p + bytes;
    return (void *) address;
}

/* Ends the child in a way that is not the expected one when memory is out. */
static inline void *must(void *p)
{
    if (p == NULL) {
        _exit(2);
    }
    return p;
}

/* Calls run(arg) in another thread and returns what it returned. */
static inline void *in_thread(void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, run, arg) != 0 || pthread_join(thread, &result) != 0) {
        _exit(3);
    }
    return result;
}

static inline void *run_free(void *arg)
{
    lmm_free(arg);
    return NULL;
}

/* The line of a use of a pointer inside a block that was allocated in `line` of `file`. */
static inline void expect_interior(const char *verb, const void *p, const void *start,
                                   const char *family, const char *file, int line)
{
    death_expect("%s of an interior pointer: " HEX " (%zu bytes into a block at " HEX
                 ", %s, allocated at %s:%d)",
                 verb, address_of(p), (size_t) (address_of(p) - address_of(start)),
                 address_of(start), family, file, line);
}

#endif
