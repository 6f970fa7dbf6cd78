/* SPDX-License-Identifier: MIT */
/*
 * site_walk: the walk along a site's stack, from the call that allocated outwards, over the calls that say what its
 * blocks are. A frame that returns the block as `void *`, such as one of xmalloc, or stores it where a parameter of type
 * `void **` points, leaves the question to its caller.
 *
 * Frames of the C and C++ libraries are looked at briefly; some of their functions are known by name: strdup
 * makes an array of char. Code of files without debug information is followed only where it makes a difference: where
 * the next file out can say more.
 *
 * What is known where a function returns less than it allocates (a passage) is known for all sites that come through
 * there, so a walk depends on their sizes: all sites are noted first, and only those without a passage are decided then.
 */
#ifndef LMM_PROGRAM_SITE_WALK_H
#define LMM_PROGRAM_SITE_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/types/call_path.h"

struct lmm_fact_files;
struct lmm_site_walker;
struct lmm_symbols;

/* What a walk has found. */
struct lmm_site_walk {
    struct lmm_call_path path;
    uint64_t key;                /* of the calls of the path: two sites with the same are alike */
    bool makes_text;             /* the last one's function does */
    bool is_lost;                /* in a function of a library that does not return the block */
    bool has_passage;            /* it depends on the sizes of other sites */
    enum lmm_model_type_gap gap; /* why there is no type, if there is none */
    struct lmm_string lacking;
};

/* Returns a walker, to be freed with lmm_site_walker_free(); symbols and files must live longer. NULL: out of memory. */
struct lmm_site_walker *lmm_site_walker_new(struct lmm_symbols *symbols,
                                            struct lmm_fact_files *files);

/* walker may be NULL. */
void lmm_site_walker_free(struct lmm_site_walker *walker);

/* Takes a model for the next walks, which was named with the walker's symbols; it must live as long as they do. Returns
 * false when memory ran out. Cost: linear in the frames. */
bool lmm_site_walker_take(struct lmm_site_walker *walker, const struct lmm_model *model);

/* Walks a site's stack, the first time. If it has a passage, its sizes are noted there, and what is found may change
 * until all sites of the model were noted. Returns false when memory ran out. */
bool lmm_site_walk_note(struct lmm_site_walker *walker, const struct lmm_model_site *site,
                        struct lmm_site_walk *ret_walk);

/* Walks the stack of a site that has a passage, after all were noted. Returns false when memory ran out. */
bool lmm_site_walk_again(struct lmm_site_walker *walker, const struct lmm_model_site *site,
                         struct lmm_site_walk *ret_walk);

#endif
