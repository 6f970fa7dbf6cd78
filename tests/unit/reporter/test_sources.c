/* SPDX-License-Identifier: MIT */
/* Sources: the part of a file around a line. */
#include "reporter/program/types/sources.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 1000 };

/* Writes a file whose lines are their numbers, from 1 on. */
static void write_lines(char path[], size_t lines, const char *end)
{
    int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");

    cr_assert_not_null(file);
    for (size_t i = 1; i <= lines; i++) {
        fprintf(file, "%zu%s", i, i < lines ? "\n" : end);
    }
    cr_assert_eq(fclose(file), 0);
}

/* Returns the start of a line, from 1 on; NULL: there is none. */
static const char *line_of(struct lmm_string text, uint32_t line)
{
    const char *at = text.text;
    const char *end = text.text + text.bytes;

    for (uint32_t i = 1; i < line && at != NULL; i++) {
        at = memchr(at, '\n', (size_t) (end - at));
        at = at == NULL ? NULL : at + 1;
    }
    return at == end ? NULL : at;
}

static void expect_line(struct lmm_sources *sources, const char *path, uint32_t line)
{
    uint32_t near = line;
    struct lmm_string text = lmm_sources_read(sources, path, INT64_MAX, &near);

    cr_assert_not_null(text.text);
    const char *found = line_of(text, near);

    if (line == 0 || line > LINES) {
        cr_expect(near == 0 || found == NULL, "line %u", line);
        return;
    }
    cr_assert_not_null(found, "line %u", line);
    cr_expect_eq(strtoul(found, NULL, 10), line);
    cr_expect(near > LMM_SOURCE_LINES_BEFORE || strncmp(text.text, "1\n", 2) == 0, "line %u", line);
    cr_expect_leq(near, 512 + LMM_SOURCE_LINES_BEFORE);
}

Test(sources, a_line_is_in_a_part_with_the_lines_before_it)
{
    static const char *const ends[] = {"", "\n"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[] = "/tmp/lmm-sources-XXXXXX";
        struct lmm_sources *sources = lmm_sources_new();

        write_lines(path, LINES, ends[i]);
        for (uint32_t line = 0; line < LINES + 300; line++) {
            expect_line(sources, path, line);
        }
        expect_line(sources, path, UINT32_MAX);
        lmm_sources_free(sources);
        unlink(path);
    }
}

Test(sources, a_file_that_was_changed_or_is_none_has_no_text)
{
    char path[] = "/tmp/lmm-sources-XXXXXX";
    struct lmm_sources *sources = lmm_sources_new();
    uint32_t line = 700;

    write_lines(path, LINES, "\n");
    cr_expect_null(lmm_sources_read(sources, path, 0, &line).text);
    cr_expect_null(lmm_sources_read(sources, "/", INT64_MAX, &line).text);
    cr_expect_null(lmm_sources_read(sources, path + 1, INT64_MAX, &line).text);
    cr_expect_eq(line, 700);
    lmm_sources_free(sources);
    unlink(path);
}

Test(sources, an_empty_file_has_no_lines)
{
    char path[] = "/tmp/lmm-sources-XXXXXX";
    struct lmm_sources *sources = lmm_sources_new();
    uint32_t line = 1;

    write_lines(path, 0, "");
    cr_expect_eq(lmm_sources_read(sources, path, INT64_MAX, &line).bytes, 0);
    lmm_sources_free(sources);
    unlink(path);
}
