/* SPDX-License-Identifier: MIT */
/* The rows of `lmm top`: filter, sort keys, figures, order, and the selected row. */
#include "reporter/program/top/top_rows.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/discover.h"
#include "reporter/program/report/places.h"
#include "reporter/program/top/top_history.h"
#include "tests/support/top_model.h"

static struct made made;
static struct lmm_top_history history;
static struct lmm_top_rows rows;

static void open_made(void)
{
    made_open(&made);
}

static void close_made(void)
{
}

TestSuite(top_rows, .init = open_made, .fini = close_made);

/* Adds the model to the history, and makes the rows of the families that pass the filter. */
static void read_families(uint64_t time_ns, const char *filter)
{
    cr_assert(lmm_top_history_add(&history, &made.model, time_ns));
    cr_assert(lmm_top_rows_of_families(&rows, &history, filter));
}

/* Sorts the families by the key of that letter, which must give this order. */
static void expect_order(char letter, bool reversed, const char *expected)
{
    const struct lmm_top_key *key = lmm_top_key_of_letter(LMM_TOP_FAMILIES, letter);
    char order[256] = "";

    cr_assert_not_null(key, "%c", letter);
    lmm_top_rows_sort(&rows, key, reversed);
    for (size_t i = 0; i < rows.count; i++) {
        strcat(order, i > 0 ? " " : "");
        strncat(order, rows.row[i].name.text, rows.row[i].name.bytes);
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
    made_family(&made, "emp_t", 48);
    made_family(&made, "node_t", 24);
    made_family(&made, "employer_t", 8);
    read_families(1, "emp");
    expect_order('n', false, "emp_t employer_t");
    cr_expect_eq(rows.hidden, 1);
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
    static const struct {
        const char *name;
        uint64_t bytes, blocks, committed, pages, mapped, slots, size, permille, peak;
    } figures[] = {
        {"a", 4, 1, 2, 1, 100, 8, 3, 2, 1},
        {"b", 2, 4, 1, 2, 500, 6, 4, 4, 3},
        {"c", 3, 3, 4, 4, 440, 30, 1, 1, 4},
        {"d", 1, 2, 3, 8, 1600, 40, 2, 3, 2},
    };

    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        struct lmm_model_family *family = made_family(&made, figures[i].name, figures[i].size);

        family->live_bytes = figures[i].bytes;
        family->live_blocks = figures[i].blocks;
        family->committed_bytes = figures[i].committed;
        family->pages = figures[i].pages;
        family->mapped_bytes = figures[i].mapped;
        family->slots = figures[i].slots;
        family->occupancy_permille = figures[i].permille;
        family->peak_bytes = figures[i].peak;
    }
    read_families(1, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_order(cases[i].letter, false, cases[i].order);
        expect_order(cases[i].letter, true, cases[i].reversed);
    }
}

Test(top_rows, rates_sort_by_what_happened_last)
{
    struct lmm_model_family *slow = made_family(&made, "slow", 8);
    struct lmm_model_family *fast = made_family(&made, "fast", 8);

    slow->allocations = 1000000;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    fast->allocations = 10;
    slow->frees = 5;
    read_families(1000000001, "");
    expect_order('A', false, "fast slow");
    expect_order('F', false, "slow fast");
}

Test(top_rows, equal_rows_stand_by_name_in_either_direction)
{
    made_family(&made, "b", 1);
    made_family(&made, "aa", 1);
    made_family(&made, "a", 1);
    read_families(1, "");
    expect_order('B', false, "a aa b");
    expect_order('B', true, "a aa b");
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
    struct lmm_model_family *family = made_family(&made, "huge", UINT64_MAX);

    family->live_bytes = UINT64_MAX;
    read_families(1, "");
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], INT64_MAX);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_SIZE], INT64_MAX);
    lmm_top_history_mark(&history, true);
    family->live_bytes = 0;
    read_families(2, "");
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], -INT64_MAX);
}

Test(top_rows, without_pages_there_is_nothing_per_page)
{
    made_family(&made, "none", 8)->slots = 7;
    made_family(&made, "two", 8)->slots = 7;
    made.family[1].pages = 2;
    made.family[1].mapped_bytes = 512;
    read_families(1, "");
    cr_expect_eq(rows.row[0].figure[LMM_TOP_PAGE_SLOTS], 0);
    cr_expect_eq(rows.row[1].figure[LMM_TOP_PAGE_SLOTS], 3);
    cr_expect_eq(rows.row[1].figure[LMM_TOP_PAGE_BYTES], 256);
}

/* ---- Sites and processes --------------------------------------------------------------------- */

