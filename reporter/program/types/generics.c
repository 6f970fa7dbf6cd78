/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/generics.h"

#include <ctype.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/generic_name.h"
#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_text.h"
#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/unit_index.h"

/* ---- The functions --------------------------------------------------------------------------- */

enum of {
    OF_FUNCTION,  /* the type is an argument of the function, */
    OF_CLASS,     /* of what it is in, */
    OF_EITHER,    /* of the function, else of what it is in, */
    OF_ALLOCATOR, /* or that of an allocator, which is an argument of what it is in */
    OF_BYTES,     /* u8 */
};

static const struct rule {
    const char *path; /* "::*" at its end stands for any one component */
    enum of of;
    bool is_array;
    bool is_rust;
    const char *around[2]; /* the block is one of these types, of the argument */
} rules[] = {
    {"std::__new_allocator::allocate", OF_CLASS, true, false, {NULL}},
    {"__gnu_cxx::new_allocator::allocate", OF_CLASS, true, false, {NULL}},
    {"__gnu_cxx::malloc_allocator::allocate", OF_CLASS, true, false, {NULL}},
    {"std::allocator::allocate", OF_CLASS, true, false, {NULL}},
    {"std::__1::allocator::allocate", OF_CLASS, true, false, {NULL}},
    {"std::allocator_traits::allocate", OF_ALLOCATOR, true, false, {NULL}},
    {"std::__1::allocator_traits::allocate", OF_ALLOCATOR, true, false, {NULL}},
    {"std::make_unique", OF_FUNCTION, false, false, {NULL}},
    {"std::__1::make_unique", OF_FUNCTION, false, false, {NULL}},
    {"std::make_unique_for_overwrite", OF_FUNCTION, false, false, {NULL}},
    {"std::_Vector_base::_M_allocate", OF_CLASS, true, false, {NULL}},
    {"std::_Vector_base::_M_create_storage", OF_CLASS, true, false, {NULL}},
    {"std::__cxx11::basic_string::*", OF_CLASS, true, false, {NULL}},
    {"std::__1::basic_string::*", OF_CLASS, true, false, {NULL}},
    {"alloc::boxed::Box::new", OF_EITHER, false, true, {NULL}},
    {"alloc::boxed::Box::new_in", OF_EITHER, false, true, {NULL}},
    {"alloc::boxed::Box::new_uninit", OF_EITHER, false, true, {NULL}},
    {"alloc::boxed::Box::new_uninit_in", OF_EITHER, false, true, {NULL}},
    {"alloc::boxed::Box::new_uninit_slice", OF_EITHER, true, true, {NULL}},
    {"alloc::boxed::Box::pin", OF_EITHER, false, true, {NULL}},
    {"alloc::boxed::new", OF_FUNCTION, false, true, {NULL}},
    {"alloc::boxed::new_in", OF_FUNCTION, false, true, {NULL}},
    {"alloc::boxed::new_uninit", OF_FUNCTION, false, true, {NULL}},
    {"alloc::boxed::new_uninit_in", OF_FUNCTION, false, true, {NULL}},
    {"alloc::boxed::new_uninit_slice", OF_FUNCTION, true, true, {NULL}},
    {"alloc::boxed::pin", OF_FUNCTION, false, true, {NULL}},
    {"alloc::raw_vec::RawVec::*", OF_CLASS, true, true, {NULL}},
    {"alloc::raw_vec::RawVec::reserve::do_reserve_and_handle", OF_FUNCTION, true, true, {NULL}},
    {"alloc::vec::Vec::with_capacity", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::with_capacity_in", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::push", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::push_mut", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::insert", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::insert_mut", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::reserve", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::reserve_exact", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::Vec::shrink_to_fit", OF_CLASS, true, true, {NULL}},
    {"alloc::vec::from_elem", OF_FUNCTION, true, true, {NULL}},
    {"alloc::slice::hack::to_vec", OF_FUNCTION, true, true, {NULL}},
    {"alloc::string::String::*", OF_BYTES, true, true, {NULL}},
    {"alloc::rc::Rc::new", OF_CLASS, false, true, {"alloc::rc::RcInner", "alloc::rc::RcBox"}},
    {"alloc::sync::Arc::new", OF_CLASS, false, true, {"alloc::sync::ArcInner", NULL}},
    {"hashbrown::raw::RawTable::*", OF_CLASS, true, true, {NULL}},
};

