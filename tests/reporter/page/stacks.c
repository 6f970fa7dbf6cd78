/* SPDX-License-Identifier: MIT */
/* stacks [DEPTH]: leaves a block from each of 10^DEPTH call stacks: at each depth one of ten functions calls the next. */
#include <stdio.h>
#include <stdlib.h>

enum { WAYS = 10, USUAL_DEPTH = 4 };

struct node {
    struct node *next;
    char text[40];
};

static struct node *list;

static void go(unsigned path, int depth);

#define WAY(digit)                                                                                 \
    static void way_##digit(unsigned path, int depth)                                              \
    {                                                                                              \
        go(path / WAYS, depth - 1);                                                                \
    }

WAY(0)
WAY(1)
WAY(2)
WAY(3)
WAY(4)
WAY(5)
WAY(6)
WAY(7)
WAY(8)
WAY(9)

static void (*const ways[WAYS])(unsigned path, int depth) = {
    way_0, way_1, way_2, way_3, way_4, way_5, way_6, way_7, way_8, way_9,
};

static void go(unsigned path, int depth)
{
    if (depth > 0) {
        ways[path % WAYS](path, depth);
        return;
    }
    struct node *node = malloc(sizeof(*node));

    if (node != NULL) {
        node->next = list;
        list = node;
    }
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : USUAL_DEPTH;
    unsigned count = 1;

    for (int i = 0; i < depth; i++) {
        count *= WAYS;
    }
    for (unsigned path = 0; path < count; path++) {
        go(path, depth);
    }
    return 0;
}
