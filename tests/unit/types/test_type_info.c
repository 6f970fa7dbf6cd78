/* SPDX-License-Identifier: MIT */
/* Types of C by their debug information, as each compiler writes it. */
#include "reporter/program/types/type_info.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/types/own_dwarf.h"

TestSuite(type_info, .init = own_dwarf_open, .fini = own_dwarf_close);

/* Sets *ret_type to the type of a variable of the data file. */
static void find_type_of(const char *variant, const char *variable, Dwarf_Die *ret_type)
{
    Dwarf_Die die;

    cr_assert(own_dwarf_find(variant, DW_TAG_variable, variable, &die), "%s: no %s", variant,
              variable);
    cr_assert(lmm_type_of(&die, ret_type), "%s: %s", variant, variable);
}

struct shape {
    const char *variable;
    const char *name;
    enum lmm_type_kind kind;
    uint64_t bytes;
    uint64_t tail_offset;
    uint64_t tail_bytes;
};

static const struct shape shapes[] = {
    {"v_robj", "robj", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_struct_of_robj", "robj", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_again", "robj", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_qualified", "robj", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_node", "struct node", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_node_pointer", "struct node *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_node_pointers", "struct node **", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_point", "point", LMM_TYPE_RECORD, 8, 0, 0},
    {"v_point_pointer", "point *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_cell", "cell_t", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_cell_pointer", "cell_t *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_sds", "char *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_byte", "unsigned char", LMM_TYPE_BYTE, 1, 0, 0},
    {"v_char", "char", LMM_TYPE_BYTE, 1, 0, 0},
    {"v_signed_char", "signed char", LMM_TYPE_BYTE, 1, 0, 0},
    {"v_bool", "bool", LMM_TYPE_BYTE, 1, 0, 0},
    {"v_unsigned_long", "unsigned long", LMM_TYPE_SCALAR, 8, 0, 0},
    {"v_long_long", "long long", LMM_TYPE_SCALAR, 8, 0, 0},
    {"v_unsigned_short", "unsigned short", LMM_TYPE_SCALAR, 2, 0, 0},
    {"v_double", "double", LMM_TYPE_SCALAR, 8, 0, 0},
    {"v_kind", "enum kind", LMM_TYPE_SCALAR, 4, 0, 0},
    {"v_handler", "void (*)()", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_compare", "int (*)()", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_text", "char[16]", LMM_TYPE_RECORD, 16, 0, 0},
    {"v_table", "struct node *[4]", LMM_TYPE_RECORD, 32, 0, 0},
    {"v_grid", "int[2][3]", LMM_TYPE_RECORD, 24, 0, 0},
    {"v_row", "int (*)[3]", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_void_pointer", "void *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_tail", "struct tail", LMM_TYPE_RECORD, 4, 4, 2},
    {"v_old_tail", "struct old_tail", LMM_TYPE_RECORD, 24, 8, 16},
    {"v_holds_tail", "struct holds_tail", LMM_TYPE_RECORD, 16, 12, 2},
    {"v_fixed", "struct fixed", LMM_TYPE_RECORD, 8, 0, 0},
    {"v_session", "struct session *", LMM_TYPE_POINTER, 8, 0, 0},
    {"v_unnamed", "struct (type_data.c:121)", LMM_TYPE_RECORD, 4, 0, 0},
};

Test(type_info, tells_name_kind_and_size)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
            const struct shape *shape = &shapes[k];
            Dwarf_Die type;
            struct lmm_type_info info;

            find_type_of(variants[i], shape->variable, &type);
            cr_assert(lmm_type_info_of(&type, &info), "%s %s", variants[i], shape->variable);
            cr_expect_str_eq(info.name, shape->name, "%s %s: %s", variants[i], shape->variable,
                             info.name);
            cr_expect_eq(info.kind, shape->kind, "%s %s", variants[i], shape->variable);
            cr_expect_eq(info.bytes, shape->bytes, "%s %s: %lu", variants[i], shape->variable,
                         (unsigned long) info.bytes);
            cr_expect_eq(info.tail_offset, shape->tail_offset, "%s %s: %lu", variants[i],
                         shape->variable, (unsigned long) info.tail_offset);
            cr_expect_eq(info.tail_bytes, shape->tail_bytes, "%s %s", variants[i], shape->variable);
            cr_expect_not(info.is_cplusplus);
        }
    }
}