static bool matches(const char *rule, const char *path)
{
    size_t bytes = strlen(rule);

    if (rule[bytes - 1] != '*') {
        return strcmp(rule, path) == 0;
    }
    return strncmp(rule, path, bytes - 1) == 0 && path[bytes - 1] != '\0' &&
           strstr(path + bytes - 1, "::") == NULL;
}

static const struct rule *find_rule(const char *path)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (matches(rules[i].path, path)) {
            return &rules[i];
        }
    }
    return NULL;
}

/* ---- By DIE ---------------------------------------------------------------------------------- */

static bool put_path(const Dwarf_Die *function, char path[LMM_GENERIC_PATH_MAX])
{
    Dwarf_Die scopes[LMM_TYPE_DEPTH_MAX];
    size_t count = 0;
    Dwarf_Die at = *function;

    path[0] = '\0';
    do {
        if (count == LMM_TYPE_DEPTH_MAX) {
            return false;
        }
        scopes[count++] = at;
    } while (lmm_unit_index_parent(&at, &at));
    while (count > 0) {
        const char *name = dwarf_diename(&scopes[--count]);

        if (name == NULL || !lmm_generic_path_add(path, name, strlen(name))) {
            return false;
        }
    }
    return true;
}

/* Sets *ret_type to the first type argument of a function or class, or of what it is an instance
 * of. */
static bool argument_of(const Dwarf_Die *generic, Dwarf_Die *ret_type)
{
    Dwarf_Die at = *generic;

    for (int i = 0; i < LMM_TYPE_DEPTH_MAX; i++) {
        Dwarf_Attribute attribute;

        if (lmm_type_argument(&at, ret_type)) {
            return true;
        }
        if (dwarf_formref_die(dwarf_attr(&at, DW_AT_abstract_origin, &attribute), &at) == NULL &&
            dwarf_formref_die(dwarf_attr(&at, DW_AT_specification, &attribute), &at) == NULL) {
            return false;
        }
    }
    return false;
}

/* A class that is only declared has no arguments: clang declares what is not used as a whole, and so does gcc for what
 * is in a type unit. The result of allocate() is a pointer to what it allocates. */
static bool allocated_by_result(const struct rule *rule, const Dwarf_Die *function,
                                Dwarf_Die *ret_type)
{
    size_t bytes = strlen(rule->path);
    Dwarf_Die result;

    return bytes > 8 && strcmp(rule->path + bytes - 8, "allocate") == 0 &&
           lmm_type_of(function, &result) && lmm_type_target(&result, ret_type);
}

/* Sets *ret_type to the type that the first argument in the name of a class names in its unit. */
static bool argument_in_name(const Dwarf_Die *generic, Dwarf_Die *ret_type)
{
    Dwarf_Die copy = *generic;
    const char *name = dwarf_diename(&copy);
    struct lmm_generic_name parts;
    char text[LMM_TYPE_NAME_MAX];

    if (name == NULL || !lmm_generic_name_parse(name, &parts) || parts.argument.count == 0 ||
        parts.argument.count >= sizeof(text)) {
        return false;
    }
    memcpy(text, parts.argument.bytes, parts.argument.count);
    text[parts.argument.count] = '\0';
    return lmm_type_by_text(generic, text, ret_type);
}

