/* SPDX-License-Identifier: MIT */
/* lmm_resize() and lmm_block_count() judge a pointer as lmm_free() does. */
#include "tests/death/cases.h"

#define THIS_FILE "tests/death/verbs.c"

void resize_freed(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    death_expect("resize of a freed block: " HEX " (emp_t, allocated at " THIS_FILE ":%d)",
                 address_of(emp), line);
    lmm_free(emp);
    must(lmm_resize(emp, 2));
}

void resize_freed_array(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 4));
    emp_t *other = must(LMM_NEW_ARRAY(emp_t, 4));
    death_expect("resize of a freed block: " HEX " (emp_t, allocated at " THIS_FILE ":%d)",
                 address_of(array), line);
    lmm_free(array);
    must(lmm_resize(array, 5));
    lmm_free(other);
}

void resize_interior(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 4));
    expect_interior("resize", array + 1, array, "emp_t", THIS_FILE, line);
    must(lmm_resize(array + 1, 5));
}

void resize_no_block(void)
{
    emp_t emp;
    void *p = beside(&emp, 0);
    death_expect("resize of a pointer that is no block: " HEX, address_of(p));
    must(lmm_resize(p, 5));
}

void resize_never_allocated(void)
{
    emp_t *far = (emp_t *) must(LMM_NEW(emp_t)) + 5000;
    death_expect("resize of memory that is not allocated: " HEX " (emp_t)", address_of(far));
    must(lmm_resize(far, 5));
}

void count_freed(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    death_expect("count of a freed block: " HEX " (emp_t, allocated at " THIS_FILE ":%d)",
                 address_of(emp), line);
    lmm_free(emp);
    (void) lmm_block_count(emp);
}

void count_interior(void)
{
    const int line = __LINE__ + 1;
    emp_t *emp = must(LMM_NEW(emp_t));
    void *inside = beside(emp, 3);
    expect_interior("count", inside, emp, "emp_t", THIS_FILE, line);
    (void) lmm_block_count(inside);
}

void count_no_block(void)
{
    emp_t emp;
    void *p = beside(&emp, 0);
    death_expect("count of a pointer that is no block: " HEX, address_of(p));
    (void) lmm_block_count(p);
}
