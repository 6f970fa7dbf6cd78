/* SPDX-License-Identifier: MIT */
/* Layouts of structs of C, and better orders, as each compiler writes them. */
#include <criterion/criterion.h>

#include "tests/unit/types/layout_expect.h"
#include "tests/unit/types/own_dwarf.h"

TestSuite(layout, .init = own_dwarf_open, .fini = own_dwarf_close);

static const struct layout_case cases[] = {
    {"tight", 16, 0, 0, 0, LMM_LAYOUT_BEST},
    {"packet", 40, 14, 2, 4, LMM_LAYOUT_BETTER},
    {"end_padding", 16, 0, 0, 7, LMM_LAYOUT_BEST},
    {"flexible", 24, 10, 2, 0, LMM_LAYOUT_BETTER},
    {"old_tail", 24, 7, 1, 0, LMM_LAYOUT_BETTER},
    {"bits", 32, 11, 2, 0, LMM_LAYOUT_BETTER},
    {"long_bits", 24, 6, 1, 6, LMM_LAYOUT_BETTER},
    {"nested", 80, 13, 2, 7, LMM_LAYOUT_BETTER},
    {"numbers", 64, 21, 3, 0, LMM_LAYOUT_BETTER},
    {"arrays", 48, 8, 2, 5, LMM_LAYOUT_BETTER},
    {"packed", 10, 0, 0, 0, LMM_LAYOUT_UNKNOWN},
    {"holds_packed", 12, 0, 0, 0, LMM_LAYOUT_UNKNOWN},
    {"aligned", 64, 7, 1, 47, LMM_LAYOUT_ALIGNED},
    {"aligned_field", 32, 15, 1, 7, LMM_LAYOUT_ALIGNED},
    {"aligned_whole", 64, 14, 2, 0, LMM_LAYOUT_ALIGNED},
    {"unnamed_bits", 24, 5, 2, 7, LMM_LAYOUT_UNKNOWN},
    {"empty_array", 24, 7, 2, 7, LMM_LAYOUT_BETTER},
};

Test(layout, tells_holes_and_a_better_order)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        layout_expect(&cases[i]);
    }
}