static bool argument_by_rule(const struct rule *rule, const Dwarf_Die *function,
                             Dwarf_Die *ret_type)
{
    Dwarf_Die parent;

    if (rule->of == OF_BYTES) {
        return lmm_type_by_text(function, "u8", ret_type);
    }
    if (rule->of == OF_FUNCTION || rule->of == OF_EITHER) {
        if (argument_of(function, ret_type)) {
            return true;
        }
        if (rule->of == OF_FUNCTION) {
            return false;
        }
    }
    if (!lmm_unit_index_parent(function, &parent)) {
        return false;
    }
    if (!argument_of(&parent, ret_type)) {
        return allocated_by_result(rule, function, ret_type) || argument_in_name(&parent, ret_type);
    }
    return rule->of != OF_ALLOCATOR ||
           (lmm_type_strip(ret_type, ret_type) && argument_of(ret_type, ret_type));
}

/* Turns the argument into the type around it. */
static bool take_around(const struct rule *rule, Dwarf_Die *type)
{
    char argument[LMM_TYPE_NAME_MAX];
    char whole[LMM_TYPE_NAME_MAX];

    if (rule->around[0] == NULL) {
        return true;
    }
    lmm_type_name(type, argument);
    for (size_t i = 0; i < 2 && rule->around[i] != NULL; i++) {
        int bytes = snprintf(whole, sizeof(whole), "%s<%s>", rule->around[i], argument);

        if (bytes > 0 && (size_t) bytes < sizeof(whole) && lmm_type_by_text(type, whole, type)) {
            return true;
        }
    }
    return false;
}

bool lmm_generics_of(const Dwarf_Die *function, Dwarf_Die *ret_type, bool *ret_is_array)
{
    char path[LMM_GENERIC_PATH_MAX];
    const struct rule *rule = put_path(function, path) ? find_rule(path) : NULL;
    Dwarf_Die type;
    uint64_t count;

    if (rule == NULL || !argument_by_rule(rule, function, &type) || !take_around(rule, &type)) {
        return false;
    }
    /* make_unique<T[]> */
    *ret_is_array = rule->is_array;
    if (rule->of == OF_FUNCTION && !rule->is_rust && lmm_type_elements(&type, &type, &count)) {
        *ret_is_array = true;
    }
    *ret_type = type;
    return true;
}

bool lmm_generics_is_own(const Dwarf_Die *function)
{
    static const char *const libraries[] = {"std",  "__gnu_cxx", "__cxxabiv1", "alloc",
                                            "core", "hashbrown", "__rustc"};
    Dwarf_Die at = *function;
    int tag = dwarf_tag(&at);
    int depth = 0;

    if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) {
        return false;
    }
    while (depth < LMM_TYPE_CHAIN_MAX && lmm_unit_index_parent(&at, &at)) {
        depth++;
    }
    const char *name = dwarf_diename(&at);

    if (name == NULL) {
        return depth >
               0; /* in a namespace without a name, or a function that nothing is known of */
    }
    if (depth == 0) {
        return strncmp(name, "operator new", 12) != 0;
    }
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
        if (strcmp(name, libraries[i]) == 0) {
            return false;
        }
    }
    return true;
}

static bool is_named_like(const char *function, const char *class_name)
{
    size_t bytes = strcspn(class_name, "<");

    return strcspn(function, "<") == bytes && strncmp(function, class_name, bytes) == 0;
}

bool lmm_generics_class(const Dwarf_Die *function, Dwarf_Die *ret_class)
{
    Dwarf_Die copy = *function;
    Dwarf_Die parent;
    const char *name = dwarf_diename(&copy);
    const char *class_name =
        name != NULL && lmm_unit_index_parent(function, &parent) && lmm_type_is_record(&parent)
            ? dwarf_diename(&parent)
            : NULL;

    if (class_name == NULL || !is_named_like(name, class_name)) {
        return false;
    }
    *ret_class = parent;
    return true;
}

/* ---- By name --------------------------------------------------------------------------------- */

static bool put_part(struct lmm_name_part part, char *ret_text, size_t room)
{
    if (part.count == 0 || part.count >= room) {
        return false;
    }
    memmove(ret_text, part.bytes, part.count);
    ret_text[part.count] = '\0';
    return true;
}

