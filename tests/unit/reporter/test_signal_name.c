/* SPDX-License-Identifier: MIT */
/* signal_name: against glibc's. */
#include "reporter/program/base/signal_name.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

Test(signal_name, as_glibc)
{
    size_t named = 0;

    for (int number = -1; number < 70; number++) {
        const char *own = lmm_signal_name(number);
        const char *wanted = number < 0 ? NULL : sigabbrev_np(number);
        cr_expect((own == NULL) == (wanted == NULL), "%d", number);
        cr_expect(own == NULL || strcmp(own, wanted) == 0, "%d", number);
        named += own != NULL;
    }
    cr_expect(named == 31);
    cr_expect(lmm_signal_name(INT_MAX) == NULL && lmm_signal_name(INT_MIN) == NULL);
}
