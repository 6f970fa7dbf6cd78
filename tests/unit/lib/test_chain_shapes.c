/* SPDX-License-Identifier: MIT */
/* chain_shapes: which chains are alike, how many blocks they lead to, and where their pointers lie. */
#include "lib/leaks/chain_shapes.h"
#include "tests/support/block_graph.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BLOCKS = 40, ROOTS = 200 };

static struct block_graph_block made[BLOCKS];
static size_t made_count;
static char *roots[ROOTS];
static struct lmm_site_groups groups;
static struct lmm_chain_shapes shapes;

static void free_all(void)
{
    struct block_graph graph = {.order = ""};

    for (size_t i = 0; i < made_count; i++) {
        graph.block[i % BLOCK_GRAPH_LETTERS] = made[i];
        graph.order[i % BLOCK_GRAPH_LETTERS] = (char) ('A' + (int) (i % BLOCK_GRAPH_LETTERS));
        if (i % BLOCK_GRAPH_LETTERS == BLOCK_GRAPH_LETTERS - 1 || i + 1 == made_count) {
            block_graph_free(&graph);
            graph = (struct block_graph) {.order = ""};
        }
    }
    made_count = 0;
    memset(roots, 0, sizeof(roots));
    memset(&groups, 0, sizeof(groups));
}

TestSuite(chain_shapes, .fini = free_all);

/* Makes a block of 48 bytes of the site of a letter. */
static char **block(char site)
{
    struct block_graph_block *added = &made[made_count++];

    block_graph_make_block(added, (uint32_t) site, 'n', 0);
    memset(added->start, 0, added->bytes);
    return (char **) (void *) added->start;
}

static uint32_t site_of(char letter)
{
    char *site_block = (char *) block(letter);

    (void) site_block;
    return made[made_count - 1].site;
}

static size_t put_range(char *text, const struct lmm_shape_range *range)
{
    size_t at = (size_t) sprintf(text, "%" PRIu64, range->first);

    if (range->last != range->first) {
        at += (size_t) sprintf(text + at, "..%" PRIu64 "/%" PRIu64, range->last, range->step);
    }
    return at;
}

/* Writes the shapes to the blocks of a site: "3: *0..16/8>X; " for three in an array of roots. */
static const char *shapes_to(char letter)
{
    static char text[2000];
    uint32_t x = site_of('X');
    uint32_t wanted = letter == 'X' ? x : site_of(letter);
    struct lmm_marker_settings settings = {.heuristics = 0};
    struct lmm_path path;
    size_t at = 0;

    cr_assert(lmm_path_init(&path, &settings));
    lmm_path_root(&path, roots, roots + ROOTS, (uintptr_t) roots);
    lmm_path_run(&path);
    cr_assert(lmm_chain_shapes_of_path(&path, &groups, wanted, &shapes));
    text[0] = '\0';
    for (uint32_t i = 0; i < shapes.count; i++) {
        const struct lmm_shape *shape = &shapes.list[i];
        at += (size_t) sprintf(text + at, "%" PRIu64 ":", shape->blocks);
        for (uint32_t k = 0; k < shape->count; k++) {
            struct lmm_shape_link link = shape->links[k];
            link.from.first -= k == 0 ? (uintptr_t) roots : 0;
            link.from.last -= k == 0 ? (uintptr_t) roots : 0;
            at += (size_t) sprintf(text + at, k == 0 ? " *" : " @");
            at += put_range(text + at, &link.from);
            if (link.has_loop) {
                at += (size_t) sprintf(text + at, "(@");
                at += put_range(text + at, &link.loop);
                at += (size_t) sprintf(text + at, ")");
            }
            at += (size_t) sprintf(text + at, link.site == x ? ">X" : ">.");
        }
        at += (size_t) sprintf(text + at, "; ");
    }
    lmm_path_end(&path);
    return text;
}

#define EXPECT_SHAPES(letter, expected)                                                            \
    do {                                                                                           \
        const char *found = shapes_to(letter);                                                     \
        cr_expect_str_eq(found, expected, "expected %s, found %s", expected, found);               \
    } while (0)

Test(chain_shapes, what_nothing_holds_has_no_shape)
{
    block('X');
    EXPECT_SHAPES('X', "");
    cr_expect_eq(shapes.blocks, 0);
}

