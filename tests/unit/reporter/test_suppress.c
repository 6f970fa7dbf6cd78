/* SPDX-License-Identifier: MIT */
/* Suppressions: which texts a pattern matches, which is found for a text, and which lines a file
 * may have. */
#include "reporter/program/report/suppress.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/report/suppress_file.h"
#include "reporter/program/report/suppress_frames.h"
#include "reporter/program/report/suppress_index.h"

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
        struct lmm_suppressions suppressions = {.items = NULL};

        cr_assert(lmm_suppressions_add(&suppressions, cases[i].pattern));
        cr_expect_eq(lmm_suppression_fits(&suppressions.items[0], lmm_string_of(cases[i].text)),
                     cases[i].fits, "%s on '%s'", cases[i].pattern, cases[i].text);
        lmm_suppressions_free(&suppressions);
    }
}

Test(suppress, a_nul_in_a_text_is_not_the_end_of_the_pattern)
{
    struct lmm_suppressions suppressions = {.items = NULL};
    struct lmm_string text = {"foo\0foo", 7};

    cr_assert(lmm_suppressions_add(&suppressions, "^foo$"));
    cr_expect_not(lmm_suppression_fits(&suppressions.items[0], text));
    lmm_suppressions_free(&suppressions);
}

Test(suppress, rows_of_stars_are_one_star)
{
    struct lmm_suppressions suppressions = {.items = NULL};

    cr_assert(lmm_suppressions_add(&suppressions, "^**a***b*"));
    cr_expect_str_eq(suppressions.items[0].pattern, "^*a*b*");
    cr_expect_str_eq(suppressions.items[0].glob, "*a*b*");
    lmm_suppressions_free(&suppressions);
}

/* The globs of suppressions, to be freed. */
static const char **globs_of(const struct lmm_suppressions *suppressions)
{
    const char **globs = calloc(suppressions->count + 1, sizeof(const char *));

    cr_assert_not_null(globs);
    for (size_t i = 0; i < suppressions->count; i++) {
        globs[i] = suppressions->items[i].glob;
    }
    return globs;
}

static void make_index(const struct lmm_suppressions *suppressions,
                       struct lmm_suppress_index *index)
{
    cr_assert(lmm_suppress_index_make(globs_of(suppressions), suppressions->count, index));
}

static void free_index(struct lmm_suppress_index *index)
{
    free((void *) (uintptr_t) index->globs);
    lmm_suppress_index_free(index);
}

/* What the index finds, without it. */
static uint32_t find_slowly(const struct lmm_suppressions *suppressions, struct lmm_string text)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        if (lmm_suppression_fits(&suppressions->items[i], text)) {
            return (uint32_t) i + 1;
        }
    }
    return 0;
}

static void expect_found(const struct lmm_suppressions *suppressions,
                         const struct lmm_suppress_index *index, const char *text)
{
    cr_expect_eq(lmm_suppress_index_find(index, lmm_string_of(text)),
                 find_slowly(suppressions, lmm_string_of(text)), "'%s'", text);
}

Test(suppress, the_first_one_that_fits_is_found)
{
    static const char *const patterns[] = {
        "^$",
        "foo",
        "foobar",
        "^foobarbaz$",
        "a*b",
        "x*yz*long_enough",
        "std::vector<int>::*",
        "foo",
        "b",
        "?",
        "^z",
        "q$",
        "***",
        "after_any",
        "\1",
        "^\1\1$",
        "^\1$",
        "^a\1$",
    };
    static const char *const texts[] = {
        "",          "foo",         "foobar",
        "foobarbaz", "xfoobarbazx", "ab",
        "b",         "ba",          "x--yz--long_enough",
        "z",         "zq",          "q",
        "after_any", "?",           "std::vector<int>::push_back(int)",
    };
    enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

    for (size_t from = 0; from < PATTERNS; from++) { /* every end of the list */
        for (size_t count = 0; count <= PATTERNS - from; count++) {
            struct lmm_suppressions suppressions = {.items = NULL};
            struct lmm_suppress_index index;

            for (size_t i = 0; i < count; i++) {
                cr_assert(lmm_suppressions_add(&suppressions, patterns[from + i]));
            }
            cr_assert(lmm_suppressions_add_built_in(&suppressions));
            make_index(&suppressions, &index);
            for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                expect_found(&suppressions, &index, texts[i]);
            }
            expect_found(&suppressions, &index, "__GI__IO_file_doallocate");
            free_index(&index);
            lmm_suppressions_free(&suppressions);
        }
    }
}

