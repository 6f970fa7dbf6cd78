/* SPDX-License-Identifier: MIT */
/*
 * Unit tests of glpq: each case is a script of operations and the order in which the rest is taken.
 */
#include "glthread/glpq.h"

#include <criterion/criterion.h>
#include <string.h>

enum { ITEMS = 26 };

struct fixture {
    struct glpq queue;
    struct glpq_node nodes[ITEMS];
};

static char name_of(const struct fixture *fixture, const struct glpq_node *node)
{
    return (char) ('a' + (node - fixture->nodes));
}

/* Runs a script: "+a5" inserts a with key 5, "=a5" gives a the key 5, "-a" removes a. */
static void run_script(struct fixture *fixture, const char *script)
{
    for (; *script != '\0'; script += *script == '-' ? 2 : 3) {
        struct glpq_node *node = &fixture->nodes[script[1] - 'a'];
        switch (*script) {
        case '+': glpq_insert(&fixture->queue, node, (uint32_t) (script[2] - '0')); break;
        case '=': glpq_rekey(&fixture->queue, node, (uint32_t) (script[2] - '0')); break;
        case '-': glpq_remove(&fixture->queue, node); break;
        default: cr_assert_fail("unknown operation '%c'", *script);
        }
        cr_assert(glpq_is_valid(&fixture->queue, true), "at \"%s\"", script);
    }
}

/* Takes the largest until the queue is empty and writes the names in that order to ret_names. */
static void take_all(struct fixture *fixture, char ret_names[ITEMS + 1])
{
    size_t used = 0;
    while (glpq_largest(&fixture->queue) != NULL) {
        struct glpq_node *largest = glpq_largest(&fixture->queue);
        cr_assert_lt(used, ITEMS);
        ret_names[used++] = name_of(fixture, largest);
        glpq_remove(&fixture->queue, largest);
        cr_assert(glpq_is_valid(&fixture->queue, true));
    }
    ret_names[used] = '\0';
    cr_expect_eq(fixture->queue.count, 0);
}

static const struct {
    const char *script;
    const char *order;
} cases[] = {
    {"", ""},
    {"+a5", "a"},
    {"+a1+b2+c3", "cba"},
    {"+a3+b2+c1", "abc"},
    {"+a2+b3+c1", "bac"},
    /* equal keys: first in, first out */
    {"+a5+b5+c5+d5", "abcd"},
    {"+a5+b6+c5+d6", "bdac"},
    /* remove: the only one, the root, a leaf, one with children */
    {"+a5-a", ""},
    {"+a3+b2+c1-a", "bc"},
    {"+a3+b2+c1-c", "ab"},
    {"+a9+b8+c7+d6+e5-a-b", "cde"},
    {"+a9+b8+c7+d6+e5-a-d", "bce"},
    {"+a5+b5+c5-b+b5", "acb"},
    /* re-key: up, down, to the same key (which makes it the youngest), of the root */
    {"+a1+b2+c3=a4", "acb"},
    {"+a1+b2+c3=a3", "cab"},
    {"+a1+b2+c3=c0", "bac"},
    {"+a1+b2+c3=c2", "bca"},
    {"+a5+b5+c5=a5", "bca"},
    {"+a5+b5+c5=b5", "acb"},
    {"+a1+b2+c3=c9", "cba"},
    {"+a7=a3", "a"},
    {"+a5+b5+c9-c=a6", "ab"},
    {"+a1+b2+c3+d4+e5+f6+g7-g=b9=f0=c9", "bcedaf"},
};

Test(glpq, nodes_come_by_key_then_by_age)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture = {0};
        glpq_init(&fixture.queue);
        run_script(&fixture, cases[i].script);
        cr_expect_eq(fixture.queue.count, strlen(cases[i].order));
        char order[ITEMS + 1];
        take_all(&fixture, order);
        cr_expect_str_eq(order, cases[i].order, "script \"%s\" gave \"%s\"", cases[i].script,
                         order);
    }
}

/* The same scripts, with a first age so high that the ages are renumbered during the script. */
Test(glpq, renumbering_keeps_the_order)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t left = 0; left < 12; left++) {
            struct fixture fixture = {0};
            glpq_init(&fixture.queue);
            fixture.queue.next_age = UINT32_MAX - left;
            run_script(&fixture, cases[i].script);
            char order[ITEMS + 1];
            take_all(&fixture, order);
            cr_expect_str_eq(order, cases[i].order, "script \"%s\", %u ages left, gave \"%s\"",
                             cases[i].script, left, order);
        }
    }
}

