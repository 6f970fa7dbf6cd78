/* SPDX-License-Identifier: MIT */
/* Differences of two models: rows, their order, and how the two are related. */
#include "reporter/program/change/delta.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "tests/support/ledgers.h"

enum {
    SCRATCH_MAX = 1 << 16,
};

struct made {
    struct book book;
    struct lmm_model *model;
    _Alignas(16) char scratch[SCRATCH_MAX];
};

static struct made before;
static struct made after;
static struct lmm_delta *delta;

static void build(struct made *made)
{
    cr_assert_eq(
        lmm_model_build(&made->book.view, made->scratch, sizeof(made->scratch), &made->model), 0);
}

static void make(struct made *made, const char *ledger)
{
    ledger_named(ledger)->make(&made->book);
    build(made);
}

static void compare(const char *first, const char *second, char *const *patterns)
{
    make(&before, first);
    make(&after, second);
    delta = lmm_delta_make(before.model, after.model, patterns, true);
    cr_assert_not_null(delta);
}

static void done(void)
{
    lmm_delta_free(delta);
    delta = NULL;
    book_close(&before.book);
    book_close(&after.book);
}

TestSuite(delta, .fini = done);

static bool is(struct lmm_string string, const char *text)
{
    return string.bytes == strlen(text) && memcmp(string.text, text, string.bytes) == 0;
}

static void expect_row(const struct lmm_delta_row *row, const char *family, uint32_t line,
                       int64_t bytes, int64_t blocks, int64_t allocations, int64_t frees)
{
    cr_expect(is(row->family, family) && row->line == line, "%.*s:%u instead of %s:%u",
              (int) row->family.bytes, row->family.text, (unsigned) row->line, family,
              (unsigned) line);
    cr_expect_eq(lmm_delta_change_growth(row->live_bytes), bytes, "%s bytes", family);
    cr_expect_eq(lmm_delta_change_growth(row->live_blocks), blocks, "%s blocks", family);
    cr_expect_eq(lmm_delta_change_growth(row->allocations), allocations, "%s allocations", family);
    cr_expect_eq(lmm_delta_change_growth(row->frees), frees, "%s frees", family);
}

Test(delta, rows_are_ordered_by_growth)
{
    compare("ordinary", "later", NULL);
    cr_assert_eq(delta->family_count, 5);
    expect_row(&delta->families[0], "word_t", 0, 39600, 990, 1000, 10);
    expect_row(&delta->families[1], "index_t", 0, 960, 15, 16, 1);
    expect_row(&delta->families[2], "cursor_t", 0, 0, 0, 0, 0);
    expect_row(&delta->families[3], "stopword_t", 0, 0, 0, 0, 0);
    expect_row(&delta->families[4], "posting_t", 0, -5172, -431, 0, 431);
    cr_assert_eq(delta->site_count, 6);
    expect_row(&delta->sites[0], "word_t", 131, 39600, 990, 1000, 10);
    expect_row(&delta->sites[1], "index_t", 12, 960, 15, 16, 1);
    expect_row(&delta->sites[5], "posting_t", 149, -5172, -431, 0, 431);
}

Test(delta, the_total_is_the_sum_of_the_families)
{
    compare("ordinary", "later", NULL);
    uint64_t live_before = 0;
    uint64_t live_after = 0;

    for (size_t i = 0; i < delta->family_count; i++) {
        live_before += delta->families[i].live_bytes.before;
        live_after += delta->families[i].live_bytes.after;
    }
    cr_expect_eq(delta->total.live_bytes.before, live_before);
    cr_expect_eq(delta->total.live_bytes.after, live_after);
    cr_expect_eq(live_before, before.model->total.live_bytes);
    cr_expect_eq(live_after, after.model->total.live_bytes);
    cr_expect_eq(delta->total.frees.after, after.model->total.frees);
}

Test(delta, a_ledger_does_not_differ_from_itself)
{
    make(&before, "hostile");
    delta = lmm_delta_make(before.model, before.model, NULL, true);
    cr_assert_not_null(delta);
    cr_expect(delta->same_process && !delta->backwards);
    cr_expect_eq(delta->site_count, before.model->site_count);
    for (size_t i = 0; i < delta->site_count; i++) {
        cr_expect_not(lmm_delta_row_changed(&delta->sites[i]));
        cr_expect(delta->sites[i].in_before && delta->sites[i].in_after);
    }
}

Test(delta, sites_are_matched_by_place_and_not_by_number)
{
    compare("ordinary", "another", NULL);
    cr_expect_eq(delta->site_count, 5);
    expect_row(&delta->sites[0], "word_t", 131, 342760, 8569, 8543, -26);
    expect_row(&delta->sites[4], "posting_t", 149, -5152536, -31426, -31426, 0);
    cr_expect(delta->sites[0].in_before && delta->sites[0].in_after);
    cr_expect(delta->sites[1].in_before && !delta->sites[1].in_after);
}

Test(delta, rows_with_the_same_names_are_one)
{
    compare("empty", "twins", NULL);
    cr_assert_eq(delta->family_count, 1);
    cr_assert_eq(delta->site_count, 1);
    expect_row(&delta->families[0], "node_t", 0, 24 * 57 + 48 * 5, 62, 65, 3);
    expect_row(&delta->sites[0], "node_t", 7, 24 * 57 + 48 * 5, 62, 65, 3);
    cr_expect(!delta->sites[0].in_before && delta->sites[0].in_after);
}

