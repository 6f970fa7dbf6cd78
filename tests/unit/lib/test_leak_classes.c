/* SPDX-License-Identifier: MIT */
/* leak_classes: one leader for each set of lost blocks that nothing else leads to; sums. */
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *what;
    const char *graph;
    const char *expected;
} cases[] = {
    {"no pointers", "A B C", "A:d B:d C:d"},
    {"itself", "A A>A", "A:d"},
    {"a list, ascending", "A B C A>B B>C", "A:d B:x=A C:x=A"},
    {"a list, descending", "A B C C>B B>A", "A:x=C B:x=C C:d"},
    {"a list in no order", "A B C D C>A A>D D>B", "A:x=C B:x=C C:d D:x=C"},
    {"an inside pointer", "A B A>B+8", "A:d B:x=A"},
    {"a clique of two", "A B A>B B>A", "A:d B:x=A"},
    {"a clique of three", "A B C A>B A>C B>A B>C C>A C>B", "A:d B:x=A C:x=A"},
    {"a ring that a block leads to", "A B C D A>B B>C C>A D>B", "A:x=D B:x=D C:x=D D:d"},
    {"a ring that leads to a block", "A B C D B>C C>D D>B C>A", "A:x=B B:d C:x=B D:x=B"},
    {"two rings, one leads to the other", "A B C D A>B B>A C>D D>C D>B", "A:x=C B:x=C C:d D:x=C"},
    {"two rings, the later one is led to", "A B C D A>B B>A C>D D>C B>C", "A:d B:x=A C:x=A D:x=A"},
    {"a shared tail, which no question answers", "A B C A>B C>B", "A:d B:x=C C:d"},
    {"three heads, one tail", "A B C D A>B C>B D>B", "A:d B:x=D C:d D:d"},
    {"a diamond", "A B C D A>B A>C B>D C>D", "A:d B:x=A C:x=A D:x=A"},
    {"a diamond, upside down", "A B C D D>B D>C B>A C>A", "A:x=D B:x=D C:x=D D:d"},
    {"a tail through a middle block", "A B C D A>B B>C D>B", "A:d B:x=D C:x=D D:d"},
    {"back to the head through a middle block", "A B C A>B B>A C>B", "A:x=C B:x=C C:d"},
    {"a head taken over, then its middle", "A B C D A>B C>A D>B", "A:x=C B:x=C C:d D:d"},
    {"a leaf taken over twice", "A B C B>A C>A", "A:x=C B:d C:d"},
    {"a tree with pointers to parents", "A B C B>A B>C A>B C>B", "A:d B:x=A C:x=A"},
    {"a chain of heads", "A B C D B>A C>B D>C", "A:x=D B:x=D C:x=D D:d"},
    {"reachable blocks are not led to", "A B C A>B *>B B>C", "A:d B:r C:r"},
    {"nor do they lead", "A B *>A+8 A>B", "A:p B:p"},
    {"blocks of other kinds", "A:r3 B:s C:f D:b20 A>B B>C B>D C>A", "A:d B:x=A C:x=A D:x=A"},
    {"through a family without pointers", "A:f B A>B", "A:d B:d"},
};

Test(leak_classes, leaders)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct block_graph graph;
        block_graph_make(&graph, cases[i].graph);
        const char *found = block_graph_classes(&graph);
        cr_expect(strcmp(found, cases[i].expected) == 0, "%s: %s: expected %s, found %s",
                  cases[i].what, cases[i].graph, cases[i].expected, found);
        block_graph_free(&graph);
    }
}