/* Makes the rows of the lines of the first family that pass the filter. */
static void read_lines(const char *filter)
{
    struct lmm_top_scope scope = {.family = &history.family[0]};
    struct lmm_places places;

    cr_assert(lmm_places_make(&made.model, LMM_BY_LINE, &places));
    cr_assert(lmm_top_rows_of_places(&rows, &history, &made.model, &places, &scope, filter));
    lmm_places_free(&places);
}

/* Returns the only sample of a row. */
static uint64_t trend_of(size_t row, const struct lmm_places *places,
                         const struct lmm_top_scope *scope)
{
    uint64_t samples[LMM_TOP_SAMPLES];

    cr_assert_eq(lmm_top_row_trend(&rows.row[row], &history, &made.model, places, scope, samples),
                 1);
    return samples[0];
}

Test(top_rows, a_line_has_the_sums_of_its_sites)
{
    struct lmm_model_family *small = made_family(&made, "malloc-16", 16);
    struct lmm_model_family *large = made_family(&made, "malloc-32", 32);
    struct lmm_top_scope scope = {.family = NULL};
    struct lmm_places places;

    for (uint32_t i = 0; i < 3; i++) { /* two stacks of line 7, one of them in two classes */
        struct lmm_model_site *site = made_site(&made, i == 1 ? large : small, "a.c", 7, "f");

        site->stack = i < 2 ? 1 : 2;
        site->stack_key = site->stack;
        site->live_bytes = UINT64_C(10) << i;
        site->live_blocks = 1;
    }
    made_site(&made, small, "a.c", 8, "f")->stack = 3;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    cr_assert(lmm_places_make(&made.model, LMM_BY_LINE, &places));
    cr_assert(lmm_top_rows_of_places(&rows, &history, &made.model, &places, &scope, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_LINES, 'B'), false);
    cr_assert_eq(rows.count, 2);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], 70);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BLOCKS], 3);
    cr_expect_eq(trend_of(0, &places, &scope), 70);

    struct lmm_places stacks;

    cr_assert(lmm_places_make(&made.model, LMM_BY_STACK, &stacks));
    scope = (struct lmm_top_scope) {.lines = &places, .line = rows.row[0].identity};
    cr_assert(lmm_top_rows_of_places(&rows, &history, &made.model, &stacks, &scope, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_STACKS, 'B'), false);
    cr_assert_eq(rows.count, 2);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_BYTES], 40);
    cr_expect_eq(rows.row[1].figure[LMM_TOP_BYTES], 30);
    cr_expect_eq(trend_of(1, &stacks, &scope), 30);
    scope.family = &history.family[1];
    cr_expect_eq(trend_of(1, &stacks, &scope), 20);
    lmm_places_free(&stacks);
    lmm_places_free(&places);
}

Test(top_rows, rows_of_zeros_are_those_where_nothing_is_and_nothing_happens)
{
    static const struct {
        const char *name;
        enum lmm_top_figure figure; /* that is not 0; LMM_TOP_FIGURES: none */
        bool stays;                 /* these two: on the screen, and with totals */
        bool stays_with_totals;
    } cases[] = {
        {"blocks_t", LMM_TOP_BLOCKS, true, true},
        {"rate_t", LMM_TOP_FREE_RATE, true, false},
        {"total_t", LMM_TOP_ALLOCATIONS, false, true},
        {"nothing_t", LMM_TOP_FIGURES, false, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int totals = 0; totals < 2; totals++) {
            struct lmm_top_row row = {.name = lmm_string_of(cases[i].name)};
            struct lmm_top_rows one = {&row, 1, 0};

            if (cases[i].figure != LMM_TOP_FIGURES) {
                row.figure[cases[i].figure] = 1;
            }
            lmm_top_rows_drop_zeros(&one, totals != 0);
            cr_expect_eq(one.count == 1, totals != 0 ? cases[i].stays_with_totals : cases[i].stays,
                         "%s, %d", cases[i].name, totals);
        }
    }
}

