/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/object_facts.h"

#include <dwarf.h>
#include <stdlib.h>

#include "reporter/program/symbols/demangle.h"
#include "reporter/program/types/file_code.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/generics.h"
#include "reporter/program/types/type_info.h"

enum {
    DEPTH_MAX = 8,      /* of scopes that are searched for constructors */
    DIES_MAX = 1 << 12, /* visited for them */
    NAME_BYTES = LMM_TYPE_NAME_MAX,
};

/* Adds the class that a text names. */
static void add_class(struct lmm_finding *finding, const char *name)
{
    Dwarf_Die type;

    if (lmm_type_by_text(&finding->scopes[0], name, &type)) {
        finding->has_object |= lmm_finding_add(finding, &type, LMM_MODEL_BY_OBJECT,
                                               (struct lmm_candidate) {.type = NULL});
    }
}

/* Looks at a constructor of another file, which is known by its name alone. Returns whether it is one. */
static bool look_at_named(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    const char *name = step->is_loaded ? lmm_file_code_slot(finding->reader->code, step->target)
                                       : lmm_file_code_name(finding->reader->code, step->target);
    char *readable = lmm_demangle(name);
    char class_name[NAME_BYTES];

    bool is_constructor =
        readable != NULL && lmm_generics_class_of_name(readable, class_name, sizeof(class_name));

    if (is_constructor && !finding->has_object) {
        add_class(finding, class_name);
    }
    free(readable);
    return is_constructor;
}

bool lmm_object_facts_passed(struct lmm_finding *finding, const struct lmm_way_step *step)
{
    Dwarf_Die scopes[LMM_SYMBOL_FILE_SCOPES_MAX];
    Dwarf_Die type;

    if (step->argument != 0) {
        return false;
    }
    if (step->is_loaded ||
        lmm_symbol_file_scopes(finding->reader->file, step->target, scopes) == 0) {
        return look_at_named(finding, step);
    }
    if (!lmm_generics_class(&scopes[0], &type)) {
        return false;
    }
    if (!finding->has_object) {
        finding->has_object = lmm_finding_add(finding, &type, LMM_MODEL_BY_OBJECT,
                                              (struct lmm_candidate) {.type = NULL});
    }
    return true;
}

/* Returns whether the `this` of an inlined constructor is the result. */
static bool is_built(struct lmm_finding *finding, const Dwarf_Die *inlined)
{
    struct lmm_variables variables;
    bool found = false;

    if (!lmm_variables_list(inlined, 1, 0, UINT64_MAX, &variables)) {
        finding->failed = true;
        return false;
    }
    for (size_t i = 0; i < variables.count && !found; i++) {
        const struct lmm_variable_place *place = &variables.items[i];

        for (size_t j = 0; j < finding->step_count && lmm_finding_is_this(&place->variable); j++) {
            const struct lmm_way_step *step = &finding->steps[j];

            found |= !step->is_inside && lmm_finding_holds(finding, step, place);
        }
    }
    lmm_variables_free(&variables);
    return found;
}

/* Looks for inlined constructors of the result. A constructor of a base class is in that of its
 * class, so the outermost is meant. */
static void look_for_objects(struct lmm_finding *finding, Dwarf_Die *scope, int depth, int *budget)
{
    Dwarf_Die die;

    if (depth == 0 || dwarf_child(scope, &die) != 0) {
        return;
    }
    do {
        int tag = dwarf_tag(&die);
        Dwarf_Die type;

        if (tag == DW_TAG_inlined_subroutine && lmm_generics_class(&die, &type) &&
            is_built(finding, &die)) {
            finding->has_object = lmm_finding_add(finding, &type, LMM_MODEL_BY_OBJECT,
                                                  (struct lmm_candidate) {.type = NULL});
            return;
        }
        if (tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) {
            look_for_objects(finding, &die, depth - 1, budget);
        }
    } while (!finding->has_object && --*budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

/* Looks at the last table of virtual functions that is stored at the start of the block: those of
 * base classes are stored before. */
static void look_at_tables(struct lmm_finding *finding)
{
    const char *name = NULL;

    for (size_t i = 0; i < finding->step_count; i++) {
        if (finding->steps[i].kind == LMM_WAY_FILLED && finding->steps[i].offset == 0 &&
            !finding->steps[i].is_inside) {
            uint64_t target = finding->steps[i].target;
            const char *object = finding->steps[i].is_loaded
                                     ? lmm_file_code_slot(finding->reader->code, target)
                                     : lmm_file_code_object(finding->reader->code, target);

            name = object == NULL ? name : object;
        }
    }
    char *readable = lmm_demangle(name);
    char class_name[NAME_BYTES];

    if (readable != NULL && lmm_generics_class_of_table(readable, class_name, sizeof(class_name))) {
        add_class(finding, class_name);
    }
    free(readable);
}

void lmm_object_facts_find(struct lmm_finding *finding)
{
    int budget = DIES_MAX;

    for (size_t i = 0; i < finding->scope_count && !finding->has_object; i++) {
        look_for_objects(finding, &finding->scopes[i], DEPTH_MAX, &budget);
    }
    if (!finding->has_object) {
        look_at_tables(finding);
    }
}
