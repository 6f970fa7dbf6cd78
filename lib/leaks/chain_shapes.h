/* SPDX-License-Identifier: MIT */
/*
 * chain_shapes: who holds the blocks of a site: not a chain for each block, but one for all that are held
 * in the same way.
 *
 * Of each block the chain of path.h counts. Two chains have one shape when they lead from one root, or from
 * words of roots near each other, through blocks of the same sites. Where a chain comes to a site
 * for the second time, its way from there on is a loop, which counts once: so all links of a list have one
 * shape. Of the pointers of a shape it is kept where they lie: the least and the largest offset, and what
 * divides the distances, so that an array is told from a field.
 *
 * Each block's shape is that of the block before it and one site more, so the cost is one step for each block.
 * Memory: that of a path, 4 bytes for each slot, and 8 MiB at most. At most 65,536 shapes are told apart; blocks of further
 * ones, and of chains with more than 64 sites, are in the sums alone.
 * The threads stand still, or this is a copy of the process made while they did. Async-signal-safe, takes no lock.
 */
#ifndef LMM_CHAIN_SHAPES_H
#define LMM_CHAIN_SHAPES_H

#include "lib/leaks/chain.h"
#include "lib/leaks/site_groups.h"

enum {
    LMM_SHAPES_MAX = 16, /* that are told */
    LMM_SHAPE_LINKS = 8,
};

/* Numbers: first, first + step and so on to last; step 0: one number. */
struct lmm_shape_range {
    uint64_t first;
    uint64_t last;
    uint64_t step;
};

/* Blocks of one site, and the pointers to them. */
struct lmm_shape_link {
    uint32_t site;
    bool has_loop;
    bool is_inside;              /* some pointer leads to the inside of a block */
    struct lmm_shape_range from; /* offsets in the blocks before; of the first link addresses in
                                    a root, 0: registers */
    struct lmm_shape_range loop; /* offsets of the pointers that come back to the site */
    uint64_t least_bytes;        /* of these blocks */
    uint64_t most_bytes;
};

struct lmm_shape {
    uint64_t blocks; /* of the site asked for, at its end */
    uint64_t bytes;
    int thread; /* as in struct lmm_chain, these two */
    bool is_in_register;
    uint32_t length; /* links of the shape */
    uint32_t count;  /* of those below: of a longer one the first half and the last ones */
    struct lmm_shape_link links[LMM_SHAPE_LINKS];
};

struct lmm_chain_shapes {
    uint64_t blocks; /* that are held, in all shapes */
    uint64_t bytes;
    uint64_t shapes;
    uint32_t count; /* of those below, which have most bytes, most first */
    struct lmm_shape list[LMM_SHAPES_MAX];
};

/* Finds them for the blocks of a site, and of all sites of its group if it is the first of one. settings: as for
 * lmm_chain_find(). groups: sites that count as one; NULL: none. 0, or -errno. */
int lmm_chain_shapes_find(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                          const struct lmm_site_groups *groups, uint32_t site,
                          struct lmm_chain_shapes *ret_shapes);

/* Finds those of the blocks that a path has reached, without threads. False with errno ENOMEM. */
bool lmm_chain_shapes_of_path(const struct lmm_path *path, const struct lmm_site_groups *groups,
                              uint32_t site, struct lmm_chain_shapes *ret_shapes);

#endif
