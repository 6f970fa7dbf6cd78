/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_text.h"

#include <ctype.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_walk.h"
#include "reporter/program/types/unit_index.h"

enum {
    POINTERS_MAX = 4, /* stars after a type */
};

/* ---- Text ------------------------------------------------------------------------------------ */

/* A type's name in parts. */
struct wanted {
    char name[LMM_TYPE_NAME_MAX]; /* without keywords and stars */
    int pointers;
    int tag; /* of "struct", "union", "enum"; DW_TAG_invalid: no such word */
};

static bool is_word_byte(char byte)
{
    return isalnum((unsigned char) byte) || byte == '_' || byte == '$';
}

static void drop_blanks_at_end(char *text)
{
    size_t bytes = strlen(text);

    while (bytes > 0 && isspace((unsigned char) text[bytes - 1])) {
        text[--bytes] = '\0';
    }
}

/* Takes a word off the end of a text; returns whether it was there. */
static bool drop_last_word(char *text, const char *word)
{
    size_t bytes = strlen(text);
    size_t length = strlen(word);

    if (bytes <= length || strcmp(text + bytes - length, word) != 0 ||
        is_word_byte(text[bytes - length - 1])) {
        return false;
    }
    text[bytes - length] = '\0';
    return true;
}

/* Takes stars and qualifiers off the end of a text; returns the number of stars. */
static int drop_end(char *text)
{
    static const char *const words[] = {"const", "volatile", "restrict", "__restrict"};
    int pointers = 0;
    bool has_dropped;

    do {
        drop_blanks_at_end(text);
        has_dropped = false;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !has_dropped; i++) {
            has_dropped = drop_last_word(text, words[i]);
        }
        size_t bytes = strlen(text);

        if (bytes > 0 && text[bytes - 1] == '*') {
            text[bytes - 1] = '\0';
            pointers++;
            has_dropped = true;
        }
    } while (has_dropped);
    return pointers;
}

/* Takes keywords off the start of a text, and sets *ret_tag by them. Returns the rest. */
static const char *skip_start(const char *text, int *ret_tag)
{
    static const struct {
        const char *word;
        int tag;
    } words[] = {
        {"const", DW_TAG_invalid},         {"volatile", DW_TAG_invalid},
        {"typename", DW_TAG_invalid},      {"struct", DW_TAG_structure_type},
        {"class", DW_TAG_structure_type},  {"union", DW_TAG_union_type},
        {"enum", DW_TAG_enumeration_type},
    };
    bool has_skipped;

    do {
        has_skipped = false;
        text += strspn(text, " \t\n");
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !has_skipped; i++) {
            size_t length = strlen(words[i].word);

            if (strncmp(text, words[i].word, length) == 0 &&
                isspace((unsigned char) text[length])) {
                text += length;
                *ret_tag = words[i].tag != DW_TAG_invalid ? words[i].tag : *ret_tag;
                has_skipped = true;
            }
        }
    } while (has_skipped);
    return strncmp(text, "::", 2) == 0 ? text + 2 : text;
}

/* Turns "long unsigned int" and its other orders into "unsigned long"; leaves other texts. */
static void use_usual_name(char *text)
{
    static const char *const words[] = {"unsigned", "signed", "long", "short", "int", "char"};
    int counts[6] = {0};
    const char *at = text;

    while (*(at += strspn(at, " ")) != '\0') {
        size_t length = strcspn(at, " ");
        size_t word = 0;

        while (word < 6 &&
               (strlen(words[word]) != length || strncmp(at, words[word], length) != 0)) {
            word++;
        }
        if (word == 6) {
            return;
        }
        counts[word]++;
        at += length;
    }
    const char *const sign = counts[0] > 0                    ? "unsigned "
                             : counts[1] > 0 && counts[5] > 0 ? "signed "
                                                              : "";
    const char *const size = counts[5] > 0   ? "char"
                             : counts[2] > 1 ? "long long"
                             : counts[2] > 0 ? "long"
                             : counts[3] > 0 ? "short"
                                             : "int";

    snprintf(text, LMM_TYPE_NAME_MAX, "%s%s", sign, size);
}

