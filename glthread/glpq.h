/* SPDX-License-Identifier: MIT */
/*
 * glpq: an intrusive priority queue, largest key first, equal keys by age (first in, first out).
 *
 * A pairing heap (Fredman, Sedgewick, Sleator, Tarjan: "The pairing heap", Algorithmica 1, 1986)
 * with a back link in each node, so that any node can be removed or re-keyed. Insert
 * and look at the largest: O(1). Remove and re-key: O(log n) amortised. No recursion. No function
 * allocates, locks or fails; the caller serialises access.
 *
 * Invariants, checked by glpq_is_valid():
 *   I1  a node comes before each of its children: larger key, or the same key and older
 *   I2  child->prev is the parent for a first child, else the sibling before it
 *   I3  no two nodes of a queue have the same age
 */
#ifndef GLTHREAD_GLPQ_H
#define GLTHREAD_GLPQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glpq_node {
    struct glpq_node *child; /* first child */
    struct glpq_node *next;  /* next sibling */
    struct glpq_node *prev;  /* previous sibling, or the parent of a first child; NULL: root */
    uint32_t key;
    uint32_t age; /* number of the insertion; renumbered before it would wrap */
};

struct glpq {
    struct glpq_node *root; /* NULL: empty */
    uint32_t next_age;
    uint32_t count;
};

/* Makes queue empty. */
static inline void glpq_init(struct glpq *queue)
{
    queue->root = NULL;
    queue->next_age = 0;
    queue->count = 0;
}

/* Returns the node with the largest key, the oldest of these; NULL when the queue is empty. */
static inline struct glpq_node *glpq_largest(const struct glpq *queue)
{
    return queue->root;
}

/* Inserts node, which is in no queue, with key. */
void glpq_insert(struct glpq *queue, struct glpq_node *node, uint32_t key);

/* Removes node, which is in queue. */
void glpq_remove(struct glpq *queue, struct glpq_node *node);

/* Gives node, which is in queue, another key, and the age of a node inserted now. */
void glpq_rekey(struct glpq *queue, struct glpq_node *node, uint32_t key);

/* Returns the first node in depth-first order, and the one after node; NULL at the end. A parent is
 * visited before its children; siblings come in no order of keys. */
const struct glpq_node *glpq_walk_first(const struct glpq *queue);
const struct glpq_node *glpq_walk_next(const struct glpq_node *node);

/* As glpq_walk_next(), but skips the nodes below node, whose keys are not larger. */
const struct glpq_node *glpq_walk_past(const struct glpq_node *node);

/* Checks I1 to I3 and the count: O(n^2) for I3 when `thorough`, else O(n). */
bool glpq_is_valid(const struct glpq *queue, bool thorough);

#endif
