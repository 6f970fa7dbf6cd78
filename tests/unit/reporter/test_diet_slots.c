/* SPDX-License-Identifier: MIT */
/* The slots of blocks, by the families of a ledger. */
#include "reporter/program/report/diet_slots.h"

#include <criterion/criterion.h>

#include "reporter/core/model.h"

#define FAMILY(text, stride)                                                                       \
    &(const struct lmm_model_family)                                                               \
    {                                                                                              \
        .name = {text, sizeof(text) - 1}, .stride_bytes = (stride)                                 \
    }

/* In the order of a report: by live bytes. */
static const struct lmm_model_family *families[] = {
    FAMILY("malloc-64", 64), FAMILY("malloc-large", 1024), FAMILY("malloc-8", 8),
    FAMILY("malloc-80", 80), FAMILY("malloc-16", 16),      FAMILY("malloc-8192", 8192),
};

static const struct {
    uint64_t bytes;
    uint64_t slot;
    uint64_t below;
} cases[] = {
    {0, 8, 0},           {1, 8, 0},
    {8, 8, 0},           {9, 16, 8},
    {16, 16, 8},         {17, 64, 16},
    {65, 80, 64},        {80, 80, 64},
    {81, 8192, 80},      {8192, 8192, 80},
    {8193, 9216, 8192},  {9216, 9216, 8192},
    {9217, 10240, 9216}, {UINT64_MAX, UINT64_MAX, UINT64_MAX - 1023},
};

static struct lmm_model model_of(bool is_drop_in)
{
    struct lmm_model model = {.is_drop_in = is_drop_in};

    model.families = families;
    model.family_count = sizeof(families) / sizeof(families[0]);
    return model;
}

Test(diet_slots, rounds_up_to_a_size_class)
{
    struct lmm_model model = model_of(true);
    struct lmm_slots slots;

    lmm_slots_read(&model, &slots);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_slots_of(&slots, cases[i].bytes), cases[i].slot, "%zu: %lu", i,
                     (unsigned long) lmm_slots_of(&slots, cases[i].bytes));
        cr_expect_eq(lmm_slots_below(&slots, cases[i].bytes), cases[i].below, "%zu: %lu", i,
                     (unsigned long) lmm_slots_below(&slots, cases[i].bytes));
    }
}

Test(diet_slots, are_as_large_as_blocks_without_size_classes)
{
    struct lmm_model model = model_of(false);
    struct lmm_slots slots;

    lmm_slots_read(&model, &slots);
    cr_expect_eq(lmm_slots_of(&slots, 65), 65);
    cr_expect_eq(lmm_slots_below(&slots, 65), 0);
}
