/* SPDX-License-Identifier: MIT */
/* Unit tests of glthread: each case is a script of operations and the list that it must leave. */
#include "glthread/glthread.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { ITEMS = 8 };

struct item {
    char name;
    struct glthread node;
};

/* The head and some items, all on no list. */
struct fixture {
    struct glthread head;
    struct item items[ITEMS];
};

static void fixture_init(struct fixture *fixture)
{
    glthread_init(&fixture->head);
    for (int i = 0; i < ITEMS; i++) {
        fixture->items[i].name = (char) ('a' + i);
        glthread_init(&fixture->items[i].node);
    }
}

/* The node called name; '.' is the head. */
static struct glthread *node_of(struct fixture *fixture, char name)
{
    return name == '.' ? &fixture->head : &fixture->items[name - 'a'].node;
}

/* Runs a script: "+xy" puts y after x, "^xy" puts y before x, "-x" removes x. */
static void run_script(struct fixture *fixture, const char *script)
{
    while (*script != '\0') {
        switch (*script) {
        case '+':
            glthread_insert_after(node_of(fixture, script[1]), node_of(fixture, script[2]));
            script += 3;
            break;
        case '^':
            glthread_insert_before(node_of(fixture, script[1]), node_of(fixture, script[2]));
            script += 3;
            break;
        case '-':
            glthread_remove(node_of(fixture, script[1]));
            script += 2;
            break;
        default: cr_assert_fail("unknown operation '%c'", *script);
        }
    }
}

/* Writes the names of the elements, in the order of the list, into ret_names. */
static void list_names(const struct glthread *head, char ret_names[ITEMS + 1])
{
    size_t used = 0;
    for (struct glthread *node = glthread_first(head); node != NULL && used < ITEMS;
         node = glthread_next(head, node)) {
        ret_names[used++] = GLTHREAD_ENTRY(node, struct item, node)->name;
    }
    ret_names[used] = '\0';
}

/* The same in the opposite direction. */
static void list_names_backwards(const struct glthread *head, char ret_names[ITEMS + 1])
{
    size_t used = 0;
    for (struct glthread *node = head->prev; node != head && used < ITEMS; node = node->prev) {
        ret_names[used++] = GLTHREAD_ENTRY(node, struct item, node)->name;
    }
    ret_names[used] = '\0';
}

static const struct {
    const char *script;
    const char *names;
} cases[] = {
    {"", ""},
    {"+.a", "a"},
    {"^.a", "a"},
    {"+.a+.b+.c", "cba"},
    {"^.a^.b^.c", "abc"},
    {"^.a^.b+ac", "acb"},
    {"^.a^.b^bc", "acb"},
    {"^.a^.b^ac", "cab"},
    {"^.a^.b+bc", "abc"},
    {"^.a-a", ""},
    {"^.a-a-a", ""},
    {"^.a^.b^.c-a", "bc"},
    {"^.a^.b^.c-b", "ac"},
    {"^.a^.b^.c-c", "ab"},
    {"^.a^.b^.c-a-b-c", ""},
    {"^.a^.b-a^.a", "ba"},
    {"-a^.b", "b"},
    {"^.a^.b^.c^.d^.e^.f^.g^.h-d-h-a", "bcefg"},
};

Test(glthread, scripts_leave_the_list_they_should)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        run_script(&fixture, cases[i].script);

        char names[ITEMS + 1];
        list_names(&fixture.head, names);
        cr_expect_str_eq(names, cases[i].names, "script \"%s\" left \"%s\"", cases[i].script,
                         names);

        char backwards[ITEMS + 1];
        list_names_backwards(&fixture.head, backwards);
        size_t length = strlen(names);
        cr_assert_eq(strlen(backwards), length, "script \"%s\"", cases[i].script);
        for (size_t k = 0; k < length; k++) {
            cr_expect_eq(backwards[k], names[length - 1 - k], "script \"%s\"", cases[i].script);
        }
    }
}

Test(glthread, every_node_keeps_its_invariant)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture fixture;
        fixture_init(&fixture);
        run_script(&fixture, cases[i].script);
        for (char name = 'a'; name < 'a' + ITEMS; name++) {
            const struct glthread *node = node_of(&fixture, name);
            cr_expect_eq(node->next->prev, node, "%c after \"%s\"", name, cases[i].script);
            cr_expect_eq(node->prev->next, node, "%c after \"%s\"", name, cases[i].script);
            bool listed = strchr(cases[i].names, name) != NULL;
            cr_expect_eq(glthread_is_empty(node), !listed, "%c after \"%s\"", name,
                         cases[i].script);
        }
        cr_expect_eq(glthread_is_empty(&fixture.head), cases[i].names[0] == '\0');
    }
}

Test(glthread, an_empty_list_has_no_first)
{
    struct glthread head;
    glthread_init(&head);
    cr_expect_null(glthread_first(&head));
    cr_expect(glthread_is_empty(&head));
}

Test(glthread, the_entry_is_the_struct_around_the_node)
{
    struct item item = {.name = 'x'};
    cr_expect_eq(GLTHREAD_ENTRY(&item.node, struct item, node), &item);
}
