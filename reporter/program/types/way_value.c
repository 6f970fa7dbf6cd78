/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/way_value.h"

static const struct lmm_way_value nothing = {.kind = LMM_WAY_NOTHING};

int64_t lmm_way_add(int64_t a, int64_t b)
{
    return (int64_t) ((uint64_t) a + (uint64_t) b);
}

struct lmm_way_value lmm_way_constant(int64_t number, bool is_address)
{
    return (struct lmm_way_value) {
        .kind = LMM_WAY_CONSTANT, .is_address = is_address, .number = number};
}

struct lmm_way_value lmm_way_multiple(uint64_t scale)
{
    return (struct lmm_way_value) {.kind = LMM_WAY_CONSTANT,
                                   .scale = (uint16_t) (scale > UINT16_MAX ? 1 : scale)};
}

bool lmm_way_is_same(struct lmm_way_value a, struct lmm_way_value b)
{
    return a.kind == b.kind && a.is_unknown == b.is_unknown && a.is_pointer == b.is_pointer &&
           a.origin == b.origin && a.scale == b.scale && a.number == b.number;
}

struct lmm_way_value lmm_way_moved(struct lmm_way_value value, int64_t number)
{
    value.number = value.is_unknown ? 0 : lmm_way_add(value.number, number);
    return value;
}

static bool is_distance(struct lmm_way_value value)
{
    return value.kind == LMM_WAY_CONSTANT && !value.is_address;
}

struct lmm_way_value lmm_way_tagged(struct lmm_way_value a)
{
    if (a.kind != LMM_WAY_BLOCK) {
        return nothing;
    }
    a.is_unknown = true;
    a.number = 0;
    return a;
}

/* Adds a number, or a multiple of one, to a value that is known. */
static struct lmm_way_value add_distance(struct lmm_way_value value, struct lmm_way_value by)
{
    if (value.kind == LMM_WAY_BLOCK) {
        return by.scale == 0 ? lmm_way_moved(value, by.number) : lmm_way_tagged(value);
    }
    if (value.scale == 0 || (by.scale != 0 && by.scale < value.scale)) {
        value.scale = by.scale;
    }
    return lmm_way_moved(value, by.number);
}

/* Returns whether a value may be a number: what is taken for the frame pointer is one where it is
 * added to a block. */
static bool is_any(struct lmm_way_value value)
{
    return value.kind == LMM_WAY_NOTHING || value.kind == LMM_WAY_ORIGIN ||
           (value.kind == LMM_WAY_FRAME && value.is_pointer);
}

struct lmm_way_value lmm_way_sum(struct lmm_way_value a, struct lmm_way_value b)
{
    if (is_distance(b) && a.kind != LMM_WAY_NOTHING) {
        return add_distance(a, b);
    }
    if (is_distance(a) && b.kind != LMM_WAY_NOTHING) {
        return add_distance(b, a);
    }
    if (a.kind == LMM_WAY_BLOCK && is_any(b)) {
        return lmm_way_tagged(a);
    }
    return b.kind == LMM_WAY_BLOCK && is_any(a) ? lmm_way_tagged(b) : nothing;
}

struct lmm_way_value lmm_way_difference(struct lmm_way_value a, struct lmm_way_value b)
{
    if (b.kind != LMM_WAY_CONSTANT || b.scale != 0 || a.kind == LMM_WAY_NOTHING) {
        return nothing;
    }
    return lmm_way_moved(a, (int64_t) (0 - (uint64_t) b.number));
}
