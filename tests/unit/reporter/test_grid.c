/* SPDX-License-Identifier: MIT */
/* The table printer: widths, alignment, and blanks. */
#include "reporter/core/grid.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "tests/support/output.h"

static const struct lmm_grid_column columns[] = {
    {.heading = "name", .width_max = 8}, {.heading = "blocks", .right = true}, {.heading = "at"}};

static struct output page;
static struct lmm_sink sink;
static struct lmm_grid grid;

static void open_page(void)
{
    page.used = 0;
    lmm_sink_init(&sink, output_take, &page);
}

TestSuite(grid, .init = open_page);

static void expect_page(const char *name, const char *expected)
{
    lmm_sink_flush(&sink);
    cr_expect(page.used == strlen(expected) && memcmp(page.bytes, expected, page.used) == 0,
              "%s: %.*s", name, (int) page.used, page.bytes);
}

struct row {
    const char *name; /* NULL: no row */
    uint64_t blocks;  /* 0: the cell is empty */
    const char *file;
};

static const struct {
    const char *name;
    struct row rows[2];
    const char *title;
    const char *expected;
} cases[] = {
    {"cells_make_columns_as_wide_as_they_need",
     {{"emp_t", 1234, "hr.c"}, {"a", 5, "b.c"}},
     NULL,
     "  name   blocks  at\n"
     "  emp_t   1,234  hr.c:7 (f)\n"
     "  a           5  b.c:7 (f)\n"},
    {"a_cell_over_the_limit_shifts_its_own_row",
     {{"a_very_long_name", 1, "a.c"}, {"b", 2, "b.c"}},
     NULL,
     "  name      blocks  at\n"
     "  a_very_long_name       1  a.c:7 (f)\n"
     "  b              2  b.c:7 (f)\n"},
    {"an_empty_cell_keeps_its_place",
     {{"total", 0, "a.c"}},
     NULL,
     "  name   blocks  at\n"
     "  total          a.c:7 (f)\n"},
    {"a_title_stands_over_the_first_column",
     {{"emp_t", 1, "a.c"}},
     "Families",
     "Families  blocks  at\n"
     "  emp_t        1  a.c:7 (f)\n"},
    {"strings_are_escaped_and_measured_in_columns",
     {{"caf\xc3\xa9", 1, "a\n.c"}, {"\x1b", 2, "b.c"}},
     NULL,
     "  name  blocks  at\n"
     "  caf\xc3\xa9       1  a\\x0a.c:7 (f)\n"
     "  \\x1b       2  b.c:7 (f)\n"},
};

static void add(const struct row *rows)
{
    for (size_t i = 0; i < 2 && rows[i].name != NULL; i++) {
        lmm_grid_string(&grid, lmm_string_of(rows[i].name));
        if (rows[i].blocks == 0) {
            lmm_grid_text(&grid, "");
        } else {
            lmm_grid_count(&grid, rows[i].blocks);
        }
        lmm_grid_end_cell(&grid, lmm_put_place(lmm_grid_begin_cell(&grid),
                                               lmm_string_of(rows[i].file), 7, lmm_string_of("f")));
        lmm_grid_end_row(&grid);
    }
}

Test(grid, tables)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        open_page();
        lmm_grid_init(&grid, columns, 3, 2, &sink);
        grid.title = cases[i].title;
        add(cases[i].rows);
        cr_expect_eq(sink.used_bytes, 0, "measuring prints nothing");
        lmm_grid_put_headings(&grid);
        add(cases[i].rows);
        expect_page(cases[i].name, cases[i].expected);
    }
}

Test(grid, rows_that_are_not_measured_have_the_widths_of_their_columns)
{
    static const struct lmm_grid_column fixed[] = {
        {.heading = "TIME", .right = true, .width_min = 6}, {.heading = "CHANGE", .right = true}};

    lmm_grid_init(&grid, fixed, 2, 0, &sink);
    lmm_grid_put_headings(&grid);
    lmm_grid_text(&grid, "1s");
    lmm_grid_change(&grid, -1024);
    lmm_grid_end_row(&grid);
    lmm_grid_text(&grid, "100000s");
    lmm_grid_change(&grid, 0);
    lmm_grid_end_row(&grid);
    expect_page("fixed", "  TIME  CHANGE\n"
                         "    1s  -1,024\n"
                         "100000s       0\n");
}

Test(grid, headings_can_be_bold)
{
    lmm_grid_init(&grid, columns, 3, 0, &sink);
    grid.has_colour = true;
    lmm_grid_put_headings(&grid);
    expect_page("bold", "\033[1mname  blocks  at\033[0m\n");
}
