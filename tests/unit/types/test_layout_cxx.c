/* SPDX-License-Identifier: MIT */
/* Layouts of classes, and better orders, as each compiler writes them. */
#include <criterion/criterion.h>

#include "tests/unit/types/layout_expect.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(layout_cxx, .init = own_dwarf_open, .fini = own_dwarf_close);

static const struct layout_case cases[] = {
    {"Person", 32, 7, 1, 7, LMM_LAYOUT_BETTER},
    {"FromPlain", 40, 7, 1, 7, LMM_LAYOUT_BETTER},
    {"Derived", 40, 3, 1, 4, LMM_LAYOUT_BETTER},
    {"FromEmpty", 32, 7, 1, 7, LMM_LAYOUT_BETTER},
    {"Holder", 96, 14, 2, 7, LMM_LAYOUT_BETTER},
    {"Virtual", 48, 0, 0, 0, LMM_LAYOUT_UNKNOWN},
    {"HoldsVirtual", 64, 0, 0, 0, LMM_LAYOUT_UNKNOWN},
    {"Unclear", 40, 3, 1, 4, LMM_LAYOUT_BEST},
    {"IntBox", 12, 3, 1, 3, LMM_LAYOUT_BETTER},
};

Test(layout_cxx, tells_holes_and_a_better_order)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        layout_expect(&cases[i]);
    }
}
