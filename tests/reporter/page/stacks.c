/* SPDX-License-Identifier: MIT */
/*
 * stacks [DEPTH]: leaves a block from each of 10^DEPTH call stacks: at each depth one of ten functions calls the next.
 * stacks deep: leaves a block from each of 10,000 call stacks of 24 to 60 calls, in each of which one of 3,000 functions calls
 * another at random, so that stacks have hardly a call in common.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 10, USUAL_DEPTH = 4, DEEP_STACKS = 10000, DEEP_LEAST = 24, DEEP_MOST = 60 };

struct node {
    struct node *next;
    char text[40];
};

static struct node *list;

static void leave(void)
{
    struct node *node = malloc(sizeof(*node));

    if (node != NULL) {
        node->next = list;
        list = node;
    }
}

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
    leave();
}

/* ---- Deep stacks ----------------------------------------------------------------------------- */

#define TIMES_10(of, name)                                                                         \
    of(name##0) of(name##1) of(name##2) of(name##3) of(name##4) of(name##5) of(name##6)            \
        of(name##7) of(name##8) of(name##9)
#define TIMES_100(of, name)                                                                        \
    TIMES_10(of, name##0)                                                                          \
    TIMES_10(of, name##1)                                                                          \
    TIMES_10(of, name##2)                                                                          \
    TIMES_10(of, name##3)                                                                          \
    TIMES_10(of, name##4)                                                                          \
    TIMES_10(of, name##5)                                                                          \
    TIMES_10(of, name##6) TIMES_10(of, name##7) TIMES_10(of, name##8) TIMES_10(of, name##9)
#define TIMES_1000(of, name)                                                                       \
    TIMES_100(of, name##0)                                                                         \
    TIMES_100(of, name##1)                                                                         \
    TIMES_100(of, name##2)                                                                         \
    TIMES_100(of, name##3)                                                                         \
    TIMES_100(of, name##4)                                                                         \
    TIMES_100(of, name##5)                                                                         \
    TIMES_100(of, name##6) TIMES_100(of, name##7) TIMES_100(of, name##8) TIMES_100(of, name##9)
#define TIMES_3000(of) TIMES_1000(of, parse_) TIMES_1000(of, handle_) TIMES_1000(of, visit_)

enum { DEEP_FUNCTIONS = 3000 };

typedef void deep_function(unsigned state, int depth);

static deep_function *const deep[DEEP_FUNCTIONS];

static unsigned next_state(unsigned state)
{
    return state * 1664525U + 1013904223U;
}

/* The state chooses which function it calls. */
#define DEEP(name)                                                                                 \
    static void name(unsigned state, int depth)                                                    \
    {                                                                                              \
        if (depth > 0) {                                                                           \
            deep[(state >> 12) % DEEP_FUNCTIONS](next_state(state), depth - 1);                    \
        } else {                                                                                   \
            leave();                                                                               \
        }                                                                                          \
    }
#define NAMED(name) name,

TIMES_3000(DEEP)

static deep_function *const deep[DEEP_FUNCTIONS] = {TIMES_3000(NAMED)};

int main(int argc, char **argv)
{
    bool is_deep = argc > 1 && strcmp(argv[1], "deep") == 0;
    int depth = argc > 1 ? atoi(argv[1]) : USUAL_DEPTH;
    unsigned count = 1;

    for (int i = 0; i < DEEP_STACKS && is_deep; i++) {
        parse_000(next_state((unsigned) i * 2654435761U),
                  DEEP_LEAST + i % (DEEP_MOST - DEEP_LEAST + 1));
    }
    for (int i = 0; i < depth; i++) {
        count *= WAYS;
    }
    for (unsigned path = 0; path < count && !is_deep; path++) {
        go(path, depth);
    }
    return 0;
}
