/* SPDX-License-Identifier: MIT */
/* Nodes of a syntax tree: several structs behind a common head. */
#include <stdlib.h>

#include "keep.h"

enum kind { NUMBER, BINARY, CALL };

struct node {
    enum kind kind;
    int line;
};

struct number_node {
    struct node node;
    double value;
};

struct binary_node {
    struct node node;
    struct node *left, *right;
    int operator;
};

struct call_node {
    struct node node;
    const char *name;
    size_t count;
    struct node *arguments[];
};

NOT_INLINED static void *node_alloc(size_t size, enum kind kind)
{
    struct node *node =
        calloc(1, size); /* type: struct number_node | struct binary_node | struct call_node */

    node->kind = kind;
    return node;
}

NOT_INLINED static struct node *new_number(double value)
{
    struct number_node *node = node_alloc(sizeof(*node), NUMBER); /* type: struct number_node */

    node->value = value;
    return &node->node;
}

NOT_INLINED static struct node *new_binary(struct node *left, struct node *right)
{
    struct binary_node *node = malloc(sizeof(struct binary_node)); /* type: struct binary_node */

    node->node.kind = BINARY;
    node->left = left;
    node->right = right;
    return &node->node;
}

NOT_INLINED static struct node *new_call(const char *name, size_t count)
{
    struct call_node *call = node_alloc(sizeof(*call) + count * sizeof(struct node *),
                                        CALL); /* type: struct call_node */

    call->name = name;
    call->count = count;
    return (struct node *) call;
}

NOT_INLINED static struct node *bare_number(void)
{
    struct node *node =
        malloc(sizeof(struct number_node)); /* type: struct number_node | struct node+ */

    node->kind = NUMBER;
    return node;
}

int main(void)
{
    struct node *tree = new_binary(new_number(1), new_call("f", number(3)));

    keep(tree), keep(bare_number());
    return 0;
}
