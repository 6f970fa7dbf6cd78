/* SPDX-License-Identifier: MIT */
/*
 * Random graphs of blocks, and a naive model of their classes: it reads every word of every block, looks
 * its block up in a list, follows the pointers breadth first, and takes the transitive closure of the
 * lost blocks. Rounds differ in how many blocks there are, of which kinds, and how many pointers and
 * roots; blocks of earlier rounds leave holes, and stale pointers in them.
 *
 * leak_graphs [SEED]; LMM_SEED=n sets the seed as well.
 */
#include "tests/support/block_graph.h"
#include "tests/support/random.h"

#include <inttypes.h>
#include <lmm/lmm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCKS_MAX = 1200, ROOTS_MAX = 3000, ROUNDS = 500, LARGE_ROUNDS = 40 };

struct block {
    struct block_graph_block made;
    char kind;
    uint32_t expected; /* LMM_LEDGER_LEAK_DEFINITE: lost */
    uint32_t found;
    size_t leader; /* of INDIRECT: its number */
};

static uint64_t seed;
static uint64_t random_state;
static int round_number;
static struct block blocks[BLOCKS_MAX];
static size_t count;
static uintptr_t roots[ROOTS_MAX];
static size_t root_count;
static struct lmm_marker_settings settings;

/* leads[i]: to which lost blocks block i leads, also through others. */
static uint64_t leads[BLOCKS_MAX][(BLOCKS_MAX + 63) / 64];

static size_t below(size_t bound)
{
    return (size_t) ((random_next(&random_state) >> 32) % bound);
}

