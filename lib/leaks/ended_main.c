/* SPDX-License-Identifier: MIT */
#include "lib/leaks/ended_main.h"

#include "lib/ground/libc.h"
#include "lib/ground/module.h"
#include "lib/ground/system.h"
#include "lib/stacks/unwind.h"

#include <sys/auxv.h>

static struct lmm_trace trace;

/* Whether two addresses lie in one module. */
static bool are_together(uintptr_t a, uintptr_t b)
{
    struct lmm_module_facts first;
    struct lmm_module_facts second;

    return lmm_module_find(a, &first) && lmm_module_find(b, &second) && first.start == second.start;
}

/* Whether it is an address of the dynamic loader. Where LMM is in the program, its variables may be copies that lie
 * there, too. */
static bool is_of_loader(uintptr_t pc)
{
    uintptr_t base = getauxval(AT_BASE); /* 0: the program was started as `ld.so PROGRAM` */

    if (base == 0 && !are_together((uintptr_t) &__libc_stack_end, trace.pc[0] - 1)) {
        base = (uintptr_t) &__libc_stack_end;
    }
    return are_together(pc, base);
}

/* Call 0 is in _start, call 1 in a function of libc that has called main(); of the other ones those up to own_sp
 * are LMM's. */
static bool is_end_of_main(uintptr_t own_sp)
{
    uintptr_t start = trace.pc[0] - 1;
    uintptr_t libc = trace.pc[1] - 1;

    if (!trace.is_whole || trace.is_stray || trace.count < 3 || are_together(start, libc) ||
        trace.sp[1] <= own_sp) {
        return false;
    }
    for (uint32_t i = 1; i < trace.count; i++) {
        uintptr_t pc = trace.pc[i] - 1;
        bool is_known = trace.sp[i] <= own_sp || are_together(pc, libc) || is_of_loader(pc);
        if ((trace.marks[i] & LMM_TRACE_GUESSED) != 0 || !is_known) {
            return false;
        }
    }
    return true;
}

bool lmm_main_has_returned(uintptr_t own_sp, uintptr_t *ret_sp)
{
    if (lmm_system_gettid() != lmm_system_getpid() || !lmm_unwind_start()) {
        return false;
    }
    struct lmm_caller caller = LMM_CALLER();
    lmm_trace_clear(&trace);
    lmm_unwind(&trace, &caller, LMM_STACK_FRAMES_MAX);
    if (!is_end_of_main(own_sp)) {
        return false;
    }
    *ret_sp = trace.sp[1];
    return true;
}
