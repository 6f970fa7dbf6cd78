/* SPDX-License-Identifier: MIT */
/* run_class: each length has one class, the table agrees, and the next class begins after its longest. */
#include "lib/pages/run_class.h"

#include <criterion/criterion.h>

Test(run_class, every_length)
{
    uint32_t last = 1;

    for (size_t n = 1; n <= LMM_UNIT_BYTES; n++) {
        struct lmm_run_class class = lmm_run_class(n);
        cr_assert(class.number < LMM_RUN_CLASSES && class.slots >= n, "length %zu", n);
        cr_assert_eq(lmm_run_class_number(n), class.number, "length %zu", n);
        cr_assert_eq(lmm_run_class_slots(class.number), class.slots, "length %zu", n);
        cr_assert(class.number == last ||
                      (class.number == last + 1 && n == lmm_run_class_slots(last) + 1),
                  "length %zu", n);
        last = class.number;
    }
}
