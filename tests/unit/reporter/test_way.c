/* SPDX-License-Identifier: MIT */
/* The way of a call's result through the next instructions: code with its steps. The code is that of
 * an assembler, at 0x1000. */
#include "reporter/program/types/way.h"

#include <criterion/criterion.h>

#include "tests/support/way_cases.h"

enum {
    START = LMM_WAY_CASES_START,
};

static const struct lmm_way_case x86[] = {
    {"a chain of moves, and a range for each register",
     "4889c3"     /* 1000: mov rbx,rax */
     "4889df"     /* 1003: mov rdi,rbx */
     "31c0"       /* 1006: xor eax,eax */
     "bf01000000" /* 1008: mov edi,0x1 */
     "c3",        /* 100d: ret */
     "0 held 1000-1008 rax\n"
     "1 held 1003-100e rbx\n"
     "2 held 1006-100d rdi\n",
     START},
    {"a test for zero: only the other side is followed",
     "4885c0"   /* 1000: test rax,rax */
     "7405"     /* 1003: je 100a */
     "48894308" /* 1005: mov [rbx+0x8],rax */
     "c3"       /* 1009: ret */
     "4889c1"   /* 100a: mov rcx,rax */
     "0f0b",    /* 100d: ud2 */
     "0 held 1000-100a rax\n"
     "3 stored 1005-1009 [rbx+8], of rbx before 1005 +8\n"
     "4 returned 1009-100a\n",
     START},
    {"a branch to the other side",
     "4885c0"   /* 1000: test rax,rax */
     "7505"     /* 1003: jne 100a */
     "48894308" /* 1005: mov [rbx+0x8],rax */
     "c3"       /* 1009: ret */
     "4889c1"   /* 100a: mov rcx,rax */
     "0f0b",    /* 100d: ud2 */
     "0 held 1000-1005 rax\n"
     "2 held 100a-100f rax\n"
     "3 held 100d-100f rcx\n",
     START},
    {"cmp with zero, and cmov on it",
     "4883f800" /* 1000: cmp rax,0x0 */
     "480f45d8" /* 1004: cmovne rbx,rax */
     "480f44c1" /* 1008: cmove rax,rcx */
     "48891a"   /* 100c: mov [rdx],rbx */
     "0f0b",    /* 100f: ud2 */
     "0 held 1000-1011 rax\n"
     "2 held 1008-1011 rbx\n"
     "4 stored 100c-100f [rdx+0], of rdx before 100c +0\n",
     START},
    {"both sides of another branch",
     "4889c3"   /* 1000: mov rbx,rax */
     "83f905"   /* 1003: cmp ecx,0x5 */
     "7f04"     /* 1006: jg 100c */
     "48891a"   /* 1008: mov [rdx],rbx */
     "c3"       /* 100b: ret */
     "48895a08" /* 100c: mov [rdx+0x8],rbx */
     "c3",      /* 1010: ret */
     "0 held 1000-1011 rax\n"
     "1 held 1003-1011 rbx\n"
     "4 stored 1008-100b [rdx+0], of rdx before 1008 +0\n"
     "4 stored 100c-1010 [rdx+8], of rdx before 100c +8\n"
     "5 returned 100b-100c\n"
     "5 returned 1010-1011\n",
     START},
    {"a spill and a reload, over push and pop",
     "4889442408" /* 1000: mov [rsp+0x8],rax */
     "51"         /* 1005: push rcx */
     "4883ec10"   /* 1006: sub rsp,0x10 */
     "488b542420" /* 100a: mov rdx,[rsp+0x20] */
     "4883c410"   /* 100f: add rsp,0x10 */
     "59"         /* 1013: pop rcx */
     "488b742408" /* 1014: mov rsi,[rsp+0x8] */
     "0f0b",      /* 1019: ud2 */
     "0 held 1000-101b rax\n"
     "1 stored 1000-1005 [rsp+8], of rsp before 1000 +8\n"
     "4 held 100f-101b rdx\n"
     "7 held 1019-101b rsi\n",
     START},
    {"variables in the frame, as without optimisation",
     "488945e8"       /* 1000: mov [rbp-0x18],rax */
     "48837de800"     /* 1004: cmp [rbp-0x18],0x0 */
     "7507"           /* 1009: jne 1012 */
     "b800000000"     /* 100b: mov eax,0x0 */
     "eb1b"           /* 1010: jmp 102d */
     "488b45e8"       /* 1012: mov rax,[rbp-0x18] */
     "c7401005000000" /* 1016: mov DWORD PTR [rax+0x10],0x5 */
     "488b55f8"       /* 101d: mov rdx,[rbp-0x8] */
     "488b45e8"       /* 1021: mov rax,[rbp-0x18] */
     "48894208"       /* 1025: mov [rdx+0x8],rax */
     "488b45e8"       /* 1029: mov rax,[rbp-0x18] */
     "c9"             /* 102d: leave */
     "c3",            /* 102e: ret */
     "0 held 1000-100b rax\n"
     "1 stored 1000-1004 [rbp-24], of rbp before 1000 -24\n"
     "3 held 1012-102f rax\n"
     "8 stored 1025-1029 [rdx+8], of rbp before 101d [-8] +8\n"
     "11 returned 102e-102f\n",
     START},
    {"registers over a call: those that the callee keeps",
     "4889c3"     /* 1000: mov rbx,rax */
     "4889c7"     /* 1003: mov rdi,rax */
     "4889c6"     /* 1006: mov rsi,rax */
     "e8f20f0000" /* 1009: call 2000 */
     "48895d00"   /* 100e: mov [rbp+0x0],rbx */
     "5b"         /* 1012: pop rbx */
     "c3",        /* 1013: ret */
     "0 held 1000-100e rax\n"
     "1 held 1003-1013 rbx\n"
     "2 held 1006-100e rdi\n"
     "3 held 1009-100e rsi\n"
     "4 passed 1009-100e 0 of 2000\n"
     "4 passed 1009-100e 1 of 2000\n"
     "5 stored 100e-1012 [rbp+0], of rbp before 100e +0\n",
     START},
    {"the result of a function that returns its first argument",
     "4889c7"     /* 1000: mov rdi,rax */
     "31f6"       /* 1003: xor esi,esi */
     "e8f61f0000" /* 1005: call 3000 */
     "48894318"   /* 100a: mov [rbx+0x18],rax */
     "c3",        /* 100e: ret */
     "0 held 1000-100f rax\n"
     "1 held 1003-100a rdi\n"
     "3 passed 1005-100a 0 of 3000\n"
     "4 stored 100a-100e [rbx+24], of rbx before 100a +24\n"
     "5 returned 100e-100f\n",
     START},
    {"tail calls",
     "4889c7"      /* 1000: mov rdi,rax */
     "85c9"        /* 1003: test ecx,ecx */
     "7405"        /* 1005: je 100c */
     "e9f40f0000"  /* 1007: jmp 2000 */
     "e9ef1f0000", /* 100c: jmp 3000 */
     "0 held 1000-1011 rax\n"
     "1 held 1003-1011 rdi\n"
     "4 passed 1007-100c 0 of 2000\n"
     "4 passed 100c-1011 0 of 3000\n"
     "4 returned 100c-1011\n",
     START},
    {"a call that does not return",
     "4889c7"     /* 1000: mov rdi,rax */
     "e8f82f0000" /* 1003: call 4000 */
     "4889fa"     /* 1008: mov rdx,rdi */
     "c3",        /* 100b: ret */
     "0 held 1000-1008 rax\n"
     "1 held 1003-1008 rdi\n"
     "2 passed 1003-1008 0 of 4000\n",
     START},
    {"stores with an index, to fixed addresses and through loaded pointers",
     "488944cb10"     /* 1000: mov [rbx+rcx*8+0x10],rax */
     "488905f43f0000" /* 1005: mov [rip+0x3ff4],rax */
     "488b15ed3f0000" /* 100c: mov rdx,[rip+0x3fed] */
     "48894208"       /* 1013: mov [rdx+0x8],rax */
     "488b5320"       /* 1017: mov rdx,[rbx+0x20] */
     "488904ca"       /* 101b: mov [rdx+rcx*8],rax */
     "0f0b",          /* 101f: ud2 */
     "0 held 1000-1021 rax\n"
     "1 stored 1000-1005 [rbx+rcx*8+16], of rbx before 1000 +16*8\n"
     "2 stored 1005-100c [+20480], of +20480\n"
     "4 stored 1013-1017 [rdx+8], of [+20480] +8\n"
     "6 stored 101b-101f [rdx+rcx*8+0], of rbx before 1017 [+32] +0*8\n",
     START},
    {"pairs stored at once",
     "66480f6ec0" /* 1000: movq xmm0,rax */
     "0f16442408" /* 1005: movhps xmm0,[rsp+0x8] */
     "0f114310"   /* 100a: movups [rbx+0x10],xmm0 */
     "66480f6ec8" /* 100e: movq xmm1,rax */
     "66480f6ed1" /* 1013: movq xmm2,rcx */
     "660f6cd1"   /* 1018: punpcklqdq xmm2,xmm1 */
     "0f1113"     /* 101c: movups [rbx],xmm2 */
     "0f0b",      /* 101f: ud2 */
     "0 held 1000-1021 rax\n"
     "3 stored 100a-100e [rbx+16], of rbx before 100a +16\n"
     "7 stored 101c-101f [rbx+8], of rbx before 101c +8\n",
     START},
    {"pointers to the inside",
     "488d5808" /* 1000: lea rbx,[rax+0x8] */
     "4883c010" /* 1004: add rax,0x10 */
     "488d0cd0" /* 1008: lea rcx,[rax+rdx*8] */
     "48ffc3"   /* 100c: inc rbx */
     "4883eb09" /* 100f: sub rbx,0x9 */
     "48891a"   /* 1013: mov [rdx],rbx */
     "0f0b",    /* 1016: ud2 */
     "0 held 1000-1008 rax\n"
     "1 held 1004-100f rbx inside +8\n"
     "2 held 1008-1018 rax inside +16\n"
     "3 held 100c-1018 rcx inside\n"
     "4 held 100f-1013 rbx inside +9\n"
     "5 held 1013-1018 rbx\n"
     "6 stored 1013-1016 [rdx+0], of rdx before 1013 +0\n",
     START},
    {"tables of virtual functions",
     "488d15f93f0000"   /* 1000: lea rdx,[rip+0x3ff9] */
     "4883c210"         /* 1007: add rdx,0x10 */
     "488910"           /* 100b: mov [rax],rdx */
     "48c7400840404000" /* 100e: mov [rax+0x8],0x404040 */
     "488b0de33f0000"   /* 1016: mov rcx,[rip+0x3fe3] */
     "4883c110"         /* 101d: add rcx,0x10 */
     "48894810"         /* 1021: mov [rax+0x10],rcx */
     "48c7401807000000" /* 1025: mov [rax+0x18],0x7 */
     "0f0b",            /* 102d: ud2 */
     "0 held 1000-102f rax\n"
     "3 filled 100b-100e +0 = 5010+0\n"
     "4 filled 100e-1016 +8 = 404040+0\n"
     "7 filled 1021-1025 +16 = *5000+16\n",
     START},
    {"an endless loop ends",
     "4889c3"   /* 1000: mov rbx,rax */
     "4883c308" /* 1003: add rbx,0x8 */
     "ebfa",    /* 1007: jmp 1003 */
     "0 held 1000-1009 rax\n"
     "1 held 1003-1007 rbx\n"
     "2 held 1003-1009 rbx inside +8\n"
     "4 held 1003-1009 rbx inside +16\n"
     "6 held 1007-1009 rbx inside +24\n",
     START},
    {"a loop over elements: paths that meet again are followed once",
     "4889c3" /* 1000: mov rbx,rax */
     "488919" /* 1003: mov [rcx],rbx */
     "48ffc1" /* 1006: inc rcx */
     "4839d1" /* 1009: cmp rcx,rdx */
     "75f5"   /* 100c: jne 1003 */
     "4889d8" /* 100e: mov rax,rbx */
     "c3",    /* 1011: ret */
     "0 held 1000-1012 rax\n"
     "1 held 1003-1012 rbx\n"
     "2 stored 1003-1006 [rcx+0], of rcx before 1003 +0\n"
     "7 returned 1011-1012\n",
     START},
    {"a table of jumps ends the way",
     "4889c3"         /* 1000: mov rbx,rax */
     "ff24cd00500000" /* 1003: jmp [rcx*8+0x5000] */
     "4889c1",        /* 100a: mov rcx,rax */
     "0 held 1000-100a rax\n"
     "1 held 1003-100a rbx\n",
     START},
    {"a function in the global offset table",
     "4889c7"       /* 1000: mov rdi,rax */
     "ff15f73f0000" /* 1003: call [rip+0x3ff7] */
     "c3",          /* 1009: ret */
     "0 held 1000-1009 rax\n"
     "1 held 1003-1009 rdi\n"
     "2 passed 1003-1009 0 of *5000\n",
     START},
    {"a pointer that was computed before the call",
     "488b5f08"   /* 1000: mov rbx,[rdi+0x8] */
     "4c8d64f310" /* 1004: lea r12,[rbx+rsi*8+0x10] */
     "e8f20f0000" /* 1009: call 2000 */
     "49890424"   /* 100e: mov [r12],rax */
     "48894318"   /* 1012: mov [rbx+0x18],rax */
     "c3",        /* 1016: ret */
     "0 held 100e-1017 rax\n"
     "1 stored 100e-1012 [r12+0], of r12 before 100e +0, of rdi before 1000 [+8] +16*8\n"
     "2 stored 1012-1016 [rbx+24], of rbx before 1012 +24, of rdi before 1000 [+8] +24\n"
     "3 returned 1016-1017\n",
     0x100e},
    {"a constant that was loaded before the call",
     "488d1df93f0000" /* 1000: lea rbx,[rip+0x3ff9] */
     "4c8b25f23f0000" /* 1007: mov r12,[rip+0x3ff2] */
     "e8ed0f0000"     /* 100e: call 2000 */
     "488918"         /* 1013: mov [rax],rbx */
     "4c896010"       /* 1016: mov [rax+0x10],r12 */
     "4c8928"         /* 101a: mov [rax],r13 */
     "c3",            /* 101d: ret */
     "0 held 1013-101e rax\n"
     "1 filled 1013-1016 +0 = 5000+0\n"
     "2 filled 1016-101a +16 = *5000+0\n"
     "4 returned 101d-101e\n",
     0x1013},
    {"what registers hold where two ways meet",
     "4989fc"     /* 1000: mov r12,rdi */
     "4889fb"     /* 1003: mov rbx,rdi */
     "85f6"       /* 1006: test esi,esi */
     "7403"       /* 1008: je 100d */
     "4889d3"     /* 100a: mov rbx,rdx */
     "e8ee0f0000" /* 100d: call 2000 */
     "488903"     /* 1012: mov [rbx],rax */
     "4989442408" /* 1015: mov [r12+0x8],rax */
     "c3",        /* 101a: ret */
     "0 held 1012-101b rax\n"
     "1 stored 1012-1015 [rbx+0], of rbx before 1012 +0\n"
     "2 stored 1015-101a [r12+8], of r12 before 1015 +8, of rdi before 1000 +8\n"
     "3 returned 101a-101b\n",
     0x1012},
    {"a loop moves a pointer on by the size of an element",
     "488d5f20"   /* 1000: lea rbx,[rdi+0x20] */
     "e8f70f0000" /* 1004: call 2000 */
     "4883c308"   /* 1009: add rbx,0x8 */
     "488943f8"   /* 100d: mov [rbx-0x8],rax */
     "ffcd"       /* 1011: dec ebp */
     "75ef"       /* 1013: jne 1004 */
     "c3",        /* 1015: ret */
     "0 held 1004-1016 rax\n"
     "2 stored 100d-1011 [rbx-8], of rbx before 1009 +0, of rdi before 1000 +32*8\n"
     "5 returned 1015-1016\n",
     0x1009},
    {"another register that a loop writes is not known in it",
     "4889fb"     /* 1000: mov rbx,rdi */
     "4989fc"     /* 1003: mov r12,rdi */
     "4989fd"     /* 1006: mov r13,rdi */
     "e8f20f0000" /* 1009: call 2000 */
     "488903"     /* 100e: mov [rbx],rax */
     "4989442408" /* 1011: mov [r12+0x8],rax */
     "49894508"   /* 1016: mov [r13+0x8],rax */
     "488b5b08"   /* 101a: mov rbx,[rbx+0x8] */
     "4983c508"   /* 101e: add r13,0x8 */
     "4983c510"   /* 1022: add r13,0x10 */
     "ffcd"       /* 1026: dec ebp */
     "75df"       /* 1028: jne 1009 */
     "c3",        /* 102a: ret */
     "0 held 1009-102b rax\n"
     "1 stored 100e-1011 [rbx+0], of rbx before 100e +0\n"
     "2 stored 1011-1016 [r12+8], of r12 before 1011 +8, of rdi before 1003 +8\n"
     "3 stored 1016-101a [r13+8], of r13 before 1016 +8\n"
     "9 returned 102a-102b\n",
     0x100e},
    {"after a table of jumps only what is near",
     "4889fb"         /* 1000: mov rbx,rdi */
     "ff24f500500000" /* 1003: jmp [rsi*8+0x5000] */
     "90"             /* 100a: nop */
     "90"             /* 100b: nop */
     "90"             /* 100c: nop */
     "90"             /* 100d: nop */
     "90"             /* 100e: nop */
     "90"             /* 100f: nop */
     "90"             /* 1010: nop */
     "90"             /* 1011: nop */
     "90"             /* 1012: nop */
     "90"             /* 1013: nop */
     "4c8b6708"       /* 1014: mov r12,[rdi+0x8] */
     "e8e30f0000"     /* 1018: call 2000 */
     "488903"         /* 101d: mov [rbx],rax */
     "49890424"       /* 1020: mov [r12],rax */
     "c3",            /* 1024: ret */
     "0 held 101d-1025 rax\n"
     "1 stored 101d-1020 [rbx+0], of rbx before 101d +0\n"
     "2 stored 1020-1024 [r12+0], of r12 before 1020 +0, of rdi before 1014 [+8] +0\n"
     "3 returned 1024-1025\n",
     0x101d},
    {"variables of the thread, and through one",
     "6448890425f8ffffff" /* 1000: mov fs:0xfffffffffffffff8,rax */
     "64488b0c2500000000" /* 1009: mov rcx,fs:0x0 */
     "488941f0"           /* 1012: mov [rcx-0x10],rax */
     "64488b1425e8ffffff" /* 1016: mov rdx,fs:0xffffffffffffffe8 */
     "48894208"           /* 101f: mov [rdx+0x8],rax */
     "64488904f5c0ffffff" /* 1023: mov fs:[rsi*8-0x40],rax */
     "64488907"           /* 102c: mov fs:[rdi],rax */
     "0f0b",              /* 1030: ud2 */
     "0 held 1000-1032 rax\n"
     "1 stored 1000-1009 [thread-8], of thread -8\n"
     "3 stored 1012-1016 [rcx-16], of thread -16\n"
     "5 stored 101f-1023 [rdx+8], of thread [-24] +8\n"
     "6 stored 1023-102c [thread+rsi*8-64], of thread -64*8\n",
     START},
};