Test(type_info, tells_where_a_struct_is_defined)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die type;
        struct lmm_type_info info;

        find_type_of(variants[i], "v_robj", &type);
        cr_assert(lmm_type_info_of(&type, &info));
        cr_expect(strlen(info.file) > 12 &&
                      strcmp(info.file + strlen(info.file) - 12, "/type_data.c") == 0,
                  "%s: %s", variants[i], info.file);
        cr_expect_eq(info.line, 11, "%s: %u", variants[i], info.line);
    }
}

struct elsewhere {
    long parts[3];
};

/* own_dwarf.c has another one of this name. */
struct differing {
    long one;
};

static struct elsewhere elsewhere __attribute__((used));
static struct differing differing __attribute__((used));

/* A struct that only another unit defines, and one that two others define, each with its own size. */
Test(type_info, finds_the_definition_in_another_unit)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die type;
        struct lmm_type_info info;

        find_type_of(variants[i], "v_elsewhere", &type);
        cr_assert(lmm_type_target(&type, &type) && lmm_type_info_of(&type, &info));
        cr_expect_str_eq(info.name, "struct elsewhere");
        cr_expect_eq(info.bytes, sizeof(struct elsewhere), "%s", variants[i]);
        find_type_of(variants[i], "v_differing", &type);
        cr_assert(lmm_type_target(&type, &type) && lmm_type_info_of(&type, &info));
        cr_expect_str_eq(info.name, "struct differing");
        cr_expect_eq(info.bytes, 0, "%s", variants[i]);
    }
}

/* A pointer to a struct that is declared before its definition, and to one that is never defined. */
Test(type_info, finds_the_definition_of_what_is_declared)
{
    static const struct {
        const char *variable;
        uint64_t bytes;
    } pointers[] = {{"v_later", 96}, {"v_session", 0}};

    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < 2; k++) {
            Dwarf_Die type;
            struct lmm_type_info info;

            find_type_of(variants[i], pointers[k].variable, &type);
            cr_assert(lmm_type_target(&type, &type), "%s %s", variants[i], pointers[k].variable);
            cr_assert(lmm_type_info_of(&type, &info));
            cr_expect_eq(info.bytes, pointers[k].bytes, "%s %s: %lu", variants[i],
                         pointers[k].variable, (unsigned long) info.bytes);
        }
    }
}

/* A pointer to a struct that starts with a pointer to one of its kind, and others. */
Test(type_info, links_of_lists)
{
    static const struct {
        const char *variable;
        uint64_t bytes;
    } links[] = {{"v_table", 16}, {"v_point_pointer", 0}, {"v_text", 0}};

    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(links) / sizeof(links[0]); k++) {
            Dwarf_Die type;
            uint64_t count;
            struct lmm_type_info info;

            find_type_of(variants[i], links[k].variable, &type);
            lmm_type_elements(&type, &type, &count);
            cr_assert(lmm_type_info_of(&type, &info));
            cr_expect_eq(info.link_bytes, links[k].bytes, "%s %s", variants[i], links[k].variable);
        }
    }
}

Test(type_info, there_is_no_definition_in_the_file)
{
    Dwarf_Die type;
    struct lmm_type_info info;

    own_dwarf_close();
    own_dwarf_open_file(UNDEFINED_DATA);
    find_type_of("v_nowhere", "v_nowhere", &type);
    cr_assert(lmm_type_target(&type, &type) && lmm_type_info_of(&type, &info));
    cr_expect_str_eq(info.name, "struct nowhere");
    cr_expect_eq(info.bytes, 0);
}

Test(type_info, void_is_no_type)
{
    Dwarf_Die type;
    Dwarf_Die target;

    find_type_of(variants[0], "v_void_pointer", &type);
    cr_expect(lmm_type_is_pointer(&type));
    cr_expect_not(lmm_type_target(&type, &target));
    find_type_of(variants[0], "v_double", &type);
    cr_expect_not(lmm_type_is_pointer(&type));
    cr_expect_not(lmm_type_target(&type, &target));
}

struct place {
    const char *variable;
    uint64_t offset;
    const char *name; /* NULL: nothing starts there */
};

static const struct place places[] = {
    {"v_mixed", 0, "struct node *"},
    {"v_mixed", 8, "long"},
    {"v_mixed", 4, NULL},
    {"v_mixed", 16, "int"},
    {"v_mixed", 36, "int"},
    {"v_mixed", 40, "double"},
    {"v_mixed", 48, "long"},
    {"v_mixed", 56, "short"},
    {"v_mixed", 58, NULL},
    {"v_mixed", 64, "robj *"},
    {"v_mixed", 72, "struct node *"},
    {"v_mixed", 80, "struct node *"},
    {"v_mixed", 88, NULL},
    {"v_robj", 0, NULL},
    {"v_robj", 4, "int"},
    {"v_robj", 8, "void *"},
    {"v_tail", 4, "short"},
    {"v_tail", 4 + 2 * 1000, "short"},
    {"v_grid", 20, "int"},
    {"v_double", 0, "double"},
};