/* Returns whether an argument is only the name of a parameter: Rust's older scheme has "Vec<T,A>",
 * while types have their crate before them, except those of the language. */
static bool is_parameter(struct lmm_name_part argument)
{
    if (argument.count == 0 || !isupper((unsigned char) argument.bytes[0])) {
        return argument.count > 0 && argument.bytes[0] == '_';
    }
    return memmem(argument.bytes, argument.count, "::", 2) == NULL;
}

/* Takes the first argument out of "std::allocator<T>". */
static struct lmm_name_part allocated_by(struct lmm_name_part allocator)
{
    static const char *const starts[] = {"std::allocator<", "std::__1::allocator<"};

    for (size_t i = 0; i < 2; i++) {
        size_t bytes = strlen(starts[i]);

        if (allocator.count > bytes && memcmp(allocator.bytes, starts[i], bytes) == 0 &&
            allocator.bytes[allocator.count - 1] == '>') {
            struct lmm_name_part type = {allocator.bytes + bytes, allocator.count - bytes - 1};

            while (type.count > 0 && type.bytes[type.count - 1] == ' ') {
                type.count--;
            }
            return type;
        }
    }
    return (struct lmm_name_part) {allocator.bytes, 0};
}

static struct lmm_name_part part_by_rule(const struct rule *rule,
                                         const struct lmm_generic_name *name)
{
    switch (rule->of) {
    case OF_FUNCTION: return name->argument;
    case OF_CLASS: return name->class_argument;
    case OF_EITHER: return name->argument.count > 0 ? name->argument : name->class_argument;
    case OF_ALLOCATOR: return allocated_by(name->class_argument);
    default: return (struct lmm_name_part) {"u8", 2};
    }
}

bool lmm_generics_of_name(const char *function, char *ret_type, size_t room, bool *ret_is_array)
{
    struct lmm_generic_name name;
    const struct rule *rule = lmm_generic_name_parse(function, &name) ? find_rule(name.path) : NULL;

    if (rule == NULL) {
        return false;
    }
    struct lmm_name_part type = part_by_rule(rule, &name);
    bool is_list = type.count > 2 && memcmp(type.bytes + type.count - 2, "[]", 2) == 0;

    type.count -= is_list ? 2 : 0;
    while (type.count > 0 && type.bytes[type.count - 1] == ' ') {
        type.count--;
    }
    if (rule->is_rust && is_parameter(type)) {
        return false;
    }
    if (rule->around[0] != NULL) {
        int bytes =
            snprintf(ret_type, room, "%s<%.*s>", rule->around[0], (int) type.count, type.bytes);

        *ret_is_array = false;
        return type.count > 0 && bytes > 0 && (size_t) bytes < room;
    }
    if (!put_part(type, ret_type, room)) {
        return false;
    }
    *ret_is_array = rule->is_array || is_list;
    return true;
}

bool lmm_generics_class_of_name(const char *function, char *ret_class, size_t room)
{
    struct lmm_generic_name name;
    const char *last;
    const char *before;

    if (!lmm_generic_name_parse(function, &name) || !name.has_parameters ||
        (last = strrchr(name.path, ':')) == NULL) {
        return false;
    }
    size_t bytes = strlen(last + 1);
    size_t path_bytes = (size_t) (last - 1 - name.path); /* without "::" and the last part */

    before = name.path + path_bytes - (path_bytes >= bytes ? bytes : path_bytes);
    if (bytes == 0 || path_bytes < bytes || memcmp(before, last + 1, bytes) != 0 ||
        (before > name.path && before[-1] != ':')) {
        return false;
    }
    return put_part(name.class_name, ret_class, room);
}

bool lmm_generics_class_of_table(const char *symbol, char *ret_class, size_t room)
{
    static const char start[] = "vtable for ";
    size_t bytes = sizeof(start) - 1;

    return strncmp(symbol, start, bytes) == 0 &&
           put_part((struct lmm_name_part) {symbol + bytes, strlen(symbol + bytes)}, ret_class,
                    room);
}