Test(top_rows, sites_are_those_of_one_family_and_are_found_by_place_and_function)
{
    static const struct {
        const char *filter;
        size_t count;
    } cases[] = {{"", 2}, {"hr.c:42", 1}, {"rehire", 1}, {"*hire", 2}, {"tree", 0}};
    struct lmm_model_family *emp = made_family(&made, "emp_t", 48);

    made_site(&made, emp, "hr.c", 42, "hire");
    made_site(&made, made_family(&made, "node_t", 24), "tree.c", 7, "grow");
    made_site(&made, emp, "hr.c", 99, "rehire")->live_bytes = 5;
    cr_assert(lmm_top_history_add(&history, &made.model, 1));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_lines(cases[i].filter);
        cr_expect_eq(rows.count, cases[i].count, "%s", cases[i].filter);
        cr_expect_eq(rows.hidden, 2 - cases[i].count, "%s", cases[i].filter);
    }
    read_lines("");
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_SITES, 'n'), false);
    cr_expect_eq(rows.row[0].site->line, 42);
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_SITES, 'B'), false);
    cr_expect_eq(rows.row[0].site->line, 99);
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
    const int64_t bytes[] = {100, 200, 300, 400, -1};

    cr_assert(lmm_top_rows_of_processes(&rows, &ledgers, bytes, NULL, 6000000000, ""));
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_PROCESSES, 'A'), false);
    cr_assert_eq(rows.count, 3);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_PID], 15);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_AGE], 0, "its start is in the future");
    cr_expect_eq(rows.row[1].figure[LMM_TOP_AGE], 1000000000);
    cr_expect_eq(rows.row[2].figure[LMM_TOP_PID], 12);
    lmm_top_rows_sort(&rows, lmm_top_key_of_letter(LMM_TOP_PROCESSES, 'B'), false);
    cr_expect_eq(rows.row[0].figure[LMM_TOP_PID], 12);
    cr_expect_eq(rows.row[2].figure[LMM_TOP_BYTES], -1, "unknown");
    cr_assert(lmm_top_rows_of_processes(&rows, &ledgers, NULL, "one", 6000000000, ""));
    cr_expect_eq(rows.count, 2);
}

/* ---- The selected row ------------------------------------------------------------------------ */

static struct lmm_top_cursor cursor;

/* The table becomes rows with these identities. */
static void set_rows(const char *identities)
{
    static struct lmm_top_row row[16];

    rows = (struct lmm_top_rows) {row, strlen(identities), 0};
    for (size_t i = 0; i < rows.count; i++) {
        row[i] = (struct lmm_top_row) {.identity = (unsigned char) identities[i]};
    }
}

/* On a screen with that many rows, the cursor is at row `at`, and row `first` is the first shown. */
static void expect_cursor(size_t height, size_t at, size_t first)
{
    lmm_top_cursor_follow(&cursor, &rows, height);
    cr_expect_eq(cursor.at, at, "at %zu, not %zu", cursor.at, at);
    cr_expect_eq(cursor.first, first, "first %zu, not %zu", cursor.first, first);
}

Test(top_cursor, stays_at_the_top_until_it_is_moved_and_then_with_its_row)
{
    set_rows("abcdef");
    expect_cursor(3, 0, 0);
    set_rows("fedcba");
    expect_cursor(3, 0, 0);
    lmm_top_cursor_move(&cursor, &rows, 1); /* e */
    set_rows("abcdef");
    expect_cursor(3, 4, 2);
    lmm_top_cursor_home(&cursor);
    set_rows("fedcba");
    expect_cursor(3, 0, 0);
}

Test(top_cursor, stops_at_both_ends_and_scrolls_no_further_than_needed)
{
    set_rows("abcdefgh");
    static const struct {
        int64_t by;
        size_t at;
        size_t first;
    } steps[] = {{-1, 0, 0}, {2, 2, 0},  {1, 3, 1},  {8, 7, 5}, {1, 7, 5},
                 {-1, 6, 5}, {-2, 4, 4}, {-9, 0, 0}, {3, 3, 1}, {-2, 1, 1}};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        lmm_top_cursor_move(&cursor, &rows, steps[i].by);
        expect_cursor(3, steps[i].at, steps[i].first);
    }
}

Test(top_cursor, finds_a_place_when_its_row_or_all_rows_are_gone)
{
    set_rows("abcdef");
    lmm_top_cursor_follow(&cursor, &rows, 2);
    lmm_top_cursor_move(&cursor, &rows, 5);
    expect_cursor(2, 5, 4);
    set_rows("abc");
    expect_cursor(2, 2, 1);
    set_rows("");
    lmm_top_cursor_follow(&cursor, &rows, 2);
    lmm_top_cursor_move(&cursor, &rows, 1);
    cr_expect(cursor.at == 0 && cursor.first == 0);
    set_rows("fab");
    expect_cursor(2, 0, 0);
}

Test(top_cursor, uses_the_room_of_a_screen_that_has_grown)
{
    set_rows("abcdef");
    lmm_top_cursor_move(&cursor, &rows, 5);
    expect_cursor(1, 5, 5);
    expect_cursor(4, 5, 2);
    expect_cursor(100, 5, 0);
}
