/* SPDX-License-Identifier: MIT */
/*
 * Blocks that lead to each other. Block 0 of an ordered group has the lowest address.
 */
#include "tests/leaks/cases/case.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 8, MANY = 100000 };

/* A block of WORDS words. */
struct node {
    struct node *to[WORDS];
};

static int by_address(const void *left, const void *right)
{
    const struct node *const *a = left;
    const struct node *const *b = right;

    return *a < *b ? -1 : *a > *b;
}

/* The caller's array gets `count` nodes in the order of their addresses. */
static void make_nodes(struct node **nodes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        nodes[i] = own(sizeof(struct node));
    }
    qsort(nodes, count, sizeof(nodes[0]), by_address);
}

static void self_reference(void)
{
    struct node *node = own(sizeof(*node));

    node->to[3] = node;
}

/* Each of the nodes leads to the next one, the last one to the first. */
static void make_ring(size_t count)
{
    struct node *nodes[10];

    make_nodes(nodes, count);
    for (size_t i = 0; i < count; i++) {
        nodes[i]->to[0] = nodes[(i + 1) % count];
    }
}

static void ring_of_two(void)
{
    make_ring(2);
}

static void ring_of_ten(void)
{
    make_ring(10);
}

static void clique_of_six(void)
{
    struct node *nodes[6];

    make_nodes(nodes, 6);
    for (size_t i = 0; i < 6; i++) {
        memcpy((void *) nodes[i]->to, (void *) nodes, sizeof(nodes));
    }
}

static void chain_ascending(void)
{
    struct node *nodes[10];

    make_nodes(nodes, 10);
    for (size_t i = 0; i < 9; i++) {
        nodes[i]->to[0] = nodes[i + 1];
    }
}

static void chain_descending(void)
{
    struct node *nodes[10];

    make_nodes(nodes, 10);
    for (size_t i = 9; i > 0; i--) {
        nodes[i]->to[0] = nodes[i - 1];
    }
}

static void chain_mixed(void)
{
    static const size_t order[] = {4, 7, 1, 9, 0, 3, 8, 2, 6, 5};
    struct node *nodes[10];

    make_nodes(nodes, 10);
    for (size_t i = 0; i < 9; i++) {
        nodes[order[i]]->to[0] = nodes[order[i + 1]];
    }
}

/* As deep as no recursion may go. */
static void chain_long(void)
{
    struct node *last = NULL;

    for (size_t i = 0; i < MANY; i++) {
        struct node *node = own(sizeof(*node));

        node->to[0] = last;
        last = node;
    }
}

static void chain_long_kept(void)
{
    for (size_t i = 0; i < MANY; i++) {
        struct node *node = own(sizeof(*node));

        node->to[0] = held;
        held = node;
    }
}

static void list_doubly_linked(void)
{
    struct node *nodes[10];

    make_nodes(nodes, 10);
    for (size_t i = 0; i < 9; i++) {
        nodes[i]->to[0] = nodes[i + 1];
        nodes[i + 1]->to[1] = nodes[i];
    }
}

static struct node *make_tree(int depth)
{
    struct node *node = own(sizeof(*node));

    if (depth > 1) {
        node->to[0] = make_tree(depth - 1);
        node->to[1] = make_tree(depth - 1);
    }
    return node;
}

static void tree(void)
{
    make_tree(4);
}

static void tree_kept(void)
{
    held = make_tree(4);
}

/* Each node also leads to the one above it. */
static void tree_with_parents(void)
{
    struct node *nodes[15];

    make_nodes(nodes, 15);
    for (size_t i = 1; i < 15; i++) {
        nodes[(i - 1) / 2]->to[i % 2] = nodes[i];
        nodes[i]->to[2] = nodes[(i - 1) / 2];
    }
}

static void diamond(void)
{
    struct node *nodes[4];

    make_nodes(nodes, 4);
    nodes[2]->to[0] = nodes[0];
    nodes[2]->to[1] = nodes[3];
    nodes[0]->to[0] = nodes[1];
    nodes[3]->to[0] = nodes[1];
}

static void two_trees_share(void)
{
    struct node *nodes[3];

    make_nodes(nodes, 3);
    nodes[0]->to[0] = nodes[1];
    nodes[2]->to[0] = nodes[1];
}

static void tail_into_ring(void)
{
    struct node *nodes[3];

    make_nodes(nodes, 3);
    nodes[2]->to[0] = nodes[0];
    nodes[0]->to[0] = nodes[1];
    nodes[1]->to[0] = nodes[0];
}

static void ring_with_tail(void)
{
    struct node *nodes[4];

    make_nodes(nodes, 4);
    nodes[1]->to[0] = nodes[2];
    nodes[2]->to[0] = nodes[1];
    nodes[2]->to[1] = nodes[0];
    nodes[0]->to[1] = nodes[3];
}

/* The ring with the higher addresses leads to the second node of the lower one. */
static void ring_into_ring(void)
{
    struct node *nodes[4];

    make_nodes(nodes, 4);
    nodes[0]->to[0] = nodes[1];
    nodes[1]->to[0] = nodes[0];
    nodes[2]->to[0] = nodes[3];
    nodes[3]->to[0] = nodes[2];
    nodes[3]->to[1] = nodes[1];
}

static void lost_leads_to_reachable(void)
{
    struct node *nodes[2];

    make_nodes(nodes, 2);
    nodes[0]->to[0] = nodes[1];
    held = nodes[1];
}

static void lost_leads_inside(void)
{
    struct node *nodes[2];

    make_nodes(nodes, 2);
    nodes[0]->to[0] = (struct node *) &nodes[1]->to[2];
}

static void table_of_many(void)
{
    struct node **table = own(10000 * sizeof(*table));

    for (size_t i = 0; i < 10000; i++) {
        table[i] = own(16);
    }
}

static void two_separate(void)
{
    own(24);
    own(40);
}

/* A million words that lead everywhere in one block. */
static void dense(void)
{
    struct node *nodes[100];
    struct node **table = own(100000 * sizeof(*table));

    make_nodes(nodes, 100);
    for (size_t i = 0; i < 100000; i++) {
        table[i] = nodes[i % 100];
    }
    held = (void *) table;
}

const struct leak_case shape_cases[] = {
    {"self_reference", self_reference},
    {"ring_of_two", ring_of_two},
    {"ring_of_ten", ring_of_ten},
    {"clique_of_six", clique_of_six},
    {"chain_ascending", chain_ascending},
    {"chain_descending", chain_descending},
    {"chain_mixed", chain_mixed},
    {"chain_long", chain_long},
    {"chain_long_kept", chain_long_kept},
    {"list_doubly_linked", list_doubly_linked},
    {"tree", tree},
    {"tree_kept", tree_kept},
    {"tree_with_parents", tree_with_parents},
    {"diamond", diamond},
    {"two_trees_share", two_trees_share},
    {"tail_into_ring", tail_into_ring},
    {"ring_with_tail", ring_with_tail},
    {"ring_into_ring", ring_into_ring},
    {"lost_leads_to_reachable", lost_leads_to_reachable},
    {"lost_leads_inside", lost_leads_inside},
    {"table_of_many", table_of_many},
    {"two_separate", two_separate},
    {"dense", dense},
    {NULL, NULL},
};