static void fail(size_t i, const char *what)
{
    fprintf(stderr, "leak_graphs: seed %" PRIu64 ", round %d, block %zu of kind %c at %p: %s\n",
            seed, round_number, i, blocks[i].kind, (void *) blocks[i].made.start, what);
    exit(EXIT_FAILURE);
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

static void make_blocks(const char *kinds)
{
    for (size_t i = 0; i < count; i++) {
        char kind = kinds[below(strlen(kinds))];
        size_t number = kind == 'r' ? 2 + below(6) : below(kind == 'b' ? 200 : 32);
        kind = kind == 'c' ? 'b' : kind; /* short ones */
        blocks[i].kind = kind;
        block_graph_make_block(&blocks[i].made, (uint32_t) i + 1, kind, number);
    }
}

/* A pointer to the start of a block, mostly; else anything. */
static uintptr_t any_word(void)
{
    const struct block_graph_block *block = &blocks[below(count)].made;
    uintptr_t start = (uintptr_t) block->start;

    switch (below(16)) {
    case 0: return start + below(block->room + 1);
    case 1: return start + block->bytes;
    case 2: return (uintptr_t) random_next(&random_state);
    case 3: return start ^ (uintptr_t) 1 << below(48);
    case 4: return below(1000);
    default: return start;
    }
}

/* Fills the blocks: each word is a pointer with that chance in 100. */
static void fill_blocks(size_t chance)
{
    for (size_t i = 0; i < count; i++) {
        struct block_graph_block *block = &blocks[i].made;
        size_t step = below(20) == 0 ? 4 : 8;
        memset(block->start, 0, block->room);
        for (size_t at = 0; at + sizeof(uintptr_t) <= block->room && at < 400; at += step) {
            if (below(100) < chance) {
                uintptr_t word = any_word();
                memcpy(block->start + at, &word, sizeof(word));
            }
        }
    }
}

static void free_blocks(void)
{
    for (size_t i = 0; i < count; i++) {
        size_t j = below(count - i);
        lmm_free(blocks[j].made.start);
        blocks[j] = blocks[count - i - 1];
    }
}

/* ---- The model ------------------------------------------------------------------------------- */

enum reference { REFERENCE_NONE, REFERENCE_INSIDE, REFERENCE_HOLDS };

static bool is_empty(const struct block_graph_block *block)
{
    uint64_t word = 0;

    memcpy(&word, block->start, block->bytes < sizeof(word) ? block->bytes : sizeof(word));
    return block->bytes == 0 || (block->bytes == sizeof(word) && word == 0);
}

static enum reference reference_to(const struct block_graph_block *block, uintptr_t word)
{
    uintptr_t start = (uintptr_t) block->start;

    if (word == start || (word == start + block->bytes && is_empty(block))) {
        return REFERENCE_HOLDS;
    }
    return word - start < block->room ? REFERENCE_INSIDE : REFERENCE_NONE;
}

typedef void visit_reference(size_t to, enum reference reference, size_t from);

static void visit_word(uintptr_t word, visit_reference *visit, size_t from)
{
    for (size_t i = 0; i < count; i++) {
        enum reference reference = reference_to(&blocks[i].made, word);
        if (reference != REFERENCE_NONE) {
            visit(i, reference, from);
        }
    }
}

static void visit_block(size_t i, visit_reference *visit)
{
    const struct block_graph_block *block = &blocks[i].made;
    size_t first = settings.unaligned ? 0 : -(uintptr_t) block->start % 8;

    if (blocks[i].kind == 'f') {
        return;
    }
    for (size_t at = first; at + sizeof(uintptr_t) <= block->bytes;
         at += settings.unaligned ? 1 : 8) {
        uintptr_t word;
        memcpy(&word, block->start + at, sizeof(word));
        visit_word(word, visit, i);
    }
}

static size_t queue[BLOCKS_MAX];
static size_t queue_end;
static uint32_t phase; /* the kind that blocks get */
static bool has_inside[BLOCKS_MAX];

static void reach(size_t i)
{
    if (blocks[i].expected == LMM_LEDGER_LEAK_DEFINITE) {
        blocks[i].expected = phase;
        queue[queue_end++] = i;
    }
}

static void follow(size_t to, enum reference reference, size_t from)
{
    (void) from;
    if (reference == REFERENCE_HOLDS || phase != LMM_LEDGER_LEAK_REACHABLE) {
        reach(to);
    } else {
        has_inside[to] = true;
    }
}

static void follow_queue(void)
{
    for (size_t i = 0; i < queue_end; i++) {
        visit_block(queue[i], follow);
    }
    queue_end = 0;
}

static void model_kinds(void)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i].expected = LMM_LEDGER_LEAK_DEFINITE;
        has_inside[i] = false;
    }
    phase = LMM_LEDGER_LEAK_REACHABLE;
    for (size_t i = 0; i < root_count; i++) {
        visit_word(roots[i], follow, 0);
    }
    follow_queue();
    phase = LMM_LEDGER_LEAK_IGNORED;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].kind == 'i') {
            reach(i);
        }
    }
    follow_queue();
    phase = LMM_LEDGER_LEAK_POSSIBLE;
    for (size_t i = 0; i < count; i++) {
        if (has_inside[i]) {
            reach(i);
        }
    }
    follow_queue();
}

static bool does_lead(size_t from, size_t to)
{
    return (leads[from][to / 64] >> (to % 64) & 1) != 0;
}

static void note_lead(size_t to, enum reference reference, size_t from)
{
    (void) reference;
    if (blocks[to].expected == LMM_LEDGER_LEAK_DEFINITE) {
        leads[from][to / 64] |= (uint64_t) 1 << (to % 64);
    }
}

