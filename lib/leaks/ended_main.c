/* SPDX-License-Identifier: MIT */
#include "lib/leaks/ended_main.h"

#include "lib/ground/module.h"
#include "lib/ground/system.h"
#include "lib/stacks/unwind.h"

#include <gnu/libc-version.h>

extern void *__libc_stack_end; /* of the dynamic loader, if there is one */

static struct lmm_trace trace;

/* Whether two addresses lie in one module. */
static bool are_together(uintptr_t a, uintptr_t b)
{
    struct lmm_module_facts first;
    struct lmm_module_facts second;

    return lmm_module_find(a, &first) && lmm_module_find(b, &second) && first.start == second.start;
}

/* Modules whose calls are between _start and the end of the program. */
static bool is_of_the_end(uintptr_t pc)
{
    return are_together(pc, (uintptr_t) &gnu_get_libc_version) ||
           are_together(pc, (uintptr_t) &__libc_stack_end) ||
           are_together(pc, (uintptr_t) &lmm_main_has_returned);
}

/* Call 0 is in _start, call 1 in the function of libc that has called main(). */
static bool is_end_of_main(void)
{
    uintptr_t start = trace.pc[0] - 1;

    if (!trace.is_whole || trace.is_stray || trace.count < 3 || is_of_the_end(start)) {
        return false;
    }
    for (uint32_t i = 1; i < trace.count; i++) {
        if ((trace.marks[i] & LMM_TRACE_GUESSED) != 0 || !is_of_the_end(trace.pc[i] - 1)) {
            return false;
        }
    }
    return true;
}

bool lmm_main_has_returned(uintptr_t *ret_sp)
{
    if (lmm_system_gettid() != lmm_system_getpid() || !lmm_unwind_start()) {
        return false;
    }
    struct lmm_caller caller = LMM_CALLER();
    trace = (struct lmm_trace) {0};
    lmm_unwind(&trace, &caller, LMM_STACK_FRAMES_MAX);
    if (!is_end_of_main()) {
        return false;
    }
    *ret_sp = trace.sp[1];
    return true;
}
