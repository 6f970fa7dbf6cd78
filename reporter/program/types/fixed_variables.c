/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/fixed_variables.h"

#include <dwarf.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"
#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/variable_place.h"

enum {
    DIES_MAX = 1 << 26, /* visited in one file */
    DEPTH_MAX = 64,     /* of namespaces in namespaces */
    SPAN_MAX = 16,      /* variables before an address that may span it: some overlap */
};

static void add_variable(struct lmm_fixed_variables *variables, enum lmm_place_kind kind,
                         Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Op *operations;
    size_t count;
    struct lmm_place place;

    if (dwarf_attr(die, DW_AT_location, &attribute) == NULL ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 ||
        !lmm_place_of(&attribute, operations, count, NULL, &place) || place.kind != kind ||
        (kind == LMM_PLACE_FIXED && place.offset == 0)) {
        return; /* at 0: the linker left it out */
    }
    struct lmm_fixed_variable *added =
        lmm_array_add(&variables->items, &variables->count, sizeof(*added));

    if (added != NULL) {
        added->address = (uint64_t) place.offset;
        added->die = *die;
    }
}

static void list_children(struct lmm_fixed_variables *variables, enum lmm_place_kind kind,
                          Dwarf_Die *parent, int depth, int *budget)
{
    Dwarf_Die die;

    if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        switch (dwarf_tag(&die)) {
        case DW_TAG_variable: add_variable(variables, kind, &die); break;
        case DW_TAG_namespace:
        case DW_TAG_module: list_children(variables, kind, &die, depth + 1, budget); break;
        default: break;
        }
    } while (--*budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static int compare_addresses(const void *left, const void *right)
{
    const struct lmm_fixed_variable *a = left;
    const struct lmm_fixed_variable *b = right;

    return lmm_compare_u64(a->address, b->address);
}

void lmm_fixed_variables_read(struct lmm_fixed_variables *variables, Dwarf *dwarf,
                              enum lmm_place_kind kind)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    Dwarf_Die split;
    int budget = DIES_MAX;

    while (budget > 0 && dwarf_get_units(dwarf, unit, &unit, NULL, NULL, &die, &split) == 0) {
        bool is_split = dwarf_tag(&die) == DW_TAG_skeleton_unit && split.addr != NULL;

        if (is_split || dwarf_tag(&die) == DW_TAG_compile_unit) {
            list_children(variables, kind, is_split ? &split : &die, 0, &budget);
        }
    }
    if (variables->count > 0) {
        qsort(variables->items, variables->count, sizeof(variables->items[0]), compare_addresses);
    }
}

static bool spans(const struct lmm_fixed_variable *variable, uint64_t address)
{
    Dwarf_Die type;
    uint64_t distance = address - variable->address;

    return distance == 0 ||
           (lmm_type_of(&variable->die, &type) && distance < lmm_type_bytes(&type));
}

const struct lmm_fixed_variable *
lmm_fixed_variables_find(const struct lmm_fixed_variables *variables, uint64_t address)
{
    size_t low = 0;
    size_t high = variables->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (variables->items[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = low; i > 0 && low - i < SPAN_MAX; i--) {
        if (spans(&variables->items[i - 1], address)) {
            return &variables->items[i - 1];
        }
    }
    return NULL;
}

void lmm_fixed_variables_free(struct lmm_fixed_variables *variables)
{
    free(variables->items);
    *variables = (struct lmm_fixed_variables) {.items = NULL};
}
