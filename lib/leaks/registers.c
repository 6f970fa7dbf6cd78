/* SPDX-License-Identifier: MIT */
#include "lib/leaks/registers.h"

#include "lib/ground/system.h"

#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>

#if defined(__x86_64__)

#include <asm/hwcap2.h>
#include <asm/prctl.h>

static bool has_rdfsbase;

void lmm_registers_start(void)
{
    has_rdfsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
}

uintptr_t lmm_registers_tp(void)
{
    uintptr_t tp = 0;

    if (has_rdfsbase) {
        __asm__ volatile("rdfsbase %0" : "=r"(tp));
        return tp;
    }
    return lmm_system_fs_base();
}

uintptr_t lmm_registers_sp(const void *context)
{
    return (uintptr_t) ((const ucontext_t *) context)->uc_mcontext.gregs[REG_RSP];
}

enum { FXSAVE_BYTES = 512 };

/* The kernel's area of vector registers starts as fxsave's, in which the last words tell whether it
 * goes on, and for how many bytes. */
static size_t vector_bytes(const char *area)
{
    struct _fpx_sw_bytes facts;

    memcpy(&facts, area + FXSAVE_BYTES - sizeof(facts), sizeof(facts));
    return facts.magic1 == FP_XSTATE_MAGIC1 && facts.extended_size >= FXSAVE_BYTES
               ? facts.extended_size
               : FXSAVE_BYTES;
}

void lmm_registers_visit(const void *context,
                         void (*visit)(const void *from, const void *to, void *arg), void *arg)
{
    const mcontext_t *registers = &((const ucontext_t *) context)->uc_mcontext;
    const char *area = (const char *) registers->fpregs;

    visit(registers->gregs, registers->gregs + NGREG, arg);
    if (area != NULL) {
        visit(area, area + vector_bytes(area), arg);
    }
}

#elif defined(__aarch64__)

void lmm_registers_start(void)
{
}

uintptr_t lmm_registers_tp(void)
{
    uintptr_t tp;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
    return tp;
}

uintptr_t lmm_registers_sp(const void *context)
{
    return ((const ucontext_t *) context)->uc_mcontext.sp;
}

/* The vector registers are in records after the others; one of them may name a further area. */
void lmm_registers_visit(const void *context,
                         void (*visit)(const void *from, const void *to, void *arg), void *arg)
{
    const mcontext_t *registers = &((const ucontext_t *) context)->uc_mcontext;
    const char *at = (const char *) registers->__reserved;
    const char *end = at + sizeof(registers->__reserved);

    visit(registers->regs, &registers->sp, arg);
    visit(at, end, arg);
    for (struct _aarch64_ctx head; end - at >= (ptrdiff_t) sizeof(head); at += head.size) {
        memcpy(&head, at, sizeof(head));
        if (head.magic == EXTRA_MAGIC) {
            struct extra_context extra;
            memcpy(&extra, at, sizeof(extra));
            const char *area = (const char *) (uintptr_t) extra.datap;
            visit(area, area + extra.size, arg);
        }
        if (head.size < sizeof(head) || head.magic == 0) {
            break;
        }
    }
}

#else

/* Without knowledge of the processor no thread's registers can be seen. */

void lmm_registers_start(void)
{
}

uintptr_t lmm_registers_tp(void)
{
    return 0;
}

uintptr_t lmm_registers_sp(const void *context)
{
    return (uintptr_t) context;
}

void lmm_registers_visit(const void *context,
                         void (*visit)(const void *from, const void *to, void *arg), void *arg)
{
    const ucontext_t *whole = context;

    visit(whole, whole + 1, arg);
}

#endif
