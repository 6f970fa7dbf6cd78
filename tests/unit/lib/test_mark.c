/* SPDX-License-Identifier: MIT */
/* mark: what roots lead to, and by which pointers. */
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

struct graph_case {
    const char *what;
    const char *graph;
    const char *expected;
};

static void check(const struct graph_case *test, unsigned heuristics, bool unaligned)
{
    struct block_graph graph;

    block_graph_make(&graph, test->graph);
    graph.settings.heuristics = heuristics;
    graph.settings.unaligned = unaligned;
    const char *found = block_graph_classes(&graph);
    cr_expect(strcmp(found, test->expected) == 0, "%s: %s: expected %s, found %s", test->what,
              test->graph, test->expected, found);
    block_graph_free(&graph);
}

#define CHECK_ALL(cases, heuristics, unaligned)                                                    \
    for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) {                              \
        check(&(cases)[i], heuristics, unaligned);                                                 \
    }

Test(mark, pointers_of_a_root)
{
    static const struct graph_case cases[] = {
        {"no pointer", "A", "A:d"},
        {"start", "A *>A", "A:r"},
        {"start, twice", "A *>A *>A", "A:r"},
        {"inside", "A *>A+8", "A:p"},
        {"inside, at no word", "A *>A+13", "A:p"},
        {"last byte", "A *>A+47", "A:p"},
        {"inside, then start", "A *>A+8 *>A", "A:r"},
        {"start, then inside", "A *>A *>A+8", "A:r"},
        {"just past it: the next block", "A B *>A+48", "A:d B:r"},
        {"a number", "A *=0 *=1 *=0xFFFFFFFFFFFFFFFF *=0x7000", "A:d"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, arrays_and_long_blocks)
{
    static const struct graph_case cases[] = {
        {"start of an array", "A:r5 *>A", "A:r"},
        {"inside its first struct", "A:r5 *>A+1", "A:p"},
        {"start of its second struct", "A:r5 *>A+48", "A:p"},
        {"start of its last struct", "A:r5 *>A+192", "A:p"},
        {"its last byte", "A:r5 *>A+239", "A:p"},
        {"just past it", "A:r5 B:r5 *>A+240", "A:d B:r"},
        {"an array of 200", "A:r200 *>A+9599", "A:p"},
        {"start of a span", "A:s *>A", "A:r"},
        {"inside a span", "A:s *>A+399999", "A:p"},
        {"the second unit of a span", "A:s *>A+262144", "A:p"},
        {"the slots of a span's page that are not the span's", "A:s *>A+500000", "A:d"},
        {"a pointer at the end of an array", "A:r5 B A@232>B *>A", "A:r B:r"},
        {"a pointer at the end of a span", "A:s B A@399992>B *>A", "A:r B:r"},
        {"a pointer across system pages of a span", "A:s B A@4096>B *>A", "A:r B:r"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, chains)
{
    static const struct graph_case cases[] = {
        {"ascending", "A B C A>B B>C *>A", "A:r B:r C:r"},
        {"descending", "A B C C>B B>A *>C", "A:r B:r C:r"},
        {"a cycle", "A B C A>B B>C C>A *>B", "A:r B:r C:r"},
        {"itself", "A A>A *>A", "A:r"},
        {"inside in the middle", "A B C A>B+8 B>C *>A", "A:r B:p C:p"},
        {"inside at first", "A B C A>B B>C *>A+8", "A:p B:p C:p"},
        {"inside everywhere", "A B C A>B+8 B>C+8 *>A+8", "A:p B:p C:p"},
        {"two ways", "A B C D A>B+8 A>C C>B B>D *>A", "A:r B:r C:r D:r"},
        {"a tree", "A B C D E A>B A>C B>D B>E *>A", "A:r B:r C:r D:r E:r"},
        {"a tree, not from its root", "A B C D E A>B A>C B>D B>E *>B", "A:d B:r C:x=A D:r E:r"},
        {"a pointer in a lost block holds nothing", "A B B>A", "A:x=B B:d"},
        {"a pointer from possibly lost to start", "A B A>B *>A+8", "A:p B:p"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, what_is_not_read)
{
    static const struct graph_case cases[] = {
        {"a family without pointers", "A:f B A>B *>A", "A:r B:d"},
        {"slack", "A:b20 B A@20>B *>A", "A:r B:d"},
        {"a word that is partly slack", "A:b20 B A@16>B *>A", "A:r B:d"},
        {"the word before the slack", "A:b24 B A@16>B *>A", "A:r B:r"},
        {"slack of an array", "A:b100 B A@104>B *>A", "A:r B:d"},
        {"no word of an aligned address", "A B A@4>B *>A", "A:r B:d"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, unaligned_words)
{
    static const struct graph_case cases[] = {
        {"at 4", "A B A@4>B *>A", "A:r B:r"},
        {"at 1", "A B A@1>B *>A", "A:r B:r"},
        {"the last one", "A B A@40>B *>A", "A:r B:r"},
        {"partly slack", "A:b20 B A@13>B *>A", "A:r B:d"},
    };

    CHECK_ALL(cases, 0, true)
}

/* A pointer to the end of the bytes requested may be the end of an array. */
Test(mark, slack)
{
    static const struct graph_case cases[] = {
        {"end of the bytes", "A:b20 *>A$", "A:p"},
        {"inside the slack", "A:b20 *>A+31", "A:p"},
        {"end of the slots", "A:b20 B:b20 *>A#", "A:d B:r"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, blocks_of_no_length)
{
    static const struct graph_case cases[] = {
        {"0 bytes", "A:b0 *>A$", "A:r"},
        {"8 bytes of zeros, end", "A:b8 *>A$", "A:r"},
        {"8 bytes that are not zero", "A:b8 A=1 *>A$", "A:p"},
        {"9 bytes of zeros", "A:b9 *>A$", "A:p"},
        {"slots of 8 bytes, end", "A:e *>A$", "A:r"},
        {"slots of 8 bytes, not zero", "A:e A=7 *>A$", "A:d"},
        {"the end is the next one's start, too", "A:e B:e B=7 *>A$", "A:r B:r"},
        {"only the next one's start", "A:e B:e A=7 *>A$", "A:d B:r"},
        {"from a block", "A:e B B>A$ *>B", "A:r B:r"},
        {"from a lost block", "A:e B B>A$", "A:x=B B:d"},
        {"from a possibly lost block", "A:e B B>A$ *>B+8", "A:p B:p"},
    };

    CHECK_ALL(cases, 0, false)
}

Test(mark, ignored_blocks)
{
    static const struct graph_case cases[] = {
        {"lost", "A:i", "A:i"},
        {"reachable", "A:i *>A", "A:r"},
        {"what it leads to", "A:i B C A>B B>C", "A:i B:i C:i"},
        {"what it leads to the inside of", "A:i B A>B+8", "A:i B:i"},
        {"rather than possibly lost", "A:i B A>B *>B+8", "A:i B:i"},
        {"but not what is still reachable", "A:i B A>B *>B", "A:i B:r"},
        {"what leads to it is lost", "A:i B B>A", "A:i B:d"},
    };

    CHECK_ALL(cases, 0, false)
}

/* ---- Heuristics ------------------------------------------------------------------------------ */

struct heuristic_case {
    enum lmm_heuristic heuristic;
    struct graph_case with; /* and "A:p" without */
};

Test(mark, heuristics)
{
    static const struct heuristic_case cases[] = {
        {LMM_HEURISTIC_STDSTRING, {"string", "A:b40 A=5 A=15 *>A+24", "A:r"}},
        {LMM_HEURISTIC_STDSTRING, {"full string", "A:b40 A=15 A=15 *>A+24", "A:r"}},
        {LMM_HEURISTIC_LENGTH64, {"length", "A A=40 *>A+8", "A:r"}},
        {LMM_HEURISTIC_NEWARRAY, {"8 elements of 5 bytes", "A A=8 *>A+8", "A:r"}},
        {LMM_HEURISTIC_NEWARRAY, {"1 element", "A A=1 *>A+8", "A:r"}},
        {LMM_HEURISTIC_TREE_NODE, {"a leaf", "A:b24 A=5 *>A+1", "A:r"}},
        {LMM_HEURISTIC_TREE_NODE, {"a red leaf", "A:b24 A=5 A=1 *>A+1", "A:r"}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct graph_case without = cases[i].with;
        without.expected = "A:p";
        check(&cases[i].with, cases[i].heuristic, false);
        check(&cases[i].with, LMM_HEURISTICS_ALL, false);
        check(&without, 0, false);
    }
}

Test(mark, heuristics_that_do_not_apply)
{
    static const struct graph_case cases[] = {
        {"longer than its capacity", "A:b40 A=16 A=15 *>A+24", "A:p"},
        {"another capacity", "A:b40 A=5 A=14 *>A+24", "A:p"},
        {"not the characters", "A:b40 A=5 A=15 *>A+16", "A:p"},
        {"a length of 0", "A *>A+8", "A:p"},
        {"elements of no whole length", "A A=7 *>A+8", "A:p"},
        {"after the first element", "A A=8 *>A+16", "A:p"},
        {"an empty block", "A:b4 *>A+3", "A:p"},
        {"a node without a key", "A:b24 *>A+1", "A:p"},
        {"a node of another size", "A:b32 A=5 *>A+1", "A:p"},
        {"a node with a number for a child", "A:b24 A=5 A=0 A=6 *>A+1", "A:p"},
        {"a node with a child that is none", "A:b24 B:b32 A=5 A>B *>A+1", "A:p B:p"},
    };

    CHECK_ALL(cases, LMM_HEURISTICS_ALL, false)
}

Test(mark, trees_of_libc)
{
    static const struct graph_case cases[] = {
        {"a red node", "A:b24 B:b24 C:b24 A=5 A>B+1 A>C B=6 C=7 *>A", "A:r B:r C:r"},
        {"a red node below another", "A:b24 B:b24 A=5 A>B+1 B=6 *>A+1", "A:r B:r"},
        {"one that is lost", "A:b24 B:b24 A=5 A>B+1 B=6", "A:d B:x=A"},
    };

    CHECK_ALL(cases, LMM_HEURISTIC_TREE_NODE, false)
}

/* Tables of virtual functions, as mappings say: each is `table` words, code those of `code`. */
static uint64_t table[24];
static uint64_t other_table[24];
static char code[64];

static void check_inheritance(const char *what, uint64_t first, uint64_t second,
                              const char *expected)
{
    const struct lmm_marker_mapping places[] = {
        {(uintptr_t) table, (uintptr_t) (table + 24), false},
        {(uintptr_t) other_table, (uintptr_t) (other_table + 24), false},
        {(uintptr_t) code, (uintptr_t) (code + sizeof(code)), true},
    };
    struct lmm_marker_mapping sorted[3];
    struct block_graph graph;
    size_t count = 0;

    for (uintptr_t from = 0; count < 3; count++) {
        const struct lmm_marker_mapping *least = NULL;
        for (size_t i = 0; i < 3; i++) {
            if (places[i].from >= from && (least == NULL || places[i].from < least->from)) {
                least = &places[i];
            }
        }
        sorted[count] = *least;
        from = least->to;
    }
    block_graph_make(&graph, "A *>A+16");
    graph.settings.mappings = sorted;
    graph.settings.mapping_count = 3;
    memcpy(graph.block[0].start, &first, sizeof(first));
    memcpy(graph.block[0].start + 16, &second, sizeof(second));
    graph.settings.heuristics = LMM_HEURISTIC_MULTIPLE_INHERITANCE;
    cr_expect(strcmp(block_graph_classes(&graph), expected) == 0, "%s", what);
    graph.settings.heuristics = LMM_HEURISTICS_ALL & ~LMM_HEURISTIC_MULTIPLE_INHERITANCE;
    cr_expect(strcmp(block_graph_classes(&graph), "A:p") == 0, "%s, switched off", what);
    block_graph_free(&graph);
}

Test(mark, multiple_inheritance)
{
    uint64_t first = (uint64_t) (uintptr_t) table;
    uint64_t second = (uint64_t) (uintptr_t) other_table;

    table[2] = table[3] = other_table[0] = (uint64_t) (uintptr_t) code;
    other_table[19] = (uint64_t) (uintptr_t) code + 63;
    check_inheritance("two tables", first, second, "A:r");
    check_inheritance("one table for both", first, first, "A:r");
    check_inheritance("no table at the start", 1000, second, "A:p");
    check_inheritance("no table inside", first, 0, "A:p");
    check_inheritance("not aligned", first, second + 4, "A:p");
    check_inheritance("one address of code in 20 words", first, second + 8, "A:p");
    check_inheritance("too near to the end of its mapping", first, second + 19 * 8, "A:p");
    other_table[1] = 5;
    check_inheritance("a number among the functions", first, second, "A:p");
    other_table[1] = (uint64_t) (uintptr_t) code + 64;
    check_inheritance("an address that is no code", first, second, "A:p");
}

/* Spans of 400,000 bytes whose starts are 512 KiB apart, so the pages of their starts share an entry
 * among the pages that are remembered. */
Test(mark, heuristics_in_blocks_that_cannot_be_read)
{
    static const struct {
        const char *graph;
        const char *expected;
    } cases[] = {
        {"A:s B:s A=8 B=8 *>A+8 *>B+8", "A:r B:p"},
        {"A:s B:s A=8 B=8 *>B+8 *>A+8 *>B+8", "A:r B:p"},
        {"A:s B:s A=8 B=8 *>A+8 *>A+16 *>B+8 *>B+4096", "A:r B:p"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct block_graph graph;
        block_graph_make(&graph, cases[i].graph);
        graph.settings.heuristics = LMM_HEURISTICS_ALL;
        char *hidden = graph.block[1].start;
        cr_assert(mprotect(hidden, LMM_SYSTEM_PAGE_BYTES, PROT_NONE) == 0);
        const char *found = block_graph_classes(&graph);
        cr_expect(strcmp(found, cases[i].expected) == 0, "%s: found %s", cases[i].graph, found);
        cr_assert(mprotect(hidden, LMM_SYSTEM_PAGE_BYTES, PROT_READ | PROT_WRITE) == 0);
        block_graph_free(&graph);
    }
}

/* ---- Other functions ------------------------------------------------------------------------- */

Test(mark, words_and_blocks_by_address)
{
    struct block_graph graph;
    struct lmm_marker marker;
    uintptr_t start = 1;
    size_t bytes = 1;

    block_graph_make(&graph, "A:r5 B C:b20");
    cr_assert(lmm_marker_init(&marker, &graph.settings));
    lmm_marker_root_word(&marker, (uintptr_t) graph.block[0].start);
    lmm_marker_root_word(&marker, 12345);
    cr_expect(lmm_marker_is_block(&marker, (uintptr_t) graph.block[0].start + 100, &start, &bytes));
    cr_expect(start == (uintptr_t) graph.block[0].start && bytes == 240);
    cr_expect(lmm_marker_is_block(&marker, (uintptr_t) graph.block[2].start, &start, &bytes));
    cr_expect(start == (uintptr_t) graph.block[2].start && bytes == 20);
    cr_expect(!lmm_marker_is_block(&marker, (uintptr_t) &graph, &start, &bytes));
    lmm_marker_run(&marker);
    cr_expect(lmm_marker_kind(&marker, (uintptr_t) graph.block[0].start) ==
              LMM_LEDGER_LEAK_REACHABLE);
    cr_expect(lmm_marker_kind(&marker, (uintptr_t) graph.block[0].start + 48) == 0);
    cr_expect(lmm_marker_kind(&marker, (uintptr_t) graph.block[1].start) ==
              LMM_LEDGER_LEAK_DEFINITE);
    lmm_marker_end(&marker);
    block_graph_free(&graph);
}
