/* SPDX-License-Identifier: MIT */
/* Numbers and durations on the command line, and names in ledgers. */
#include "reporter/program/base/parse.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "reporter/program/base/names.h"

#define MS UINT64_C(1000000)

Test(parse, durations_may_have_units)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } cases[] = {
        {"500ms", 500 * MS},  {"1s", 1000 * MS},
        {"1", 1000 * MS},     {"2m", 120000 * MS},
        {"1h", 3600000 * MS}, {"0.5", 500 * MS},
        {"1.25s", 1250 * MS}, {"1.5m", 90000 * MS},
        {"0.0000000019s", 1}, {"87672h", 87672 * (3600000 * MS)},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns = 0;

        cr_expect(lmm_parse_duration(cases[i].text, &ns), "%s is a duration", cases[i].text);
        cr_expect_eq(ns, cases[i].ns, "%s is %ju ns", cases[i].text, (uintmax_t) ns);
    }
}

Test(parse, invalid_durations_are_refused_and_leave_the_result_unchanged)
{
    static const char *const cases[] = {
        "",
        "s",
        "ms",
        "-1s",
        "+1s",
        " 1s",
        "1 s",
        "1d",
        "1sec",
        "1s1",
        "0",
        "0.0s",
        "1.s",
        ".5s",
        "1e3s",
        "0x10",
        "1..5",
        "0.0000000001s",
        "87673h",
        "99999999999999999999s",
        "18446744073709551615h",
        "0.99999999999999999999s",
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t ns = 42;

        cr_expect_not(lmm_parse_duration(cases[i], &ns), "'%s' is refused", cases[i]);
        cr_expect_eq(ns, 42);
    }
}

Test(parse, counts_start_at_one)
{
    static const char *const refused[] = {"", "0", "-1", "1k", " 1", "18446744073709551616"};
    size_t count = 0;

    cr_expect(lmm_parse_count("1", &count) && count == 1);
    cr_expect(lmm_parse_count("18446744073709551615", &count) && count == SIZE_MAX);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_not(lmm_parse_count(refused[i], &count), "'%s'", refused[i]);
    }
}

static void expect_name(char *name, const char *expected)
{
    cr_expect_str_eq(name, expected);
    free(name);
}

Test(names, are_escaped_or_copied)
{
    struct lmm_string odd = lmm_string_of("caf\xc3\xa9\xff\x1b\\");

    expect_name(lmm_name_escaped(odd), "caf\xc3\xa9\\xff\\x1b\\\\");
    expect_name(lmm_name_exact((struct lmm_string) {"abc", 2}), "ab");
    expect_name(lmm_name_escaped(lmm_string_of("")), "");
}

Test(names, a_place_names_what_is_known)
{
    struct lmm_string file = lmm_string_of("hr\n.c");
    struct lmm_string none = lmm_string_of("");

    expect_name(lmm_name_place(file, 42, lmm_string_of("hire")), "hr\\x0a.c:42 (hire)");
    expect_name(lmm_name_place(file, 42, none), "hr\\x0a.c:42");
    expect_name(lmm_name_place(file, 0, none), "hr\\x0a.c");
    expect_name(lmm_name_place(file, 0, lmm_string_of("hire")), "hire (hr\\x0a.c)");
    expect_name(lmm_name_place(none, 0, lmm_string_of("hire")), "(unknown)");
    expect_name(lmm_name_place(none, 0, none), "(unknown)");
}

Test(parse, percentages)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t permille;
    } cases[] = {
        {"5%", true, 50},       {"5", true, 50},
        {"0.5%", true, 5},      {"0%", true, 0},
        {"12.3", true, 123},    {"1000000%", true, 10000000},
        {"1000001%", false, 0}, {"", false, 0},
        {"%", false, 0},        {".5", false, 0},
        {"5.%", false, 0},      {"5.25%", false, 0},
        {"-5%", false, 0},      {"5%%", false, 0},
        {"5 %", false, 0},      {"99999999999999999999", false, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t permille = 0;

        cr_expect_eq(lmm_parse_percent(cases[i].text, &permille), cases[i].good, "'%s'",
                     cases[i].text);
        cr_expect_eq(permille, cases[i].permille, "'%s'", cases[i].text);
    }
}
