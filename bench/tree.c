/* SPDX-License-Identifier: MIT */
/*
 * tree: a binary search tree that is built by inserting random keys, then freed bottom up. Most of
 * the time is spent on cache misses on the way down, so this measures where the allocator places
 * nodes.
 */
#include "alloc.h"
#include "bench.h"

enum {
    KEYS = 50000,
};

struct tree_node {
    uint64_t key;
    struct tree_node *left;
    struct tree_node *right;
    uint64_t payload;
};

static void insert(struct tree_node **link, uint64_t key)
{
    while (*link != NULL) {
        link = key < (*link)->key ? &(*link)->left : &(*link)->right;
    }
    struct tree_node *node = bench_touch(BENCH_ALLOC(struct tree_node), key);

    node->left = NULL;
    node->right = NULL;
    node->payload = key;
    *link = node;
}

/* As deep as the tree: about 40 levels for so many random keys. */
static void free_tree(struct tree_node *node)
{
    if (node != NULL) {
        free_tree(node->left);
        free_tree(node->right);
        BENCH_FREE(node);
    }
}

void bench_tree(size_t operations)
{
    for (size_t done = 0; done < operations; done += KEYS) {
        struct tree_node *root = NULL;
        uint64_t random = 0xd1342543de82ef95u;

        for (size_t i = 0; i < KEYS; i++) {
            insert(&root, bench_random_next(&random));
        }
        free_tree(root);
    }
}
