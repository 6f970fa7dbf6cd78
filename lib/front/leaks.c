/* SPDX-License-Identifier: MIT */
/*
 * leaks: the public API for leak checks: what the program says about its blocks and roots.
 *
 * Owns nothing. Locks: none, except those of the functions it calls.
 */
#include "lib/books/site.h"
#include "lib/front/block.h"
#include "lib/front/misuse.h"
#include "lib/heaps/start.h"
#include "lib/heaps/thread.h"
#include "lib/pages/family.h"

#include <lmm/lmm.h>

/* ---- Blocks that are no leaks ---------------------------------------------------------------- */

LMM_API void lmm_leak_ignore(void *p)
{
    struct lmm_block_facts facts;

    if (p == NULL) {
        return;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "ignore");
    }
    lmm_block_ignore(p, &facts);
}

LMM_API void lmm_leak_disable(void)
{
    lmm_thread_ignore_begin();
}

LMM_API void lmm_leak_enable(void)
{
    lmm_thread_ignore_end();
}

/* ---- Blocks without pointers ----------------------------------------------------------------- */

LMM_API struct lmm_family *lmm_family_no_pointers(struct lmm_family *family)
{
    if (family != NULL) {
        lmm_store_relaxed(&family->is_pointer_free, true);
    }
    return family;
}

LMM_API void *lmm_site_no_pointers(void *p)
{
    struct lmm_block_facts facts;

    if (p == NULL) {
        return NULL;
    }
    if (!lmm_block_find(p, &facts)) {
        lmm_misuse(p, "mark");
    }
    lmm_site_mark(lmm_tag_site(facts.tag), LMM_SITE_POINTER_FREE);
    return p;
}