static const struct lmm_way_case aarch64[] = {
    {"a chain of moves",
     "f30300aa"  /* 1000: mov x19, x0 */
     "e10313aa"  /* 1004: mov x1, x19 */
     "00008052"  /* 1008: mov w0, #0 */
     "62020091"  /* 100c: add x2, x19, #0 */
     "c0035fd6", /* 1010: ret */
     "0 held 1000-100c x0\n"
     "1 held 1004-1014 x19\n"
     "2 held 1008-1014 x1\n"
     "4 held 1010-1014 x2\n",
     START},
    {"a test for zero: only the other side is followed",
     "600000b4"  /* 1000: cbz x0, 0x100c */
     "600a00f9"  /* 1004: str x0, [x19, #16] */
     "c0035fd6"  /* 1008: ret */
     "e10300aa"  /* 100c: mov x1, x0 */
     "c0035fd6", /* 1010: ret */
     "0 held 1000-100c x0\n"
     "2 stored 1004-1008 [x19+16], of x19 before 1004 +16\n"
     "3 returned 1008-100c\n",
     START},
    {"a branch to the other side",
     "600000b5"  /* 1000: cbnz x0, 0x100c */
     "600a00f9"  /* 1004: str x0, [x19, #16] */
     "c0035fd6"  /* 1008: ret */
     "e10300aa"  /* 100c: mov x1, x0 */
     "200020d4", /* 1010: brk #0x1 */
     "0 held 1000-1004 x0\n"
     "1 held 100c-1014 x0\n"
     "2 held 1010-1014 x1\n",
     START},
    {"cmp with zero, and csel on it",
     "1f0000f1"  /* 1000: cmp x0, #0 */
     "0110829a"  /* 1004: csel x1, x0, x2, ne */
     "0300829a"  /* 1008: csel x3, x0, x2, eq */
     "40000054"  /* 100c: b.eq 0x1014 */
     "410000f9"  /* 1010: str x1, [x2] */
     "200020d4", /* 1014: brk #0x1 */
     "0 held 1000-1018 x0\n"
     "2 held 1008-1018 x1\n"
     "5 stored 1010-1014 [x2+0], of x2 before 1010 +0\n",
     START},
    {"registers over a call, and arguments",
     "f30300aa"  /* 1000: mov x19, x0 */
     "e30300aa"  /* 1004: mov x3, x0 */
     "fe030094"  /* 1008: bl 0x2000 */
     "930600f9"  /* 100c: str x19, [x20, #8] */
     "c0035fd6", /* 1010: ret */
     "0 held 1000-100c x0\n"
     "1 held 1004-1014 x19\n"
     "2 held 1008-100c x3\n"
     "3 passed 1008-100c 0 of 2000\n"
     "3 passed 1008-100c 3 of 2000\n"
     "4 stored 100c-1010 [x20+8], of x20 before 100c +8\n",
     START},
    {"the result of a function that returns its first argument",
     "01008052"  /* 1000: mov w1, #0 */
     "ff070094"  /* 1004: bl 0x3000 */
     "800200f9"  /* 1008: str x0, [x20] */
     "fd070014", /* 100c: b 0x3000 */
     "0 held 1000-1010 x0\n"
     "2 passed 1004-1008 0 of 3000\n"
     "3 stored 1008-100c [x20+0], of x20 before 1008 +0\n"
     "4 passed 100c-1010 0 of 3000\n"
     "4 returned 100c-1010\n",
     START},
    {"a call that does not return",
     "000c0094"  /* 1000: bl 0x4000 */
     "e10300aa", /* 1004: mov x1, x0 */
     "0 held 1000-1004 x0\n"
     "1 passed 1000-1004 0 of 4000\n",
     START},
    {"spills, pairs, and bases that change",
     "e00f00f9"  /* 1000: str x0, [sp, #24] */
     "e007bea9"  /* 1004: stp x0, x1, [sp, #-32]! */
     "e313c1a8"  /* 1008: ldp x3, x4, [sp], #16 */
     "e51740f9"  /* 100c: ldr x5, [sp, #40] */
     "208c00f8"  /* 1010: str x0, [x1, #8]! */
     "208400f8"  /* 1014: str x0, [x1], #8 */
     "220001a9"  /* 1018: stp x2, x0, [x1, #16] */
     "200020d4", /* 101c: brk #0x1 */
     "0 held 1000-1020 x0\n"
     "1 stored 1000-1004 [sp+24], of sp before 1000 +24\n"
     "2 stored 1004-1008 [sp-32], of sp before 1004 -32\n"
     "3 held 100c-1020 x3\n"
     "4 held 1010-1020 x5\n"
     "5 stored 1010-1014 [x1+8], of x1 before 1010 +8\n"
     "6 stored 1014-1018 [x1+0], of x1 before 1010 +8\n"
     "7 stored 1018-101c [x1+24], of x1 before 1010 +40\n",
     START},
    {"variables in the frame",
     "a0831ff8"  /* 1000: stur x0, [x29, #-8] */
     "a8035ff8"  /* 1004: ldur x8, [x29, #-16] */
     "a9835ff8"  /* 1008: ldur x9, [x29, #-8] */
     "090500f9"  /* 100c: str x9, [x8, #8] */
     "080d40f9"  /* 1010: ldr x8, [x8, #24] */
     "09d921f8"  /* 1014: str x9, [x8, w1, sxtw #3] */
     "200020d4", /* 1018: brk #0x1 */
     "0 held 1000-101c x0\n"
     "1 stored 1000-1004 [x29-8], of x29 before 1000 -8\n"
     "3 held 100c-101c x9\n"
     "4 stored 100c-1010 [x8+8], of x29 before 1004 [-16] +8\n"
     "6 stored 1014-1018 [x8+x1*8+0], of x29 before 1004 [-16] [+24] +0*8\n",
     START},
    {"global variables, and tables of virtual functions",
     "21000090"  /* 1000: adrp x1, 0x5000 */
     "200400f9"  /* 1004: str x0, [x1, #8] */
     "21600091"  /* 1008: add x1, x1, #24 */
     "010000f9"  /* 100c: str x1, [x0] */
     "22000090"  /* 1010: adrp x2, 0x5000 */
     "420840f9"  /* 1014: ldr x2, [x2, #16] */
     "407823f8"  /* 1018: str x0, [x2, x3, lsl #3] */
     "42400091"  /* 101c: add x2, x2, #16 */
     "020400f9"  /* 1020: str x2, [x0, #8] */
     "200020d4", /* 1024: brk #0x1 */
     "0 held 1000-1028 x0\n"
     "2 stored 1004-1008 [+20488], of +20488\n"
     "4 filled 100c-1010 +0 = 5018+0\n"
     "7 stored 1018-101c [x2+x3*8+0], of [+20496] +0*8\n"
     "9 filled 1020-1024 +8 = *5010+16\n",
     START},
    {"vectors",
     "0000679e"  /* 1000: fmov d0, x0 */
     "201c184e"  /* 1004: mov v0.d[1], x1 */
     "4000803d"  /* 1008: str q0, [x2] */
     "010c084e"  /* 100c: dup v1.2d, x0 */
     "408400ad"  /* 1010: stp q0, q1, [x2, #16] */
     "2300669e"  /* 1014: fmov x3, d1 */
     "401800fd"  /* 1018: str d0, [x2, #48] */
     "200020d4", /* 101c: brk #0x1 */
     "0 held 1000-1020 x0\n"
     "3 stored 1008-100c [x2+0], of x2 before 1008 +0\n"
     "5 stored 1010-1014 [x2+16], of x2 before 1010 +16\n"
     "5 stored 1010-1014 [x2+32], of x2 before 1010 +32\n"
     "5 stored 1010-1014 [x2+40], of x2 before 1010 +40\n"
     "6 held 1018-1020 x3\n"
     "7 stored 1018-101c [x2+48], of x2 before 1018 +48\n",
     START},
    {"pointers to the inside",
     "01200091"  /* 1000: add x1, x0, #8 */
     "212000d1"  /* 1004: sub x1, x1, #8 */
     "020c038b"  /* 1008: add x2, x0, x3, lsl #3 */
     "04ec7c92"  /* 100c: and x4, x0, #0xfffffffffffffff0 */
     "200020d4", /* 1010: brk #0x1 */
     "0 held 1000-1014 x0\n"
     "1 held 1004-1008 x1 inside +8\n"
     "2 held 1008-1014 x1\n"
     "3 held 100c-1014 x2 inside\n"
     "4 held 1010-1014 x4 inside\n",
     START},
    {"atomic instructions that Capstone does not know",
     "f30300aa"  /* 1000: mov x19, x0 */
     "600221f8"  /* 1004:  */
     "620033f8"  /* 1008:  */
     "ff0b5fd6", /* 100c:  */
     "0 held 1000-1008 x0\n"
     "1 held 1004-100c x19\n",
     START},
    {"an endless loop ends",
     "00200091"  /* 1000: add x0, x0, #8 */
     "ffffff17", /* 1004: b 0x1000 */
     "0 held 1000-1004 x0\n"
     "1 held 1000-1008 x0 inside +8\n"
     "3 held 1000-1008 x0 inside +16\n"
     "5 held 1004-1008 x0 inside +24\n",
     START},
    {"a pointer and a constant that registers got before the call",
     "130440f9"  /* 1000: ldr x19, [x0, #8] */
     "34000090"  /* 1004: adrp x20, 0x5000 */
     "94420091"  /* 1008: add x20, x20, #16 */
     "fd030094"  /* 100c: bl 0x2000 */
     "600a00f9"  /* 1010: str x0, [x19, #16] */
     "140000f9"  /* 1014: str x20, [x0] */
     "c0035fd6", /* 1018: ret */
     "0 held 1010-101c x0\n"
     "1 stored 1010-1014 [x19+16], of x19 before 1010 +16, of x0 before 1000 [+8] +16\n"
     "2 filled 1014-1018 +0 = 5010+0\n"
     "3 returned 1018-101c\n",
     0x1010},
    {"a variable of the thread",
     "48d03bd5"  /* 1000: mrs x8, tpidr_el0 */
     "08014091"  /* 1004: add x8, x8, #0, lsl #12 */
     "08410091"  /* 1008: add x8, x8, #16 */
     "000100f9"  /* 100c: str x0, [x8] */
     "69d03bd5"  /* 1010: mrs x9, tpidrro_el0 */
     "200100f9"  /* 1014: str x0, [x9] */
     "200020d4", /* 1018: brk #0x1 */
     "0 held 1000-101c x0\n"
     "4 stored 100c-1010 [x8+0], of thread +16\n"
     "6 stored 1014-1018 [x9+0], of x9 before 1014 +0\n",
     START},
};

