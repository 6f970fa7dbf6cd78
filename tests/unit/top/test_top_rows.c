/* SPDX-License-Identifier: MIT */
/* The rows of `lmm top`: filter, sort keys, figures, order, and the selected row. */
#include "reporter/program/top/top_rows.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/top/top_history.h"
#include "tests/support/top_model.h"

static void expect_order(const struct lmm_top_rows *rows, const char *expected)
{
    char order[256] = "";

    for (size_t i = 0; i < rows->count; i++) {
        strcat(order, i > 0 ? " " : "");
        strncat(order, rows->row[i].name.text, rows->row[i].name.bytes);
    }
    cr_expect_str_eq(order, expected);
}

/* ---- Filter ---------------------------------------------------------------------------------- */

Test(top_rows, a_filter_is_a_part_or_a_pattern_without_regard_to_case)
{
    static const struct {
        const char *name;
        const char *filter;
        bool passes;
    } cases[] = {
        {"emp_t", "", true},        {"emp_t", "mp", true},    {"emp_t", "EMP", true},
        {"emp_t", "tmp", false},    {"emp_t", "*_t", true},   {"emp_t", "*_T", true},
        {"emp_t", "e?p", false},    {"emp_t", "e?p_t", true}, {"emp_t", "[de]mp_t", true},
        {"emp_t", "emp_tt", false}, {"a\\b", "\\", true},     {"a\\b", "a\\*", true},
        {"", "x", false},           {"emp_t", "[", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_top_passes(lmm_string_of(cases[i].name), cases[i].filter), cases[i].passes,
                     "%s against %s", cases[i].name, cases[i].filter);
    }
}

Test(top_rows, a_filter_looks_at_no_byte_behind_a_name)
{
    struct lmm_string name = {"emp_tail", 3};

    cr_expect(lmm_top_passes(name, "emp"));
    cr_expect_not(lmm_top_passes(name, "tail"));
    cr_expect(lmm_top_passes(name, "*p"));
}

Test(top_rows, what_a_filter_leaves_out_is_counted)
{
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};

    made_open(&made);
    made_family(&made, "emp_t", 48);
    made_family(&made, "node_t", 24);
    made_family(&made, "employer_t", 8);
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_top_rows_of_families(&rows, &history, "emp"));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_FAMILIES, 'n'), false);
    expect_order(&rows, "emp_t employer_t");
    cr_expect_eq(rows.hidden, 1);
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

/* ---- Order ----------------------------------------------------------------------------------- */

/* Each key gives a different order, so that a test cannot pass with the wrong key. */
Test(top_rows, families_are_sorted_by_each_key)
{
    static const struct {
        char letter;
        const char *order;
        const char *reversed;
    } cases[] = {
        {'B', "a c b d", "d b c a"}, {'a', "b c d a", "a d c b"}, {'c', "c d a b", "b a d c"},
        {'l', "d c b a", "a b c d"}, {'v', "d b c a", "a c b d"}, {'n', "a b c d", "d c b a"},
        {'o', "d c a b", "b a c d"}, {'s', "b a d c", "c d a b"}, {'u', "b d a c", "c a d b"},
        {'b', "a c d b", "b d c a"}, {'p', "b d c a", "a c d b"}, {'P', "c b d a", "a d b c"},
    };
    static const struct lmm_model_family figures[] = {
        {.live_bytes = 4,
         .live_blocks = 1,
         .committed_bytes = 2,
         .pages = 1,
         .mapped_bytes = 100,
         .slots = 8,
         .size_bytes = 3,
         .occupancy_permille = 2,
         .peak_bytes = 1},
        {.live_bytes = 2,
         .live_blocks = 4,
         .committed_bytes = 1,
         .pages = 2,
         .mapped_bytes = 500,
         .slots = 6,
         .size_bytes = 4,
         .occupancy_permille = 4,
         .peak_bytes = 3},
        {.live_bytes = 3,
         .live_blocks = 3,
         .committed_bytes = 4,
         .pages = 4,
         .mapped_bytes = 440,
         .slots = 30,
         .size_bytes = 1,
         .occupancy_permille = 1,
         .peak_bytes = 4},
        {.live_bytes = 1,
         .live_blocks = 2,
         .committed_bytes = 3,
         .pages = 8,
         .mapped_bytes = 1600,
         .slots = 40,
         .size_bytes = 2,
         .occupancy_permille = 3,
         .peak_bytes = 2},
    };
    static const char *const names[] = {"a", "b", "c", "d"};
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};

    made_open(&made);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct lmm_model_family *family = made_family(&made, names[i], 1);
        struct lmm_string name = family->name;

        *family = figures[i];
        family->name = name;
    }
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct lmm_top_key *key = lmm_top_key_of_letter(LMM_TOP_FAMILIES, cases[i].letter);

        cr_assert_not_null(key, "%c", cases[i].letter);
        lmm_top_rows_sort(&rows, key, false);
        expect_order(&rows, cases[i].order);
        lmm_top_rows_sort(&rows, key, true);
        expect_order(&rows, cases[i].reversed);
    }
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

