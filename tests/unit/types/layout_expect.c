/* SPDX-License-Identifier: MIT */
#include "tests/unit/types/layout_expect.h"

#include <criterion/criterion.h>
#include <dwarf.h>
#include <stdio.h>
#include <string.h>

#include "reporter/program/types/type_walk.h"
#include "tests/unit/types/own_dwarf.h"

/* Reads the layout of the type of the variable v_NAME. */
static void read_layout(const char *variant, const char *name, struct lmm_layout *ret_layout)
{
    char variable[64];
    Dwarf_Die die;
    Dwarf_Die type;

    snprintf(variable, sizeof(variable), "v_%s", name);
    cr_assert(own_dwarf_find(variant, DW_TAG_variable, variable, &die), "%s: no %s", variant,
              variable);
    cr_assert(lmm_type_of(&die, &type));
    cr_assert(lmm_layout_read(&type, ret_layout), "%s %s", variant, name);
}

static const char *text(const char *name)
{
    return name == NULL ? "" : name;
}

/* Compares a better order with what the compiler makes of it. */
static void expect_order(const char *variant, const char *name, const struct lmm_layout *layout)
{
    char best_name[64];
    struct lmm_layout best;

    snprintf(best_name, sizeof(best_name), "%s_best", name);
    read_layout(variant, best_name, &best);
    cr_expect_eq(layout->order_bytes, best.bytes, "%s %s: %lu", variant, name,
                 (unsigned long) layout->order_bytes);
    cr_expect_eq(best.state, LMM_LAYOUT_BEST, "%s %s: %d", variant, best_name, (int) best.state);
    cr_assert_eq(layout->count, best.count, "%s %s", variant, name);
    for (size_t i = 0; i < best.count; i++) {
        cr_expect_eq(layout->order[i].kind, best.fields[i].kind, "%s %s: %zu", variant, name, i);
        cr_expect(best.fields[i].kind == LMM_FIELD_VTABLE ||
                      strcmp(text(layout->order[i].name), text(best.fields[i].name)) == 0,
                  "%s %s: %zu", variant, name, i);
        cr_expect_eq(layout->order[i].bit, best.fields[i].bit, "%s %s.%s", variant, name,
                     text(best.fields[i].name));
    }
    lmm_layout_free(&best);
}

void layout_expect(const struct layout_case *expected)
{
    for (size_t i = 0; i < VARIANT_COUNT; i++) {
        struct lmm_layout layout;

        read_layout(variants[i], expected->name, &layout);
        cr_expect_eq(layout.bytes, expected->bytes, "%s %s: %lu", variants[i], expected->name,
                     (unsigned long) layout.bytes);
        cr_expect_eq(layout.hole_bytes, expected->hole_bytes, "%s %s: %lu", variants[i],
                     expected->name, (unsigned long) layout.hole_bytes);
        cr_expect_eq(layout.hole_count, expected->hole_count, "%s %s: %zu", variants[i],
                     expected->name, layout.hole_count);
        cr_expect_eq(layout.padding_bytes, expected->padding_bytes, "%s %s: %lu", variants[i],
                     expected->name, (unsigned long) layout.padding_bytes);
        cr_expect_eq(layout.state, expected->state, "%s %s: %d", variants[i], expected->name,
                     (int) layout.state);
        if (layout.state == LMM_LAYOUT_BETTER) {
            expect_order(variants[i], expected->name, &layout);
        }
        lmm_layout_free(&layout);
    }
}
