/* SPDX-License-Identifier: MIT */
/*
 * finding: the search for the facts about one call (facts.h): what is known of the call so far, and
 * the candidates found. The kinds of evidence are files of their own, in which each function adds
 * what it finds: records and names (facts.c), variables and fields on the result's way (way_facts),
 * constructors (object_facts), the source (source_facts).
 */
#ifndef LMM_PROGRAM_FINDING_H
#define LMM_PROGRAM_FINDING_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/types/call_facts.h"
#include "reporter/program/types/variables.h"
#include "reporter/program/types/way.h"

struct lmm_finding {
    /* Sets *ret_type to the type of the block that an earlier call, which returned to `address`, gave.
     * Returns false when it is not known; NULL: it never is. */
    bool (*find_result)(struct lmm_finding *finding, uint64_t address, Dwarf_Die *ret_type);
    const struct lmm_facts_reader *reader;
    uint64_t address;
    const char *allocator;
    int output; /* how the allocator gives the block: as for lmm_way_follow() */
    Dwarf *dwarf;
    Dwarf_CFI *cfi;
    Dwarf_Addr bias; /* of addresses in the DWARF */
    Dwarf_Addr cfi_bias;
    Dwarf_Die scopes[LMM_SYMBOL_FILE_SCOPES_MAX];
    size_t scope_count;
    struct lmm_way_step steps[LMM_WAY_STEPS_MAX];
    size_t step_count;
    struct lmm_variables variables; /* near the steps */
    struct lmm_facts facts;
    Dwarf_Die first; /* the type of facts.items[0] */
    struct {
        uint64_t address; /* 0: not looked for yet */
        bool is_found;
        Dwarf_Die type;
    } earlier;       /* the last call that find_result was asked for, and what it found */
    bool is_late;    /* the step that is looked at is only on one side of a branch */
    bool has_object; /* a constructor or a table of virtual functions was found */
    bool failed;     /* out of memory */
};

/* Adds a type, found by `evidence`; `how` has what else is known of the candidate. Returns whether it
 * is one that blocks can have. */
bool lmm_finding_add(struct lmm_finding *finding, const Dwarf_Die *type, unsigned evidence,
                     struct lmm_candidate how);

/* Adds what a pointer type points at; returns whether that is a type that blocks can have. */
bool lmm_finding_add_target(struct lmm_finding *finding, const Dwarf_Die *pointer,
                            unsigned evidence, bool is_inside);

/* Returns whether a variable is the one that the compiler adds to methods. */
bool lmm_finding_is_this(const Dwarf_Die *variable);

/*
 * Sets *ret_variable to the variable, one of the file or of the functions around, that starts at, or spans,
 * a place: an address of the file's headers (FIXED), or a distance from the thread pointer (THREAD); and *ret_offset
 * to the distance from its start.
 */
bool lmm_finding_variable_at(struct lmm_finding *finding, enum lmm_place_kind kind, int64_t place,
                             Dwarf_Die *ret_variable, uint64_t *ret_offset);

/* Does so for a place in the block that each thread has for the file, from its start. */
bool lmm_finding_variable_of_thread(struct lmm_finding *finding, uint64_t place,
                                    Dwarf_Die *ret_variable, uint64_t *ret_offset);

/* Returns whether a register holds the result, in some instruction of a step, where a variable
 * lies in it. */
bool lmm_finding_holds(const struct lmm_finding *finding, const struct lmm_way_step *step,
                       const struct lmm_variable_place *place);

#endif
