/* SPDX-License-Identifier: MIT */
/*
 * keepers: the sites that retain most bytes (retained.h).
 *
 * Owns nothing. The threads stand still, or this is a copy of the process made while they did.
 * Async-signal-safe, takes no lock.
 */
#ifndef LMM_KEEPERS_H
#define LMM_KEEPERS_H

#include "lib/leaks/retained.h"
#include "lib/leaks/roots.h"

enum { LMM_KEEPERS_MAX = 128 };

struct lmm_keeper {
    uint32_t site;
    uint64_t bytes; /* that would be lost without its blocks */
};

struct lmm_keepers {
    size_t count;
    struct lmm_keeper list[LMM_KEEPERS_MAX]; /* the largest first */
};

/* groups: sites that count as one, by the first of them; NULL: none. 0, or -errno. */
int lmm_keepers_find(const struct lmm_roots *roots, const struct lmm_site_groups *groups,
                     struct lmm_keepers *ret_keepers);

#endif