/* One of the families of a process that has types of one name. */
static void add_node(struct made *made, const char *name, uint64_t size, uint64_t blocks)
{
    uint32_t family = book_family(&made->book, name, size, 8);

    book_family_at(&made->book, family)->flags =
        strchr(name, '(') == NULL ? 0 : LMM_LEDGER_FAMILY_NAMESAKE;
    book_count(&made->book, 1, book_site(&made->book, family, "list.c", (uint32_t) size, "add"),
               blocks, 0);
}

/* The two processes registered the types in different orders. */
Test(delta, types_of_one_name_are_matched_by_size)
{
    book_open(&before.book, "/bin/nodes", 1);
    add_node(&before, "node", 16, 10);
    add_node(&before, "node (24)", 24, 20);
    build(&before);
    book_open(&after.book, "/bin/nodes", 2);
    add_node(&after, "node", 24, 21);
    add_node(&after, "node (16)", 16, 13);
    build(&after);
    delta = lmm_delta_make(before.model, after.model, NULL, true);
    cr_assert_eq(delta->family_count, 2);
    expect_row(&delta->families[0], "node (16)", 0, 48, 3, 3, 0);
    expect_row(&delta->families[1], "node (24)", 0, 24, 1, 1, 0);
    cr_assert_eq(delta->site_count, 2);
    expect_row(&delta->sites[0], "node (16)", 16, 48, 3, 3, 0);
    expect_row(&delta->sites[1], "node (24)", 24, 24, 1, 1, 0);
}

/* Without namesakes the name is enough: the struct has grown from one version to the next. */
Test(delta, a_struct_that_grew_is_one_row)
{
    book_open(&before.book, "/bin/nodes", 1);
    add_node(&before, "node", 16, 10);
    build(&before);
    book_open(&after.book, "/bin/nodes", 2);
    add_node(&after, "node", 24, 10);
    build(&after);
    delta = lmm_delta_make(before.model, after.model, NULL, true);
    cr_assert_eq(delta->family_count, 1);
    expect_row(&delta->families[0], "node", 0, 80, 0, 0, 0);
}

Test(delta, patterns_select_families_and_their_total)
{
    char word[] = "w*_t";
    char index[] = "i?dex_t";
    char *patterns[] = {word, index, NULL};
    compare("ordinary", "later", patterns);
    cr_expect_eq(delta->family_count, 2);
    cr_expect_eq(delta->site_count, 3);
    expect_row(&(struct lmm_delta_row) {.family = lmm_string_of("total"),
                                        .live_bytes = delta->total.live_bytes,
                                        .live_blocks = delta->total.live_blocks,
                                        .allocations = delta->total.allocations,
                                        .frees = delta->total.frees},
               "total", 0, 40560, 1005, 1016, 11);
}

Test(delta, tells_how_the_two_are_related)
{
    static const struct {
        const char *first;
        const char *second;
        bool same_program;
        bool same_process;
        bool backwards;
    } cases[] = {
        {"ordinary", "later", true, true, false},    {"later", "ordinary", true, true, true},
        {"ordinary", "another", true, false, false}, {"another", "ordinary", true, false, true},
        {"ordinary", "many", false, false, false},   {"many", "ordinary", false, false, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        compare(cases[i].first, cases[i].second, NULL);
        cr_expect_eq(delta->same_program, cases[i].same_program, "case %zu", i);
        cr_expect_eq(delta->same_process, cases[i].same_process, "case %zu", i);
        cr_expect_eq(delta->backwards, cases[i].backwards, "case %zu", i);
        done();
    }
}

Test(delta, of_two_processes_the_later_one_is_the_newer)
{
    make(&before, "another");
    make(&after, "many");
    for (int later = 0; later < 2; later++) {
        before.book.header.snapshot_time_ns = before.book.header.start_time_ns + 1000;
        after.book.header.snapshot_time_ns = before.book.header.start_time_ns + 999 + 2 * later;
        build(&before);
        build(&after);
        lmm_delta_free(delta);
        delta = lmm_delta_make(before.model, after.model, NULL, false);
        cr_expect_eq(delta->backwards, later == 0);
    }
}

/* Only one of the two counters may differ: the ledger with the lower one is the older. */
Test(delta, frees_are_enough_to_find_the_older_of_one_process)
{
    make(&before, "ordinary");
    make(&after, "ordinary");
    book_count(&before.book, 1, 0, 0, 1);
    build(&before);
    delta = lmm_delta_make(before.model, after.model, NULL, false);
    cr_expect(delta->backwards);
    cr_expect_eq(delta->site_count, 0, "sites were not asked for");
}

Test(delta, growth_saturates)
{
    static const struct {
        struct lmm_delta_change change;
        int64_t growth;
    } cases[] = {
        {{0, 0}, 0},
        {{5, 7}, 2},
        {{7, 5}, -2},
        {{0, UINT64_MAX}, INT64_MAX},
        {{UINT64_MAX, 0}, -INT64_MAX},
        {{UINT64_MAX, UINT64_MAX - 1}, -1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_delta_change_growth(cases[i].change), cases[i].growth, "case %zu", i);
    }
}
