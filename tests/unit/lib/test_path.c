/* SPDX-License-Identifier: MIT */
/* path: a shortest chain from a root to a block, by pointers that hold where there is one. */
#include "lib/leaks/path.h"
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <string.h>

static const char *letter_of(const struct block_graph *graph, uintptr_t start)
{
    static char letter[2];

    letter[0] = '?';
    for (const char *at = graph->order; *at != '\0'; at++) {
        if ((uintptr_t) graph->block[*at - 'A'].start == start) {
            letter[0] = *at;
        }
    }
    return letter;
}

/* Writes the chain to a block: "*1>A A@8>B" for a pointer in root 1 to A, and one at offset 8 of it. */
static const char *chain_to(const struct block_graph *graph, const struct lmm_path *path,
                            const struct block_graph_block *block, size_t room)
{
    static char text[500];
    struct lmm_path_step steps[16];
    size_t length = lmm_path_find(path, (uintptr_t) block->start + block->bytes / 2, steps, room);
    size_t shown = length < room ? length : room;
    int at = snprintf(text, sizeof(text), "%zu:", length);

    for (size_t i = 0; i < shown; i++) {
        const struct lmm_path_step *step = &steps[i];
        char *end = text + at;
        size_t left = sizeof(text) - (size_t) at;
        if (step->is_root) {
            size_t root = (step->from - (uintptr_t) graph->roots) / sizeof(graph->roots[0]);
            at += step->from == 0 ? snprintf(end, left, " register")
                                  : snprintf(end, left, " *%zu", root);
        } else {
            at += snprintf(end, left, " %s@%zu", letter_of(graph, step->from), step->offset);
        }
        at += snprintf(text + at, sizeof(text) - (size_t) at, ">%s", letter_of(graph, step->to));
        if (step->to_offset != 0) {
            at += snprintf(text + at, sizeof(text) - (size_t) at, "+%zu", step->to_offset);
        }
    }
    return text;
}

static const struct {
    const char *graph;
    char to;
    size_t room;
    const char *expected;
} cases[] = {
    {"A *>A", 'A', 16, "1: *0>A"},
    {"A B *>B *>A", 'A', 16, "1: *1>A"},
    {"A", 'A', 16, "0:"},
    {"A B B>A", 'A', 16, "0:"},
    {"A B A>B *>A", 'B', 16, "2: *0>A A@0>B"},
    {"A B A@16>B *>A", 'B', 16, "2: *0>A A@16>B"},
    {"A B C A>B B>C A>C *>A", 'C', 16, "2: *0>A A@8>C"},
    {"A B C D A>B B>C A>D D>C *>A", 'C', 16, "3: *0>A A@0>B B@0>C"},
    {"A B A>B B>A *>A", 'B', 16, "2: *0>A A@0>B"},
    {"A *>A+8", 'A', 16, "1: *0>A"}, /* a root's word is not read again */
    {"A B A>B+8 *>A", 'B', 16, "2: *0>A A@0>B+8"},
    {"A B C A>C+8 A>B B>C *>A", 'C', 16, "3: *0>A A@8>B B@0>C"},
    {"A B C *>C+8 A>B B>C *>A", 'C', 16, "3: *1>A A@0>B B@0>C"},
    {"A B A>B *>A+8", 'B', 16, "2: *0>A A@0>B"},
    {"A:r5 B A@232>B *>A", 'B', 16, "2: *0>A A@232>B"},
    {"A:f B A>B *>A", 'B', 16, "0:"},
    {"A:e B B@8>A$ *>B", 'A', 16, "2: *0>B B@8>A+8"},
    {"A B C D E A>B B>C C>D D>E *>A", 'E', 4, "5: *0>A A@0>B C@0>D D@0>E"},
    {"A B C D E A>B B>C C>D D>E *>A", 'E', 3, "5: *0>A C@0>D D@0>E"},
    {"A B C D E A>B B>C C>D D>E *>A", 'E', 0, "5:"},
};

Test(path, chains)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct block_graph graph;
        struct lmm_path path;
        block_graph_make(&graph, cases[i].graph);
        graph.settings.heuristics = 0;
        cr_assert(lmm_path_init(&path, &graph.settings));
        lmm_path_root(&path, graph.roots, graph.roots + graph.root_count, (uintptr_t) graph.roots);
        lmm_path_run(&path);
        cr_expect(lmm_path_is_valid(&path));
        const char *found = chain_to(&graph, &path, &graph.block[cases[i].to - 'A'], cases[i].room);
        cr_expect(strcmp(found, cases[i].expected) == 0, "%s: expected %s, found %s",
                  cases[i].graph, cases[i].expected, found);
        lmm_path_end(&path);
        block_graph_free(&graph);
    }
}

Test(path, registers_and_copies_of_roots)
{
    struct block_graph graph;
    struct lmm_path path;
    struct lmm_path_step step;
    char *copy[1];

    block_graph_make(&graph, "A B C");
    cr_assert(lmm_path_init(&path, &graph.settings));
    lmm_path_root_word(&path, (uintptr_t) graph.block[0].start);
    copy[0] = graph.block[1].start;
    lmm_path_root(&path, copy, copy + 1, 0x5000);
    lmm_path_run(&path);
    cr_expect(strcmp(chain_to(&graph, &path, &graph.block[0], 16), "1: register>A") == 0);
    cr_expect(lmm_path_find(&path, (uintptr_t) graph.block[1].start, &step, 1) == 1);
    cr_expect(step.is_root && step.from == 0x5000);
    cr_expect(lmm_path_find(&path, (uintptr_t) graph.block[2].start, &step, 1) == 0);
    cr_expect(lmm_path_find(&path, (uintptr_t) &graph, &step, 1) == 0, "no block");
    lmm_path_end(&path);
    block_graph_free(&graph);
}
