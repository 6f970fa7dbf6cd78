/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_name.h"

#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/unit_index.h"

/* ---- Text of a bounded length ---------------------------------------------------------------- */

struct text {
    char *bytes; /* LMM_TYPE_NAME_MAX of them; ends with a NUL */
    size_t count;
};

static void put(struct text *text, const char *added)
{
    size_t bytes = strlen(added);
    size_t room = LMM_TYPE_NAME_MAX - 1 - text->count;

    if (bytes > room) {
        bytes = room;
        memcpy(text->bytes + text->count, added, bytes);
        memcpy(text->bytes + LMM_TYPE_NAME_MAX - 4, "...", 3);
    } else {
        memcpy(text->bytes + text->count, added, bytes);
    }
    text->count += bytes;
    text->bytes[text->count] = '\0';
}

/* ---- Libraries ------------------------------------------------------------------------------- */

bool lmm_type_name_is_standard(const char *name)
{
    static const char *const starts[] = {"std::", "__gnu_cxx::", "alloc::", "core::"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

static const struct {
    const char *usual;
    const char *compiler; /* gcc's */
} numbers[] = {
    {"short", "short int"},
    {"unsigned short", "short unsigned int"},
    {"long", "long int"},
    {"unsigned long", "long unsigned int"},
    {"long long", "long long int"},
    {"unsigned long long", "long long unsigned int"},
    {"bool", "_Bool"},
    {"__int128 unsigned", "unsigned __int128"},
};

const char *lmm_type_compiler_name(const char *usual)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(numbers[i].usual, usual) == 0) {
            return numbers[i].compiler;
        }
    }
    return NULL;
}

const char *lmm_type_usual_name(const char *compiler)
{
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(numbers[i].compiler, compiler) == 0) {
            return numbers[i].usual;
        }
    }
    return NULL;
}

static void put_number(struct text *text, Dwarf_Die *die)
{
    const char *name = dwarf_diename(die);
    const char *usual = name == NULL ? NULL : lmm_type_usual_name(name);

    put(text, usual != NULL ? usual : name != NULL ? name : "number");
}

/* ---- Structs --------------------------------------------------------------------------------- */

static const char *keyword(Dwarf_Die *die)
{
    switch (dwarf_tag(die)) {
    case DW_TAG_class_type: return "class";
    case DW_TAG_union_type: return "union";
    case DW_TAG_enumeration_type: return "enum";
    default: return "struct";
    }
}

/* Names a type that has no name by its line. */
static void put_line(struct text *text, Dwarf_Die *die)
{
    const char *file = lmm_type_file(die);
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    int line = 0;
    char number[16];

    put(text, keyword(die));
    if (file == NULL || dwarf_decl_line(die, &line) != 0) {
        put(text, " (unnamed)");
        return;
    }
    snprintf(number, sizeof(number), ":%d)", line);
    put(text, " (");
    put(text, slash != NULL ? slash + 1 : file);
    put(text, number);
}

static void put_scopes(struct text *text, const Dwarf_Die *die)
{
    Dwarf_Die scopes[LMM_TYPE_DEPTH_MAX];
    int count = 0;
    Dwarf_Die at = *die;

    while (count < LMM_TYPE_DEPTH_MAX && lmm_unit_index_parent(&at, &at)) {
        scopes[count++] = at;
    }
    while (count > 0) {
        Dwarf_Die *scope = &scopes[--count];
        const char *name = dwarf_diename(scope);

        if (name == NULL) {
            name = dwarf_tag(scope) == DW_TAG_namespace ? "(anonymous namespace)" : "(unnamed)";
        }
        put(text, name);
        put(text, "::");
    }
}

static void put_record(struct text *text, Dwarf_Die *die)
{
    struct lmm_unit_index *index = lmm_unit_index_of(die);
    bool has_scopes = index != NULL && lmm_unit_index_is_cplusplus(index);
    const char *name = dwarf_diename(die);
    Dwarf_Die own;
    const char *short_name = (name == NULL || !has_scopes) && lmm_unit_index_typedef(die, &own)
                                 ? dwarf_diename(&own)
                                 : NULL;

    if (short_name != NULL) {
        if (has_scopes) {
            put_scopes(text, &own);
        }
        put(text, short_name);
    } else if (name == NULL) {
        put_line(text, die);
    } else if (has_scopes) {
        put_scopes(text, die);
        put(text, name);
    } else {
        put(text, keyword(die));
        put(text, " ");
        put(text, name);
    }
}

