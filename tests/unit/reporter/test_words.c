/* SPDX-License-Identifier: MIT */
/* The parts of reports: the sink, UTF-8, and the format of numbers and names. */
#include "reporter/core/words.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/sink.h"

static struct {
    char bytes[3 * LMM_SINK_BYTES];
    size_t used;
    unsigned calls;
    unsigned fail_at; /* number of the call that fails; 0: none */
} taken;

static struct lmm_sink sink;

static int take(void *context, const char *data, size_t bytes)
{
    (void) context;
    cr_assert_gt(bytes, 0);
    if (++taken.calls == taken.fail_at) {
        return -EPIPE;
    }
    cr_assert_leq(bytes, sizeof(taken.bytes) - taken.used);
    memcpy(taken.bytes + taken.used, data, bytes);
    taken.used += bytes;
    return 0;
}

static void open_sink(void)
{
    taken.used = 0;
    lmm_sink_init(&sink, take, NULL);
}

TestSuite(sink, .init = open_sink);

/* ---- Sink ------------------------------------------------------------------------------------ */

Test(sink, keeps_bytes_and_their_order_across_full_buffers)
{
    size_t expected = 0;

    for (int i = 0; i < 1000; i++) {
        lmm_sink_printf(&sink, "%04d", i);
        lmm_sink_pad(&sink, (size_t) i % 7);
        expected += 4 + (size_t) i % 7;
    }
    cr_expect_eq(lmm_sink_flush(&sink), 0);
    cr_expect_eq(taken.used, expected);
    cr_expect_eq(taken.calls, expected / LMM_SINK_BYTES + 1);
    for (size_t at = 0, i = 0; i < 1000; at += 4 + i % 7, i++) {
        cr_assert_eq(atoi((char[]) {taken.bytes[at], taken.bytes[at + 1], taken.bytes[at + 2],
                                    taken.bytes[at + 3], '\0'}),
                     (int) i);
    }
}

Test(sink, keeps_the_first_error_and_writes_no_more)
{
    taken.fail_at = 2;
    lmm_sink_pad(&sink, (size_t) 3 * LMM_SINK_BYTES);
    cr_expect_eq(lmm_sink_flush(&sink), -EPIPE);
    lmm_sink_puts(&sink, "more");
    cr_expect_eq(lmm_sink_flush(&sink), -EPIPE);
    cr_expect_eq(taken.calls, 2);
    cr_expect_eq(taken.used, LMM_SINK_BYTES);
}

Test(sink, an_empty_sink_calls_nobody)
{
    lmm_sink_write(&sink, "x", 0);
    lmm_sink_pad(&sink, 0);
    cr_expect_eq(lmm_sink_flush(&sink), 0);
    cr_expect_eq(taken.calls, 0);
}

Test(sink, an_output_too_long_is_an_error_not_a_cut_figure)
{
    lmm_sink_printf(&sink, "%*d", LMM_SINK_PRINTF_MAX, 1);
    cr_expect_eq(lmm_sink_flush(&sink), 0);
    cr_expect_eq(taken.used, LMM_SINK_PRINTF_MAX);
    lmm_sink_printf(&sink, "%*d", LMM_SINK_PRINTF_MAX + 1, 1);
    cr_expect_eq(lmm_sink_flush(&sink), -EMSGSIZE);
    cr_expect_eq(taken.used, LMM_SINK_PRINTF_MAX);
}

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