Test(suppress, random_patterns_are_found_as_without_an_index)
{
    uint64_t state = 88172645463325252u;
    struct lmm_suppressions suppressions = {.items = NULL};
    struct lmm_suppress_index index;
    char text[32];

    for (int i = 0; i < 400; i++) {
        size_t bytes = 1 + i % 12;

        for (size_t k = 0; k <= bytes; k++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            text[k] = k == bytes ? '\0' : "abc*\1^$"[state % (i % 5 == 0 ? 7 : 5)];
        }
        cr_assert(lmm_suppressions_add(&suppressions, text));
        if (i % 40 != 0) {
            continue;
        }
        make_index(&suppressions, &index);
        for (int tries = 0; tries < 500; tries++) {
            for (size_t k = 0; k <= (size_t) tries % 24; k++) {
                state ^= state << 13, state ^= state >> 7, state ^= state << 17;
                text[k] = "abcd"[state % 4];
                text[k + 1] = '\0';
            }
            expect_found(&suppressions, &index, text);
        }
        free_index(&index);
    }
    lmm_suppressions_free(&suppressions);
}

/* Counts the steps instead of the time: a text must not be compared with every pattern. */
Test(suppress, a_text_is_compared_with_few_of_many_patterns)
{
    struct lmm_suppressions suppressions = {.items = NULL};
    struct lmm_suppress_index index;
    size_t longest = 0; /* patterns that a text may be compared with for one key */
    char text[64];

    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof(text), "some_function_%05d*of_a_library", i);
        cr_assert(lmm_suppressions_add(&suppressions, text));
    }
    make_index(&suppressions, &index);
    for (uint32_t i = 0; i < suppressions.count; i++) {
        uint32_t length = 1;

        for (uint32_t at = i; index.next[at] != 0; at = index.next[at] - 1) {
            length++;
        }
        longest = length > longest ? length : longest;
    }
    cr_expect_leq(longest, 64, "%zu patterns have the same key", longest);
    for (uint32_t i = 0; i < 20000; i += 777) {
        snprintf(text, sizeof(text), "some_function_%05" PRIu32 "_x_of_a_library(int)", i);
        cr_expect_eq(lmm_suppress_index_find(&index, lmm_string_of(text)), i + 1);
    }
    free_index(&index);
    lmm_suppressions_free(&suppressions);
}

static size_t count_fits(const char *function)
{
    struct lmm_suppressions suppressions = {.items = NULL};
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
    struct lmm_suppressions suppressions = {.items = NULL};

    cr_assert(read_lines("# a comment\n\n  \t\n  leak:foo  \r\nleak:^b*r$", &suppressions));
    cr_assert_eq(suppressions.count, 2);
    cr_assert_str_eq(suppressions.items[0].pattern, "foo");
    cr_assert_str_eq(suppressions.items[1].pattern, "^b*r$");
    cr_assert(read_lines("leak:more\n", &suppressions));
    cr_assert_eq(suppressions.count, 3);
    lmm_suppressions_free(&suppressions);
}

