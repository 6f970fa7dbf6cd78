/* SPDX-License-Identifier: MIT */
#include "tests/support/block_graph.h"

#include "lib/front/block.h"
#include "lib/heaps/start.h"
#include "lib/pages/family.h"

#include <inttypes.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NODE_BYTES = 48, SPAN_SLOTS = 400000 / NODE_BYTES + 1 };

static void fail(const char *text, const char *at)
{
    fprintf(stderr, "block_graph: '%s': cannot read '%s'\n", text, at);
    exit(EXIT_FAILURE);
}

static struct lmm_family *family_of(char kind)
{
    switch (kind) {
    case 'f': return lmm_family_no_pointers(lmm_family_register("text", NODE_BYTES, 8));
    case 'e': return lmm_family_register("word", 8, 8);
    case 'b': return !lmm_start() ? NULL : lmm_families_add("bytes", 32, 8, true);
    default: return lmm_family_register("node", NODE_BYTES, 8);
    }
}

void block_graph_make_block(struct block_graph_block *block, uint32_t line, char kind,
                            size_t number)
{
    struct lmm_family *family = family_of(kind);
    uint32_t site = lmm_site_intern(family->index, &family->sites, "graph.c", line,
                                    kind == 'i' ? "ignored" : "made");
    size_t slots = kind == 'r' ? number : 1;
    size_t slack = 0;

    if (kind == 's') {
        slots = SPAN_SLOTS;
    } else if (kind == 'b') {
        slots = number / family->stride + 1;
        slack = slots * family->stride - number;
    }
    if (kind == 'i') {
        lmm_site_mark(site, LMM_SITE_IGNORED);
    }
    block->start = lmm_block_alloc(family, lmm_live_value(site, slack), slots, 1, true);
    block->room = slots * family->stride;
    block->bytes = block->room - slack;
    block->used = 0;
    block->site = site;
}

static struct block_graph_block *block_of(struct block_graph *graph, const char *text, char letter)
{
    if (letter < 'A' || letter > 'Z') {
        fail(text, &letter);
    }
    return &graph->block[letter - 'A'];
}

/* The value of what follows '>': B, B+8, B$ or B#. */
static char *target_of(struct block_graph *graph, const char *text, const char *at)
{
    const struct block_graph_block *block = block_of(graph, text, at[0]);

    if (block->start == NULL) {
        fail(text, at);
    }
    switch (at[1]) {
    case '+': return block->start + strtoul(at + 2, NULL, 0);
    case '$': return block->start + block->bytes;
    case '#': return block->start + block->room;
    default: return block->start;
    }
}

static void store(struct block_graph *graph, const char *text, const char *word, char *value)
{
    if (word[0] == '*') {
        graph->roots[graph->root_count++] = value;
        return;
    }
    struct block_graph_block *block = block_of(graph, text, word[0]);
    if (word[1] == '@') {
        memcpy(block->start + strtoul(word + 2, NULL, 0), &value, sizeof(value));
    } else {
        memcpy(block->start + block->used, &value, sizeof(value));
        block->used += sizeof(value);
    }
}

static void read_word(struct block_graph *graph, const char *text, const char *word)
{
    const char *arrow = strchr(word, '>');

    if (arrow != NULL) {
        store(graph, text, word, target_of(graph, text, arrow + 1));
    } else if (word[1] == '=') {
        store(graph, text, word, (char *) (uintptr_t) strtoull(word + 2, NULL, 0));
    } else if (word[1] == '\0' || word[1] == ':') {
        size_t number = word[1] == ':' ? strtoul(word + 3, NULL, 0) : 0;
        block_graph_make_block(block_of(graph, text, word[0]), (uint32_t) word[0],
                               word[1] == ':' ? word[2] : 'n', number);
        graph->order[strlen(graph->order)] = word[0];
    } else {
        fail(text, word);
    }
}

void block_graph_make(struct block_graph *graph, const char *text)
{
    char copy[1024];

    memset(graph, 0, sizeof(*graph));
    graph->settings.heuristics = LMM_HEURISTICS_ALL;
    snprintf(copy, sizeof(copy), "%s", text);
    char *rest = copy;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        read_word(graph, text, word);
    }
}

void block_graph_free(struct block_graph *graph)
{
    for (size_t i = 0; i < BLOCK_GRAPH_LETTERS; i++) {
        lmm_free(graph->block[i].start);
    }
}

static char letter_of(const struct block_graph *graph, uint32_t site)
{
    for (size_t i = 0; graph->order[i] != '\0'; i++) {
        if (graph->block[graph->order[i] - 'A'].site == site) {
            return graph->order[i];
        }
    }
    return '?';
}

/* Writes the class of a block whose site has one sum, of this block. */
static void put_class(const struct block_graph *graph, const struct lmm_classes *classes,
                      char letter, char *to, size_t room)
{
    static const char kinds[] = "?dxpri";
    const struct block_graph_block *block = &graph->block[letter - 'A'];
    const struct lmm_ledger_leak *found = NULL;
    size_t sums = 0;

    for (size_t i = 0; i < classes->count; i++) {
        if (classes->leaks[i].site == block->site) {
            found = &classes->leaks[i];
            sums++;
        }
    }
    if (sums != 1 || found->blocks != 1 || found->bytes != block->bytes || found->examples != 1 ||
        found->example[0] != (uintptr_t) block->start) {
        snprintf(to, room, "%c:? ", letter);
    } else if (found->kind == LMM_LEDGER_LEAK_INDIRECT) {
        snprintf(to, room, "%c:x=%c ", letter, letter_of(graph, found->leader));
    } else {
        snprintf(to, room, "%c:%c ", letter, kinds[found->kind]);
    }
}

const char *block_graph_classes(const struct block_graph *graph)
{
    static char result[BLOCK_GRAPH_LETTERS * 8];
    struct lmm_marker marker;
    struct lmm_classes classes;

    result[0] = '\0';
    if (!lmm_marker_init(&marker, &graph->settings)) {
        return "no marker";
    }
    lmm_marker_root(&marker, graph->roots, graph->roots + graph->root_count);
    lmm_marker_run(&marker);
    if (!lmm_classes_tally(&marker, NULL, &classes)) {
        lmm_marker_end(&marker);
        return "no classes";
    }
    for (size_t i = 0; graph->order[i] != '\0'; i++) {
        size_t length = strlen(result);
        put_class(graph, &classes, graph->order[i], result + length, sizeof(result) - length);
    }
    result[strlen(result) > 0 ? strlen(result) - 1 : 0] = '\0';
    lmm_classes_end(&classes);
    lmm_marker_end(&marker);
    return result;
}