static bool parse(const char *text, struct wanted *ret_wanted)
{
    char copy[LMM_TYPE_NAME_MAX];

    if (strlen(text) >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    ret_wanted->tag = DW_TAG_invalid;
    ret_wanted->pointers = drop_end(copy);
    snprintf(ret_wanted->name, sizeof(ret_wanted->name), "%s", skip_start(copy, &ret_wanted->tag));
    if (ret_wanted->tag == DW_TAG_invalid && ret_wanted->name[0] != '\0') {
        use_usual_name(ret_wanted->name);
    }
    return ret_wanted->name[0] != '\0' && ret_wanted->pointers <= POINTERS_MAX;
}

/* ---- Looking a name up ----------------------------------------------------------------------- */

/* Returns whether two names differ in blanks alone. */
static bool is_same_but_blanks(const char *left, const char *right)
{
    for (;; left++, right++) {
        left += strspn(left, " ");
        right += strspn(right, " ");
        if (*left != *right) {
            return false;
        }
        if (*left == '\0') {
            return true;
        }
    }
}

/* Returns the part of a name after the last "::" that is outside of angle brackets. */
static const char *last_part(const char *name)
{
    const char *part = name;
    int depth = 0;

    for (const char *at = name; *at != '\0'; at++) {
        depth += (*at == '<') - (*at == '>');
        if (depth == 0 && at[0] == ':' && at[1] == ':') {
            part = at + 2;
        }
    }
    return part;
}

/* Returns whether a whole name ends in a name, after a "::". */
static bool ends_in(const char *whole, const char *name)
{
    for (const char *at = strstr(whole, "::"); at != NULL; at = strstr(at + 1, "::")) {
        if (is_same_but_blanks(at + 2, name)) {
            return true;
        }
    }
    return false;
}

struct search {
    const struct wanted *wanted;
    bool is_cplusplus;
    bool is_found; /* `die` is one with a name that ends in the one wanted */
    bool is_ambiguous;
    Dwarf_Die die;
    char name[LMM_TYPE_NAME_MAX]; /* its whole name */
};

/* Returns whether a DIE may be what is wanted by its tag; in C a struct needs its keyword. */
static bool has_tag(const struct search *search, int tag)
{
    int wanted = search->wanted->tag;

    switch (tag) {
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        return wanted == DW_TAG_structure_type ||
               (wanted == DW_TAG_invalid && search->is_cplusplus);
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
        return wanted == tag || (wanted == DW_TAG_invalid && search->is_cplusplus);
    case DW_TAG_typedef:
    case DW_TAG_template_alias:
    case DW_TAG_base_type: return wanted == DW_TAG_invalid;
    default: return false;
    }
}

static bool visit_type(void *context, const Dwarf_Die *found)
{
    struct search *search = context;
    Dwarf_Die die = *found;
    char whole[LMM_TYPE_NAME_MAX];

    if (!has_tag(search, dwarf_tag(&die))) {
        return false;
    }
    lmm_type_whole_name(&die, whole);
    if (is_same_but_blanks(whole, search->wanted->name) || dwarf_tag(&die) == DW_TAG_base_type) {
        search->is_found = true;
        search->is_ambiguous = false;
        search->die = die;
        return true;
    }
    if (!ends_in(whole, search->wanted->name)) {
        return false;
    }
    search->is_ambiguous = search->is_found && strcmp(search->name, whole) != 0;
    if (!search->is_found) {
        search->is_found = true;
        search->die = die;
        memcpy(search->name, whole, sizeof(whole));
    }
    return search->is_ambiguous;
}

static bool find_type(struct lmm_unit_index *index, const struct wanted *wanted,
                      Dwarf_Die *ret_type)
{
    struct search search = {
        .wanted = wanted,
        .is_cplusplus = lmm_unit_index_is_cplusplus(index),
    };
    const char *compiler = lmm_type_compiler_name(wanted->name);

    if (compiler == NULL || !lmm_unit_index_find(index, compiler, visit_type, &search)) {
        lmm_unit_index_find(index, last_part(wanted->name), visit_type, &search);
    }
    if (search.is_found && !search.is_ambiguous) {
        *ret_type = search.die;
    }
    return search.is_found && !search.is_ambiguous;
}

struct pointer_search {
    const Dwarf_Die *target; /* NULL: void */
    Dwarf_Die die;
};

/* Returns whether two types are the same, or pointers to the same. */
static bool is_same(const Dwarf_Die *left, const Dwarf_Die *right)
{
    Dwarf_Die a = *left;
    Dwarf_Die b = *right;

    for (int i = 0; i <= POINTERS_MAX; i++) {
        if (!lmm_type_strip(&a, &a) || !lmm_type_strip(&b, &b)) {
            return false;
        }
        if (a.addr == b.addr) {
            return true;
        }
        if (!lmm_type_is_pointer(&a) || !lmm_type_is_pointer(&b)) {
            return false;
        }
        bool has_target = lmm_type_target(&a, &a);

        if (has_target != lmm_type_target(&b, &b)) {
            return false;
        }
        if (!has_target) {
            return true;
        }
    }
    return false;
}

static bool visit_pointer(void *context, const Dwarf_Die *die)
{
    struct pointer_search *search = context;
    Dwarf_Die target;
    bool has_target = lmm_type_target(die, &target);

    if (has_target != (search->target != NULL) ||
        (has_target && !is_same(&target, search->target))) {
        return false;
    }
    search->die = *die;
    return true;
}

/* Sets *ret_pointer to a pointer to what a type, NULL: void, leads to. */
static bool find_pointer(struct lmm_unit_index *index, const Dwarf_Die *target,
                         Dwarf_Die *ret_pointer)
{
    struct pointer_search search = {.target = target};

    if (!lmm_unit_index_find(index, lmm_unit_index_pointers, visit_pointer, &search)) {
        return false;
    }
    *ret_pointer = search.die;
    return true;
}

bool lmm_type_by_text(const Dwarf_Die *in_unit, const char *text, Dwarf_Die *ret_type)
{
    struct lmm_unit_index *index = lmm_unit_index_of(in_unit);
    struct wanted wanted;
    Dwarf_Die type;

    if (index == NULL || !parse(text, &wanted)) {
        return false;
    }
    bool is_void = strcmp(wanted.name, "void") == 0;

    if (is_void ? wanted.pointers == 0 : !find_type(index, &wanted, &type)) {
        return false;
    }
    for (int i = 0; i < wanted.pointers; i++) {
        if (!find_pointer(index, is_void && i == 0 ? NULL : &type, &type)) {
            return false;
        }
    }
    *ret_type = type;
    return true;
}
