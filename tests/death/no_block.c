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

void no_block_before_use(void)
{
    emp_t emp;
    no_block(beside(&emp, 0));
}

/* The case: a free of that address, after LMM has served blocks. */
#define NO_BLOCK(name, address)                                                                    \
    void no_block_##name(void)                                                                     \
    {                                                                                              \
        static emp_t static_emp;                                                                   \
        emp_t stack_emp;                                                                           \
        (void) beside(&static_emp, 0);                                                             \
        (void) beside(&stack_emp, 0);                                                              \
        lmm_free(must(LMM_NEW(emp_t)));                                                            \
        must(LMM_NEW(emp_t));                                                                      \
        no_block((void *) (uintptr_t) (address));                                                  \
    }

NO_BLOCK(stack, beside(&stack_emp, 0))
NO_BLOCK(static, beside(&static_emp, 0))
NO_BLOCK(malloc, must(malloc(sizeof(emp_t))))
NO_BLOCK(mmap, mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
NO_BLOCK(code, no_block_code)
NO_BLOCK(family, must(LMM_REGISTER(emp_t)))
NO_BLOCK(one, 1)
NO_BLOCK(small, 4096)
NO_BLOCK(highest_user, UINT64_C(0x7ffffffffff0))
NO_BLOCK(above_user, UINT64_C(0x800000000000))
NO_BLOCK(non_canonical, UINT64_C(0xdeadbeefdeadbeef))
NO_BLOCK(kernel, UINT64_C(0xffff888000000000))
NO_BLOCK(minus_one, UINTPTR_MAX)

/* A block's address with a tag in its upper bits is not a block. */
void no_block_tagged_pointer(void)
{
    no_block((void *) ((uintptr_t) must(LMM_NEW(emp_t)) | (UINT64_C(1) << 56)));
}

/* ---- Pages given back ---- */

static void expect_given_back(const char *verb, const void *p, int line)
{
    death_expect("%s after its page was given back: " HEX
                 " (emp_t, allocated at tests/death/no_block.c:%d)",
                 verb, address_of(p), line);
}

/* Fills many pages, frees all blocks, and gives the memory back to the kernel. Returns the address
 * of the very first block, whose page a heap does not keep, and expects the line of its use. */
static emp_t *give_back_pages(const char *verb)
{
    enum { COUNT = 500000 };
    emp_t **emp = must(calloc(COUNT, sizeof(*emp)));
    const int line = __LINE__ + 2;
    for (size_t i = 0; i < COUNT; i++) {
        emp[i] = must(LMM_ALLOC(emp_t));
    }
    emp_t *first = emp[0];
    for (size_t i = 0; i < COUNT; i++) {
        lmm_free(emp[i]);
    }
    free(emp);
    lmm_trim();
    expect_given_back(verb, first, line);
    return first;
}

void given_back_free(void)
{
    emp_t *emp = give_back_pages("free");
    lmm_free(emp);
}

void given_back_free_in_other_thread(void)
{
    emp_t *emp = give_back_pages("free");
    in_thread(run_free, emp);
}

void given_back_resize(void)
{
    emp_t *emp = give_back_pages("resize");
    must(lmm_resize(emp, 2));
}

void given_back_span(void)
{
    const int line = __LINE__ + 1;
    emp_t *array = must(LMM_NEW_ARRAY(emp_t, 1000000));
    expect_given_back("free", array, line);
    lmm_free(array);
    lmm_trim();
    lmm_free(array);
}
