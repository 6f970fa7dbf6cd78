/* SPDX-License-Identifier: MIT */
/* confirm: what two passes find lost. Blocks are written as block_graph.h says; roots are letters. */
#include "lib/leaks/confirm.h"

#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

struct row {
    const char *what;
    const char *graph;
    const char *held_first; /* the roots of the first pass */
    const char *held_then;
    const char *written; /* between the passes */
    const char *expected;
};

static const struct block_graph_block *block_of(const struct block_graph *graph, char letter)
{
    return &graph->block[letter - 'A'];
}

static void pass(struct lmm_marker *marker, const struct block_graph *graph, const char *held)
{
    cr_assert(lmm_marker_init(marker, &graph->settings));
    for (; *held != '\0'; held++) {
        lmm_marker_root_word(marker, (uintptr_t) block_of(graph, *held)->start);
    }
    lmm_marker_run(marker);
}

static char kind_of(const struct lmm_marker *marker, const struct block_graph_block *block)
{
    switch (lmm_marker_kind(marker, (uintptr_t) block->start)) {
    case LMM_LEDGER_LEAK_DEFINITE: return 'd';
    case LMM_LEDGER_LEAK_POSSIBLE: return 'p';
    case LMM_LEDGER_LEAK_REACHABLE: return 'r';
    case LMM_LEDGER_LEAK_IGNORED: return 'i';
    default: return '?';
    }
}

static void keep_first(struct lmm_confirm *confirm, const struct block_graph *graph,
                       const char *held)
{
    struct lmm_marker marker;

    cr_assert(lmm_confirm_map(confirm));
    pass(&marker, graph, held);
    lmm_confirm_keep(confirm, &marker);
    lmm_marker_end(&marker);
}

/* The classes after the second pass, in the order of the graph. */
static void confirm_classes(const struct lmm_confirm *confirm, const struct block_graph *graph,
                            const char *held, char ret_classes[BLOCK_GRAPH_LETTERS + 1])
{
    struct lmm_marker marker;
    size_t count = strlen(graph->order);

    pass(&marker, graph, held);
    lmm_confirm_apply(confirm, &marker);
    for (size_t i = 0; i < count; i++) {
        ret_classes[i] = kind_of(&marker, block_of(graph, graph->order[i]));
    }
    ret_classes[count] = '\0';
    lmm_marker_end(&marker);
}

static void check(const struct row *row)
{
    struct block_graph graph;
    struct lmm_confirm confirm;
    char found[BLOCK_GRAPH_LETTERS + 1];

    block_graph_make(&graph, row->graph);
    keep_first(&confirm, &graph, row->held_first);
    for (const char *letter = row->written; *letter != '\0'; letter++) {
        *(volatile char *) (block_of(&graph, *letter)->start + 17) ^= 1;
    }
    confirm_classes(&confirm, &graph, row->held_then, found);
    cr_expect(strcmp(found, row->expected) == 0, "%s: expected %s, found %s", row->what,
              row->expected, found);
    lmm_confirm_unmap(&confirm);
    block_graph_free(&graph);
}

Test(confirm, lost_in_both_passes)
{
    static const struct row rows[] = {
        {"lost", "A", "", "", "", "d"},
        {"held", "A", "A", "A", "", "r"},
        {"held in the second pass", "A", "", "A", "", "r"},
        {"held in the first pass", "A", "A", "", "", "p"},
        {"written to meanwhile", "A", "", "", "A", "p"},
        {"one of each", "A B C D", "BC", "CD", "", "dprr"},
        {"an array", "A:r5 B:r5", "B", "", "", "dp"},
        {"a span", "A:s B:s", "B", "", "", "dp"},
        {"a span written to", "A:s B:s", "", "", "B", "dp"},
        {"without pointers: not looked at", "A:f", "", "", "A", "d"},
        {"ignored", "A:i B A>B", "", "", "A", "ii"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(&rows[i]);
    }
}

Test(confirm, what_hangs_on_a_block)
{
    static const struct row rows[] = {
        {"lost together", "A B A>B", "", "", "", "dd"},
        {"both held in the first pass", "A B A>B", "A", "", "", "pp"},
        {"the hanging one held in the first pass", "A B A>B", "B", "", "", "dp"},
        {"on one that is in use", "A B C A>B B>C", "", "", "A", "ppp"},
        {"on one that is in use, by its inside", "A B A>B+8", "", "", "A", "pp"},
        {"above one that is in use", "A B C A>B B>C", "", "", "B", "dpp"},
        {"a ring in use", "A B C A>B B>C C>A", "", "", "C", "ppp"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(&rows[i]);
    }
}

/* A block's place that a block of another site, length or page takes. */
Test(confirm, a_new_block_in_an_old_place)
{
    struct block_graph graph;
    struct lmm_confirm confirm;
    char found[BLOCK_GRAPH_LETTERS + 1];

    block_graph_make(&graph, "A B C:s");
    keep_first(&confirm, &graph, "");
    char *old = graph.block[0].start;
    lmm_free(old);
    graph.block[0].start = NULL;
    lmm_free(graph.block[2].start);
    for (size_t i = 0; i < 100000 && graph.block[0].start != old; i++) {
        block_graph_make_block(&graph.block[0], 4711, 'n', 0);
    }
    block_graph_make_block(&graph.block[2], 4712, 's', 0);
    cr_assert(graph.block[0].start == old);
    confirm_classes(&confirm, &graph, "", found);
    cr_expect_str_eq(found, "pdp");
    lmm_confirm_unmap(&confirm);
    block_graph_free(&graph);
}

Test(confirm, pages_that_came_meanwhile)
{
    enum { MANY = 20 };
    struct block_graph graph;
    struct block_graph_block many[MANY];
    struct lmm_confirm confirm;
    struct lmm_marker marker;

    block_graph_make(&graph, "A");
    keep_first(&confirm, &graph, "");
    for (size_t i = 0; i < MANY; i++) {
        block_graph_make_block(&many[i], 5000 + (uint32_t) i, 's', 0);
    }
    pass(&marker, &graph, "");
    lmm_confirm_apply(&confirm, &marker);
    cr_expect(kind_of(&marker, &graph.block[0]) == 'd');
    for (size_t i = 0; i < MANY; i++) {
        cr_expect(kind_of(&marker, &many[i]) == 'p', "span %zu", i);
        lmm_free(many[i].start);
    }
    lmm_marker_end(&marker);
    lmm_confirm_unmap(&confirm);
    block_graph_free(&graph);
}

/* The first pass may find pages for which its memory has no room. */
Test(confirm, pages_without_room)
{
    struct block_graph graph;
    struct lmm_confirm confirm;
    struct lmm_marker marker;
    char found[BLOCK_GRAPH_LETTERS + 1];

    cr_assert(lmm_confirm_map(&confirm));
    block_graph_make(&graph, "A B:s");
    pass(&marker, &graph, "");
    lmm_confirm_keep(&confirm, &marker);
    lmm_marker_end(&marker);
    confirm_classes(&confirm, &graph, "", found);
    cr_expect_str_eq(found, "pp");
    lmm_confirm_unmap(&confirm);
    block_graph_free(&graph);
}
