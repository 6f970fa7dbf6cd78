/* SPDX-License-Identifier: MIT */
/*
 * Random operations on a glpq and on a sorted array that does the same; after each operation both
 * must name the same largest node, and at the end of each round give up the same nodes in the same
 * order. Rounds differ in how many keys there are (few keys: many ties) and in how soon the ages
 * run out.
 *
 * glpq_model [SEED]; LMM_SEED=n sets the seed as well.
 */
#include "glthread/glpq.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/random.h"

enum { NODES = 300, ROUNDS = 60, STEPS = 4000 };

/* What the model knows of a queued node. The array is sorted: larger keys first, then older
 * ones. */
struct entry {
    uint32_t key;
    uint64_t inserted;
    int node;
};

struct world {
    uint64_t seed;
    uint64_t random;
    uint64_t clock;
    struct glpq queue;
    struct glpq_node nodes[NODES];
    bool queued[NODES];
    struct entry sorted[NODES];
    int count;
};

static uint32_t random_below(struct world *world, uint32_t bound)
{
    return (uint32_t) ((random_next(&world->random) >> 32) % bound);
}

static void fail(const struct world *world, int round, int step, const char *what)
{
    fprintf(stderr, "glpq_model: seed %" PRIu64 ", round %d, step %d: %s\n", world->seed, round,
            step, what);
    exit(EXIT_FAILURE);
}

static bool entry_before(const struct entry *a, const struct entry *b)
{
    return a->key > b->key || (a->key == b->key && a->inserted < b->inserted);
}

static void model_insert(struct world *world, int node, uint32_t key)
{
    struct entry entry = {.key = key, .inserted = world->clock++, .node = node};
    int place = world->count++;
    for (; place > 0 && entry_before(&entry, &world->sorted[place - 1]); place--) {
        world->sorted[place] = world->sorted[place - 1];
    }
    world->sorted[place] = entry;
    world->queued[node] = true;
}

static void model_remove(struct world *world, int node)
{
    int place = 0;
    while (world->sorted[place].node != node) {
        place++;
    }
    world->count--;
    memmove(&world->sorted[place], &world->sorted[place + 1],
            (size_t) (world->count - place) * sizeof(struct entry));
    world->queued[node] = false;
}

/* One operation on both: most often on a random node, sometimes on the largest. */
static void operate(struct world *world, uint32_t keys)
{
    int node = (int) random_below(world, NODES);
    uint32_t key = random_below(world, keys);
    if (world->count > 0 && random_below(world, 5) == 0) {
        node = world->sorted[0].node;
    }
    if (!world->queued[node]) {
        glpq_insert(&world->queue, &world->nodes[node], key);
        model_insert(world, node, key);
    } else if (random_below(world, 2) == 0) {
        glpq_remove(&world->queue, &world->nodes[node]);
        model_remove(world, node);
    } else {
        glpq_rekey(&world->queue, &world->nodes[node], key);
        model_remove(world, node);
        model_insert(world, node, key);
    }
}

static void compare(struct world *world, int round, int step)
{
    const struct glpq_node *largest = glpq_largest(&world->queue);
    const struct glpq_node *expected =
        world->count == 0 ? NULL : &world->nodes[world->sorted[0].node];
    if (largest != expected) {
        fail(world, round, step, "another node is the largest");
    }
    if (world->queue.count != (uint32_t) world->count) {
        fail(world, round, step, "another count");
    }
    if (!glpq_is_valid(&world->queue, step % 256 == 0)) {
        fail(world, round, step, "the queue is invalid");
    }
}

/* Lets the ages run out soon, in the middle of whatever the queue holds. */
static void hurry_ages(struct world *world)
{
    uint32_t age = UINT32_MAX - random_below(world, 10);
    if (age > world->queue.next_age) {
        world->queue.next_age = age;
    }
}

static void run_round(struct world *world, int round)
{
    static const uint32_t key_counts[] = {1, 2, 5, 20, 1000, UINT32_MAX};
    uint32_t keys = key_counts[(size_t) round % (sizeof(key_counts) / sizeof(key_counts[0]))];
    glpq_init(&world->queue);
    for (int step = 0; step < STEPS; step++) {
        if (round % 2 == 1 && random_below(world, 500) == 0) {
            hurry_ages(world);
        }
        operate(world, keys);
        compare(world, round, step);
    }
    for (int step = STEPS; world->count > 0; step++) {
        glpq_remove(&world->queue, glpq_largest(&world->queue));
        model_remove(world, world->sorted[0].node);
        compare(world, round, step);
    }
}

static uint64_t choose_seed(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : getenv("LMM_SEED");
    if (text != NULL) {
        return strtoull(text, NULL, 0);
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000007U + (uint64_t) now.tv_nsec;
}

int main(int argc, char **argv)
{
    static struct world world;
    world.seed = choose_seed(argc, argv);
    /* Xorshift must not start from 0, and neighbouring seeds must not start alike. */
    world.random = (world.seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    printf("glpq_model: LMM_SEED=%" PRIu64 "\n", world.seed);
    fflush(stdout);
    for (int round = 0; round < ROUNDS; round++) {
        run_round(&world, round);
    }
    printf("glpq_model: %d rounds of %d operations agree\n", ROUNDS, STEPS);
    return EXIT_SUCCESS;
}