Test(utf8, tells_well_formed_from_not)
{
    static const struct {
        const char *text;
        size_t length;
        uint32_t character;
    } cases[] = {{"a", 1, 'a'},
                 {"\x7f", 1, 0x7f},
                 {"\xc3\xa9", 2, 0xe9},
                 {"\xe2\x82\xac", 3, 0x20ac},
                 {"\xf0\x9f\x98\x80", 4, 0x1f600},
                 {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
                 {"\x80", 0, 0},
                 {"\xc3", 0, 0},
                 {"\xc3z", 0, 0},
                 {"\xc0\x80", 0, 0},
                 {"\xc1\xbf", 0, 0},
                 {"\xe0\x9f\xbf", 0, 0},
                 {"\xf0\x8f\xbf\xbf", 0, 0},
                 {"\xed\xa0\x80", 0, 0},
                 {"\xed\xbf\xbf", 0, 0},
                 {"\xf4\x90\x80\x80", 0, 0},
                 {"\xf8\x88\x80\x80\x80", 0, 0},
                 {"\xff", 0, 0},
                 {"\xe2\x82", 0, 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(cases[i].text, strlen(cases[i].text), &character);

        cr_expect_eq(length, cases[i].length, "case %zu: length %zu", i, length);
        cr_expect_eq(character, cases[i].character, "case %zu", i);
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

Test(words, sizes)
{
    static const struct {
        uint64_t bytes;
        const char *expected;
    } cases[] = {
        {0, "0 B"},
        {1, "1 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB (1,024)"},
        {1258291, "1.2 MiB (1,258,291)"},
        {1536, "1.5 KiB (1,536)"},
        {1048524, "1023.9 KiB (1,048,524)"},
        {1048525, "1.0 MiB (1,048,525)"},
        {1048576, "1.0 MiB (1,048,576)"},
        {1073741823, "1.0 GiB (1,073,741,823)"},
        {UINT64_C(1) << 40, "1.0 TiB (1,099,511,627,776)"},
        {UINT64_C(5) << 50, "5.0 PiB (5,629,499,534,213,120)"},
        {UINT64_MAX, "16.0 EiB (18,446,744,073,709,551,615)"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cell[LMM_CELL_BYTES];

        lmm_write_bytes(cell, cases[i].bytes);
        cr_expect_str_eq(cell, cases[i].expected);
    }
}

Test(words, counts)
{
    static const struct {
        uint64_t value;
        const char *expected;
    } cases[] = {
        {0, "0"},
        {999, "999"},
        {1000, "1,000"},
        {123456, "123,456"},
        {1234567, "1,234,567"},
        {UINT64_MAX, "18,446,744,073,709,551,615"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cell[LMM_CELL_BYTES];

        cr_expect_eq(*lmm_write_count(cell, cases[i].value), '\0');
        cr_expect_str_eq(cell, cases[i].expected);
    }
}

Test(words, shares)
{
    static const struct {
        uint32_t permille;
        uint64_t whole;
        const char *expected;
    } cases[] = {{0, 1, "0.0%"}, {7, 1, "0.7%"}, {1000, 1, "100.0%"}, {0, 0, "-"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char cell[LMM_CELL_BYTES];

        lmm_write_share(cell, cases[i].permille, cases[i].whole);
        cr_expect_str_eq(cell, cases[i].expected);
    }
}

Test(words, names_are_escaped_and_measured_alike)
{
    static const struct {
        const char *name;
        const char *expected;
        size_t columns;
    } cases[] = {
        {"", "", 0},
        {"emp_t", "emp_t", 5},
        {"caf\xc3\xa9", "caf\xc3\xa9", 4},
        {"a\nb", "a\\x0ab", 6},
        {"\033[2J", "\\x1b[2J", 7},
        {"\x7f", "\\x7f", 4},
        {"c:\\x", "c:\\\\x", 5},
        {"\xff", "\\xff", 4},
        {"\xc2\x9b", "\\xc2\\x9b", 8},
        {"\xe2\x80\xae", "\\xe2\\x80\\xae", 12},
        {"\xe2\x81\xa6", "\\xe2\\x81\\xa6", 12},
        {"\xe2\x82", "\\xe2\\x82", 8},
        {"\xe2\x80\x90", "\xe2\x80\x90", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_sink();
        cr_expect_eq(lmm_put_string(&sink, lmm_string_of(cases[i].name)), cases[i].columns,
                     "case %zu", i);
        cr_expect_eq(lmm_put_string(NULL, lmm_string_of(cases[i].name)), cases[i].columns);
        lmm_sink_flush(&sink);
        taken.bytes[taken.used] = '\0';
        cr_expect_str_eq(taken.bytes, cases[i].expected);
    }
}
