/* SPDX-License-Identifier: MIT */
/* leaves, layout_change: the leaves of structs as each compiler writes them, and the sizes of changed structs. */
#include <criterion/criterion.h>
#include <dwarf.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/layout.h"
#include "reporter/program/types/layout_change.h"
#include "reporter/program/types/leaves.h"
#include "reporter/program/types/type_walk.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(leaves, .init = own_dwarf_open, .fini = own_dwarf_close);

enum { TEXT_BYTES = 2000 };

/* The kind of char, which has a sign on x86-64. */
#if CHAR_MIN < 0
#define CHAR "s"
#else
#define CHAR "u"
#endif

static void read_layout(const char *variant, const char *name, struct lmm_layout *ret_layout)
{
    char variable[64];
    Dwarf_Die die;
    Dwarf_Die type;

    snprintf(variable, sizeof(variable), "v_%s", name);
    cr_assert(own_dwarf_find(variant, DW_TAG_variable, variable, &die), "%s: no %s", variant,
              variable);
    cr_assert(lmm_type_of(&die, &type) && lmm_layout_read(&type, ret_layout), "%s", name);
}

/* ---- Leaves ---------------------------------------------------------------------------------- */

/* Writes each leaf as "name kind bit+bits", with the size of an array's elements, the own field of the struct,
 * and the leaf that it is in. */
static void describe(const struct lmm_leaves *leaves, char text[TEXT_BYTES])
{
    static const char kinds[] = "uspob"; /* unsigned, signed, pointer, other, bytes */
    int used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < leaves->count; i++) {
        const struct lmm_leaf *leaf = &leaves->list[i];

        used += snprintf(text + used, (size_t) (TEXT_BYTES - used),
                         "%s%s %c%s %" PRIu64 "+%" PRIu64, i == 0 ? "" : ", ", leaf->name,
                         kinds[leaf->kind], leaf->is_bit_field ? "f" : "", leaf->bit, leaf->bits);
        if (leaf->element_bytes != 0) {
            used += snprintf(text + used, (size_t) (TEXT_BYTES - used), " [%" PRIu64 "]",
                             leaf->element_bytes);
        }
        if (leaf->own != LMM_LEAF_NOT_OWN) {
            used += snprintf(text + used, (size_t) (TEXT_BYTES - used), " #%d", leaf->own);
        }
        if (leaf->parent != LMM_LEAF_OUTERMOST) {
            used += snprintf(text + used, (size_t) (TEXT_BYTES - used), " in %s",
                             leaves->list[leaf->parent].name);
        }
    }
}

static const struct {
    const char *name;
    const char *leaves;
} cases[] = {
    {"numbers",
     "wide s 0+64 #0, narrow u 64+16 #1, flag u 80+8 #2, letter " CHAR " 88+8 #3, byte u 96+8 #4, "
     "colour u 128+32 #5, depth s 160+32 #6, ratio o 192+64 #7, longest b 256+128 #8, "
     "pointer p 384+64 #9, call p 448+64 #10"},
    {"box", "from b 0+64 #0, from.x s 0+32 in from, from.y s 32+32 in from, to b 64+64, "
            "to.x s 64+32 in to, to.y s 96+32 in to, z s 128+16, value b 192+64 #2, "
            "corners b 256+128 [8] #3, name b 384+96 [1] #4, grid b 480+96 [2] #5, grid[] s 480+96 "
            "[2] #5 in grid"},
    {"bits", "low uf 0+3 #0, high sf 3+5 #1, far sf 8+40 #2, count s 64+32 #3, deep b 96+32 #4, "
             "deep.inner uf 96+2 in deep"},
    {"deep1", "a b 0+32 #0, a.b b 0+32 in a, a.b.c b 0+32 in a.b, a.b.c.d b 0+32 in a.b.c, "
              "a.b.c.d.e b 0+32 in a.b.c.d"},
    {"packed", "kind " CHAR " 0+8 #0, key s 8+64 #1"},
    {"list", "count s 0+64 #0, kind " CHAR " 64+8 #1"},
};

