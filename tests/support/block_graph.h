/* SPDX-License-Identifier: MIT */
/*
 * block_graph: live blocks and pointers between them, written as a text, and their classes.
 *
 * A text consists of words. Blocks have capital letters, and are allocated in the order in which they
 * are named, at ascending addresses within a kind:
 *   A        a block of 48 bytes                   A:r5    an array of 5 of them
 *   A:s      a span of 400,000 bytes               A:f     48 bytes in a family without pointers
 *   A:i      48 bytes that checks ignore           A:e     a block of 8 bytes with slots of 8
 *   A:b20    20 bytes in a family that counts bytes
 * Pointers and numbers are stored in the next word of A that none was stored in yet; `*` is the root:
 *   A>B      the start of B                        A>B+8   8 bytes after it
 *   A>B$     the end of the bytes requested        A>B#    the end of B's slots
 *   A@4>B    the pointer is at offset 4 of A       A=5     the number 5
 */
#ifndef TESTS_SUPPORT_BLOCK_GRAPH_H
#define TESTS_SUPPORT_BLOCK_GRAPH_H

#include "lib/leaks/leak_classes.h"

#include <stdint.h>

enum { BLOCK_GRAPH_LETTERS = 26, BLOCK_GRAPH_ROOTS = 64 };

struct block_graph_block {
    char *start; /* NULL: there is none */
    size_t bytes;
    size_t room;
    size_t used; /* offset of the next word */
    uint32_t site;
};

struct block_graph {
    struct block_graph_block block[BLOCK_GRAPH_LETTERS];
    char order[BLOCK_GRAPH_LETTERS + 1]; /* the letters as they were named */
    char *roots[BLOCK_GRAPH_ROOTS];
    size_t root_count;
    struct lmm_marker_settings settings;
};

/* Makes a block of a site of its own for that line. kind: as after the colon above, 'n' for none; number:
 * what follows it, or 0. */
void block_graph_make_block(struct block_graph_block *block, uint32_t line, char kind,
                            size_t number);

/* Makes the blocks of the text; a text that makes no sense ends the program. */
void block_graph_make(struct block_graph *graph, const char *text);

/* Frees them. */
void block_graph_free(struct block_graph *graph);

/*
 * Marks with the settings and the roots, and writes the class of each block in the order of the text:
 * "A:r" still reachable, "A:i" ignored, "A:p" possibly lost, "A:d" definitely lost, "A:x=B" lost
 * indirectly with the leader B; "A:?" in no sum or several. The result lives until the next call.
 */
const char *block_graph_classes(const struct block_graph *graph);

#endif
