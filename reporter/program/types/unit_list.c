/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/unit_list.h"

#include <dwarf.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/program/base/array.h"

enum {
    DIES_MAX = 1 << 22, /* visited in one unit */
    DEPTH_MAX = 64,     /* of DIEs in DIEs */
};

const char lmm_unit_list_pointers[] = "*";

uint32_t lmm_unit_list_hash(const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (; *name != '\0' && *name != '<'; name++) {
        hash = (hash ^ (unsigned char) *name) * 16777619U;
    }
    return hash;
}

bool lmm_unit_list_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *ret_die)
{
    Dwarf_Attribute found;
    Dwarf_Die target;

    if (dwarf_formref_die(dwarf_attr(die, attribute, &found), &target) == NULL) {
        return false;
    }
    *ret_die = target;
    return true;
}

static bool add_named(struct lmm_unit_list *list, const Dwarf_Die *die, const char *name)
{
    struct lmm_unit_named *named =
        name == NULL ? NULL : lmm_array_add(&list->named, &list->named_count, sizeof(*named));

    if (named != NULL) {
        named->die = *die;
        named->hash = lmm_unit_list_hash(name);
    }
    return named != NULL;
}

static void add_typedef(struct lmm_unit_list *list, Dwarf_Die *die)
{
    Dwarf_Die target;

    if (!add_named(list, die, dwarf_diename(die)) ||
        !lmm_unit_list_reference(die, DW_AT_type, &target)) {
        return;
    }
    lmm_unit_list_reference(&target, DW_AT_signature, &target);
    bool is_own = target.cu == list->unit;
    struct lmm_unit_target *added =
        is_own ? lmm_array_add(&list->targets, &list->target_count, sizeof(*added))
               : lmm_array_add(&list->foreign, &list->foreign_count, sizeof(*added));

    if (added != NULL) {
        added->address = (uintptr_t) target.addr;
        added->named = (uint32_t) (list->named_count - 1);
    }
}

/* Imports the type unit that an attribute refers to: nothing else tells that its type belongs to the
 * unit. */
static void add_type_unit(struct lmm_unit_list *list, Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Die type;
    Dwarf_Die *added;

    if (dwarf_attr(die, name, &attribute) != NULL &&
        dwarf_whatform(&attribute) == DW_FORM_ref_sig8 &&
        dwarf_formref_die(&attribute, &type) != NULL &&
        (added = lmm_array_add(&list->imports, &list->import_count, sizeof(*added))) != NULL) {
        *added = type;
    }
}

static void add_import(struct lmm_unit_list *list, Dwarf_Die *die)
{
    Dwarf_Die unit;
    Dwarf_Die *added =
        lmm_unit_list_reference(die, DW_AT_import, &unit)
            ? lmm_array_add(&list->imports, &list->import_count, sizeof(*list->imports))
            : NULL;

    if (added != NULL) {
        *added = unit;
    }
}

static void list_children(struct lmm_unit_list *list, Dwarf_Die *parent, uint32_t scope, int depth);

/* Returns the number of the scope. */
static uint32_t list_scope(struct lmm_unit_list *list, Dwarf_Die *die, uint32_t parent, int depth)
{
    struct lmm_unit_scope *added = lmm_array_add(&list->scopes, &list->scope_count, sizeof(*added));

    if (added == NULL) {
        return LMM_UNIT_OUTSIDE;
    }
    uint32_t scope = (uint32_t) (list->scope_count - 1);

    added->die = *die;
    added->parent = parent;
    list_children(list, die, scope, depth + 1);
    return scope;
}

/* Lists a DIE. Returns its number, if it is a scope. */
static uint32_t list_die(struct lmm_unit_list *list, Dwarf_Die *die, uint32_t scope, int depth)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
        add_named(list, die, dwarf_diename(die));
        add_type_unit(list, die, DW_AT_signature);
        return list->is_cplusplus || !list->has_language ? list_scope(list, die, scope, depth)
                                                         : LMM_UNIT_OUTSIDE;
    case DW_TAG_namespace:
    case DW_TAG_module: return list_scope(list, die, scope, depth);
    case DW_TAG_enumeration_type:
    case DW_TAG_base_type:
    case DW_TAG_variable:
        add_named(list, die, dwarf_diename(die));
        add_type_unit(list, die, DW_AT_type);
        break;
    case DW_TAG_pointer_type:
        add_named(list, die, lmm_unit_list_pointers);
        add_type_unit(list, die, DW_AT_type);
        break;
    case DW_TAG_typedef:
    case DW_TAG_template_alias:
        add_typedef(list, die);
        add_type_unit(list, die, DW_AT_type);
        break;
    case DW_TAG_imported_unit: add_import(list, die); break;
    default: break;
    }
    return LMM_UNIT_OUTSIDE;
}

static void list_children(struct lmm_unit_list *list, Dwarf_Die *parent, uint32_t scope, int depth)
{
    Dwarf_Die die;
    uint32_t before = LMM_UNIT_OUTSIDE; /* the scope that ends where the next DIE starts */

    if (depth == DEPTH_MAX || dwarf_child(parent, &die) != 0) {
        return;
    }
    do {
        if (before != LMM_UNIT_OUTSIDE) {
            list->scopes[before].end = (uintptr_t) die.addr;
        }
        before = list_die(list, &die, scope, depth);
    } while (--list->budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static int compare_targets(const void *left, const void *right)
{
    const struct lmm_unit_target *a = left;
    const struct lmm_unit_target *b = right;
    int order = lmm_compare_u64(a->address, b->address);

    return order != 0 ? order : lmm_compare_u64(a->named, b->named);
}

static void set_language(struct lmm_unit_list *list, Dwarf_Die *unit)
{
    int language = dwarf_srclang(unit);

    list->has_language = language > 0;
    switch (language) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case 0x2b: /* DW_LANG_C_plus_plus_17 and _20, which dwarf.h may not have */
    case 0x2c:
    case DW_LANG_ObjC_plus_plus:
    case DW_LANG_Rust: list->is_cplusplus = true; break;
    default: break;
    }
}

void lmm_unit_list_read(struct lmm_unit_list *list, const Dwarf_Die *in_unit)
{
    Dwarf_Die die = *in_unit;
    Dwarf_Die unit;

    list->unit = die.cu;
    if (dwarf_diecu(&die, &unit, NULL, NULL) == NULL) {
        return;
    }
    list->budget = DIES_MAX;
    set_language(list, &unit);
    list_children(list, &unit, LMM_UNIT_OUTSIDE, 0);
    if (!list->has_language) { /* dwz leaves it out of partial units; C has no namespaces */
        list->is_cplusplus =
            list->scope_count > 0 && dwarf_tag(&list->scopes[0].die) == DW_TAG_namespace;
    }
    if (list->target_count > 0) {
        qsort(list->targets, list->target_count, sizeof(list->targets[0]), compare_targets);
    }
}

void lmm_unit_list_free(struct lmm_unit_list *list)
{
    free(list->scopes);
    free(list->named);
    free(list->targets);
    free(list->foreign);
    free(list->imports);
}
