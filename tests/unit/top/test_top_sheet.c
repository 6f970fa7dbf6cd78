/* SPDX-License-Identifier: MIT */
/* Text, names and figures of `lmm top`: cutting, escaping and short forms. */
#include "reporter/program/top/top_sheet.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <string.h>

static void use_utf8(void)
{
    cr_assert_not_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

/* Returns a line of so many columns with a name. */
static const char *shown(const char *name, size_t columns, bool utf8)
{
    static char text[256];
    struct lmm_top_sheet sheet;

    cr_assert(lmm_top_sheet_open(&sheet, 1, columns, utf8));
    cr_assert(lmm_top_line_begin(&sheet, LMM_TOP_PLAIN));
    lmm_top_put_string(&sheet, lmm_string_of(name));
    cr_expect_leq(sheet.line[0].columns, columns);
    cr_expect_eq(strlen(sheet.line[0].text), sheet.line[0].bytes);
    strcpy(text, sheet.line[0].text);
    lmm_top_sheet_close(&sheet);
    return text;
}

Test(top_sheet, names_are_escaped_and_cut_to_the_columns_they_take, .init = use_utf8)
{
    static const struct {
        const char *name;
        size_t columns;
        bool utf8;
        const char *shown;
    } cases[] = {
        {"emp_t", 10, true, "emp_t"},
        {"emp_t", 3, true, "emp"},
        {"\033[2J", 20, true, "\\x1b[2J"},
        {"a\nb\tc\x7f", 20, true, "a\\x0ab\\x09c\\x7f"},
        {"\xc2\x9b"
         "31m",
         20, true, "\\xc2\\x9b31m"}, /* CSI in one character */
        {"a\\b", 20, true, "a\\\\b"},
        {"caf\xc3\xa9", 20, true, "caf\xc3\xa9"},
        {"caf\xc3\xa9", 20, false, "caf?"},
        {"bad\xff", 20, true, "bad\\xff"},
        {"\xe2\x80\xae"
         "txt",
         20, true, "\\xe2\\x80\\xaetxt"}, /* right to left from here */
        {"\xe6\xbc\xa2\xe5\xad\x97", 4, true, "\xe6\xbc\xa2\xe5\xad\x97"},
        {"\xe6\xbc\xa2\xe5\xad\x97", 3, true, "\xe6\xbc\xa2"}, /* two columns each */
        {"e\xcc\x81x", 2, true, "e\xcc\x81x"},                 /* a mark that combines */
        {"", 1, true, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(shown(cases[i].name, cases[i].columns, cases[i].utf8), cases[i].shown,
                         "case %zu", i);
    }
}

Test(top_sheet, no_byte_gets_to_a_terminal_that_could_steer_it, .init = use_utf8)
{
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            char name[] = {(char) a, (char) b, '\0'};
            const char *text = shown(name, 20, true);

            for (const char *c = text; *c != '\0'; c++) {
                cr_assert((unsigned char) *c >= 0x20 && *c != 0x7f, "%02x %02x", a, b);
            }
            cr_assert_null(strstr(text, "\xc2\x80"));
            cr_assert_null(strstr(text, "\xc2\x9b"));
        }
    }
}

Test(top_sheet, marks_without_end_do_not_outgrow_a_line, .init = use_utf8)
{
    struct lmm_top_sheet sheet;
    char name[2001];

    for (size_t i = 0; i < 2000; i += 2) {
        memcpy(name + i, "\xcc\x81", 2);
    }
    name[2000] = '\0';
    cr_assert(lmm_top_sheet_open(&sheet, 1, 5, true));
    lmm_top_line_begin(&sheet, LMM_TOP_PLAIN);
    lmm_top_put_string(&sheet, lmm_string_of(name));
    cr_expect_eq(sheet.line[0].columns, 0);
    cr_expect_eq(sheet.line[0].bytes, 40);
    lmm_top_sheet_close(&sheet);
}