/* What a user of Valgrind has. */
Test(suppress, valgrinds_syntax_is_read_unchanged)
{
    static const char text[] = "# made by --gen-suppressions\n"
                               "{\n"
                               "   <insert_a_suppression_name_here>\n"
                               "   Memcheck:Leak\n"
                               "   match-leak-kinds: definite, possible\n"
                               "   fun:mal?oc\n"
                               "   ...\n"
                               "   ...\n"
                               "   obj:*/libfoo.so**\n"
                               "   src:foo.c:12\n"
                               "   src:b*.c\n"
                               "}\n"
                               "{\n"
                               "   of another error\n"
                               "   Memcheck:Param\n"
                               "   write(buf)\n"
                               "   fun:write\n"
                               "}\n"
                               "leak:both\n"
                               "{\n"
                               "   all kinds\n"
                               "   Helgrind,Memcheck:Leak\n"
                               "   fun:*\n"
                               "}\n"
                               "type:^emp_t$\n"
                               "site:src/hr.c:42\n";
    struct lmm_suppressions suppressions = {.items = NULL};

    cr_assert(read_lines(text, &suppressions));
    cr_assert_eq(suppressions.count, 5);
    const struct lmm_suppression *first = &suppressions.items[0];

    cr_expect_str_eq(first->pattern, "<insert_a_suppression_name_here>");
    cr_expect_eq(first->scope, LMM_SUPPRESS_FRAMES);
    cr_expect_eq(first->classes, 1 << LMM_MODEL_DEFINITE | 1 << LMM_MODEL_POSSIBLE);
    cr_expect_eq(first->line, 2);
    cr_assert_eq(first->frame_count, 5);
    cr_expect_str_eq(first->frames[0].glob, "mal\001oc");
    cr_expect_eq(first->frames[1].kind, LMM_FRAME_ANY);
    cr_expect_str_eq(first->frames[2].glob, "*/libfoo.so*");
    cr_expect_str_eq(first->frames[3].glob, "foo.c");
    cr_expect_eq(first->frames[3].line, 12);
    cr_expect_eq(first->frames[4].line, 0);
    cr_expect_eq(suppressions.items[1].scope, LMM_SUPPRESS_TEXTS);
    cr_expect_eq(suppressions.items[1].line, 19);
    cr_expect_eq(suppressions.items[2].classes, 0);
    cr_expect_eq(suppressions.items[3].scope, LMM_SUPPRESS_TYPE);
    cr_expect_str_eq(suppressions.items[4].glob, "*/src/hr.c:42");
    lmm_suppressions_free(&suppressions);
}

/* Of 20,000 suppressions each is found by what only it has. */
Test(suppress, valgrinds_are_found_by_their_rarest_line)
{
    enum { MANY = 20000 };
    struct lmm_suppressions suppressions = {.items = NULL};
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);

    cr_assert_not_null(file);
    for (int i = 0; i < MANY; i++) {
        fprintf(file, "{\nname\nMemcheck:Leak\nfun:malloc\nfun:f%d\nobj:/usr/lib/liblong.so\n}\n",
                i);
    }
    fprintf(file, "{\nany\nMemcheck:Leak\nfun:malloc\nfun:*\n...\n}\n");
    fclose(file);
    cr_assert(read_lines(text, &suppressions));
    const char **anchors = lmm_suppress_frames_anchors(&suppressions);

    cr_assert_not_null(anchors);
    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof(name), "f%d", i);
        cr_expect_str_eq(anchors[i], name);
    }
    cr_expect_null(anchors[MANY]);
    free((void *) anchors);
    free(text);
    lmm_suppressions_free(&suppressions);
}

Test(suppress, lines_of_another_kind_are_named, .init = cr_redirect_stderr)
{
    static const char *const lines[] = {
        "race:foo\n",
        "leak\n",
        "leak:\n",
        "foo\n",
        "type:\n",
        "site:\n",
        "}\n",
        "{\n",
        "{\n}\n",
        "{\nname\n",
        "{\nname\nLeak\n",
        "{\nname\nMemcheck:Leak\n}\n",
        "{\nname\nMemcheck:Leak\nfun:f\n",
        "{\nname\nMemcheck:Leak\nfn:f\n}\n",
        "{\nname\nMemcheck:Leak\nmatch-leak-kinds: definitely\nfun:f\n}\n",
        "{\nname\nMemcheck:Leak\nfun:f\nmatch-leak-kinds: all\n}\n",
        "{\nname\nMemcheck:Cond\n",
        "leak:foo\1bar\n",
        "type:\x1b[2J\n",
        "site:a\x7f.c:1\n",
        "{\nname\nMemcheck:Leak\nfun:\1\n}\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct lmm_suppressions suppressions = {.items = NULL};
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
    cr_assert_not_null(strstr(text, ":2: not a suppression: 'race:foo' (expected leak:PATTERN, "),
                       "%s", text);
    cr_assert_not_null(
        strstr(text, ":2: not a suppression: its pattern has the control character 0x01\n"), "%s",
        text);
}

Test(suppress, a_file_that_is_not_there_is_an_error, .init = cr_redirect_stderr)
{
    struct lmm_suppressions suppressions = {.items = NULL};

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
