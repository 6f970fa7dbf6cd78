/* SPDX-License-Identifier: MIT */
/* Thousands of short threads end with live blocks, which others check and free: sometimes the main
 * thread, sometimes a later short thread. The address space must not grow with the number of
 * threads. */
#include "tests/stress/stress.h"

#include <string.h>

enum {
    GENERATIONS = 1500,
    AT_ONCE = 3,
    KEPT = 40, /* blocks that a thread leaves alive */
    OWN = 400, /* blocks that it allocates and frees itself */
    ARRAY_LENGTH = 9,
    MAPPED_MAX = 64 << 20,
};

typedef struct {
    uint64_t stamp;
    unsigned char filler[72];
} node_t;

static node_t *left_behind[2][AT_ONCE][KEPT];
static unsigned generation;

static node_t *make(unsigned i)
{
    unsigned length = i % 8 == 0 ? ARRAY_LENGTH : 1;
    node_t *node = length == 1 ? LMM_NEW(node_t) : LMM_NEW_ARRAY(node_t, length);
    CHECK(node != NULL);
    for (unsigned j = 0; j < length; j++) {
        CHECK(node[j].stamp == 0);
        node[j].stamp = (uintptr_t) node;
    }
    return node;
}

static void drop(node_t *node, unsigned i)
{
    unsigned length = i % 8 == 0 ? ARRAY_LENGTH : 1;
    for (unsigned j = 0; j < length; j++) {
        CHECK(node[j].stamp == (uintptr_t) node);
    }
    lmm_free(node);
}

static void *run(void *number)
{
    unsigned own = (unsigned) (uintptr_t) number;
    node_t *node[OWN];
    for (unsigned i = 0; i < OWN; i++) {
        node[i] = make(i);
    }
    for (unsigned i = 0; i < KEPT; i++) {
        left_behind[generation % 2][own][i] = make(i);
    }
    /* Blocks of the previous generation, unless the main thread took them. */
    for (unsigned i = 0; i < KEPT; i++) {
        node_t **left = &left_behind[(generation + 1) % 2][own][i];
        if (*left != NULL) {
            drop(*left, i);
            *left = NULL;
        }
    }
    for (unsigned i = 0; i < OWN; i++) {
        drop(node[i], i);
    }
    return NULL;
}

static void take_all(unsigned which)
{
    for (unsigned i = 0; i < AT_ONCE; i++) {
        for (unsigned j = 0; j < KEPT; j++) {
            if (left_behind[which][i][j] != NULL) {
                drop(left_behind[which][i][j], j);
                left_behind[which][i][j] = NULL;
            }
        }
    }
}

int main(void)
{
    for (generation = 0; generation < GENERATIONS; generation++) {
        stress_run(AT_ONCE, run);
        if (generation % 3 == 0) {
            take_all(generation % 2);
        }
    }
    struct lmm_stats stats = stress_stats(lmm_family_find("node_t"));
    CHECK(stats.mapped_bytes <= MAPPED_MAX);
    take_all(0);
    take_all(1);
    stress_check_all_freed(lmm_family_find("node_t"),
                           (uint64_t) GENERATIONS * AT_ONCE * (KEPT + OWN));
    return EXIT_SUCCESS;
}