/* ---- Pointers, arrays and functions ---------------------------------------------------------- */

static void put_type(struct text *text, const Dwarf_Die *type, int depth);

static void put_type_of(struct text *text, const Dwarf_Die *die, int depth)
{
    Dwarf_Die type;

    if (lmm_type_of(die, &type)) {
        put_type(text, &type, depth + 1);
    } else {
        put(text, "void");
    }
}

static void put_dimensions(struct text *text, const Dwarf_Die *array)
{
    Dwarf_Die parent = *array;
    Dwarf_Die die;
    int budget = LMM_TYPE_DEPTH_MAX;
    char number[32];

    if (dwarf_child(&parent, &die) != 0) {
        put(text, "[]");
        return;
    }
    do {
        if (dwarf_tag(&die) == DW_TAG_subrange_type) {
            uint64_t count = lmm_type_dimension(&die);

            snprintf(number, sizeof(number), "[%" PRIu64 "]", count);
            put(text, count > 0 ? number : "[]");
        }
    } while (--budget > 0 && dwarf_siblingof(&die, &die) == 0);
}

static void put_array(struct text *text, const Dwarf_Die *die, int depth)
{
    put_type_of(text, die, depth);
    put_dimensions(text, die);
}

/* Names a pointer or reference, of which `mark` is the sign. */
static void put_pointer(struct text *text, Dwarf_Die *die, const char *mark, int depth)
{
    const char *name = dwarf_diename(die); /* Rust's have one */
    Dwarf_Die target;
    char middle[8];

    if (name != NULL) {
        put(text, name);
        return;
    }
    snprintf(middle, sizeof(middle), " (%s)", mark);
    if (!lmm_type_of(die, &target) || !lmm_type_strip(&target, &target)) {
        put(text, "void");
    } else if (dwarf_tag(&target) == DW_TAG_subroutine_type) {
        put_type_of(text, &target, depth);
        put(text, middle);
        put(text, "()");
        return;
    } else if (dwarf_tag(&target) == DW_TAG_array_type) {
        put_type_of(text, &target, depth);
        put(text, middle);
        put_dimensions(text, &target);
        return;
    } else {
        put_type_of(text, die, depth);
    }
    char last = text->count > 0 ? text->bytes[text->count - 1] : '\0';

    put(text, last == '*' ? "" : " ");
    put(text, mark);
}

static void put_type(struct text *text, const Dwarf_Die *type, int depth)
{
    Dwarf_Die die;

    if (depth == LMM_TYPE_DEPTH_MAX || !lmm_type_strip(type, &die)) {
        put(text, depth == LMM_TYPE_DEPTH_MAX ? "..." : "void");
        return;
    }
    switch (dwarf_tag(&die)) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type: put_record(text, &die); break;
    case DW_TAG_base_type: put_number(text, &die); break;
    case DW_TAG_pointer_type: put_pointer(text, &die, "*", depth); break;
    case DW_TAG_reference_type: put_pointer(text, &die, "&", depth); break;
    case DW_TAG_rvalue_reference_type: put_pointer(text, &die, "&&", depth); break;
    case DW_TAG_array_type: put_array(text, &die, depth); break;
    case DW_TAG_subroutine_type:
        put_type_of(text, &die, depth);
        put(text, " ()");
        break;
    case DW_TAG_ptr_to_member_type:
        put_type_of(text, &die, depth);
        put(text, " ::*");
        break;
    default: put(text, dwarf_diename(&die) != NULL ? dwarf_diename(&die) : "unknown"); break;
    }
}

void lmm_type_name(const Dwarf_Die *type, char ret_name[LMM_TYPE_NAME_MAX])
{
    struct text text = {ret_name, 0};

    ret_name[0] = '\0';
    put_type(&text, type, 0);
}

void lmm_type_whole_name(const Dwarf_Die *die, char ret_name[LMM_TYPE_NAME_MAX])
{
    struct text text = {ret_name, 0};
    Dwarf_Die copy = *die;
    const char *name = dwarf_diename(&copy);

    ret_name[0] = '\0';
    put_scopes(&text, die);
    put(&text, name != NULL ? name : "(unnamed)");
}
