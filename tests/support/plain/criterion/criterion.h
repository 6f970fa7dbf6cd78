/* SPDX-License-Identifier: MIT */
/*
 * The part of Criterion that the unit tests use, for C libraries that Debian has no Criterion for (musl). The folder
 * of this file is on the include path of such a build instead of Criterion's.
 *
 * As in Criterion, each test runs in a process of its own, which executes the program again, with the set-up of its
 * suite before its own. A test fails if an assertion fails, if it ends by another signal or with another status than the
 * test says, or if it takes longer than its timeout. Arguments: names SUITE/NAME or SUITE of the tests to run; default:
 * all. Failures are printed on standard error, as is the number of tests.
 */
#ifndef CRITERION_CRITERION_H
#define CRITERION_CRITERION_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plain_options {
    int number; /* of the line: the first member, so that a list of designated members may be empty */
    void (*init)(void);
    void (*fini)(void);
    int signal;
    int exit_code;
    double timeout; /* in seconds */
};

struct plain_test {
    const char *suite;
    const char *name; /* NULL: these are the options of the suite */
    void (*run)(void);
    const struct plain_options *options;
    struct plain_test *next;
};

/* Adds a test, or the options of a suite, before main(). */
void plain_add(struct plain_test *test);

/* Notes a failed assertion; format is a space, and the message if there is one. */
void plain_fail(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Ends the test that runs. */
_Noreturn void plain_end(void);
_Noreturn void plain_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define PLAIN_ADD(id, suite_text, name_text, function, ...)                                        \
    static const struct plain_options id##_options = {__LINE__, __VA_ARGS__};                      \
    static struct plain_test id##_test = {suite_text, name_text, function, &id##_options, NULL};   \
    __attribute__((constructor)) static void id##_add(void)                                        \
    {                                                                                              \
        plain_add(&id##_test);                                                                     \
    }

#define Test(suite, name, ...)                                                                     \
    static void suite##_##name##_run(void);                                                        \
    PLAIN_ADD(suite##_##name, #suite, #name, suite##_##name##_run, __VA_ARGS__)                    \
    static void suite##_##name##_run(void)

#define TestSuite(suite, ...)                                                                      \
    PLAIN_ADD(suite##_suite, #suite, NULL, NULL, __VA_ARGS__)                                      \
    _Static_assert(true, "takes the semicolon")

/* ---- Assertions: `assert` ends the test, `expect` does not ------------------------------------ */

#define PLAIN_CHECK(fails, text, end, ...)                                                         \
    ((fails) ? (plain_fail(__FILE__, __LINE__, text, " " __VA_ARGS__), (end)) : (void) 0)

#define cr_assert(what, ...)     PLAIN_CHECK(!(what), #what, plain_end(), __VA_ARGS__)
#define cr_expect(what, ...)     PLAIN_CHECK(!(what), #what, (void) 0, __VA_ARGS__)
#define cr_expect_not(what, ...) cr_expect(!(what), __VA_ARGS__)

#define cr_assert_eq(a, b, ...)  cr_assert((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)  cr_assert((a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)  cr_expect((a) == (b), __VA_ARGS__)
#define cr_expect_lt(a, b, ...)  cr_expect((a) < (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...) cr_expect((a) <= (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...)  cr_expect((a) > (b), __VA_ARGS__)
#define cr_expect_geq(a, b, ...) cr_expect((a) >= (b), __VA_ARGS__)

#define cr_assert_null(a, ...)     cr_assert((a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_assert((a) != NULL, __VA_ARGS__)
#define cr_expect_null(a, ...)     cr_expect((a) == NULL, __VA_ARGS__)
#define cr_expect_not_null(a, ...) cr_expect((a) != NULL, __VA_ARGS__)

#define cr_assert_str_eq(a, b, ...) cr_assert(strcmp((a), (b)) == 0, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) cr_expect(strcmp((a), (b)) == 0, __VA_ARGS__)

#define cr_assert_fail(...) PLAIN_CHECK(true, "fails always", plain_end(), __VA_ARGS__)
#define cr_skip_test        plain_skip
#define cr_skip             plain_skip

#endif
