/* SPDX-License-Identifier: MIT */
/* retained: what would be lost without a site's blocks. */
#include "lib/leaks/retained.h"
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* In blocks of 48 bytes, by letter, in the order of the text. */
static const struct {
    const char *graph;
    const char *expected;
} cases[] = {
    {"A", "A0"},
    {"A *>A", "A1"},
    {"A B A>B", "A0 B0"},
    {"A B A>B *>A", "A2 B1"},
    {"A B A>B+8 *>A+8", "A2 B1"},
    {"A B A>B *>A *>B", "A1 B1"},
    {"A B C A>B B>C *>A", "A3 B2 C1"},
    {"A B C A>B B>A B>C *>A", "A3 B2 C1"},
    {"A B C A>B A>C B>C *>A", "A3 B1 C1"},
    {"A B C D A>B A>C B>D C>D *>A", "A4 B1 C1 D1"},
    {"A B C D A>B A>C B>D C>D *>A *>D", "A3 B1 C1 D1"},
    {"A B C D E A>B A>C B>D C>D D>E *>A", "A5 B1 C1 D2 E1"},
    {"A B C A>C B>C *>A *>B", "A1 B1 C1"},
    {"A B C D C>A D>B B>A A>B *>C", "A2 B1 C3 D0"},
    {"A B C D E A>B B>C C>D D>E E>A *>A", "A5 B4 C3 D2 E1"},
    {"A B C D E A>B B>C C>D D>E E>C *>A *>D", "A2 B1 C1 D2 E1"},
    {"A A>A *>A", "A1"},
    {"A:f B A>B *>A", "A1 B0"},
    {"A:r4 B A>B *>A", "A5 B1"},
};

Test(retained, by_block)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct lmm_retainer retainer;
        struct block_graph graph;
        char found[200] = "";
        block_graph_make(&graph, cases[i].graph);
        cr_assert(lmm_retainer_init(&retainer));
        lmm_retainer_root(&retainer, graph.roots, graph.roots + graph.root_count);
        cr_assert(lmm_retainer_run(&retainer));
        for (const char *at = graph.order; *at != '\0'; at++) {
            size_t length = strlen(found);
            snprintf(found + length, sizeof(found) - length, "%s%c%zu", length == 0 ? "" : " ", *at,
                     (size_t) retainer.bytes[graph.block[*at - 'A'].site] / 48);
        }
        cr_expect(strcmp(found, cases[i].expected) == 0, "%s: expected %s, found %s",
                  cases[i].graph, cases[i].expected, found);
        lmm_retainer_end(&retainer);
        block_graph_free(&graph);
    }
}

Test(retained, registers)
{
    static struct lmm_retainer retainer;
    struct block_graph graph;

    block_graph_make(&graph, "A B A>B");
    cr_assert(lmm_retainer_init(&retainer));
    lmm_retainer_root_word(&retainer, (uintptr_t) graph.block[0].start);
    cr_assert(lmm_retainer_run(&retainer));
    cr_expect(retainer.blocks == 2 && retainer.bytes[graph.block[0].site] == 96);
    lmm_retainer_end(&retainer);
    block_graph_free(&graph);
}
