/* SPDX-License-Identifier: MIT */
/* Types of C++ by their debug information, as each compiler writes it. */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <string.h>

#include "reporter/program/types/type_info.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(type_info_cxx, .init = own_dwarf_open, .fini = own_dwarf_close);

static void find_variable(const char *variant, const char *variable, Dwarf_Die *ret_die)
{
    cr_assert(own_dwarf_find(variant, DW_TAG_variable, variable, ret_die), "%s: no %s", variant,
              variable);
}

static const struct {
    const char *variable;
    const char *name;
    enum lmm_type_kind kind;
    uint64_t bytes; /* of what it points at, if that is a struct */
    bool is_polymorphic;
} shapes[] = {
    {"v_person", "hr::Person", LMM_TYPE_RECORD, 16, true},
    {"v_employee", "hr::Employee", LMM_TYPE_RECORD, 40, true},
    {"v_badge", "hr::Employee::Badge", LMM_TYPE_RECORD, 16, false},
    {"v_level", "hr::Employee::Level", LMM_TYPE_SCALAR, 4, false},
    {"v_box", "hr::detail::Box<int>", LMM_TYPE_RECORD, 16, false},
    {"v_badge_box", "hr::detail::Box<hr::Employee::Badge>", LMM_TYPE_RECORD, 24, false},
    {"v_point", "hr::Point", LMM_TYPE_RECORD, 4, false},
    {"v_opaque", "hr::Opaque", LMM_TYPE_RECORD, 8, false},
    {"v_hidden", "(anonymous namespace)::Hidden", LMM_TYPE_RECORD, 1, false},
    {"v_plain", "Plain", LMM_TYPE_RECORD, 48, true},
    {"v_plain_typedef", "Plain", LMM_TYPE_RECORD, 48, true},
    {"v_byte", "std::byte", LMM_TYPE_BYTE, 1, false},
    {"v_char16", "char16_t", LMM_TYPE_SCALAR, 2, false},
    {"v_reference", "hr::Point", LMM_TYPE_RECORD, 4, false},
    {"v_twin_a", "a::Twin", LMM_TYPE_RECORD, 4, false},
    {"v_twin_b", "b::Twin", LMM_TYPE_RECORD, 8, false},
    {"v_local", "Local", LMM_TYPE_RECORD, 4, false},
};

static const struct {
    const char *variable;
    uint64_t tail_bytes;
} headers[] = {
    {"v_elements", 2}, {"v_pointers", 8}, {"v_counted", 0}, {"v_more", 0}, {"v_named", 0},
};

/* A class template without members whose base is of no template says what follows the base. */
Test(type_info_cxx, headers_of_elements)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(headers) / sizeof(headers[0]); k++) {
            const char *const variable = headers[k].variable;
            bool has_tail = headers[k].tail_bytes > 0;
            Dwarf_Die die;
            Dwarf_Die type;
            struct lmm_type_info info;

            find_variable(variants[i], variable, &die);
            cr_assert(lmm_type_of(&die, &type));
            cr_assert(lmm_type_info_of(&type, &info), "%s %s", variants[i], variable);
            cr_expect_eq(info.tail_bytes, headers[k].tail_bytes, "%s %s", variants[i], variable);
            cr_expect_eq(info.tail_offset, has_tail ? info.bytes : 0, "%s %s", variants[i],
                         variable);
            cr_expect_eq(info.is_typed_header, has_tail, "%s %s", variants[i], variable);
            cr_expect(strstr(info.starts, "|hr::Header|") != NULL, "%s %s: %s", variants[i],
                      variable, info.starts);
        }
    }
}

Test(type_info_cxx, tells_name_kind_and_size)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
            const char *const variable = shapes[k].variable;
            Dwarf_Die die;
            Dwarf_Die type;
            struct lmm_type_info info;

            find_variable(variants[i], variable, &die);
            cr_assert(lmm_type_of(&die, &type));
            lmm_type_target(&type, &type);
            cr_assert(lmm_type_info_of(&type, &info), "%s %s", variants[i], variable);
            cr_expect_str_eq(info.name, shapes[k].name, "%s %s: %s", variants[i], variable,
                             info.name);
            cr_expect_eq(info.kind, shapes[k].kind, "%s %s", variants[i], variable);
            cr_expect_eq(info.bytes, shapes[k].bytes, "%s %s: %lu", variants[i], variable,
                         (unsigned long) info.bytes);
            cr_expect_eq(info.is_polymorphic, shapes[k].is_polymorphic, "%s %s", variants[i],
                         variable);
            cr_expect(info.is_cplusplus, "%s %s", variants[i], variable);
        }
    }
}

static const struct {
    const char *text;
    const char *name; /* NULL: there is no such type, or more than one */
} texts[] = {
    {"hr::Employee", "hr::Employee"},
    {"::hr::Employee", "hr::Employee"},
    {"class hr::Employee", "hr::Employee"},
    {"Employee", "hr::Employee"},
    {"Badge", "hr::Employee::Badge"},
    {"Employee::Badge", "hr::Employee::Badge"},
    {"hr::Employee *", "hr::Employee *"},
    {"Point", "hr::Point"},
    {"plain_t", "Plain"},
    {"Plain", "Plain"},
    {"detail::Box<int>", "hr::detail::Box<int>"},
    {"Box< int >", "hr::detail::Box<int>"},
    {"hr::detail::Box<hr::Employee::Badge>", "hr::detail::Box<hr::Employee::Badge>"},
    {"Box<long>", NULL},
    {"Hidden", "(anonymous namespace)::Hidden"},
    {"a::Twin", "a::Twin"},
    {"b::Twin", "b::Twin"},
    {"Twin", NULL},
    {"yee", NULL},
    {"Badge *", NULL}, /* the unit has no such pointer */
};

Test(type_info_cxx, finds_a_type_by_text)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die unit;

        find_variable(variants[i], "v_person", &unit);
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            own_dwarf_expect_text(variants[i], &unit, texts[k].text, texts[k].name);
        }
    }
}

Test(type_info_cxx, tells_what_is_in_a_base_class)
{
    static const struct {
        uint64_t offset;
        const char *name;
    } places[] = {{8, "long"}, {16, "int"}, {24, "hr::Employee *"}, {40, "int"}};

    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die die;
        Dwarf_Die type;

        find_variable(variants[i], "v_plain", &die);
        cr_assert(lmm_type_of(&die, &type) && lmm_type_target(&type, &type));
        cr_expect(lmm_type_starts_with(&type, "hr::Person"));
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            Dwarf_Die at;
            char name[LMM_TYPE_NAME_MAX] = "";

            if (lmm_type_at(&type, places[k].offset, &at)) {
                lmm_type_name(&at, name);
            }
            cr_expect_str_eq(name, places[k].name, "%s +%lu: %s", variants[i],
                             (unsigned long) places[k].offset, name);
        }
    }
}

/* The type of a declared class that another class contains. */
Test(type_info_cxx, finds_the_definition_of_what_is_declared)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        Dwarf_Die die;
        Dwarf_Die type;
        struct lmm_type_info info;

        find_variable(variants[i], "v_opaque", &die);
        cr_assert(lmm_type_of(&die, &type) && lmm_type_at(&type, 0, &type) &&
                  lmm_type_target(&type, &type) && lmm_type_info_of(&type, &info));
        cr_expect_str_eq(info.name, "hr::Opaque::Inside", "%s: %s", variants[i], info.name);
        cr_expect_eq(info.bytes, 24, "%s: %lu", variants[i], (unsigned long) info.bytes);
    }
}
