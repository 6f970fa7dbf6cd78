/* SPDX-License-Identifier: MIT */
/* Frees inside blocks, inside free slots, and beyond all slots that were handed out. */
#include "tests/death/cases.h"

#define THIS_FILE "tests/death/interior.c"

/* ---- Interior pointers ---- */

/* The case: a block of `type`, and a free of the address `bytes` after its start. */
#define INTERIOR(name, type, allocation, bytes, release)                                           \
    void name(void)                                                                                \
    {                                                                                              \
        void *block = must(allocation);                                                            \
        void *inside = beside(block, bytes);                                                       \
        expect_interior("free", inside, block, #type, THIS_FILE, __LINE__);                        \
        release(inside);                                                                           \
    }

static void free_in_thread(void *p)
{
    in_thread(run_free, p);
}

INTERIOR(interior_new, emp_t, LMM_NEW(emp_t), 1, lmm_free)
INTERIOR(interior_alloc, emp_t, LMM_ALLOC(emp_t), sizeof(emp_t) - 1, lmm_free)
INTERIOR(interior_large, large_t, LMM_ALLOC(large_t), 17216, lmm_free)
INTERIOR(interior_in_other_thread, emp_t, LMM_NEW(emp_t), 4, free_in_thread)
INTERIOR(interior_array_element, emp_t, LMM_NEW_ARRAY(emp_t, 5), 3 * sizeof(emp_t), lmm_free)
INTERIOR(interior_array_second, emp_t, LMM_NEW_ARRAY(emp_t, 5), sizeof(emp_t), lmm_free)
INTERIOR(interior_array_last, emp_t, LMM_NEW_ARRAY(emp_t, 5), 4 * sizeof(emp_t), lmm_free)
INTERIOR(interior_array_misaligned, emp_t, LMM_NEW_ARRAY(emp_t, 5), 2 * sizeof(emp_t) + 5, lmm_free)
/* Longer than a page of LMM: a span. */
INTERIOR(interior_array_span, emp_t, LMM_NEW_ARRAY(emp_t, 1000000), 765432 * sizeof(emp_t),
         lmm_free)

void interior_unattributed(void)
{
    struct lmm_family *family = must(lmm_family_register("struct order", 72, 8));
    void *order = must(lmm_zalloc(family));
    void *inside = beside(order, 16);
    death_expect("free of an interior pointer: " HEX " (16 bytes into a block at " HEX
                 ", struct order, unattributed)",
                 address_of(inside), address_of(order));
    lmm_free(inside);
}

/* Stale tags of an earlier block must not be reported. */
void interior_array_over_older(void)
{
    for (size_t length = 2; length < 9; length++) {
        emp_t *array[40];
        for (size_t i = 0; i < 40; i++) {
            array[i] = must(LMM_NEW_ARRAY(emp_t, length));
        }
        for (size_t i = 0; i < 40; i++) {
            lmm_free(array[i]);
        }
    }
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 60));
    expect_interior("free", array + 42, array, "emp_t", THIS_FILE, line);
    lmm_free(array + 42);
}

void interior_string(void)
{
    const int line = __LINE__ + 1;
    char *string = must(lmm_strdup("a string"));
    expect_interior("free", string + 2, string, "char[]", THIS_FILE, line);
    lmm_free(string + 2);
}

/* The block, allocated at that line, is freed, and another one keeps its page in use. */
static void free_inside_freed(void *block, int line, void *other, size_t bytes)
{
    lmm_free(block);
    void *inside = beside(block, bytes);
    death_expect("free of an interior pointer: " HEX " (%zu bytes into a free slot at " HEX
                 ", emp_t, allocated at " THIS_FILE ":%d)",
                 address_of(inside), bytes, address_of(block), line);
    lmm_free(inside);
    lmm_free(other);
}

void interior_free_slot(void)
{
    const int line = __LINE__ + 1;
    void *emp = must(LMM_NEW(emp_t));
    free_inside_freed(emp, line, must(LMM_NEW(emp_t)), 12);
}

void interior_free_array_slot(void)
{
    const int line = __LINE__ + 1;
    void *array = must(LMM_NEW_ARRAY(emp_t, 6));
    free_inside_freed(array, line, must(LMM_NEW_ARRAY(emp_t, 6)), 5);
}

/* ---- Memory of a page that was never handed out ---- */

/* A thread with a heap of its own, in which the family is open. */
static void *run_alloc_and_free(void *arg)
{
    must(LMM_NEW(emp_t));
    lmm_free(arg);
    return NULL;
}

/* The bytes after a page's last slot are a slot's length from it, but too few for a slot. */
void never_allocated_after_last_slot(void)
{
    enum { PAGE_BYTES = 256 * 1024 };
    _Static_assert(PAGE_BYTES % sizeof(emp_t) != 0, "bytes are left");
    char *emp = must(LMM_NEW(emp_t));
    char *page = emp - (uintptr_t) emp % PAGE_BYTES;
    char *after = page + PAGE_BYTES / sizeof(emp_t) * sizeof(emp_t);
    death_expect("free of memory that is not allocated: " HEX " (emp_t)", address_of(after));
    in_thread(run_alloc_and_free, after);
}

void never_allocated(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    void *far = emp + 5000;
    death_expect("free of memory that is not allocated: " HEX " (emp_t)", address_of(far));
    lmm_free(far);
}
