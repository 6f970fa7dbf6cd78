/* SPDX-License-Identifier: MIT */
/* Results of other calls that the way of a block meets: code with its steps. The code is that of an
 * assembler, at 0x1000. */
#include "reporter/program/types/way_flow.h"

#include <criterion/criterion.h>

#include "tests/support/way_cases.h"

static const struct lmm_way_case x86[] = {
    {"a store into the block of an earlier call",
     "53"         /* 1000: push rbx */
     "e8fa0f0000" /* 1001: call 2000 */
     "4889c3"     /* 1006: mov rbx,rax */
     "e8f20f0000" /* 1009: call 2000 */
     "48894308"   /* 100e: mov [rbx+0x8],rax */
     "5b"         /* 1012: pop rbx */
     "c3",        /* 1013: ret */
     "0 held 100e-1014 rax\n"
     "1 stored 100e-1012 [rbx+8], of rbx before 100e +8, of rax returned to 1006 +8\n"
     "3 returned 1013-1014\n",
     0x100e},
    {"a store into the block of a later call",
     "4889c3"     /* 1000: mov rbx,rax */
     "e8f80f0000" /* 1003: call 2000 */
     "48895808"   /* 1008: mov [rax+0x8],rbx */
     "0f0b",      /* 100c: ud2 */
     "0 held 1000-1008 rax\n"
     "1 held 1003-100e rbx\n"
     "3 stored 1008-100c [rax+8], of rax returned to 1008 +8\n",
     0x1000},
};

static const struct lmm_way_case aarch64[] = {
    {"a store into the block of an earlier call",
     "f30f1ff8"  /* 1000: str x19, [sp, #-16]! */
     "ff030094"  /* 1004: bl 0x2000 */
     "f30300aa"  /* 1008: mov x19, x0 */
     "fd030094"  /* 100c: bl 0x2000 */
     "600600f9"  /* 1010: str x0, [x19, #8] */
     "f30741f8"  /* 1014: ldr x19, [sp], #16 */
     "c0035fd6", /* 1018: ret */
     "0 held 1010-101c x0\n"
     "1 stored 1010-1014 [x19+8], of x19 before 1010 +8, of x0 returned to 1008 +8\n"
     "3 returned 1018-101c\n",
     0x1010},
};

/* mov rbx,rax; cmp ecx,0x5; jg 100c; mov [rdx],rbx; ret; mov [rdx+0x8],rbx; ret */
Test(way_flow, tells_from_where_on_a_step_is_only_on_one_side_of_a_branch)
{
    static const unsigned char bytes[] = {0x48, 0x89, 0xc3, 0x83, 0xf9, 0x05, 0x7f, 0x04, 0x48,
                                          0x89, 0x1a, 0xc3, 0x48, 0x89, 0x5a, 0x08, 0xc3};
    const struct lmm_code code = {bytes, sizeof(bytes), 0x1000, LMM_MACHINE_X86_64};
    struct lmm_way_step steps[LMM_WAY_STEPS_MAX];
    struct lmm_way_follower *follower = lmm_way_follower_new();

    cr_assert_not_null(follower);
    size_t count = lmm_way_follow(follower, &code, 0x1000, LMM_WAY_RESULT, NULL, NULL, steps);

    lmm_way_follower_free(follower);
    cr_assert_eq(count, 6);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(steps[i].sure_to, steps[i].kind == LMM_WAY_HELD ? 0x1008 : 0, "step %zu", i);
    }
}

Test(way_flow, x86_64)
{
    lmm_way_cases_check(LMM_MACHINE_X86_64, LMM_WAY_RESULT, x86, sizeof(x86) / sizeof(x86[0]));
}

Test(way_flow, aarch64)
{
    lmm_way_cases_check(LMM_MACHINE_AARCH64, LMM_WAY_RESULT, aarch64,
                        sizeof(aarch64) / sizeof(aarch64[0]));
}
