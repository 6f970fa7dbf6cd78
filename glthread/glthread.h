/* SPDX-License-Identifier: MIT */
/*
 * glthread: an intrusive circular doubly linked list.
 *
 * A list head is a node like any other, so there is no special case for the first or the last
 * element or for the empty list. A node that is on no list points to itself; it may be removed
 * again. No function allocates, locks or fails; the caller serialises access.
 *
 * Invariants: I1 node->next->prev == node and node->prev->next == node, for every initialised node
 * (tests/unit/glthread).
 */
#ifndef GLTHREAD_GLTHREAD_H
#define GLTHREAD_GLTHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glthread {
    struct glthread *next;
    struct glthread *prev;
};

/* The struct of type `type` whose field `member` is *node. */
#define GLTHREAD_ENTRY(node, type, member)                                                         \
    ((type *) (((uintptr_t) (node)) - offsetof(type, member)))

/* Initialises node: an empty head, or an element that is on no list. */
static inline void glthread_init(struct glthread *node)
{
    node->next = node;
    node->prev = node;
}

/* True when head has no elements; for an element: when it is on no list. */
static inline bool glthread_is_empty(const struct glthread *head)
{
    return head->next == head;
}

/* Puts node, which is on no list, after position (a head or an element). */
static inline void glthread_insert_after(struct glthread *position, struct glthread *node)
{
    node->next = position->next;
    node->prev = position;
    position->next->prev = node;
    position->next = node;
}

/* Puts node, which is on no list, before position; before a head means last. */
static inline void glthread_insert_before(struct glthread *position, struct glthread *node)
{
    glthread_insert_after(position->prev, node);
}

/* Removes node from its list, if it is on one, and initialises it. */
static inline void glthread_remove(struct glthread *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    glthread_init(node);
}

/* Returns the first element, or NULL when the list is empty. */
static inline struct glthread *glthread_first(const struct glthread *head)
{
    return head->next == head ? NULL : head->next;
}

/* Returns the element after node, or NULL when node is the last of head's list. */
static inline struct glthread *glthread_next(const struct glthread *head,
                                             const struct glthread *node)
{
    return node->next == head ? NULL : node->next;
}

#endif
