/* SPDX-License-Identifier: MIT */
/* What a test prints on standard error, as Criterion has it (criterion.h). */
#ifndef CRITERION_REDIRECT_H
#define CRITERION_REDIRECT_H

#include <criterion/criterion.h>

/* From now on standard error of the test that runs goes to a file without a name. */
void cr_redirect_stderr(void);

/* Whether exactly this text is in it. */
bool plain_stderr_is(const char *text);

#define cr_assert_stderr_eq_str(text, ...) cr_assert(plain_stderr_is(text), __VA_ARGS__)
#define cr_expect_stderr_eq_str(text, ...) cr_expect(plain_stderr_is(text), __VA_ARGS__)

#endif
