/* SPDX-License-Identifier: MIT */
/* Variables of the thread that a word of the global offset table is about: code with its steps. The
 * code is that of an assembler, at 0x1000; the call that gives the block is near its start. */
#include "reporter/program/types/way.h"

#include <criterion/criterion.h>

#include "tests/support/way_cases.h"

static const struct lmm_way_case x86[] = {
    {"what __tls_get_addr() returns, and what is loaded from there",
     "4889c3"           /* 1000: mov rbx,rax */
     "66488d3d00300000" /* 1003: data16 lea rdi,[rip+0x3000] */
     "666648e8ed3f0000" /* 100b: data16 data16 rex.W call 5000 */
     "48895808"         /* 1013: mov [rax+0x8],rbx */
     "488b10"           /* 1017: mov rdx,[rax] */
     "48895a10"         /* 101a: mov [rdx+0x10],rbx */
     "c3",              /* 101e: ret */
     "0 held 1000-1013 rax\n"
     "1 held 1003-101f rbx\n"
     "4 stored 1013-1017 [rax+8], of thread by [+16395] +8\n"
     "6 stored 101a-101e [rdx+16], of thread by [+16395] [+0] +16\n",
     0x1000},
    {"it writes the registers that a callee may write",
     "4889c1"           /* 1000: mov rcx,rax */
     "66488d3d00300000" /* 1003: data16 lea rdi,[rip+0x3000] */
     "666648e8ed3f0000" /* 100b: data16 data16 rex.W call 5000 */
     "488908"           /* 1013: mov [rax],rcx */
     "c3",              /* 1016: ret */
     "0 held 1000-1013 rax\n"
     "1 held 1003-1013 rcx\n"
     "3 passed 100b-1013 3 of 5000\n",
     0x1000},
    {"an index that is not known",
     "4889c3"     /* 1000: mov rbx,rax */
     "e8f83f0000" /* 1003: call 5000 */
     "488918"     /* 1008: mov [rax],rbx */
     "c3",        /* 100b: ret */
     "0 held 1000-1008 rax\n"
     "1 held 1003-100c rbx\n"
     "3 stored 1008-100b [rax+0], of rax returned to 1008 +0\n",
     0x1000},
    {"a distance that is loaded",
     "488b1500300000" /* 1000: mov rdx,[rip+0x3000] */
     "64488902"       /* 1007: mov fs:[rdx],rax */
     "c3",            /* 100b: ret */
     "0 held 1000-100c rax\n"
     "2 stored 1007-100b [thread+0], of thread by [+16391] +0\n"
     "3 returned 100b-100c\n",
     0x1000},
    {"a distance that nobody knows",
     "64488902" /* 1000: mov fs:[rdx],rax */
     "c3",      /* 1004: ret */
     "0 held 1000-1005 rax\n"
     "2 returned 1004-1005\n",
     0x1000},
    {"a descriptor, whose function keeps registers",
     "4889c1"             /* 1000: mov rcx,rax */
     "488d0500300000"     /* 1003: lea rax,[rip+0x3000] */
     "ff10"               /* 100a: call [rax] */
     "644803042500000000" /* 100c: add rax,fs:0 */
     "488908"             /* 1015: mov [rax],rcx */
     "c3",                /* 1018: ret */
     "0 held 1000-100a rax\n"
     "1 held 1003-1019 rcx\n"
     "5 stored 1015-1018 [rax+0], of thread by [+16394] +0\n",
     0x1000},
    {"a place that was kept in the frame before the call, and during another one",
     "55"               /* 1000: push rbp */
     "4889e5"           /* 1001: mov rbp,rsp */
     "4883ec10"         /* 1004: sub rsp,0x10 */
     "66488d3d00300000" /* 1008: data16 lea rdi,[rip+0x3000] */
     "666648e8e83f0000" /* 1010: data16 data16 rex.W call 5000 */
     "488945f8"         /* 1018: mov [rbp-0x8],rax */
     "e8df0f0000"       /* 101c: call 2000 */
     "488b55f8"         /* 1021: mov rdx,[rbp-0x8] */
     "488902"           /* 1025: mov [rdx],rax */
     "c9"               /* 1028: leave */
     "c3",              /* 1029: ret */
     "0 held 1021-102a rax\n"
     "2 stored 1025-1028 [rdx+0], of rbp before 1021 [-8] +0, of thread by [+16400] +0\n"
     "4 returned 1029-102a\n",
     0x1021},
};

static const struct lmm_way_case aarch64[] = {
    {"a descriptor",
     "e80300aa"  /* 1000: mov x8, x0 */
     "00010090"  /* 1004: adrp x0, 0x21000 */
     "013843f9"  /* 1008: ldr x1, [x0, #1648] */
     "00c01991"  /* 100c: add x0, x0, #1648 */
     "20003fd6"  /* 1010: blr x1 */
     "49d03bd5"  /* 1014: mrs x9, TPIDR_EL0 */
     "2001008b"  /* 1018: add x0, x9, x0 */
     "080400f9"  /* 101c: str x8, [x0, #8] */
     "c0035fd6", /* 1020: ret */
     "0 held 1000-1008 x0\n"
     "1 held 1004-1024 x8\n"
     "8 stored 101c-1020 [x0+8], of thread by [+136816] +8\n",
     0x1000},
};

Test(way_threads, x86_64)
{
    lmm_way_cases_check(LMM_MACHINE_X86_64, LMM_WAY_RESULT, x86, sizeof(x86) / sizeof(x86[0]));
}

Test(way_threads, aarch64)
{
    lmm_way_cases_check(LMM_MACHINE_AARCH64, LMM_WAY_RESULT, aarch64,
                        sizeof(aarch64) / sizeof(aarch64[0]));
}