Test(chain_shapes, words_of_an_array_are_one_root)
{
    for (size_t i = 0; i < 5; i++) {
        roots[2 + 3 * i] = (char *) block('X');
    }
    EXPECT_SHAPES('X', "5: *16..112/24>X; ");
    cr_expect_eq(shapes.blocks, 5);
    cr_expect_eq(shapes.bytes, 5 * 48);
    cr_expect_eq(shapes.shapes, 1);
}

Test(chain_shapes, words_far_from_each_other_are_two_roots)
{
    roots[0] = (char *) block('X');
    roots[1] = (char *) block('X');
    roots[100] = (char *) block('X');
    EXPECT_SHAPES('X', "2: *0..8/8>X; 1: *800>X; ");
}

Test(chain_shapes, pointers_of_other_sites_do_not_part_an_array)
{
    for (size_t i = 0; i < 4; i++) {
        roots[2 * i] = (char *) block('X');
        roots[2 * i + 1] = (char *) block('A');
    }
    EXPECT_SHAPES('X', "4: *0..48/16>X; ");
}

Test(chain_shapes, the_links_of_a_list_are_one_shape)
{
    char **link = block('X');

    roots[0] = (char *) link;
    for (size_t i = 0; i < 20; i++) {
        link[1] = (char *) block('X');
        link = (char **) (void *) link[1];
    }
    EXPECT_SHAPES('X', "21: *0(@8)>X; ");
    cr_expect_eq(shapes.shapes, 1);
}

Test(chain_shapes, a_tree_has_two_offsets_in_its_loop)
{
    char **at[7];

    for (size_t i = 0; i < 7; i++) {
        at[i] = block('X');
        if (i > 0) {
            at[(i - 1) / 2][1 + (i - 1) % 2 * 2] = (char *) at[i];
        }
    }
    roots[3] = (char *) at[0];
    EXPECT_SHAPES('X', "7: *24(@8..24/16)>X; ");
}

Test(chain_shapes, what_the_links_of_a_list_hold_is_one_shape)
{
    char **link = block('A');

    roots[0] = (char *) link;
    for (size_t i = 0; i < 10; i++) {
        link[2] = (char *) block('X');
        link[0] = (char *) block('A');
        link = (char **) (void *) link[0];
    }
    EXPECT_SHAPES('X', "10: *0(@0)>. @16>X; ");
}

Test(chain_shapes, two_sites_that_hold_each_other_are_a_loop)
{
    char **link = block('A');

    roots[0] = (char *) link;
    for (size_t i = 0; i < 10; i++) {
        char **other = block(i % 2 == 0 ? 'B' : 'A');
        link[i % 2] = (char *) other;
        link = other;
    }
    link[5] = (char *) block('X');
    EXPECT_SHAPES('X', "1: *0(@8)>. @40>X; ");
}

Test(chain_shapes, two_ways_are_two_shapes_the_larger_first)
{
    char **a = block('A');
    char **b = block('B');

    roots[0] = (char *) a;
    roots[1] = (char *) b;
    for (size_t i = 0; i < 6; i++) {
        (i < 2 ? a : b)[i] = (char *) block('X');
    }
    EXPECT_SHAPES('X', "4: *8>. @16..40/8>X; 2: *0>. @0..8/8>X; ");
    cr_expect_eq(shapes.shapes, 2);
    cr_expect_eq(shapes.list[0].bytes, 4 * 48);
}

/* Two sites of one line. */
Test(chain_shapes, sites_of_a_group_are_one)
{
    char **a = block('A');
    char **b = block('B');

    roots[0] = (char *) a;
    roots[1] = (char *) b;
    a[0] = (char *) block('X');
    b[0] = (char *) block('Y');
    groups.of[site_of('A')] = groups.of[site_of('B')] = 1 + site_of('A');
    groups.of[site_of('X')] = groups.of[site_of('Y')] = 1 + site_of('X');
    EXPECT_SHAPES('X', "2: *0..8/8>. @0>X; ");
}

/* Of a chain through more sites than are told the first and the last ones are. */
Test(chain_shapes, a_long_shape_is_cut_in_its_middle)
{
    char **link = block('A');

    roots[0] = (char *) link;
    for (size_t i = 1; i < 12; i++) {
        link[0] = (char *) block((char) ('A' + (int) i));
        link = (char **) (void *) link[0];
    }
    link[3] = (char *) block('X');
    EXPECT_SHAPES('X', "1: *0>. @0>. @0>. @0>. @0>. @0>. @0>. @24>X; ");
    cr_expect_eq(shapes.list[0].length, 13);
}