Test(top_rows, rates_sort_by_what_happened_last)
{
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};
    struct lmm_model_family *slow;
    struct lmm_model_family *fast;

    made_open(&made);
    slow = made_family(&made, "slow", 8);
    fast = made_family(&made, "fast", 8);
    slow->allocations = 1000000;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    fast->allocations = 10;
    slow->frees = 5;
    cr_assert(lmm_top_history_add(&history, &made.model, 1000000001));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_FAMILIES, 'A'), false);
    expect_order(&rows, "fast slow");
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_FAMILIES, 'F'), false);
    expect_order(&rows, "slow fast");
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

Test(top_rows, equal_rows_stand_by_name_in_either_direction)
{
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};

    made_open(&made);
    made_family(&made, "b", 1);
    made_family(&made, "aa", 1);
    made_family(&made, "a", 1);
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_FAMILIES, 'B'), false);
    expect_order(&rows, "a aa b");
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_FAMILIES, 'B'), true);
    expect_order(&rows, "a aa b");
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

Test(top_rows, keys_are_found_by_letter_and_by_name_and_none_twice)
{
    for (int view = 0; view < LMM_TOP_VIEWS; view++) {
        for (const struct lmm_top_key *key = lmm_top_keys(view); key->name != NULL; key++) {
            char letter[] = {key->letter, '\0'};

            cr_expect_eq(lmm_top_key_of_letter(view, key->letter), key);
            cr_expect_eq(lmm_top_key_of_word(view, letter), key);
            cr_expect_eq(lmm_top_key_of_word(view, key->name), key);
            cr_expect_null(strchr("qrmh?/ ", key->letter), "%c does something else", key->letter);
        }
    }
    for (const char *letter = "abclvnopsu"; *letter != '\0'; letter++) {
        cr_expect_not_null(lmm_top_key_of_letter(LMM_TOP_FAMILIES, *letter), "slabtop's %c",
                           *letter);
    }
    cr_expect_null(lmm_top_key_of_word(LMM_TOP_FAMILIES, ""));
    cr_expect_null(lmm_top_key_of_word(LMM_TOP_FAMILIES, "z"));
    cr_expect_null(lmm_top_key_of_letter(LMM_TOP_FAMILIES, 0));
}

/* ---- Figures --------------------------------------------------------------------------------- */

Test(top_rows, figures_beyond_all_bounds_are_the_largest_ones)
{
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};
    struct lmm_model_family *family;

    made_open(&made);
    family = made_family(&made, "huge", UINT64_MAX);
    family->live_bytes = UINT64_MAX;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], INT64_MAX);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_SIZE], INT64_MAX);
    lmm_top_history_mark(&history, true);
    family->live_bytes = 0;
    cr_assert(lmm_top_history_add(&history, &made.model, 2));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], -INT64_MAX);
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

