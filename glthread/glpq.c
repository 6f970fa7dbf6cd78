/* SPDX-License-Identifier: MIT */
/*
 * glpq: the pairing heap; its invariants are in the header.
 *
 * A tree is separate when its root's `prev` and `next` are NULL; merge() takes and returns such
 * trees. Children are merged in the usual two passes: neighbours in pairs from the left, then the
 * pairs one by one from the right. The pairs are kept in a stack threaded through `next`, so there
 * is no recursion.
 */
#include "glthread/glpq.h"

static bool comes_before(const struct glpq_node *a, const struct glpq_node *b)
{
    return a->key > b->key || (a->key == b->key && a->age < b->age);
}

static void put_first_child(struct glpq_node *parent, struct glpq_node *child)
{
    child->prev = parent;
    child->next = parent->child;
    if (child->next != NULL) {
        child->next->prev = child;
    }
    parent->child = child;
}

static struct glpq_node *merge(struct glpq_node *a, struct glpq_node *b)
{
    if (comes_before(b, a)) {
        put_first_child(b, a);
        return b;
    }
    put_first_child(a, b);
    return a;
}

static struct glpq_node *detach_first(struct glpq_node **list)
{
    struct glpq_node *node = *list;
    *list = node->next;
    node->next = NULL;
    node->prev = NULL;
    return node;
}

/* Makes one tree of a list of siblings; NULL for an empty list. */
static struct glpq_node *merge_siblings(struct glpq_node *list)
{
    struct glpq_node *pairs = NULL;
    while (list != NULL) {
        struct glpq_node *tree = detach_first(&list);
        if (list != NULL) {
            tree = merge(tree, detach_first(&list));
        }
        tree->next = pairs;
        pairs = tree;
    }
    if (pairs == NULL) {
        return NULL;
    }
    struct glpq_node *tree = detach_first(&pairs);
    while (pairs != NULL) {
        tree = merge(tree, detach_first(&pairs));
    }
    return tree;
}

/* Cuts node, which is not the root, and its subtree out of its parent's children. */
static void cut(struct glpq_node *node)
{
    if (node->prev->child == node) {
        node->prev->child = node->next;
    } else {
        node->prev->next = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    }
    node->next = NULL;
    node->prev = NULL;
}

static void add_tree(struct glpq *queue, struct glpq_node *tree)
{
    queue->root = queue->root == NULL ? tree : merge(queue->root, tree);
}

/* Takes node out of the tree; the count stays. */
static void unlink_node(struct glpq *queue, struct glpq_node *node)
{
    struct glpq_node *orphans = merge_siblings(node->child);
    node->child = NULL;
    if (node == queue->root) {
        queue->root = orphans;
        return;
    }
    cut(node);
    if (orphans != NULL) {
        add_tree(queue, orphans);
    }
}

/* Gives the nodes the ages 0, 1, 2 ... in the order in which they would be taken, which keeps the
 * order of equal keys. Each node comes after the one before it, so all become children of the first,
 * the root. */
static void renumber(struct glpq *queue)
{
    struct glpq_node *root = queue->root;
    queue->next_age = 0;
    if (root == NULL) {
        return;
    }
    struct glpq_node *rest = merge_siblings(root->child);
    struct glpq_node *last = NULL;
    root->child = NULL;
    root->age = queue->next_age++;
    while (rest != NULL) {
        struct glpq_node *node = rest;
        rest = merge_siblings(node->child);
        node->child = NULL;
        node->age = queue->next_age++;
        node->prev = last == NULL ? root : last;
        *(last == NULL ? &root->child : &last->next) = node;
        last = node;
    }
}

static uint32_t take_age(struct glpq *queue)
{
    if (queue->next_age == UINT32_MAX) {
        renumber(queue);
    }
    return queue->next_age++;
}

void glpq_insert(struct glpq *queue, struct glpq_node *node, uint32_t key)
{
    node->child = NULL;
    node->next = NULL;
    node->prev = NULL;
    node->key = key;
    node->age = take_age(queue);
    add_tree(queue, node);
    queue->count++;
}

void glpq_remove(struct glpq *queue, struct glpq_node *node)
{
    unlink_node(queue, node);
    queue->count--;
}

void glpq_rekey(struct glpq *queue, struct glpq_node *node, uint32_t key)
{
    /* Before a node moves, because it may renumber the tree. */
    uint32_t age = take_age(queue);
    if (key > node->key) {
        /* It still comes before all of its children, so its subtree moves as it is. */
        node->key = key;
        node->age = age;
        if (node != queue->root) {
            cut(node);
            add_tree(queue, node);
        }
        return;
    }
    unlink_node(queue, node);
    node->key = key;
    node->age = age;
    add_tree(queue, node);
}

static const struct glpq_node *parent_of(const struct glpq_node *node)
{
    while (node->prev != NULL && node->prev->child != node) {
        node = node->prev;
    }
    return node->prev;
}

const struct glpq_node *glpq_walk_first(const struct glpq *queue)
{
    return queue->root;
}

const struct glpq_node *glpq_walk_next(const struct glpq_node *node)
{
    return node->child != NULL ? node->child : glpq_walk_past(node);
}

const struct glpq_node *glpq_walk_past(const struct glpq_node *node)
{
    while (node != NULL && node->next == NULL) {
        node = parent_of(node);
    }
    return node == NULL ? NULL : node->next;
}

/* Checks I1 and I2 for the children of node, and subtracts them from *budget, the nodes not yet seen. */
static bool children_are_valid(const struct glpq_node *node, uint32_t *budget)
{
    const struct glpq_node *prev = node;
    for (const struct glpq_node *child = node->child; child != NULL; child = child->next) {
        if (*budget == 0 || child->prev != prev || !comes_before(node, child)) {
            return false;
        }
        --*budget;
        prev = child;
    }
    return true;
}

static bool age_is_unique(const struct glpq_node *node)
{
    for (const struct glpq_node *other = glpq_walk_next(node); other != NULL;
         other = glpq_walk_next(other)) {
        if (other->age == node->age) {
            return false;
        }
    }
    return true;
}

bool glpq_is_valid(const struct glpq *queue, bool thorough)
{
    const struct glpq_node *root = queue->root;
    if (root == NULL) {
        return queue->count == 0;
    }
    if (root->prev != NULL || root->next != NULL || queue->count == 0) {
        return false;
    }
    /* A node's children are checked before the walk goes to them, so the walk stays in the queue. */
    uint32_t budget = queue->count - 1;
    for (const struct glpq_node *node = root; node != NULL; node = glpq_walk_next(node)) {
        if (node->age >= queue->next_age || !children_are_valid(node, &budget)) {
            return false;
        }
    }
    if (budget != 0) {
        return false;
    }
    for (const struct glpq_node *node = root; thorough && node != NULL;
         node = glpq_walk_next(node)) {
        if (!age_is_unique(node)) {
            return false;
        }
    }
    return true;
}