Test(top_sheet, lines_end_with_the_sheet)
{
    struct lmm_top_sheet sheet;

    cr_assert(lmm_top_sheet_open(&sheet, 2, 4, false));
    cr_expect(lmm_top_line_begin(&sheet, LMM_TOP_TITLE));
    cr_expect(lmm_top_line_begin(&sheet, LMM_TOP_SELECTED));
    cr_expect_not(lmm_top_line_begin(&sheet, LMM_TOP_PLAIN));
    lmm_top_put_right(&sheet, "ab", 3);
    lmm_top_pad_to(&sheet, 99);
    cr_expect_str_eq(sheet.line[0].text, "");
    cr_expect_str_eq(sheet.line[1].text, " ab ");
    cr_expect_eq(sheet.line[1].style, LMM_TOP_SELECTED);
    lmm_top_sheet_close(&sheet);
}

/* ---- Sparkline ------------------------------------------------------------------------------- */

Test(top_sheet, a_sparkline_goes_from_nothing_to_the_largest_of_all, .init = use_utf8)
{
    static const uint64_t samples[] = {0, 1, 10, 40, 80, 79, 20, UINT64_MAX, UINT64_MAX / 2};
    static const struct {
        size_t count;
        size_t width;
        bool utf8;
        const char *shown;
    } cases[] = {
        {7, 7, true, " ▁▁▄██▂"},    {7, 7, false, " ..=@@:"}, {7, 3, false, "@@:"},
        {7, 9, false, "   ..=@@:"}, {1, 2, false, "  "},      {9, 3, false, ".@="},
        {0, 2, false, "  "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_top_sheet sheet;

        cr_assert(lmm_top_sheet_open(&sheet, 1, 80, cases[i].utf8));
        lmm_top_line_begin(&sheet, LMM_TOP_PLAIN);
        lmm_top_put_sparkline(&sheet, samples, cases[i].count, cases[i].width);
        cr_expect_str_eq(sheet.line[0].text, cases[i].shown, "case %zu: '%s'", i,
                         sheet.line[0].text);
        cr_expect_eq(sheet.line[0].columns, cases[i].width);
        lmm_top_sheet_close(&sheet);
    }
}

/* ---- Figures --------------------------------------------------------------------------------- */

Test(top_sheet, figures_are_short_and_say_their_unit)
{
    static const struct {
        void (*write)(char *cell, int64_t value, bool difference);
        int64_t value;
        bool difference;
        const char *shown;
    } cases[] = {
        {lmm_top_write_bytes, 0, false, "0"},
        {lmm_top_write_bytes, 1023, false, "1023"},
        {lmm_top_write_bytes, 1024, false, "1.0K"},
        {lmm_top_write_bytes, 1024 * 1024 - 1, false, "1023.9K"},
        {lmm_top_write_bytes, 1024 * 1024, false, "1.0M"},
        {lmm_top_write_bytes, INT64_MAX, false, "7.9E"},
        {lmm_top_write_bytes, -INT64_MAX, true, "-7.9E"},
        {lmm_top_write_bytes, 1536, true, "+1.5K"},
        {lmm_top_write_bytes, -1536, true, "-1.5K"},
        {lmm_top_write_bytes, 0, true, "0"},
        {lmm_top_write_count, 9999999, false, "9999999"},
        {lmm_top_write_count, 10000000, false, "10.0M"},
        {lmm_top_write_count, 999999999, false, "999.9M"},
        {lmm_top_write_count, 1000000000, false, "1.0G"},
        {lmm_top_write_count, INT64_MAX, false, "9.2E"},
        {lmm_top_write_count, 7, true, "+7"},
        {lmm_top_write_count, -7, true, "-7"},
        {lmm_top_write_permille, 1000, false, "100.0%"},
        {lmm_top_write_permille, 7, false, "0.7%"},
        {lmm_top_write_permille, -123, true, "-12.3%"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cell[LMM_TOP_CELL_BYTES];

        cases[i].write(cell, cases[i].value, cases[i].difference);
        cr_expect_str_eq(cell, cases[i].shown, "case %zu", i);
    }
}

Test(top_sheet, durations_are_hours_minutes_and_seconds)
{
    static const struct {
        uint64_t seconds;
        const char *shown;
    } cases[] = {{0, "0:00:00"}, {59, "0:00:59"}, {3723, "1:02:03"}, {360000, "100:00:00"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cell[LMM_TOP_CELL_BYTES];

        lmm_top_write_duration(cell, cases[i].seconds * 1000000000 + 999999999);
        cr_expect_str_eq(cell, cases[i].shown);
    }
}
