/* SPDX-License-Identifier: MIT */
/* Orders of fields, against a model that tries all of them. */
#include "reporter/program/types/field_order.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/random.h"

enum {
    STRUCTS = 3000,
    FIELDS_MAX = 6,
    ALL_RULES = (1u << LMM_BASE_RULES) - 1,
};

static uint64_t random_state = 20261130;

static uint64_t random_below(uint64_t bound)
{
    return random_next(&random_state) % bound;
}

/* ---- The model: a bit at a time -------------------------------------------------------------- */

/* Places fields one after another, each at the first bit that its rules allow; returns the size. */
static uint64_t place_slowly(struct lmm_field *fields, size_t count)
{
    uint64_t end = 0;
    uint64_t align = 1;

    for (size_t i = 0; i < count; i++) {
        struct lmm_field *field = &fields[i];
        bool is_bits = field->kind == LMM_FIELD_BITS;
        uint64_t width = is_bits ? field->bits : field->bytes * 8;

        for (field->bit = end;; field->bit++) {
            uint64_t unit = field->bytes * 8;

            if (is_bits ? field->bit % unit + width <= unit
                        : field->bit % (field->align * 8) == 0) {
                break;
            }
        }
        end = field->bit + width;
        align = field->align > align ? field->align : align;
    }
    while (end % (align * 8) != 0) {
        end++;
    }
    return end / 8;
}

/* Returns the smallest size of all orders of the fields from `first` on. */
static uint64_t smallest(struct lmm_field *fields, size_t count, size_t first)
{
    struct lmm_field copy[FIELDS_MAX];
    uint64_t least = UINT64_MAX;

    if (first == count) {
        memcpy(copy, fields, count * sizeof(*copy));
        return place_slowly(copy, count);
    }
    for (size_t i = first; i < count; i++) {
        struct lmm_field other[FIELDS_MAX];

        memcpy(other, fields, count * sizeof(*other));
        other[first] = fields[i];
        other[i] = fields[first];
        uint64_t bytes = smallest(other, count, first + 1);

        least = bytes < least ? bytes : least;
    }
    return least;
}

/* ---- Random structs -------------------------------------------------------------------------- */

static void make_field(struct lmm_field *field, bool may_be_bits)
{
    uint64_t align = UINT64_C(1) << random_below(4);

    *field = (struct lmm_field) {
        .kind = LMM_FIELD_MEMBER, .align = align, .bytes = align * (1 + random_below(3))};
    if (may_be_bits && random_below(2) == 0) {
        field->kind = LMM_FIELD_BITS;
        field->bytes = align;
        field->bits = 1 + random_below(align * 8);
    }
}

/* Returns the number of bit-fields that follow others. */
static size_t make_struct(struct lmm_field *fields, size_t *ret_count, bool may_have_bits)
{
    size_t joined = 0;

    *ret_count = 2 + random_below(FIELDS_MAX - 1);
    for (size_t i = 0; i < *ret_count; i++) {
        make_field(&fields[i], may_have_bits);
        fields[i].name = &"abcdef"[i];
        joined += i > 0 && fields[i].kind == LMM_FIELD_BITS && fields[i - 1].kind == LMM_FIELD_BITS;
    }
    return joined;
}

static void expect_same_fields(const struct lmm_field *a, const struct lmm_field *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t found = 0;

        for (size_t k = 0; k < count; k++) {
            found += a[i].name == b[k].name;
        }
        cr_expect_eq(found, 1);
    }
}

/* Returns whether an order was found. */
static bool check_order(const struct lmm_field *fields, size_t count, uint64_t bytes,
                        uint64_t *ret_bytes)
{
    struct lmm_field order[FIELDS_MAX];
    struct lmm_field slow[FIELDS_MAX];

    memcpy(order, fields, count * sizeof(*order));
    if (!lmm_fields_reorder(order, count, ALL_RULES, bytes, ret_bytes)) {
        cr_expect(memcmp(order, fields, count * sizeof(*order)) == 0);
        return false;
    }
    memcpy(slow, order, count * sizeof(*slow));
    cr_expect_lt(*ret_bytes, bytes);
    cr_expect_eq(place_slowly(slow, count), *ret_bytes);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(slow[i].bit, order[i].bit);
    }
    expect_same_fields(order, fields, count);
    return true;
}

Test(field_order, places_as_the_model_does)
{
    for (int i = 0; i < STRUCTS; i++) {
        struct lmm_field fields[FIELDS_MAX];
        struct lmm_field slow[FIELDS_MAX];
        size_t count;
        uint64_t bytes;
        uint64_t align;

        make_struct(fields, &count, true);
        memcpy(slow, fields, sizeof(slow));
        cr_assert(lmm_fields_place(fields, count, LMM_BASE_WHOLE, &bytes, &align));
        cr_expect_eq(bytes, place_slowly(slow, count));
        for (size_t k = 0; k < count; k++) {
            cr_expect_eq(fields[k].bit, slow[k].bit);
        }
    }
}

Test(field_order, finds_the_smallest_order_of_members)
{
    for (int i = 0; i < STRUCTS; i++) {
        struct lmm_field fields[FIELDS_MAX];
        size_t count;
        uint64_t order_bytes;

        make_struct(fields, &count, false);
        uint64_t bytes = place_slowly(fields, count);
        uint64_t least = smallest(fields, count, 0);

        if (check_order(fields, count, bytes, &order_bytes)) {
            cr_expect_eq(order_bytes, least);
        } else {
            cr_expect_eq(bytes, least);
        }
    }
}

Test(field_order, never_claims_too_much_of_bit_fields)
{
    size_t found = 0;

    for (int i = 0; i < STRUCTS; i++) {
        struct lmm_field fields[FIELDS_MAX];
        size_t count;
        uint64_t order_bytes;

        make_struct(fields, &count, true);
        uint64_t bytes = place_slowly(fields, count);

        found += check_order(fields, count, bytes, &order_bytes);
    }
    cr_expect_gt(found, STRUCTS / 10);
}

Test(field_order, refuses_what_it_cannot_place)
{
    static const struct lmm_field hostile[] = {
        {.kind = LMM_FIELD_MEMBER, .bytes = 4, .align = 0},
        {.kind = LMM_FIELD_MEMBER, .bytes = UINT64_MAX, .align = 1},
        {.kind = LMM_FIELD_MEMBER, .bytes = 4, .align = UINT64_MAX},
        {.kind = LMM_FIELD_BITS, .bytes = 4, .align = 4, .bits = 0},
        {.kind = LMM_FIELD_BITS, .bytes = 4, .align = 4, .bits = 33},
        {.kind = LMM_FIELD_BITS, .bytes = 0, .align = 4, .bits = 3},
    };

    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        struct lmm_field fields[3] = {{.kind = LMM_FIELD_MEMBER, .bytes = 1, .align = 1},
                                      hostile[i],
                                      {.kind = LMM_FIELD_MEMBER, .bytes = 1, .align = 1}};
        uint64_t bytes;
        uint64_t align;

        cr_expect_not(lmm_fields_place(fields, 3, LMM_BASE_WHOLE, &bytes, &align), "%zu", i);
        cr_expect_not(lmm_fields_reorder(fields, 3, ALL_RULES, UINT64_MAX, &bytes), "%zu", i);
    }
}