Test(top_rows, without_pages_there_is_nothing_per_page)
{
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};

    made_open(&made);
    made_family(&made, "none", 8)->slots = 7;
    made_family(&made, "two", 8)->slots = 7;
    made.family[1].pages = 2;
    made.family[1].mapped_bytes = 512;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_top_rows_of_families(&rows, &history, ""));
    cr_expect_eq(rows.row[0].figure[LMM_TOP_PAGE_SLOTS], 0);
    cr_expect_eq(rows.row[1].figure[LMM_TOP_PAGE_SLOTS], 3);
    cr_expect_eq(rows.row[1].figure[LMM_TOP_PAGE_BYTES], 256);
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

/* ---- Sites and processes --------------------------------------------------------------------- */

Test(top_rows, sites_are_those_of_one_family_and_are_found_by_place_and_function)
{
    static const struct {
        const char *filter;
        size_t count;
    } cases[] = {{"", 2}, {"hr.c:42", 1}, {"rehire", 1}, {"*hire", 2}, {"tree", 0}};
    struct made made;
    struct lmm_top_history history = {.readings = 0};
    struct lmm_top_rows rows = {.count = 0};
    struct lmm_model_family *emp;

    made_open(&made);
    emp = made_family(&made, "emp_t", 48);
    made_site(&made, emp, "hr.c", 42, "hire");
    made_site(&made, made_family(&made, "node_t", 24), "tree.c", 7, "grow");
    made_site(&made, emp, "hr.c", 99, "rehire")->live_bytes = 5;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(lmm_top_rows_of_sites(&rows, &history, &made.model, &history.family[0],
                                        cases[i].filter));
        cr_expect_eq(rows.count, cases[i].count, "%s", cases[i].filter);
        cr_expect_eq(rows.hidden, 2 - cases[i].count, "%s", cases[i].filter);
    }
    cr_assert(lmm_top_rows_of_sites(&rows, &history, &made.model, &history.family[0], ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_SITES, 'n'), false);
    cr_expect_eq(rows.row[0].site->line, 42);
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_SITES, 'B'), false);
    cr_expect_eq(rows.row[0].site->line, 99);
    lmm_top_rows_close(&rows);
    lmm_top_history_close(&history);
}

Test(top_rows, the_list_has_processes_that_run_and_no_others)
{
    static char name[][8] = {"one", "two", "dead", "copy", "one"};
    struct lmm_ledger_entry entry[] = {
        {.program = name[0], .pid = 11, .start_time_ns = 5000000000, .state = LMM_PROCESS_LIVE},
        {.program = name[1], .pid = 12, .start_time_ns = 3000000000, .state = LMM_PROCESS_LOST},
        {.program = name[2], .pid = 13, .start_time_ns = 1, .state = LMM_PROCESS_KILLED},
        {.program = name[3], .pid = 14, .start_time_ns = 1, .state = LMM_PROCESS_SNAPSHOT},
        {.program = name[4], .pid = 15, .start_time_ns = 9000000000, .state = LMM_PROCESS_LIVE},
    };
    struct lmm_ledger_list ledgers = {entry, 5, 0};
    struct lmm_top_rows rows = {.count = 0};

    cr_assert(lmm_top_rows_of_processes(&rows, &ledgers, NULL, 6000000000, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_PROCESSES, 'A'), false);
    cr_assert_eq(rows.count, 3);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_PID], 15);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_AGE], 0, "its start is in the future");
    cr_expect_eq(rows.row[1].figure[LMM_TOP_AGE], 1000000000);
    cr_expect_eq(rows.row[2].figure[LMM_TOP_PID], 12);
    cr_assert(lmm_top_rows_of_processes(&rows, &ledgers, "one", 6000000000, ""));
    cr_expect_eq(rows.count, 2);
    lmm_top_rows_close(&rows);
}

/* ---- The selected row ------------------------------------------------------------------------ */

/* Rows with the given identities. */
static struct lmm_top_rows rows_of(struct lmm_top_row *row, const char *identities)
{
    struct lmm_top_rows rows = {row, strlen(identities), 0};

