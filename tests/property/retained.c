/* SPDX-License-Identifier: MIT */
/*
 * Random graphs of blocks at a few sites, and a naive model of what each site retains: each block is taken
 * away in turn, and what the roots then reach no more is dominated by it.
 *
 * retained [SEED]; LMM_SEED=n sets the seed as well.
 */
#include "lib/leaks/retained.h"
#include "tests/support/block_graph.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCKS_MAX = 90, SITES_MAX = 12, WORDS = 6, ROOTS_MAX = 4, ROUNDS = 3000 };

static uint64_t random_state;
static size_t count;
static struct block_graph_block blocks[BLOCKS_MAX];
static size_t site_of[BLOCKS_MAX];   /* a line */
static size_t to[BLOCKS_MAX][WORDS]; /* count: nothing */
static size_t roots[ROOTS_MAX];
static size_t root_count;
static bool is_reached[BLOCKS_MAX];
static bool is_retained[BLOCKS_MAX][SITES_MAX];

static size_t below(size_t bound)
{
    return (size_t) ((random_next(&random_state) >> 32) % bound);
}

static void make_graph(void)
{
    size_t density = 1 + below(60);
    size_t sites = 1 + below(SITES_MAX);
    size_t reach = 1 + below(BLOCKS_MAX); /* of pointers: chains of neighbours, or anything */

    count = 1 + below(BLOCKS_MAX);
    for (size_t i = 0; i < count; i++) {
        site_of[i] = below(sites);
        block_graph_make_block(&blocks[i], (uint32_t) site_of[i] + 1, 'n', 0);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < WORDS; j++) {
            to[i][j] = below(100) < density ? (i + below(reach)) % count : count;
            char *word = to[i][j] == count ? NULL : blocks[to[i][j]].start;
            memcpy(blocks[i].start + j * sizeof(word), &word, sizeof(word));
        }
    }
    root_count = 1 + below(ROOTS_MAX);
    for (size_t i = 0; i < root_count; i++) {
        roots[i] = below(count);
    }
}

/* What the roots reach without block `without`; count: with all. */
static void reach(size_t block, size_t without)
{
    if (block == without || block == count || is_reached[block]) {
        return;
    }
    is_reached[block] = true;
    for (size_t i = 0; i < WORDS; i++) {
        reach(to[block][i], without);
    }
}

static void reach_all(size_t without)
{
    memset(is_reached, 0, sizeof(is_reached));
    for (size_t i = 0; i < root_count; i++) {
        reach(roots[i], without);
    }
}

static void model(void)
{
    bool all[BLOCKS_MAX];

    memset(is_retained, 0, sizeof(is_retained));
    reach_all(count);
    memcpy(all, is_reached, sizeof(all));
    for (size_t i = 0; i < count; i++) {
        reach_all(i);
        for (size_t j = 0; j < count; j++) {
            is_retained[j][site_of[i]] |= all[j] && !is_reached[j];
        }
    }
}

/* The blocks that a site retains. */
static size_t expected(size_t site)
{
    size_t retained = 0;

    for (size_t i = 0; i < count; i++) {
        retained += is_retained[i][site];
    }
    return retained;
}

static bool check_round(void)
{
    static struct lmm_retainer retainer;
    bool fits = lmm_retainer_init(&retainer);

    for (size_t i = 0; i < root_count; i++) {
        lmm_retainer_root_word(&retainer, (uintptr_t) blocks[roots[i]].start);
    }
    fits = fits && lmm_retainer_run(&retainer);
    model();
    for (size_t i = 0; i < count && fits; i++) {
        fits = retainer.bytes[blocks[i].site] == expected(site_of[i]) * blocks[i].bytes;
    }
    lmm_retainer_end(&retainer);
    return fits;
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("LMM_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t) time(NULL);

    random_state = seed == 0 ? 1 : seed;
    printf("retained: seed %" PRIu64 "\n", seed);
    for (int round = 0; round < ROUNDS; round++) {
        make_graph();
        if (!check_round()) {
            fprintf(stderr, "retained: seed %" PRIu64 ", round %d: another sum\n", seed, round);
            return EXIT_FAILURE;
        }
        for (size_t i = 0; i < count; i++) {
            lmm_free(blocks[i].start);
        }
    }
    return 0;
}
