/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_facts.h"

#include <dwarf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/symbols/demangle.h"
#include "reporter/program/symbols/wrapper.h"
#include "reporter/program/types/expression.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/sources.h"
#include "reporter/program/types/statement.h"
#include "reporter/program/types/type_info.h"

enum {
    NAME_BYTES = LMM_TYPE_NAME_MAX,
};

/* Adds the type that a text names: a type, or perhaps a variable. */
static bool add_text(struct lmm_finding *finding, const char *text, size_t scope_count,
                     bool may_be_variable, unsigned evidence, struct lmm_candidate how)
{
    Dwarf_Die type;

    return (lmm_type_by_text(&finding->scopes[0], text, &type) ||
            (may_be_variable && lmm_expression_type(finding->scopes, scope_count, text, &type))) &&
           lmm_finding_add(finding, &type, evidence, how);
}

/* Adds what the pointer that an expression yields points at. */
static bool add_pointed(struct lmm_finding *finding, const char *text, size_t scope_count,
                        struct lmm_candidate how)
{
    Dwarf_Die type;
    Dwarf_Die target;

    return lmm_expression_type(finding->scopes, scope_count, text, &type) &&
           lmm_type_target(&type, &target) &&
           lmm_finding_add(finding, &target, LMM_MODEL_BY_STORE, how);
}

/* Adds what a hint says; returns whether it names a type. */
static bool add_hint(struct lmm_finding *finding, const struct lmm_statement_hint *hint,
                     size_t scope_count)
{
    struct lmm_candidate how = {
        .is_array = hint->is_array, .has_more = hint->has_more, .is_choice = hint->is_choice};

    switch (hint->kind) {
    case LMM_STATEMENT_SIZEOF:
    case LMM_STATEMENT_CAST:
    case LMM_STATEMENT_NEW:
        return add_text(finding, hint->text, scope_count, hint->kind != LMM_STATEMENT_CAST,
                        LMM_MODEL_BY_SOURCE, how);
    case LMM_STATEMENT_SIZEOF_AT: {
        Dwarf_Die type;

        return lmm_expression_type(finding->scopes, scope_count, hint->text, &type) &&
               lmm_finding_add(finding, &type, LMM_MODEL_BY_SOURCE, how);
    }
    /* The declaration of a variable, which is no other evidence than its type. */
    case LMM_STATEMENT_DECLARED:
        return add_text(finding, hint->text, scope_count, true, LMM_MODEL_BY_VARIABLE, how);
    case LMM_STATEMENT_ASSIGNED: return add_pointed(finding, hint->text, scope_count, how);
    case LMM_STATEMENT_RETURNED: return false;
    }
    return false;
}

/* Returns the name that the source has for an allocator: the last component of its readable name. */
static const char *name_in_source(const char *mangled, char room[NAME_BYTES])
{
    char *readable = lmm_demangle(mangled);
    const char *name = readable != NULL ? readable : mangled;
    struct lmm_string component =
        name == NULL ? lmm_string_of("") : lmm_wrapper_component(lmm_string_of(name));

    if (component.bytes == 0 || component.bytes >= NAME_BYTES) {
        free(readable);
        return NULL;
    }
    memcpy(room, component.text, component.bytes);
    room[component.bytes] = '\0';
    free(readable);
    return room;
}

/* Returns a source's path; compilers may write it relative to the folder that they worked in. */
static const char *whole_path(const struct lmm_finding *finding, const char *file,
                              char room[PATH_MAX])
{
    Dwarf_Die scope = finding->scopes[0];
    Dwarf_Die unit;
    Dwarf_Attribute attribute;
    const char *folder;
    int bytes;

    if (file[0] == '/' || dwarf_diecu(&scope, &unit, NULL, NULL) == NULL) {
        return file;
    }
    folder = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &attribute));
    bytes = folder == NULL ? -1 : snprintf(room, PATH_MAX, "%s/%s", folder, file);
    return bytes < 0 || bytes >= PATH_MAX ? file : room;
}

/* Returns how many scopes are those of a call and of its callers; call: 0 for the innermost. */
static size_t scopes_of(const struct lmm_finding *finding, size_t call)
{
    size_t count = finding->scope_count;

    while (call > 0 && count > 1) {
        Dwarf_Die scope = finding->scopes[--count];

        call -= dwarf_tag(&scope) == DW_TAG_inlined_subroutine;
    }
    return count;
}

/* Tells whether a hint says that the result stays where it is stored, and is not the function's. */
static bool is_kept(const struct lmm_statement_hint *hint)
{
    return hint->kind == LMM_STATEMENT_ASSIGNED && strpbrk(hint->text, "*>.[:") != NULL;
}

/* Looks at the statement of a call; output: as for lmm_statement_find(). Returns whether its callers have
 * nothing to add. */
static bool look_at_call(struct lmm_finding *finding, const struct lmm_symbol *call,
                         const char *allocator, uint32_t output, size_t scope_count)
{
    struct lmm_statement_hint hints[LMM_STATEMENT_HINTS_MAX];
    char name[NAME_BYTES];
    char path[PATH_MAX];
    struct lmm_string text = {NULL, 0};
    uint32_t line = call->line;
    bool is_done = false;

    if (call->file != NULL) {
        text = lmm_sources_read(finding->reader->sources, whole_path(finding, call->file, path),
                                finding->reader->built_ns, &line);
    }
    if (text.text == NULL) {
        return false;
    }
    size_t count = lmm_statement_find(text.text, text.bytes, line, name_in_source(allocator, name),
                                      output, hints);

    for (size_t i = 0; i < count; i++) {
        is_done |= add_hint(finding, &hints[i], scope_count) || is_kept(&hints[i]);
    }
    return is_done;
}

void lmm_source_facts_find(struct lmm_finding *finding)
{
    struct lmm_symbol calls[LMM_SYMBOL_FILE_CALLS_MAX] = {{.line = 0}};
    size_t count = lmm_symbol_file_find(finding->reader->file, finding->address - 1, calls);
    const char *allocator = finding->allocator;
    uint32_t output = finding->output >= 0 ? (uint32_t) finding->output + 1 : 0;

    for (size_t i = 0; i < count; i++) {
        if (look_at_call(finding, &calls[i], allocator, output, scopes_of(finding, i))) {
            return;
        }
        allocator = calls[i].function;
        output = 0;
    }
}