    for (size_t i = 0; i < rows.count; i++) {
        row[i] = (struct lmm_top_row) {.identity = (unsigned char) identities[i]};
    }
    return rows;
}

static void expect_cursor(const struct lmm_top_cursor *cursor, size_t at, size_t first)
{
    cr_expect_eq(cursor->at, at, "at %zu, not %zu", cursor->at, at);
    cr_expect_eq(cursor->first, first, "first %zu, not %zu", cursor->first, first);
}

Test(top_cursor, stays_at_the_top_until_it_is_moved_and_then_with_its_row)
{
    struct lmm_top_row row[16];
    struct lmm_top_cursor cursor = {.held = false};
    struct lmm_top_rows rows = rows_of(row, "abcdef");

    lmm_top_cursor_follow(&cursor, &rows, 3);
    expect_cursor(&cursor, 0, 0);
    rows = rows_of(row, "fedcba");
    lmm_top_cursor_follow(&cursor, &rows, 3);
    expect_cursor(&cursor, 0, 0);
    lmm_top_cursor_move(&cursor, &rows, 1); /* e */
    rows = rows_of(row, "abcdef");
    lmm_top_cursor_follow(&cursor, &rows, 3);
    expect_cursor(&cursor, 4, 2);
    lmm_top_cursor_home(&cursor);
    rows = rows_of(row, "fedcba");
    lmm_top_cursor_follow(&cursor, &rows, 3);
    expect_cursor(&cursor, 0, 0);
}

Test(top_cursor, stops_at_both_ends_and_scrolls_no_further_than_needed)
{
    struct lmm_top_row row[16];
    struct lmm_top_cursor cursor = {.held = false};
    struct lmm_top_rows rows = rows_of(row, "abcdefgh");
    static const struct {
        int64_t by;
        size_t at;
        size_t first;
    } steps[] = {{-1, 0, 0}, {2, 2, 0},  {1, 3, 1},  {8, 7, 5}, {1, 7, 5},
                 {-1, 6, 5}, {-2, 4, 4}, {-9, 0, 0}, {3, 3, 1}, {-2, 1, 1}};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        lmm_top_cursor_move(&cursor, &rows, steps[i].by);
        lmm_top_cursor_follow(&cursor, &rows, 3);
        expect_cursor(&cursor, steps[i].at, steps[i].first);
    }
}

Test(top_cursor, finds_a_place_when_its_row_or_all_rows_are_gone)
{
    struct lmm_top_row row[16];
    struct lmm_top_cursor cursor = {.held = false};
    struct lmm_top_rows rows = rows_of(row, "abcdef");

    lmm_top_cursor_follow(&cursor, &rows, 2);
    lmm_top_cursor_move(&cursor, &rows, 5);
    lmm_top_cursor_follow(&cursor, &rows, 2);
    expect_cursor(&cursor, 5, 4);
    rows = rows_of(row, "abc");
    lmm_top_cursor_follow(&cursor, &rows, 2);
    expect_cursor(&cursor, 2, 1);
    rows = rows_of(row, "");
    lmm_top_cursor_follow(&cursor, &rows, 2);
    lmm_top_cursor_move(&cursor, &rows, 1);
    expect_cursor(&cursor, 0, 0);
    rows = rows_of(row, "fab");
    lmm_top_cursor_follow(&cursor, &rows, 2);
    expect_cursor(&cursor, 0, 0);
}

Test(top_cursor, uses_the_room_of_a_screen_that_has_grown)
{
    struct lmm_top_row row[16];
    struct lmm_top_cursor cursor = {.held = false};
    struct lmm_top_rows rows = rows_of(row, "abcdef");

    lmm_top_cursor_move(&cursor, &rows, 5);
    lmm_top_cursor_follow(&cursor, &rows, 1);
    expect_cursor(&cursor, 5, 5);
    lmm_top_cursor_follow(&cursor, &rows, 4);
    expect_cursor(&cursor, 5, 2);
    lmm_top_cursor_follow(&cursor, &rows, 100);
    expect_cursor(&cursor, 5, 0);
}
