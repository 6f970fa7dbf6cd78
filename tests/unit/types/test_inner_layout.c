/* SPDX-License-Identifier: MIT */
/* Structs in structs, as each compiler writes them, and how large these are when the former have a better order. */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/inner_layout.h"
#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_walk.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(inner_layout, .init = own_dwarf_open, .fini = own_dwarf_close);

/* What holds a Packet, and whether it is smaller when that has its better order. */
static const struct {
    const char *name;
    bool is_smaller;
} cases[] = {
    {"Field", true},    {"Array", true},    {"Derived", true}, {"Deep", true},
    {"Aligned", true},  {"InUnion", false}, {"Packed", false}, {"MapNode", true},
    {"ListNode", true}, {"HashNode", true}, {"Packet", false},
};

static bool find_type(const char *variant, const char *name, const char *end, Dwarf_Die *ret_type)
{
    char variable[64];
    Dwarf_Die die;

    snprintf(variable, sizeof(variable), "v_%s%s", name, end);
    return own_dwarf_find(variant, DW_TAG_variable, variable, &die) && lmm_type_of(&die, ret_type);
}

/* Returns what is known of the Packet in a struct; NULL: it saves nothing. */
static const struct lmm_inner *find_packet(const struct lmm_inners *inners)
{
    const struct lmm_inner *found = NULL;

    for (size_t i = 0; i < inners->count; i++) {
        char name[LMM_TYPE_NAME_MAX];

        lmm_type_name(&inners->list[i].type, name);
        if (strcmp(name, "Packet") == 0) {
            cr_expect_null(found, "each type is there once");
            found = &inners->list[i];
        }
    }
    return found;
}

static void check(const char *variant, const char *name, bool is_smaller)
{
    struct lmm_layout layout;
    struct lmm_inners inners;
    Dwarf_Die type;
    Dwarf_Die best;

    cr_assert(find_type(variant, name, "", &type), "%s %s", variant, name);
    cr_assert(find_type(variant, name, "_best", &best), "%s %s", variant, name);
    cr_assert(lmm_layout_read(&type, &layout), "%s %s", variant, name);
    cr_assert(lmm_inners_read(&layout, &inners));
    const struct lmm_inner *packet = find_packet(&inners);

    cr_assert_eq(packet != NULL, is_smaller, "%s %s", variant, name);
    if (packet != NULL) {
        cr_expect_lt(packet->after.bytes, layout.bytes, "%s %s", variant, name);
        cr_expect_eq(packet->after.bytes, lmm_type_bytes(&best), "%s %s: %" PRIu64, variant, name,
                     packet->after.bytes);
        cr_expect_eq(packet->layout.state, LMM_LAYOUT_BETTER);
    }
    lmm_inners_free(&inners);
    lmm_layout_free(&layout);
}

Test(inner_layout, a_struct_is_smaller_when_one_in_it_is)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            check(variants[i], cases[k].name, cases[k].is_smaller);
        }
    }
}