Test(glpq, renumbering_starts_again_from_the_count)
{
    struct fixture fixture = {0};
    glpq_init(&fixture.queue);
    fixture.queue.next_age = UINT32_MAX - 3;
    run_script(&fixture, "+a5+b5+c5");
    cr_expect_eq(fixture.queue.next_age, UINT32_MAX);
    run_script(&fixture, "+d5");
    cr_expect_eq(fixture.queue.next_age, 4);
}

/* Visits the queue and returns the visited nodes as bits. */
static uint32_t walk(const struct fixture *fixture)
{
    uint32_t seen = 0;
    for (const struct glpq_node *node = glpq_walk_first(&fixture->queue); node != NULL;
         node = glpq_walk_next(node)) {
        uint32_t bit = UINT32_C(1) << (name_of(fixture, node) - 'a');
        cr_assert_eq(seen & bit, 0, "%c is visited twice", name_of(fixture, node));
        seen |= bit;
    }
    return seen;
}

Test(glpq, the_walk_visits_each_node_once)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture = {0};
        glpq_init(&fixture.queue);
        run_script(&fixture, cases[i].script);
        uint32_t expected = 0;
        for (const char *name = cases[i].order; *name != '\0'; name++) {
            expected |= UINT32_C(1) << (*name - 'a');
        }
        cr_expect_eq(walk(&fixture), expected, "script \"%s\"", cases[i].script);
    }
}

/* A walk that skips the nodes below a short node visits every long node once. */
Test(glpq, a_walk_past_small_keys_sees_all_others)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (uint32_t least = 0; least < 11; least++) {
            struct fixture fixture = {0};
            uint32_t expected = 0;
            uint32_t seen = 0;
            glpq_init(&fixture.queue);
            run_script(&fixture, cases[i].script);
            for (const char *name = cases[i].order; *name != '\0'; name++) {
                expected |= (uint32_t) (fixture.nodes[*name - 'a'].key >= least) << (*name - 'a');
            }
            const struct glpq_node *node = glpq_walk_first(&fixture.queue);
            while (node != NULL) {
                uint32_t bit = (uint32_t) (node->key >= least) << (name_of(&fixture, node) - 'a');
                cr_assert_eq(seen & bit, 0, "script \"%s\"", cases[i].script);
                seen |= bit;
                node = node->key < least ? glpq_walk_past(node) : glpq_walk_next(node);
            }
            cr_expect_eq(seen, expected, "script \"%s\", from %u on", cases[i].script, least);
        }
    }
}

/* Checks that field, wrong, makes the queue invalid, and restores it. */
#define EXPECT_SEEN(field, wrong)                                                                  \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (wrong);                                                                         \
        cr_expect_not(glpq_is_valid(queue, false), "%s = %s", #field, #wrong);                     \
        (field) = saved;                                                                           \
        cr_assert(glpq_is_valid(queue, false));                                                    \
    } while (0)

Test(glpq, validity_finds_what_is_broken)
{
    struct fixture fixture = {0};
    struct glpq *queue = &fixture.queue;
    struct glpq_node *nodes = fixture.nodes;

    glpq_init(queue);
    run_script(&fixture, "+a9+b8+c7+d6");
    EXPECT_SEEN(nodes[3].key, 10);
    EXPECT_SEEN(queue->root->child->prev, NULL);
    EXPECT_SEEN(queue->root->next, &nodes[3]);
    EXPECT_SEEN(queue->count, queue->count + 1);
    EXPECT_SEEN(queue->count, queue->count - 1);
    EXPECT_SEEN(nodes[2].age, queue->next_age);
    EXPECT_SEEN(queue->root, NULL);
    EXPECT_SEEN(nodes[1].next, &nodes[1]);
}

Test(glpq, only_the_thorough_check_finds_equal_ages)
{
    struct fixture fixture = {0};
    glpq_init(&fixture.queue);
    run_script(&fixture, "+a9+b8+c7+d6");
    fixture.nodes[3].age = fixture.nodes[2].age;
    cr_expect(glpq_is_valid(&fixture.queue, false));
    cr_expect_not(glpq_is_valid(&fixture.queue, true));
}
