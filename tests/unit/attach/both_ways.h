/* SPDX-License-Identifier: MIT */
/* both_ways: a function whose entry is led elsewhere, called by its entry and by the instructions that were moved, in memory of its own. */
#ifndef LMM_TESTS_BOTH_WAYS_H
#define LMM_TESTS_BOTH_WAYS_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "reporter/program/attach/entry.h"

static int both_ways_led(int number)
{
    return number + 1000;
}

/* code: of a function of one int, which starts at a page; zero, five: its results for these numbers. */
static void check_both_ways(const char *name, const void *code, size_t bytes, int zero, int five)
{
    enum { PAGE = 64 << 10 };
    unsigned char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct lmm_entry entry;

    cr_assert_neq(memory, MAP_FAILED);
    memcpy(memory, code, bytes);
    const char *reason =
        lmm_entry_plan(memory, bytes, (uintptr_t) memory, (uintptr_t) memory + PAGE,
                       (uintptr_t) both_ways_led, &entry);

    cr_assert_null(reason, "%s: %s", name, reason);
    memcpy(memory + PAGE, entry.island, sizeof(entry.island));
    memcpy((void *) (uintptr_t) entry.address, entry.patch, entry.patch_bytes);
    __builtin___clear_cache((char *) memory, (char *) memory + 2 * PAGE);
    int (*function)(int) = (int (*)(int))(uintptr_t) memory;
    int (*original)(int) = (int (*)(int))(uintptr_t) entry.original;

    cr_assert_eq(function(5), 1005, "%s", name);
    cr_assert_eq(original(0), zero, "%s: %d", name, original(0));
    cr_assert_eq(original(5), five, "%s: %d", name, original(5));
    munmap(memory, 2 * PAGE);
}

#endif
