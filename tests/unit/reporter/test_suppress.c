/* SPDX-License-Identifier: MIT */
/* Suppressions: which texts a pattern matches, and which lines a file may have. */
#include "reporter/program/report/suppress.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(suppress, patterns_fit_as_in_leak_sanitizer)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } cases[] = {
        {"foo", "foo", true},
        {"foo", "a_foo_b", true},
        {"foo", "fo", false},
        {"foo", "", false},
        {"*", "anything", true},
        {"*", "", false},
        {"^foo", "foobar", true},
        {"^foo", "xfoo", false},
        {"foo$", "xfoo", true},
        {"foo$", "foox", false},
        {"^foo$", "foo", true},
        {"^foo$", "foofoo", false},
        {"foo$", "foofoo", true},
        {"^*foo", "xfoo", true},
        {"foo*$", "foox", true},
        {"a*b", "xxaxxbxx", true},
        {"a*b", "ba", false},
        {"^a*b$", "axxb", true},
        {"^a*b$", "axxbx", false},
        {"^a*b*c$", "abcbc", true},
        {"a**b", "ab", true},
        {"std::vector<int>::*", "std::vector<int>::push_back(int const&)", true},
        {"^/usr/lib/*/libfoo.so$", "/usr/lib/x86_64-linux-gnu/libfoo.so", true},
        {"^/usr/lib/*/libfoo.so$", "/usr/lib/x86_64-linux-gnu/libfoo.so.1", false},
        {"a^b", "a^b", true},
        {"a$b", "a$b", true},
        {"^", "x", true},
        {"$", "x", true},
        {"^$", "x", false},
        {"?", "x", false},
        {"[a-z]", "x", false},
        {"aaaaaaaaaaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_suppressions suppressions = {NULL, 0};

        cr_assert(lmm_suppressions_add(&suppressions, cases[i].pattern));
        cr_expect_eq(lmm_suppression_fits(&suppressions.items[0], lmm_string_of(cases[i].text)),
                     cases[i].fits, "%s on '%s'", cases[i].pattern, cases[i].text);
        lmm_suppressions_free(&suppressions);
    }
}

static size_t count_fits(const char *function)
{
    struct lmm_suppressions suppressions = {NULL, 0};
    size_t count = 0;

    cr_assert(lmm_suppressions_add_built_in(&suppressions));
    for (size_t i = 0; i < suppressions.count; i++) {
        count += lmm_suppression_fits(&suppressions.items[i], lmm_string_of(function));
        cr_expect(suppressions.items[i].is_built_in);
    }
    lmm_suppressions_free(&suppressions);
    return count;
}

Test(suppress, buffers_of_stdio_are_built_in_under_each_of_their_names)
{
    cr_expect_eq(count_fits("_IO_file_doallocate"), 1);
    cr_expect_eq(count_fits("__GI__IO_file_doallocate"), 1);
    cr_expect_eq(count_fits("main"), 0);
}

/* Reads a file with these lines. */
static bool read_lines(const char *lines, struct lmm_suppressions *suppressions)
{
    char path[] = "/tmp/lmm-suppress-XXXXXX";
    int descriptor = mkstemp(path);

    cr_assert_geq(descriptor, 0);
    dprintf(descriptor, "%s", lines);
    close(descriptor);
    bool good = lmm_suppressions_read(suppressions, path);

    unlink(path);
    return good;
}

Test(suppress, blanks_and_comments_mean_nothing)
{
    struct lmm_suppressions suppressions = {NULL, 0};

    cr_assert(read_lines("# a comment\n\n  \t\n  leak:foo  \r\nleak:^b*r$", &suppressions));
    cr_assert_eq(suppressions.count, 2);
    cr_assert_str_eq(suppressions.items[0].pattern, "foo");
    cr_assert_str_eq(suppressions.items[1].pattern, "^b*r$");
    cr_assert(read_lines("leak:more\n", &suppressions));
    cr_assert_eq(suppressions.count, 3);
    lmm_suppressions_free(&suppressions);
}

Test(suppress, lines_of_another_kind_are_named, .init = cr_redirect_stderr)
{
    static const char *const lines[] = {"race:foo\n", "leak\n", "leak:\n", "foo\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct lmm_suppressions suppressions = {NULL, 0};
        char file[64];

        snprintf(file, sizeof(file), "leak:good\n%s", lines[i]);
        cr_expect_not(read_lines(file, &suppressions), "%s", lines[i]);
        lmm_suppressions_free(&suppressions);
    }
    fflush(stderr);
    char text[4096] = "";
    FILE *output = cr_get_redirected_stderr();
    size_t bytes = fread(text, 1, sizeof(text) - 1, output);

    cr_assert_gt(bytes, 0);
    cr_assert_not_null(strstr(text, ":2: not a suppression: 'race:foo' (expected leak:PATTERN)\n"),
                       "%s", text);
}

Test(suppress, a_file_that_is_not_there_is_an_error, .init = cr_redirect_stderr)
{
    struct lmm_suppressions suppressions = {NULL, 0};

    cr_assert_not(lmm_suppressions_read(&suppressions, "/nowhere/at/all"));
    cr_assert_eq(suppressions.count, 0);
}

/* Programs and libraries whose names only start like the runtime's are not suppressed. */
Test(suppress, files_of_the_runtime)
{
    static const struct {
        const char *path;
        bool is_runtime;
        bool is_loader;
    } cases[] = {
        {"/lib64/ld-linux-x86-64.so.2", true, true},
        {"/lib64/ld64.so.2", true, true},
        {"/lib/x86_64-linux-gnu/libc.so.6", true, false},
        {"/usr/lib/libstdc++.so.6.0.30", true, false},
        {"/usr/bin/ld-linux-tool", false, false},
        {"/usr/lib/libm.sources.so", false, false},
        {"/usr/lib/libunwind.so.8", true, false},
        {"/usr/lib/libunwind.something", false, false},
        {"", false, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_string path = lmm_string_of(cases[i].path);

        cr_expect_eq(lmm_suppression_is_runtime(path), cases[i].is_runtime, "%s", cases[i].path);
        cr_expect_eq(lmm_suppression_is_loader(path), cases[i].is_loader, "%s", cases[i].path);
    }
}
