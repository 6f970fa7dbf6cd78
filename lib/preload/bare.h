/* SPDX-License-Identifier: MIT */
/*
 * bare: an environment without LMM: LMM's item is removed from LD_PRELOAD, and LMM_OPTIONS are removed.
 *
 * Any thread, also in the child of vfork; async-signal-safe. Locks: none.
 */
#ifndef LMM_PRELOAD_BARE_H
#define LMM_PRELOAD_BARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LMM_BARE_VARIABLES = 256, /* more of them, or a longer list, need memory from the kernel */
    LMM_BARE_LIST_BYTES = 1024,
};

/* A copy of an environment, on the stack of the caller: exec in the child of vfork cannot give memory back, which the
 * parent would keep. */
struct lmm_bare {
    char *few[LMM_BARE_VARIABLES];
    char list[LMM_BARE_LIST_BYTES];
    void *copy; /* in place of both; NULL: these are enough */
    size_t copy_bytes;
};

/* Whether the variables make the loader load LMM. variables: may be NULL. */
bool lmm_bare_has_lmm(char *const variables[]);

/* Returns the variables without LMM, as long as *ret_bare lives; the same ones when there is no memory. The caller
 * calls lmm_bare_free() when it still runs after its exec. */
char *const *lmm_bare_make(char *const variables[], struct lmm_bare *ret_bare);
void lmm_bare_free(struct lmm_bare *bare);

/* Removes LMM's item from the list of LD_PRELOAD, in place. Returns whether others remain. */
bool lmm_bare_strip_list(char *list);

#endif