/* The transitive closure (Warshall). */
static void model_leads(void)
{
    memset(leads, 0, sizeof(leads));
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].expected == LMM_LEDGER_LEAK_DEFINITE) {
            visit_block(i, note_lead);
        }
    }
    for (size_t middle = 0; middle < count; middle++) {
        for (size_t from = 0; from < count; from++) {
            for (size_t i = 0; does_lead(from, middle) && i < (count + 63) / 64; i++) {
                leads[from][i] |= leads[middle][i];
            }
        }
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static size_t block_of_site(uint32_t site)
{
    size_t i = 0;

    while (i < count && blocks[i].made.site != site) {
        i++;
    }
    return i;
}

static void read_classes(const struct lmm_classes *classes)
{
    for (size_t i = 0; i < count; i++) {
        blocks[i].found = 0;
    }
    for (size_t i = 0; i < classes->count; i++) {
        const struct lmm_ledger_leak *leak = &classes->leaks[i];
        size_t block = block_of_site(leak->site);
        if (block == count) {
            continue; /* nothing of this program */
        }
        if (blocks[block].found != 0 || leak->blocks != 1 ||
            leak->bytes != blocks[block].made.bytes ||
            leak->example[0] != (uintptr_t) blocks[block].made.start) {
            fail(block, "its sum is wrong");
        }
        blocks[block].found = leak->kind;
        blocks[block].leader = block_of_site(leak->leader);
    }
}

/* A lost block is in a set without a lead into it exactly when it leads to all that lead to it. */
static bool is_in_source(size_t i)
{
    for (size_t j = 0; j < count; j++) {
        if (does_lead(j, i) && !does_lead(i, j)) {
            return false;
        }
    }
    return true;
}

static void check_lost(size_t i)
{
    const struct block *block = &blocks[i];

    if (block->found == LMM_LEDGER_LEAK_INDIRECT) {
        if (block->leader >= count || !does_lead(block->leader, i)) {
            fail(i, "its leader does not lead to it");
        }
        if (blocks[block->leader].found != LMM_LEDGER_LEAK_DEFINITE) {
            fail(i, "its leader is none");
        }
        return;
    }
    if (block->found != LMM_LEDGER_LEAK_DEFINITE || !is_in_source(i)) {
        fail(i, "it is no leader");
    }
    for (size_t j = 0; j < count; j++) {
        if (j != i && blocks[j].found == LMM_LEDGER_LEAK_DEFINITE && does_lead(i, j)) {
            fail(i, "it leads to another leader");
        }
    }
}

static void check_round(void)
{
    static struct lmm_marker marker;
    struct lmm_classes classes;

    if (!lmm_marker_init(&marker, &settings)) {
        fail(0, "no marker");
    }
    lmm_marker_root(&marker, roots, roots + root_count);
    lmm_marker_run(&marker);
    if (marker.scan.graph.damaged != 0 || !lmm_marker_is_valid(&marker) ||
        !lmm_graph_is_valid(&marker.scan.graph) || !lmm_classes_tally(&marker, NULL, &classes)) {
        fail(0, "not valid");
    }
    read_classes(&classes);
    lmm_classes_end(&classes);
    lmm_marker_end(&marker);
    model_kinds();
    model_leads();
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].expected == LMM_LEDGER_LEAK_DEFINITE) {
            check_lost(i);
        } else if (blocks[i].found != blocks[i].expected) {
            fail(i, "its class is wrong");
        }
    }
}

static void run_round(bool is_large)
{
    static const char *const kinds[] = {"n",    "nnnnnrbfie", "nnnnnnnnnnnnnnnni",
                                        "rrbb", "e",          "nnbs"};
    static const size_t chances[] = {0, 1, 5, 15, 40, 80};

    count = is_large ? BLOCKS_MAX / 2 + below(BLOCKS_MAX / 2) : 1 + below(50);
    settings.unaligned = !is_large && below(5) == 0;
    make_blocks(kinds[is_large ? below(4) : below(sizeof(kinds) / sizeof(kinds[0]))]);
    fill_blocks(chances[below(sizeof(chances) / sizeof(chances[0]))]);
    root_count = below(3) == 0 ? below(2 * count) : below(3);
    for (size_t i = 0; i < root_count; i++) {
        roots[i] = any_word();
    }
    check_round();
    free_blocks();
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("LMM_SEED");

    seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t) time(NULL);
    seed = seed == 0 ? 1 : seed;
    random_state = seed;
    printf("leak_graphs: seed %" PRIu64 "\n", seed);
    for (round_number = 0; round_number < ROUNDS; round_number++) {
        run_round(round_number % (ROUNDS / LARGE_ROUNDS) == 0);
    }
    return 0;
}
