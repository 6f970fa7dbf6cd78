/* SPDX-License-Identifier: MIT */
/*
 * site_groups: sites that count as one. In the drop-in a site is a call stack and a size class; which of them are
 * one line of the source only a reader knows, who then asks about all of them together.
 */
#ifndef LMM_SITE_GROUPS_H
#define LMM_SITE_GROUPS_H

#include "lib/books/site.h"

/* All zero: each site is alone. It takes 4 MiB, of which only what is written needs memory. */
struct lmm_site_groups {
    uint32_t of[LMM_SITE_NONE]; /* by site: 1 + the first site of its group; 0: it is alone */
};

/* Returns the site that stands for a site's group. groups: NULL: all are alone. */
static inline uint32_t lmm_site_group(const struct lmm_site_groups *groups, uint32_t site)
{
    return groups == NULL || site >= LMM_SITE_NONE || groups->of[site] == 0 ? site
                                                                            : groups->of[site] - 1;
}

#endif
