/* SPDX-License-Identifier: MIT */
/*
 * lsan: the interface of LeakSanitizer, <sanitizer/lsan_interface.h>, so that a program annotated for it
 * works unchanged: what it ignores, and which memory it declares as roots.
 *
 * A program with a sanitizer has its own definitions and never comes here (`lmm run` does not load
 * the drop-in there). Not here: checks that the program asks for (front/leaks).
 * Locks: none, except those of the functions it calls. No other file needs a function of this one.
 */
#include "lib/front/block.h"
#include "lib/heaps/thread.h"

#include <lmm/lmm.h>

/* Declared here, because not every compiler comes with their header. */
LMM_API void __lsan_ignore_object(const void *p);
LMM_API void __lsan_disable(void);
LMM_API void __lsan_enable(void);

/* As LeakSanitizer does, passes over a pointer that is not a block's start. */
LMM_API void __lsan_ignore_object(const void *p)
{
    struct lmm_block_facts facts;

    if (lmm_block_find(p, &facts)) {
        lmm_block_ignore((void *) (uintptr_t) p, &facts);
    }
}

LMM_API void __lsan_disable(void)
{
    lmm_thread_ignore_begin();
}

LMM_API void __lsan_enable(void)
{
    lmm_thread_ignore_end();
}
