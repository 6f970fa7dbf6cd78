/* SPDX-License-Identifier: MIT */
/*
 * stack_walk: from a call of any kind to its caller, and what may be read on the way.
 *
 * Invariants, held by the functions of this file:
 *   I1  nothing is read but stack that is known to be readable (unwind.h tells how)
 *   I2  a step that cannot be made ends the stack: pc is then 0
 * Locks: MODULES, inside, where a guess is tried. Async-signal-safe. Not responsible for: which calls are
 * walked, and what is remembered of them (unwind).
 */
#ifndef LMM_STACK_WALK_H
#define LMM_STACK_WALK_H

#include "lib/ground/base.h"
#include "lib/ground/libc.h"
#include "lib/stacks/stack_trace.h"

#include <pthread.h>

/* A walk, and the state of the call that it has come to. */
struct lmm_stack_walk {
    struct lmm_trace *trace;
    uintptr_t pc; /* 0: the stack has ended */
    uintptr_t sp;
    uintptr_t bp;
#if defined(__aarch64__)
    uintptr_t link; /* the register x30, if is_exact */
#endif
    const uintptr_t *bp_at; /* where bp is saved; NULL: it is in bp */
    uintptr_t floor;        /* nothing below is read: frames lead outwards */
    uintptr_t low;          /* [low, end) can be read; sp is in it, or is its end */
    uintptr_t end;
    uintptr_t page; /* on another stack: one more system page that can be read; 0: none */
    bool is_own;    /* sp is on the thread's own stack */
    bool is_plain;  /* all on the thread's own stack, and no signal frame so far */
    bool is_exact;  /* pc is not a return address but the instruction that a signal interrupted */
    bool lacks_sp;  /* on AArch64, after a guess: sp is at most the right one */
    uint32_t count; /* passed calls: trace->call */
};

/* pthread_self(), but without a call where the compiler has a builtin for it. */
static inline uintptr_t lmm_stack_walk_thread(void)
{
#if defined(__x86_64__)
    return lmm_thread_pointer();
#else
    return (uintptr_t) pthread_self();
#endif
}

/* Call while there is one thread. */
void lmm_stack_walk_start(void);

/* Finds what can be read from sp outwards, and whether that is the thread's own stack. */
void lmm_stack_walk_bounds(struct lmm_stack_walk *walk);

/* bp in the current call; 0 if it is out of bounds. Few rules need it, so it is read only then. */
uintptr_t lmm_stack_walk_bp(struct lmm_stack_walk *walk);

/* The rule of the current call. */
struct lmm_cfi_rule lmm_stack_walk_rule(const struct lmm_stack_walk *walk);

/* Goes from the current call, whose rule is given, to its caller. */
LMM_NOINLINE void lmm_stack_walk_step(struct lmm_stack_walk *walk, struct lmm_cfi_rule rule);

#endif