Test(way, x86_64)
{
    lmm_way_cases_check(LMM_MACHINE_X86_64, LMM_WAY_RESULT, x86, sizeof(x86) / sizeof(x86[0]));
}

Test(way, aarch64)
{
    lmm_way_cases_check(LMM_MACHINE_AARCH64, LMM_WAY_RESULT, aarch64,
                        sizeof(aarch64) / sizeof(aarch64[0]));
}

Test(way, addresses_outside_of_the_code)
{
    static const unsigned char ret = 0xc3;
    const struct lmm_code code = {&ret, 1, START, LMM_MACHINE_X86_64};
    const struct lmm_code empty = {&ret, 0, START, LMM_MACHINE_X86_64};
    const struct lmm_code unknown = {&ret, 1, START, LMM_MACHINE_NONE};
    struct lmm_way_step steps[LMM_WAY_STEPS_MAX];

    struct lmm_way_follower *follower = lmm_way_follower_new();
    const struct {
        const struct lmm_code *code;
        uint64_t address;
        bool is_way;
    } cases[] = {
        {&code, START, true},   {&code, START - 1, false}, {&code, START + 1, false},
        {&empty, START, false}, {&unknown, START, false},  {&code, START, true},
    };

    cr_assert_not_null(follower);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_way_follow(follower, cases[i].code, cases[i].address, LMM_WAY_RESULT, NULL,
                                    NULL, steps) > 0,
                     cases[i].is_way, "case %zu", i);
    }
    lmm_way_follower_free(follower);
}
