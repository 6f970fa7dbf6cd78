/* SPDX-License-Identifier: MIT */
/* Frees of pointers into memory that is not LMM's, or is no longer. */
#include "tests/death/cases.h"

#include <stdlib.h>
#include <sys/mman.h>

/* ---- Pointers that are no block ---- */

static void no_block(void *p)
{
    death_expect("free of a pointer that is no block: " HEX, address_of(p));
    lmm_free(p);
}

/* Each after LMM has served blocks; one also before LMM has started. */
static void no_block_after_use(void *p)
{
    lmm_free(must(LMM_NEW(emp_t)));
    must(LMM_NEW(emp_t));
    no_block(p);
}

void no_block_before_use(void)
{
    emp_t emp;
    no_block(beside(&emp, 0));
}

void no_block_stack(void)
{
    emp_t emp;
    no_block_after_use(beside(&emp, 0));
}

void no_block_static(void)
{
    static emp_t emp;
    no_block_after_use(beside(&emp, 0));
}

void no_block_malloc(void)
{
    no_block_after_use(must(malloc(sizeof(emp_t))));
}

void no_block_mmap(void)
{
    no_block_after_use(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

void no_block_code(void)
{
    no_block_after_use((void *) (uintptr_t) no_block_code);
}

void no_block_family(void)
{
    no_block_after_use(must(LMM_REGISTER(emp_t)));
}

static void no_block_integer(uintptr_t integer)
{
    no_block_after_use((void *) integer);
}

void no_block_one(void)
{
    no_block_integer(1);
}

void no_block_small(void)
{
    no_block_integer(4096);
}

void no_block_highest_user(void)
{
    no_block_integer(UINT64_C(0x7ffffffffff0));
}

void no_block_above_user(void)
{
    no_block_integer(UINT64_C(0x800000000000));
}

void no_block_non_canonical(void)
{
    no_block_integer(UINT64_C(0xdeadbeefdeadbeef));
}

void no_block_kernel(void)
{
    no_block_integer(UINT64_C(0xffff888000000000));
}

void no_block_minus_one(void)
{
    no_block_integer(UINTPTR_MAX);
}

/* A block's address with a tag in its upper bits is not a block. */
void no_block_tagged_pointer(void)
{
    no_block((void *) ((uintptr_t) must(LMM_NEW(emp_t)) | (UINT64_C(1) << 56)));
}

/* ---- Pages given back ---- */

static void expect_given_back(const char *verb, const void *p, const char *family)
{
    death_expect("%s after its page was given back: " HEX " (%s)", verb, address_of(p), family);
}

/* Fills many pages, frees all blocks, and gives the memory back to the kernel. Returns the address
 * of the very first block, whose page a heap does not keep. */
static emp_t *give_back_pages(void)
{
    enum { COUNT = 500000 };
    emp_t **emp = must(calloc(COUNT, sizeof(*emp)));
    for (size_t i = 0; i < COUNT; i++) {
        emp[i] = must(LMM_ALLOC(emp_t));
    }
    emp_t *first = emp[0];
    for (size_t i = 0; i < COUNT; i++) {
        lmm_free(emp[i]);
    }
    free(emp);
    lmm_trim();
    return first;
}

void given_back_free(void)
{
    emp_t *emp = give_back_pages();
    expect_given_back("free", emp, "emp_t");
    lmm_free(emp);
}

void given_back_free_in_other_thread(void)
{
    emp_t *emp = give_back_pages();
    expect_given_back("free", emp, "emp_t");
    in_thread(run_free, emp);
}

void given_back_resize(void)
{
    emp_t *emp = give_back_pages();
    expect_given_back("resize", emp, "emp_t");
    must(lmm_resize(emp, 2));
}

void given_back_span(void)
{
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 1000000));
    expect_given_back("free", array, "emp_t");
    lmm_free(array);
    lmm_trim();
    lmm_free(array);
}
