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
#include <cpuid.h>

static bool has_rdfsbase;

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

/* The kernel's area of vector registers is that of xsave in its standard form: fxsave's, then a header,
 * whose first word has a bit for each component that is not in its initial state, then the components. */
enum {
    FXSAVE_BYTES = 512,
    FXSAVE_FROM = 32, /* these two: where the registers are in it */
    FXSAVE_TO = 416,
    XSAVE_LEAF = 0xd, /* of cpuid: where components are */
    XSAVE_FIRST = 2,  /* the first component after fxsave's */
    XSAVE_MAX = 63,
};

static struct {
    uint32_t from;
    uint32_t bytes; /* 0: the processor has no such component */
} components[XSAVE_MAX];

static void find_components(void)
{
    uint32_t low = 0;
    uint32_t high = 0;
    uint32_t ignored;

    if (__get_cpuid_max(0, NULL) >= XSAVE_LEAF) {
        __cpuid_count(XSAVE_LEAF, 0, low, ignored, ignored, high);
    }
    uint64_t has = (uint64_t) high << 32 | low;

    for (uint32_t i = XSAVE_FIRST; i < XSAVE_MAX; i++) {
        if ((has >> i & 1) != 0) {
            __cpuid_count(XSAVE_LEAF, i, components[i].bytes, components[i].from, ignored, ignored);
        }
    }
}

void lmm_registers_start(void)
{
    static bool is_started;

    if (!is_started) {
        has_rdfsbase = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
        find_components();
        is_started = true;
    }
}

/* The kernel's struct _fpx_sw_bytes, at the end of the old area; musl's headers lack it. */
struct saved_facts {
    uint32_t magic;
    uint32_t extended_size;
    uint64_t features;
    uint32_t size;
    uint32_t padding[7];
};

enum { XSTATE_MAGIC = 0x46505853 };

_Static_assert(sizeof(struct saved_facts) == 48, "as Linux has it");

/* Between registers the kernel writes nothing, so the area has what was on the stack before. */
static void visit_vectors(const char *area,
                          void (*visit)(const void *from, const void *to, void *arg), void *arg)
{
    struct saved_facts facts;
    uint64_t present;

    visit(area + FXSAVE_FROM, area + FXSAVE_TO, arg);
    memcpy(&facts, area + FXSAVE_BYTES - sizeof(facts), sizeof(facts));
    if (facts.magic != XSTATE_MAGIC) {
        return;
    }
    memcpy(&present, area + FXSAVE_BYTES, sizeof(present));
    for (uint32_t i = XSAVE_FIRST; i < XSAVE_MAX; i++) {
        uint64_t to = (uint64_t) components[i].from + components[i].bytes;
        if ((present >> i & 1) != 0 && to <= facts.extended_size) {
            visit(area + components[i].from, area + to, arg);
        }
    }
}

void lmm_registers_visit(const void *context,
                         void (*visit)(const void *from, const void *to, void *arg), void *arg)
{
    const mcontext_t *registers = &((const ucontext_t *) context)->uc_mcontext;

    visit(registers->gregs, registers->gregs + NGREG, arg);
    if (registers->fpregs != NULL) {
        visit_vectors((const char *) registers->fpregs, visit, arg);
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
    for (struct _aarch64_ctx head; end - at >= (ptrdiff_t) sizeof(head); at += head.size) {
        memcpy(&head, at, sizeof(head));
        if (head.magic == 0 || head.size < sizeof(head) || head.size > end - at) {
            break; /* the kernel writes nothing after the last record */
        }
        visit(at, at + head.size, arg);
        if (head.magic == EXTRA_MAGIC) {
            struct extra_context extra;
            memcpy(&extra, at, sizeof(extra));
            const char *area = (const char *) (uintptr_t) extra.datap;
            visit(area, area + extra.size, arg);
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
