/* SPDX-License-Identifier: MIT */
/* Frees inside blocks, inside free slots, and beyond all slots that were handed out. */
#include "tests/death/cases.h"

#define THIS_FILE "tests/death/interior.c"

/* ---- Interior pointers ---- */

static void expect_interior(const void *p, const void *start, const char *family, int line)
{
    death_expect("free of an interior pointer: " HEX " (%zu bytes into a block at " HEX
                 ", %s, allocated at " THIS_FILE ":%d)",
                 address_of(p), (size_t) (address_of(p) - address_of(start)), address_of(start),
                 family, line);
}

void interior_new(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    void *inside = beside(emp, 1);
    expect_interior(inside, emp, "emp_t", line);
    lmm_free(inside);
}

void interior_alloc(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_ALLOC(emp_t));
    void *inside = beside(emp, sizeof(emp_t) - 1);
    expect_interior(inside, emp, "emp_t", line);
    lmm_free(inside);
}

void interior_large(void)
{
    const int line = __LINE__ + 1;
    large_t *large = must(LMM_ALLOC(large_t));
    void *inside = beside(large, 17216);
    expect_interior(inside, large, "large_t", line);
    lmm_free(inside);
}

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

void interior_in_other_thread(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    void *inside = beside(emp, 4);
    expect_interior(inside, emp, "emp_t", line);
    in_thread(run_free, inside);
}

void interior_array_element(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 5));
    expect_interior(array + 3, array, "emp_t", line);
    lmm_free(array + 3);
}

void interior_array_second(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 5));
    expect_interior(array + 1, array, "emp_t", line);
    lmm_free(array + 1);
}

void interior_array_last(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 5));
    expect_interior(array + 4, array, "emp_t", line);
    lmm_free(array + 4);
}

void interior_array_misaligned(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 5));
    void *inside = beside(array, 2 * sizeof(emp_t) + 5);
    expect_interior(inside, array, "emp_t", line);
    lmm_free(inside);
}

/* Longer than a page of LMM: a span. */
void interior_array_span(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 1000000));
    expect_interior(array + 765432, array, "emp_t", line);
    lmm_free(array + 765432);
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
    expect_interior(array + 42, array, "emp_t", line);
    lmm_free(array + 42);
}

void interior_free_slot(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    emp_t *other = must(LMM_NEW(emp_t));
    lmm_free(emp);
    void *inside = beside(emp, 12);
    death_expect("free of an interior pointer: " HEX " (12 bytes into a free slot at " HEX
                 ", emp_t)",
                 address_of(inside), address_of(emp));
    lmm_free(inside);
    lmm_free(other);
}

void interior_free_array_slot(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 6));
    emp_t *other = must(LMM_NEW_ARRAY(emp_t, 6));
    lmm_free(array);
    void *inside = beside(array, 5);
    death_expect("free of an interior pointer: " HEX " (5 bytes into a free slot at " HEX
                 ", emp_t)",
                 address_of(inside), address_of(array));
    lmm_free(inside);
    lmm_free(other);
}

/* ---- Memory of a page that was never handed out ---- */

void never_allocated(void)
{
    emp_t *emp = must(LMM_NEW(emp_t));
    void *far = emp + 5000;
    death_expect("free of memory that is not allocated: " HEX " (emp_t)", address_of(far));
    lmm_free(far);
}