Test(type_info, tells_what_is_at_an_offset)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            const struct place *place = &places[k];
            Dwarf_Die type;
            char name[LMM_TYPE_NAME_MAX] = "";

            find_type_of(variants[i], place->variable, &type);
            bool found = lmm_type_at(&type, place->offset, &type);

            if (found) {
                lmm_type_name(&type, name);
            }
            cr_expect_eq(found, place->name != NULL, "%s %s+%lu: %s", variants[i], place->variable,
                         (unsigned long) place->offset, name);
            cr_expect(!found || place->name == NULL || strcmp(name, place->name) == 0,
                      "%s %s+%lu: %s", variants[i], place->variable, (unsigned long) place->offset,
                      name);
        }
    }
}

Test(type_info, tells_what_a_struct_starts_with)
{
    static const struct {
        const char *variable;
        const char *name;
        bool starts;
    } cases[] = {
        {"v_mixed", "struct node", true},  {"v_mixed", "struct node *", true},
        {"v_mixed", "point", false},       {"v_mixed", "struct mixed", false},
        {"v_cell", "double", true},        {"v_cell", "struct node", true},
        {"v_node", "struct node *", true}, {"v_node_pointer", "struct node", false},
        {"v_old_tail", "long", true},
    };

    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            Dwarf_Die type;

            find_type_of(variants[i], cases[k].variable, &type);
            cr_expect_eq(lmm_type_starts_with(&type, cases[k].name), cases[k].starts, "%s %s %s",
                         variants[i], cases[k].variable, cases[k].name);
        }
    }
}

Test(type_info, lists_the_structs_that_a_struct_starts_with)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        struct lmm_type_info info = {.name = ""};
        Dwarf_Die type;

        find_type_of(variants[i], "v_mixed", &type);
        cr_assert(lmm_type_info_of(&type, &info));
        cr_expect_str_eq(info.starts, "|struct node|", "%s", variants[i]);
        cr_expect(lmm_type_info_starts_with(&info, "struct node"));
        cr_expect_not(lmm_type_info_starts_with(&info, "struct mixed"));
        cr_expect_not(lmm_type_info_starts_with(&info, "struct nod"));
        cr_expect_not(lmm_type_info_starts_with(&info, "truct node"));
    }
}

static const struct {
    const char *text;
    const char *name; /* NULL: there is no such type */
} texts[] = {
    {"robj", "robj"},
    {"struct redisObject", "robj"},
    {"  const  struct node", "struct node"},
    {"struct node const", "struct node"},
    {"struct node *", "struct node *"},
    {"struct node*", "struct node *"},
    {"const struct node * const *", "struct node **"},
    {"point", "point"},
    {"point*", "point *"},
    {"union cell", "cell_t"},
    {"enum kind", "enum kind"},
    {"sds", "char *"},
    {"unsigned long", "unsigned long"},
    {"long unsigned", "unsigned long"},
    {"long unsigned int", "unsigned long"},
    {"unsigned long int", "unsigned long"},
    {"unsigned", "unsigned int"},
    {"long long", "long long"},
    {"short unsigned", "unsigned short"},
    {"char", "char"},
    {"signed char", "signed char"},
    {"void *", "void *"},
    {"node", NULL},
    {"struct robj", NULL},
    {"struct kind", NULL},
    {"struct nothing", NULL},
    {"point ***", NULL},
    {"void", NULL},
    {"v_robj", NULL},
    {"", NULL},
    {"*", NULL},
    {"struct", NULL},
};

Test(type_info, finds_a_type_by_text)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die unit;

        cr_assert(own_dwarf_find(variants[i], DW_TAG_variable, "v_robj", &unit));
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            own_dwarf_expect_text(variants[i], &unit, texts[k].text, texts[k].name);
        }
    }
}

/* The lists of a file are made again after they are forgotten. */
Test(type_info, forgets)
{
    for (int i = 0; i < 2; i++) {
        Dwarf_Die type;
        char name[LMM_TYPE_NAME_MAX];

        find_type_of(variants[0], "v_robj", &type);
        lmm_type_name(&type, name);
        cr_expect_str_eq(name, "robj");
        lmm_type_forget(own_dwarf);
    }
}
