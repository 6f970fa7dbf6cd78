/* SPDX-License-Identifier: MIT */
/*
 * mark: which live blocks the roots lead to, and by which kind of pointers.
 *
 * A pointer to the start of a block holds it; so does one to its inside if a heuristic says so. Every
 * other pointer into the slots of a block only makes it possible that the block is held: the program
 * can compute the start from it. Also one past the bytes requested, in the slack, does, as the end of
 * an array would. A pointer just past a block of no length holds it: C++ keeps such a pointer to an
 * array without elements.
 *
 * Phases of lmm_marker_run(), each with the planes (graph.h) that it leaves:
 *   1  from the roots by pointers that hold. UNHELD: the blocks that were not reached. INTERIOR: those
 *      of them which another pointer of a root, or of a reached block, goes into
 *   2  from blocks of ignored sites by all pointers. UNIGNORED: of UNHELD, those not reached
 *   3  from INTERIOR by all pointers. LOST: of UNIGNORED, those not reached
 * So a block of STARTS is still reachable when it is not in UNHELD; else ignored when it is not in
 * UNIGNORED; else possibly lost when it is not in LOST; else lost.
 *
 * Invariants: STARTS >= UNHELD >= UNIGNORED >= LOST after lmm_marker_run() (lmm_marker_is_valid()).
 * Threads, memory and signals: as graph.h.
 * Not responsible for: where roots are (roots), which lost block hangs on which (classes).
 */
#ifndef LMM_MARK_H
#define LMM_MARK_H

#include "lib/leaks/scan.h"

/* When a pointer to the inside of a block holds it; first what Valgrind's --leak-check-heuristics does. */
enum lmm_heuristic {
    /* To the characters after {length, capacity, reference count} of an old std::string. */
    LMM_HEURISTIC_STDSTRING = 1,
    /* After 8 bytes that hold the length of the bytes after them. */
    LMM_HEURISTIC_LENGTH64 = 2,
    /* After the count that C++ puts before an array whose elements have a destructor. */
    LMM_HEURISTIC_NEWARRAY = 4,
    /* To a table of virtual functions in a block that starts with one. */
    LMM_HEURISTIC_MULTIPLE_INHERITANCE = 8,
    /* To the second byte of a node of libc's tsearch(), which keeps the colour of the node that has the
     * pointer in its lowest bit. Valgrind does not know it. */
    LMM_HEURISTIC_TREE_NODE = 16,
    LMM_HEURISTICS_ALL = 31,
};

/* How many system pages are remembered that heuristics found readable. */
enum { LMM_MARKER_READABLE = 128 };

/* A mapping of a file that can be read. */
struct lmm_marker_mapping {
    uintptr_t from;
    uintptr_t to;
    bool is_code; /* it can be executed */
};

struct lmm_marker_settings {
    bool unaligned;      /* words at any address are looked at */
    unsigned heuristics; /* of enum lmm_heuristic */
    /* In ascending order of address; they tell LMM_HEURISTIC_MULTIPLE_INHERITANCE what a table of
     * virtual functions is. They stay valid until lmm_marker_run() returns. */
    const struct lmm_marker_mapping *mappings;
    size_t mapping_count;
};

struct lmm_marker {
    struct lmm_scan scan; /* the first member */
    struct lmm_marker_settings settings;
    /* Numbers of system pages, from 1 on, each where its lowest bits lead to; 0: none. */
    uintptr_t readable[LMM_MARKER_READABLE];
};

/* Makes the graph of the blocks that live now; settings are copied. False with errno ENOMEM or
 * EOVERFLOW; then nothing is left to end. */
bool lmm_marker_init(struct lmm_marker *marker, const struct lmm_marker_settings *settings);

/* Gives the memory back. */
void lmm_marker_end(struct lmm_marker *marker);

/* Takes each aligned word in [from, to) as a pointer of a root; with settings.unaligned each word.
 * The memory is readable. */
void lmm_marker_root(struct lmm_marker *marker, const void *from, const void *to);

/* The same for one word, for example a register. */
void lmm_marker_root_word(struct lmm_marker *marker, uintptr_t word);

/* Finds the live block whose slots hold address: for stacks that lie in a block. False when there is
 * none. */
bool lmm_marker_is_block(const struct lmm_marker *marker, uintptr_t address, uintptr_t *ret_start,
                         size_t *ret_bytes);

/* Whether a pointer to address, which lies in the slots of the block or at the end of one of no length,
 * holds the block. */
bool lmm_marker_holds(struct lmm_marker *marker, const struct lmm_graph_block *block,
                      uintptr_t address);

/* Runs the phases; call it once, after all roots. */
void lmm_marker_run(struct lmm_marker *marker);

/* Phase 3 once more: makes the lost blocks that are in INTERIOR, and what they lead to, possibly lost. */
void lmm_marker_doubt(struct lmm_marker *marker);

/* The class of the live block that starts at address, after lmm_marker_run(): of enum
 * lmm_ledger_leak_kind, DEFINITE for all that are lost; 0 when no live block starts there. */
uint32_t lmm_marker_kind(const struct lmm_marker *marker, uintptr_t address);

/* Checks the invariants. */
bool lmm_marker_is_valid(const struct lmm_marker *marker);

#endif
