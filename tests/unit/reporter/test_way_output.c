/* SPDX-License-Identifier: MIT */
/* The way of a block that a callee stores where its first argument points: code with its steps. The
 * code is that of an assembler, at 0x1000. */
#include "reporter/program/types/way_output.h"

#include <criterion/criterion.h>

#include "tests/support/way_cases.h"

static const struct lmm_way_case x86[] = {
    {"a word of the frame, which is returned",
     "4883ec18"   /* 1000: sub rsp,0x18 */
     "488d7c2408" /* 1004: lea rdi,[rsp+0x8] */
     "e8f20f0000" /* 1009: call 2000 */
     "85c0"       /* 100e: test eax,eax */
     "7505"       /* 1010: jne 1017 */
     "488b442408" /* 1012: mov rax,[rsp+0x8] */
     "4883c418"   /* 1017: add rsp,0x18 */
     "c3",        /* 101b: ret */
     "0 stored 1009-100e [rsp+8], of rsp before 1009 +8\n"
     "3 held 1017-101c rax\n"
     "5 returned 101b-101c\n",
     0x100e},
    {"a word of the frame by the frame pointer, and zero in it where the call failed",
     "55"               /* 1000: push rbp */
     "4889e5"           /* 1001: mov rbp,rsp */
     "4883ec20"         /* 1004: sub rsp,0x20 */
     "488d45f8"         /* 1008: lea rax,[rbp-0x8] */
     "4889c7"           /* 100c: mov rdi,rax */
     "e8ec0f0000"       /* 100f: call 2000 */
     "85c0"             /* 1014: test eax,eax */
     "7408"             /* 1016: je 1020 */
     "48c745f800000000" /* 1018: mov [rbp-0x8],0x0 */
     "488b45f8"         /* 1020: mov rax,[rbp-0x8] */
     "c9"               /* 1024: leave */
     "c3",              /* 1025: ret */
     "0 stored 100f-1014 [rbp-8], of rbp before 100f -8\n"
     "3 held 1024-1026 rax\n"
     "5 returned 1025-1026\n",
     0x1014},
    {"a fixed address",
     "488d3d00400000" /* 1000: lea rdi,[rip+0x4000] */
     "e8f40f0000"     /* 1007: call 2000 */
     "c3",            /* 100c: ret */
     "0 stored 1007-100c [+20487], of +20487\n", 0x100c},
    {"a field behind a pointer that is loaded",
     "53"         /* 1000: push rbx */
     "488b5f08"   /* 1001: mov rbx,[rdi+0x8] */
     "488d7b10"   /* 1005: lea rdi,[rbx+0x10] */
     "e8f20f0000" /* 1009: call 2000 */
     "5b"         /* 100e: pop rbx */
     "c3",        /* 100f: ret */
     "0 stored 1009-100e [rdi+0], of rdi before 1001 [+8] +16, of rdi before 1001 [+8] +16\n",
     0x100e},
    {"the argument of the caller",
     "53"         /* 1000: push rbx */
     "e8fa0f0000" /* 1001: call 2000 */
     "5b"         /* 1006: pop rbx */
     "c3",        /* 1007: ret */
     "0 stored 1001-1006 [rdi+0], of rdi before 1001 +0\n", 0x1006},
    {"a word of the frame in code with a table of jumps, whose start says nothing",
     "ffe0"       /* 1000: jmp rax */
     "488d7de0"   /* 1002: lea rdi,[rbp-0x20] */
     "e8f50f0000" /* 1006: call 2000 */
     "488b4de0"   /* 100b: mov rcx,[rbp-0x20] */
     "c3",        /* 100f: ret */
     "0 stored 1006-100b [rbp-32], of rbp before 1006 -32\n"
     "1 held 100f-1010 rcx\n",
     0x100b},
    {"the frame pointer, where sp is not known: it stands for other words than sp",
     "55"         /* 1000: push rbp */
     "4889e5"     /* 1001: mov rbp,rsp */
     "4829fc"     /* 1004: sub rsp,rdi */
     "488d7df8"   /* 1007: lea rdi,[rbp-0x8] */
     "e8f00f0000" /* 100b: call 2000 */
     "488b4c24f0" /* 1010: mov rcx,[rsp-0x10] */
     "488b55f8"   /* 1015: mov rdx,[rbp-0x8] */
     "c9"         /* 1019: leave */
     "c3",        /* 101a: ret */
     "0 stored 100b-1010 [rbp-8], of rbp before 100b -8\n"
     "2 held 1019-101b rdx\n",
     0x1010},
    {"a field behind an argument, kept in a word of the frame during another call",
     "55"         /* 1000: push rbp */
     "4889e5"     /* 1001: mov rbp,rsp */
     "4883ec30"   /* 1004: sub rsp,0x30 */
     "48897df8"   /* 1008: mov [rbp-0x8],rdi */
     "488b45f8"   /* 100c: mov rax,[rbp-0x8] */
     "4883c008"   /* 1010: add rax,0x8 */
     "488945e0"   /* 1014: mov [rbp-0x20],rax */
     "bf80020000" /* 1018: mov edi,0x280 */
     "e8de0f0000" /* 101d: call 2000 */
     "488b7de0"   /* 1022: mov rdi,[rbp-0x20] */
     "e8d50f0000" /* 1026: call 2000 */
     "c9"         /* 102b: leave */
     "c3",        /* 102c: ret */
     "0 stored 1026-102b [rdi+0], of rbp before 1022 [-32] +0, of rbp before 100c [-8] +8\n",
     0x102b},
    {"a word of the frame that a loop may write again",
     "55"         /* 1000: push rbp */
     "4889e5"     /* 1001: mov rbp,rsp */
     "4883ec30"   /* 1004: sub rsp,0x30 */
     "48897de0"   /* 1008: mov [rbp-0x20],rdi */
     "488b7de0"   /* 100c: mov rdi,[rbp-0x20] */
     "e8eb0f0000" /* 1010: call 2000 */
     "48895de0"   /* 1015: mov [rbp-0x20],rbx */
     "ebf1",      /* 1019: jmp 100c */
     "0 stored 1010-1015 [rdi+0], of rbp before 100c [-32] +0, of rbp before 100c [-32] +0\n",
     0x1015},
    {"the call's result is not followed",
     "4883ec18"   /* 1000: sub rsp,0x18 */
     "488d7c2408" /* 1004: lea rdi,[rsp+0x8] */
     "e8f20f0000" /* 1009: call 2000 */
     "4889c3"     /* 100e: mov rbx,rax */
     "c3",        /* 1011: ret */
     "0 stored 1009-100e [rsp+8], of rsp before 1009 +8\n", 0x100e},
};

static const struct lmm_way_case aarch64[] = {
    {"a word of the frame",
     "fd7bbea9"  /* 1000: stp x29, x30, [sp, #-32]! */
     "fd030091"  /* 1004: mov x29, sp */
     "e0630091"  /* 1008: add x0, sp, #24 */
     "fd030094"  /* 100c: bl 0x2000 */
     "40000035"  /* 1010: cbnz w0, 0x1018 */
     "a00f40f9"  /* 1014: ldr x0, [x29, #24] */
     "fd7bc2a8"  /* 1018: ldp x29, x30, [sp], #32 */
     "c0035fd6", /* 101c: ret */
     "0 stored 100c-1010 [x29+24], of x29 before 100c +24\n"
     "2 held 1018-1020 x0\n"
     "4 returned 101c-1020\n",
     0x1010},
};

Test(way_output, x86_64)
{
    lmm_way_cases_check(LMM_MACHINE_X86_64, 0, x86, sizeof(x86) / sizeof(x86[0]));
}

Test(way_output, aarch64)
{
    lmm_way_cases_check(LMM_MACHINE_AARCH64, 0, aarch64, sizeof(aarch64) / sizeof(aarch64[0]));
}
