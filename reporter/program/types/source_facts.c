/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/source_facts.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/symbols/wrapper.h"
#include "reporter/program/types/expression.h"
#include "reporter/program/types/finding.h"
#include "reporter/program/types/sources.h"
#include "reporter/program/types/statement.h"
#include "reporter/program/types/type_info.h"

enum {
    NAME_BYTES = LMM_TYPE_NAME_MAX,
};

/* From libstdc++; part of the C++ ABI that all compilers share. C has no header for it. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

/* Adds the type that a text names: a type, or a variable. */
static bool add_text(struct lmm_finding *finding, const char *text, unsigned evidence,
                     struct lmm_candidate how)
{
    Dwarf_Die type;

    return (lmm_type_by_text(&finding->scopes[0], text, &type) ||
            lmm_expression_type(finding->scopes, finding->scope_count, text, &type)) &&
           lmm_finding_add(finding, &type, evidence, how);
}

/* Adds what the pointer that an expression yields points at. */
static bool add_pointed(struct lmm_finding *finding, const char *text, struct lmm_candidate how)
{
    Dwarf_Die type;
    Dwarf_Die target;

    return lmm_expression_type(finding->scopes, finding->scope_count, text, &type) &&
           lmm_type_target(&type, &target) &&
           lmm_finding_add(finding, &target, LMM_MODEL_BY_STORE, how);
}

/* Adds what a hint says; returns whether it names a type. */
static bool add_hint(struct lmm_finding *finding, const struct lmm_statement_hint *hint)
{
    struct lmm_candidate how = {.is_array = hint->is_array, .has_more = hint->has_more};

    switch (hint->kind) {
    case LMM_STATEMENT_SIZEOF:
    case LMM_STATEMENT_CAST:
    case LMM_STATEMENT_NEW: return add_text(finding, hint->text, LMM_MODEL_BY_SOURCE, how);
    case LMM_STATEMENT_SIZEOF_AT: {
        Dwarf_Die type;

        return lmm_expression_type(finding->scopes, finding->scope_count, hint->text, &type) &&
               lmm_finding_add(finding, &type, LMM_MODEL_BY_SOURCE, how);
    }
    /* The declaration of a variable, which is no other evidence than its type. */
    case LMM_STATEMENT_DECLARED: return add_text(finding, hint->text, LMM_MODEL_BY_VARIABLE, how);
    case LMM_STATEMENT_ASSIGNED: return add_pointed(finding, hint->text, how);
    case LMM_STATEMENT_RETURNED: return false;
    }
    return false;
}

/* Returns the name that the source has for an allocator: the last component of its readable name. */
static const char *name_in_source(const char *mangled, char room[NAME_BYTES])
{
    char *readable = mangled == NULL ? NULL : __cxa_demangle(mangled, NULL, NULL, NULL);
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
    return strncmp(room, "operator new", strlen("operator new")) == 0 ? "new" : room;
}

void lmm_source_facts_find(struct lmm_finding *finding)
{
    struct lmm_symbol calls[LMM_SYMBOL_FILE_CALLS_MAX] = {{.line = 0}};
    size_t count = lmm_symbol_file_find(finding->reader->file, finding->address - 1, calls);
    const char *allocator = finding->allocator;
    bool found = false;

    for (size_t i = 0; i < count && !found; i++) {
        struct lmm_statement_hint hints[LMM_STATEMENT_HINTS_MAX];
        char room[NAME_BYTES];
        struct lmm_string text = calls[i].file == NULL
                                     ? (struct lmm_string) {NULL, 0}
                                     : lmm_sources_read(finding->reader->sources, calls[i].file,
                                                        finding->reader->built_ns);
        size_t hint_count = text.text == NULL
                                ? 0
                                : lmm_statement_find(text.text, text.bytes, calls[i].line,
                                                     name_in_source(allocator, room), hints);

        for (size_t j = 0; j < hint_count; j++) {
            found |= add_hint(finding, &hints[j]);
        }
        allocator = calls[i].function;
    }
}