Test(leaves, of_each_kind_of_field)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < VARIANT_COUNT; k++) {
            struct lmm_layout layout;
            struct lmm_leaves leaves;
            char text[TEXT_BYTES];

            read_layout(variants[k], cases[i].name, &layout);
            cr_assert(lmm_leaves_read(&layout, &leaves));
            describe(&leaves, text);
            cr_expect_str_eq(text, cases[i].leaves, "%s %s", variants[k], cases[i].name);
            cr_expect_not(leaves.is_cut);
            lmm_leaves_free(&leaves);
            lmm_layout_free(&layout);
        }
    }
}

/* A damaged file may say anything of a field. */
Test(leaves, those_that_do_not_lie_in_the_struct_are_left_out)
{
    struct lmm_layout layout;
    struct lmm_leaves leaves;
    char text[TEXT_BYTES];

    read_layout(variants[0], "numbers", &layout);
    layout.fields[0].bit = UINT64_MAX - 7;
    layout.fields[1].bit = 505;
    layout.fields[2].bytes = UINT64_MAX / 8 + 2;
    layout.fields[3].bytes = 0;
    layout.count = 5;
    cr_assert(lmm_leaves_read(&layout, &leaves));
    describe(&leaves, text);
    cr_expect_str_eq(text, "byte u 96+8 #4");
    lmm_leaves_free(&leaves);
    lmm_layout_free(&layout);
}

/* ---- Changes --------------------------------------------------------------------------------- */

static const struct {
    const char *type;
    const char *fields; /* the first letters of those that change */
    uint64_t bytes;     /* what they are then */
    uint64_t align;     /* 0: as `bytes` */
    uint64_t after;     /* of the struct; 0: it is not known */
} changes[] = {
    {"holes", "s", 6, 2, 24},    {"holes", "s", 3, 1, 24}, {"holes", "s", 2, 1, 16},
    {"holes", "", 0, 0, 40},     {"holes", "s", 0, 0, 16}, {"holes", "s", 8, 0, 24},
    {"holes", "d", 0, 0, 32},    {"holes", "d", 1, 0, 32}, {"holes", "dp", 0, 0, 32},
    {"holes", "pkl", 0, 0, 32},  {"holes", "ds", 0, 0, 8}, {"holes", "dsp", 0, 0, 2},
    {"holes", "dspkl", 0, 0, 1}, {"packed", "k", 0, 0, 0}, {"list", "c", 0, 0, 4},
    {"list", "c", 1, 0, 4},      {"list", "k", 0, 0, 8},   {"list", "ck", 0, 0, 1},
    {"bits", "lhf", 0, 0, 8},    {"box", "n", 2, 0, 64},   {"box", "vn", 0, 0, 48},
};

/* Sets the new sizes of the fields whose names start with one of the letters. */
static void set_changes(const struct lmm_layout *layout, const char *letters, uint64_t bytes,
                        uint64_t align, struct lmm_field_change *ret_changes)
{
    for (size_t i = 0; i < layout->count; i++) {
        const char *name = layout->fields[i].name;
        bool changes_it = name != NULL && strchr(letters, name[0]) != NULL;

        ret_changes[i] = (struct lmm_field_change) {changes_it ? bytes : LMM_FIELD_SAME, align};
    }
}

Test(leaves, the_size_of_a_changed_struct)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct lmm_layout layout;
        struct lmm_layout_size size = {.bytes = 0};
        struct lmm_field_change list[16];

        read_layout(variants[0], changes[i].type, &layout);
        cr_assert_leq(layout.count, sizeof(list) / sizeof(list[0]));
        set_changes(&layout, changes[i].fields, changes[i].bytes, changes[i].align, list);
        cr_expect_eq(lmm_layout_change(&layout, list, &size), changes[i].after != 0, "case %zu", i);
        cr_expect_eq(size.bytes, changes[i].after, "%s without %s: %" PRIu64, changes[i].type,
                     changes[i].fields, size.bytes);
        lmm_layout_free(&layout);
    }
}

Test(leaves, the_array_at_the_end_moves)
{
    struct lmm_layout layout;
    struct lmm_layout_size size;
    struct lmm_field_change list[16];

    read_layout(variants[0], "list", &layout);
    lmm_layout_best(&layout, &size);
    cr_expect(size.bytes == 16 && size.tail_bit == 96);
    set_changes(&layout, "c", 0, 0, list);
    cr_assert(lmm_layout_change(&layout, list, &size));
    cr_expect(size.bytes == 4 && size.tail_bit == 32);
    lmm_layout_free(&layout);
}
