/* SPDX-License-Identifier: MIT */
/* The effect of each key of `lmm top`, and the screen after it, for all sizes of screens. */
#include "reporter/program/top/top_state.h"

#include <criterion/criterion.h>
#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/top/top_layout.h"
#include "reporter/program/top/top_sheet.h"
#include "tests/support/top_model.h"

enum {
    SECOND = 1000000000,
};

/* A watched process: three families, the second with two sites. */
static struct lmm_top top;
static struct made made;

static void set(struct lmm_model_family *family, uint64_t blocks, uint64_t bytes)
{
    family->live_blocks = blocks;
    family->live_bytes = bytes;
    family->allocations = blocks;
    family->slots = 100;
    family->pages = 1;
    family->committed_bytes = 8192;
    family->mapped_bytes = 262144;
}

static void read_scene(uint64_t time_ns)
{
    lmm_top_rows_close(&top.rows);
    cr_assert(lmm_top_history_add(&top.history, &made.model, time_ns));
    top.source.read_ns = time_ns;
    top.now_ns = time_ns;
    cr_assert(lmm_top_update(&top));
}

static void open_scene(void)
{
    struct lmm_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    cr_assert_not_null(snapshot);
    made_open(&made);
    set(made_family(&made, "emp_t", 48), 80, 3840);
    set(made_family(&made, "node_t", 24), 50, 1200);
    set(made_family(&made, "line_t", 8), 10, 80);
    made_site(&made, &made.family[1], "src/tree.c", 7, "grow")->live_bytes = 1000;
    made_site(&made, &made.family[1], "src/tree.c", 70, "graft")->live_bytes = 200;
    made.model.total.live_bytes = 5120;
    made.model.total.live_blocks = 140;
    lmm_top_init(&top, LMM_TOP_FAMILIES);
    snapshot->model = &made.model;
    top.source.snapshot = snapshot;
    top.source.state = LMM_PROCESS_LIVE;
    top.source.known_age = true;
    top.source.age_ns = 61 * (uint64_t) SECOND;
    read_scene(SECOND);
}

static void close_scene(void)
{
    free(top.source.snapshot);
    top.source.snapshot = NULL;
    lmm_top_close(&top);
}

TestSuite(top_screen, .init = open_scene, .fini = close_scene);
TestSuite(top_keys, .init = open_scene, .fini = close_scene);

static void press(const char *keys)
{
    for (; *keys != '\0'; keys++) {
        lmm_top_press(&top, (unsigned char) *keys);
    }
}

/* ---- Screens --------------------------------------------------------------------------------- */

/* Returns the whole screen, without blanks at the ends of lines. */
static const char *screen(size_t rows, size_t columns)
{
    static char text[65536];
    struct lmm_top_sheet sheet;
    size_t used = 0;

    cr_assert(lmm_top_sheet_open(&sheet, rows, columns, false));
    lmm_top_lay_out(&top, &sheet);
    cr_assert_leq(sheet.used, rows);
    for (size_t i = 0; i < sheet.used; i++) {
        size_t bytes = sheet.line[i].bytes;

        cr_assert_leq(sheet.line[i].columns, columns);
        while (bytes > 0 && sheet.line[i].text[bytes - 1] == ' ') {
            bytes--;
        }
        memcpy(text + used, sheet.line[i].text, bytes);
        used += bytes;
        text[used++] = '\n';
    }
    text[used] = '\0';
    lmm_top_sheet_close(&sheet);
    return text;
}

static void expect_text(const char *text)
{
    const char *all = screen(24, 80);

    cr_expect_not_null(strstr(all, text), "no '%s' in:\n%s", text, all);
}

static void expect_no_text(const char *text)
{
    const char *all = screen(24, 80);

    cr_expect_null(strstr(all, text), "'%s' in:\n%s", text, all);
}

Test(top_screen, has_the_process_above_its_families_largest_first)
{
    cr_expect_str_eq(
        screen(24, 80),
        "demo  pid 4711  up 0:01:01  live               by bytes, every 1.00s, ? for help\n"
        " Live 5.0K in 140 blocks  Committed 0 (0.0%)\n"
        " allocs/s -  frees/s -  Reusable 0  Records 0\n"
        " In all 0 allocs, 0 frees  0 of 3 families, 2 sites\n"
        " by line  FAMILY  (Tab changes)    / filter  m mark  L leak check  Enter lines\n"
        "     BYTES   BLOCKS    USE    SIZE   COMMIT  ALLOC/S    TREND NAME\n"
        ">     3.7K       80   0.0%      48     8.0K        -        @ emp_t\n"
        "      1.1K       50   0.0%      24     8.0K        -        @ node_t\n"
        "        80       10   0.0%       8     8.0K        -        @ line_t\n");
}

Test(top_screen, a_small_one_keeps_what_matters_most)
{
    static const struct {
        size_t rows;
        size_t columns;
        const char *shown;
    } cases[] = {
        {1, 1, "d\n"},
        {2, 12, "demo  pid 47\n> emp_t\n"},
        {3, 40,
         "demo  pid 4711  up 0:01:01  live\n     BYTES   BLOCKS NAME\n"
         ">     3.7K       80 emp_t\n"},
        {5, 20, "demo  pid 4711  up 0\n  NAME\n> emp_t\n  node_t\n  line_t\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_str_eq(screen(cases[i].rows, cases[i].columns), cases[i].shown, "%zux%zu:\n%s",
                         cases[i].rows, cases[i].columns, screen(cases[i].rows, cases[i].columns));
    }
}

Test(top_screen, every_size_has_the_selected_row_or_the_title_and_never_more_than_fits)
{
    static const char *const states[] = {"", "m", "/e", "?", "n"};

    for (size_t state = 0; state < sizeof(states) / sizeof(states[0]); state++) {
        press(states[state]);
        lmm_top_press(&top, LMM_TOP_KEY_END);
        for (size_t rows = 1; rows <= 30; rows++) {
            for (size_t columns = 1; columns <= 130; columns += 3) {
                const char *all = screen(rows, columns);

                cr_expect_gt(strlen(all), 0);
                if (rows >= 2 && !top.help) {
                    cr_expect_not_null(strstr(all, "\n>"), "%zux%zu:\n%s", rows, columns, all);
                }
            }
        }
        close_scene();
        open_scene();
    }
}

Test(top_screen, wide_ones_have_all_columns)
{
    cr_expect_not_null(strstr(screen(24, 200),
                              "SLOTS    USE    SIZE   PAGES   COMMIT   MAPPED SLOTS/PG BYTES/PG"));
}

/* ---- The process ----------------------------------------------------------------------------- */

Test(top_screen, says_what_became_of_the_process_and_keeps_its_figures)
{
    static const struct {
        enum lmm_process_state state;
        bool gone;
        const char *shown;
        enum lmm_model_process process;
    } cases[] = {
        {LMM_PROCESS_LIVE, true, "ENDED, ledger removed: its last figures", LMM_MODEL_RUNNING},
        {LMM_PROCESS_LOST, false, "live, but its ledger could not grow", LMM_MODEL_RUNNING},
        {LMM_PROCESS_EXITED, false, "EXITED with live blocks", LMM_MODEL_RUNNING},
        {LMM_PROCESS_KILLED, false, "KILLED: its last figures", LMM_MODEL_RUNNING},
        {LMM_PROCESS_REPLACED, false, "REPLACED by exec", LMM_MODEL_RUNNING},
        {LMM_PROCESS_SNAPSHOT, false, "snapshot", LMM_MODEL_RUNNING},
        {LMM_PROCESS_UNKNOWN, false, "not visible from here", LMM_MODEL_RUNNING},
        {LMM_PROCESS_SNAPSHOT, false, "a ledger that could not grow", LMM_MODEL_LOST},
        {LMM_PROCESS_UNKNOWN, false, "its ledger could not grow", LMM_MODEL_LOST},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        top.source.state = cases[i].state;
        top.source.gone = cases[i].gone;
        made.model.process = cases[i].process;
        expect_text(cases[i].shown);
        expect_text(">     3.7K       80");
    }
}

Test(top_screen, says_how_old_the_figures_are_while_there_is_no_reading)
{
    lmm_reason_set(&top.source.trouble, "damaged");
    top.now_ns = 8 * (uint64_t) SECOND;
    expect_text("UNREADABLE, figures are 0:00:07 old: damaged");
    expect_text(">     3.7K       80");
}

Test(top_screen, names_cannot_steer_it)
{
    made.family[0].name = lmm_string_of("\033]0;x\a\n");
    made.model.program = lmm_string_of("\033[H");
    made.site[0].file = lmm_string_of("\r\033[2Jx.c");
    made.site[0].function = lmm_string_of("\x9b"
                                          "31m");
    read_scene(2 * (uint64_t) SECOND);
    expect_text("\\x1b]0;x\\x07\\x0a");
    expect_text("\\x1b[H  pid");
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text("\\x0d\\x1b[2Jx.c:7 \\x9b31m");
}

/* ---- Keys ------------------------------------------------------------------------------------ */

Test(top_keys, sort_letters_and_r_change_the_order)
{
    press("n");
    cr_expect_str_eq(top.rows.row[0].name.text, "emp_t");
    cr_expect_str_eq(top.rows.row[1].name.text, "line_t");
    expect_text("by name,");
    press("r");
    cr_expect_str_eq(top.rows.row[0].name.text, "node_t");
    expect_text("by name (reversed),");
    press("a"); /* a new order starts in its default direction */
    cr_expect_str_eq(top.rows.row[0].name.text, "emp_t");
    press("Z1");
    expect_text("by blocks,");
}

Test(top_keys, enter_goes_to_the_sites_of_the_selected_family_and_back_again)
{
    static const int backs[] = {LMM_TOP_KEY_ESCAPE, LMM_TOP_KEY_BACKSPACE, 'q'};
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    for (size_t i = 0; i < sizeof(backs) / sizeof(backs[0]); i++) {
        cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_ENTER), LMM_TOP_GO_ON);
        expect_text(" Sites of node_t");
        expect_text("src/tree.c:7 grow\n");
        expect_no_text("emp_t");
        press("n");
        cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_ENTER), LMM_TOP_GO_ON);
        expect_text(" Sites of node_t");
        cr_expect_eq(lmm_top_press(&top, backs[i]), LMM_TOP_GO_ON);
        cr_expect_eq(top.view, LMM_TOP_FAMILIES);
        expect_text(">     1.1K       50");
    }
}

/* Makes it a process of the drop-in: line 7 has two stacks, and line 8 no live blocks. */
static void make_drop_in(void)
{
    static const struct lmm_model_module modules[] = {{.path = {"/bin/tool", 9}}};
    static const struct lmm_model_frame frames[] = {{.address = 0},
                                                    {.address = 0x100, .module = 1},
                                                    {.address = 0x200, .caller = 1, .module = 1}};
    static const uint64_t bytes[] = {600, 30, 0};

    made.model.site_count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        struct lmm_model_site *site =
            made_site(&made, &made.family[i], "src/a.c", i < 2 ? 7 : 8, "f");

        site->stack = i == 0 ? 2 : 1;
        site->stack_key = site->stack;
        site->live_bytes = bytes[i];
        site->live_blocks = bytes[i] > 0;
    }
    made.model.is_drop_in = true;
    made.model.stack_frames = 24;
    made.model.frames = frames;
    made.model.frame_count = 3;
    made.model.modules = modules;
    made.model.module_count = 1;
    lmm_top_history_close(&top.history);
    top.placed = 0;
    top.view = lmm_top_first_view(&top);
    read_scene(SECOND);
}

Test(top_keys, a_program_with_stacks_opens_on_lines_and_enter_shows_their_stacks)
{
    static const int backs[] = {LMM_TOP_KEY_ESCAPE, LMM_TOP_KEY_BACKSPACE, 'q'};

    cr_expect_eq(lmm_top_first_view(&top), LMM_TOP_FAMILIES, "typed");
    make_drop_in();
    cr_expect_eq(top.view, LMM_TOP_LINES);
    expect_text("lines by bytes,");
    expect_text(">      630        -        2 ");
    expect_text("src/a.c:7 f\n");
    expect_no_text("src/a.c:8");
    for (size_t i = 0; i < sizeof(backs) / sizeof(backs[0]); i++) {
        lmm_top_press(&top, LMM_TOP_KEY_ENTER);
        expect_text(" Stacks of a.c:7 f");
        expect_text("- tool+0x200 < tool+0x100\n");
        expect_text("- tool+0x100\n");
        lmm_top_press(&top, LMM_TOP_KEY_ENTER);
        expect_text(" Stacks of a.c:7 f");
        cr_expect_eq(lmm_top_press(&top, backs[i]), LMM_TOP_GO_ON);
        expect_text(">      630        -        2 ");
    }
    cr_expect_eq(lmm_top_press(&top, 'q'), LMM_TOP_QUIT);
}

/* The levels are " .:-=+*#@"; line 7 has two sites. */
Test(top_screen, lines_and_stacks_have_a_trend)
{
    make_drop_in();
    cr_expect_not_null(strstr(screen(24, 120), " TREND FILE:LINE"), "%s", screen(24, 120));
    top.source.snapshot->model->sites[0].live_bytes += 630;
    read_scene(2 * (uint64_t) SECOND);
    cr_expect_not_null(strstr(screen(24, 120), " =@ src/a.c:7 f\n"), "%s", screen(24, 120));
    expect_no_text(" TREND ");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    cr_expect_not_null(strstr(screen(24, 120), "@ tool+0x"), "%s", screen(24, 120));
}

Test(top_screen, has_a_note_on_names_where_there_is_room)
{
    top.source.note = strdup("libssl.so.3: no debug information (libssl3-dbgsym has it)");
    make_drop_in();
    cr_expect_not_null(
        strstr(screen(24, 150),
               "Enter stacks    libssl.so.3: no debug information (libssl3-dbgsym has it)\n"),
        "%s", screen(24, 150));
    expect_no_text("libssl");
    top.once = true;
    lmm_top_update(&top);
    expect_text("\n note: libssl.so.3: no debug information (libssl3-dbgsym has it)\n");
}

Test(top_keys, tab_changes_between_lines_and_families)
{
    make_drop_in();
    press("\t");
    cr_expect_eq(top.view, LMM_TOP_FAMILIES);
    expect_text(" node_t\n");
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text(" Sites of node_t");
    expect_text(">       30        -        1 ");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER); /* only the stacks of this family */
    expect_text(" Stacks of a.c:7 f");
    expect_text(">       30        -        1 ");
    cr_expect_eq(top.rows.count, 1);
    press("qq\t");
    cr_expect_eq(top.view, LMM_TOP_LINES);
    close_scene();
    open_scene(); /* typed: lines without stacks */
    press("\t");
    expect_text("src/tree.c:7 grow\n");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    cr_expect_eq(top.view, LMM_TOP_LINES);
}

static const struct lmm_model_type node = {.name = {"struct node", 11},
                                           .confidence = LMM_MODEL_LIKELY};
static const struct lmm_model_type no_debug = {.gap = LMM_MODEL_TYPE_NO_DEBUG,
                                               .lacking = {"libssl.so.3", 11}};

/* Makes it a process of the drop-in in which line 7 allocates a type, and line 8, which has a live
 * block then, another one or none. */
static void set_types(const struct lmm_model_type *of_line_8)
{
    make_drop_in();
    for (size_t i = 0; i < made.model.site_count; i++) {
        made.model.sites[i].type = made.model.sites[i].line == 7 ? &node : of_line_8;
        made.model.sites[i].live_blocks = 1;
    }
    made.model.total.live_bytes = 630;
    top.view = lmm_top_first_view(&top);
    read_scene(2 * (uint64_t) SECOND);
}

Test(top_keys, a_program_with_types_opens_on_them_and_tab_comes_back_to_them)
{
    set_types(&no_debug);
    cr_expect_eq(top.view, LMM_TOP_TYPES);
    expect_text("types by bytes,");
    expect_text(" by TYPE  line  family  (Tab)    / filter  m mark  L leak check  Enter lines\n");
    expect_text("struct node           a.c:7\n");
    press("\t");
    cr_expect_eq(top.view, LMM_TOP_LINES);
    expect_text(" by type  LINE  family");
    press("\t");
    cr_expect_eq(top.view, LMM_TOP_FAMILIES);
    press("\t");
    cr_expect_eq(top.view, LMM_TOP_TYPES);
}

Test(top_keys, a_type_has_its_largest_line_and_the_number_of_the_others)
{
    set_types(&node);
    expect_text("struct node           a.c:7 and 1 line\n");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text("src/a.c:7 f\n");
    expect_text("src/a.c:8 f\n");
}

Test(top_keys, enter_shows_the_lines_of_a_type_and_their_stacks)
{
    set_types(&no_debug);
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    cr_expect_eq(top.view, LMM_TOP_TYPE_LINES);
    expect_text(" Lines of struct node");
    expect_text("src/a.c:7 f\n");
    expect_no_text("a.c:8");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    cr_expect_eq(top.view, LMM_TOP_STACKS);
    expect_text(" Stacks of a.c:7 f");
    press("qq");
    cr_expect_eq(top.view, LMM_TOP_TYPES);
}

Test(top_keys, types_are_filtered_by_their_names)
{
    set_types(&no_debug);
    expect_text("libssl.so.3: no debug information");
    press("/NODE");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text("struct node");
    expect_no_text("libssl.so.3");
}

Test(top_keys, z_shows_rows_of_zeros)
{
    made_family(&made, "idle_t", 8);
    read_scene(2 * (uint64_t) SECOND);
    expect_no_text("idle_t");
    press("z");
    expect_text("idle_t");
    press("z");
    expect_no_text("idle_t");
}

Test(top_screen, has_the_resident_bytes_where_they_are_known)
{
    expect_no_text("resident");
    top.source.resident_bytes = 3 << 20;
    expect_text(" Live 5.0K in 140 blocks  Committed 0 (0.0%)  Resident 3.0M");
}

Test(top_keys, the_sites_stay_those_of_their_family_whatever_its_place)
{
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    set(made_family(&made, "a_new_one", 8), 1000, 8000);
    read_scene(2 * (uint64_t) SECOND);
    expect_text(" Sites of node_t");
    lmm_top_press(&top, 'q');
    expect_text(">     1.1K       50");
}

Test(top_keys, q_quits_and_escape_leads_to_the_list_where_there_is_one)
{
    cr_expect_eq(lmm_top_press(&top, 'q'), LMM_TOP_QUIT);
    cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_ESCAPE), LMM_TOP_GO_ON);
    top.has_list = true;
    cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_ESCAPE), LMM_TOP_LIST);
    cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE), LMM_TOP_LIST);
    cr_expect_eq(lmm_top_press(&top, 'q'), LMM_TOP_QUIT);
    cr_expect_eq(lmm_top_press(&top, ' '), LMM_TOP_READ);
}

Test(top_keys, the_list_opens_the_selected_process)
{
    static char name[] = "demo";
    struct lmm_top list;
    struct lmm_ledger_entry entry = {
        .program = name, .pid = 4711, .start_time_ns = 1, .state = LMM_PROCESS_LIVE};

    lmm_top_init(&list, LMM_TOP_PROCESSES);
    cr_assert(lmm_top_update(&list));
    cr_expect_eq(lmm_top_press(&list, LMM_TOP_KEY_ENTER), LMM_TOP_GO_ON, "there is no row");
    list.ledgers = (struct lmm_ledger_list) {&entry, 1, 0};
    cr_expect_eq(lmm_top_press(&list, 'm'), LMM_TOP_GO_ON);
    cr_expect_not(list.history.marked);
    cr_expect_eq(lmm_top_press(&list, LMM_TOP_KEY_ESCAPE), LMM_TOP_GO_ON);
    cr_expect_eq(lmm_top_press(&list, LMM_TOP_KEY_ENTER), LMM_TOP_OPEN);
    cr_expect_eq(lmm_top_press(&list, 'q'), LMM_TOP_QUIT);
    list.ledgers.entry = NULL;
    list.ledgers.count = 0;
    lmm_top_close(&list);
}

Test(top_keys, a_filter_acts_while_it_is_typed_and_enter_keeps_it)
{
    press("/line");
    expect_text(" Filter: line_ (1 of 3)");
    cr_expect_str_eq(top.rows.row[0].name.text, "line_t");
    lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE);
    press("q"); /* text, while a filter is typed */
    expect_text("(no row passes the filter)");
    press("\025e");
    expect_text(" Filter: e_ (3 of 3)");
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    press("mp");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text(" Filter: emp (1 of 3)");
    cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_ESCAPE), LMM_TOP_GO_ON);
    expect_no_text("Filter");
    press("/emp\033");
    expect_no_text("Filter");
    cr_expect_eq(top.rows.count, 3);
}

Test(top_keys, a_filter_takes_and_gives_whole_characters_and_no_more_than_fit)
{
    press("/a\xc3\xa9\xe6\xbc\xa2");
    lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE);
    cr_expect_str_eq(lmm_top_table(&top)->filter, "a\xc3\xa9");
    lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE);
    cr_expect_str_eq(lmm_top_table(&top)->filter, "a");
    lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE);
    lmm_top_press(&top, LMM_TOP_KEY_BACKSPACE);
    cr_expect_str_eq(lmm_top_table(&top)->filter, "");
    for (int i = 0; i < 1000; i++) {
        press("x");
    }
    cr_expect_eq(strlen(lmm_top_table(&top)->filter), LMM_TOP_FILTER_BYTES - 1);
}

/* Takes a reading in which the process has so many marks. */
static void read_marks(uint64_t time_ns, uint32_t number, const char *text)
{
    made.model.mark = (struct lmm_model_mark) {
        number, (uint64_t) 3723 * SECOND + number * (uint64_t) SECOND, lmm_string_of(text)};
    read_scene(time_ns);
    lmm_top_take_reading(&top);
    cr_assert(lmm_top_update(&top));
}

Test(top_keys, the_newest_mark_of_the_process_counts)
{
    setenv("TZ", "UTC", 1);
    close_scene();
    made.model.mark = (struct lmm_model_mark) {3, SECOND, lmm_string_of("old")};
    open_scene();
    made.model.mark = (struct lmm_model_mark) {3, SECOND, lmm_string_of("old")};
    lmm_top_take_reading(&top);
    read_marks(2 * (uint64_t) SECOND, 3, "old");
    expect_no_text(" marked "); /* it is from before the first reading */
    read_marks(3 * (uint64_t) SECOND, 4, "new\033");
    expect_text("\n marked 01:02:07 #4 new\\x1b, 0:00:00 ago: 0 bytes, 0 blocks\n");
    cr_expect_eq(lmm_top_press(&top, 'm'), LMM_TOP_GO_ON);
    read_marks(4 * (uint64_t) SECOND, 4, "new");
    expect_no_text(" marked ");
    cr_expect_eq(lmm_top_press(&top, 'm'), LMM_TOP_MARK);
    lmm_top_mark_here(&top, (uint64_t) 60 * SECOND);
    read_marks(5 * (uint64_t) SECOND, 4, "new");
    expect_text("\n marked 00:01:00, 0:00:01 ago: 0 bytes, 0 blocks\n");
    read_marks(6 * (uint64_t) SECOND, 6, "");
    expect_text("\n marked 01:02:09 #6, 0:00:00 ago: 0 bytes, 0 blocks\n");
}

Test(top_keys, a_leak_check_shows_lost_bytes_until_the_process_changes)
{
    static struct lmm_model_leak leaks[] = {
        {.site = 1, .leader = 1, .kind = LMM_MODEL_DEFINITE, .amount = {1, 30}},
        {.site = 0, .leader = 1, .kind = LMM_MODEL_INDIRECT, .amount = {2, 600}},
    };

    setenv("TZ", "UTC", 1);
    make_drop_in();
    lmm_top_take_reading(&top);
    cr_expect_eq(lmm_top_press(&top, 'L'), LMM_TOP_CHECK);
    expect_no_text("LOST");
    lmm_top_show_losses(&top);
    made.model.check = (struct lmm_model_check) {
        .is_there = true, .time_ns = SECOND, .mark = 2, .leaks = leaks, .leak_count = 2};
    read_scene(2 * (uint64_t) SECOND);
    expect_text(
        "\n leak check 00:00:01 since #2: lost 30 in 1 block, 600 indirectly in 2 blocks\n");
    expect_text(" lines by lost,");
    expect_text("      LOST    BYTES");
    expect_text(">      630      630");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text(">      630       30");
    expect_text("\n         0      600");
    press("q\t");
    expect_no_text("LOST");
    top.view = LMM_TOP_PROCESSES;
    cr_expect_eq(lmm_top_press(&top, 'L'), LMM_TOP_GO_ON);
    top.view = LMM_TOP_LINES;
    lmm_top_history_close(&top.history);
    top.placed = 0;
    read_scene(SECOND);
    lmm_top_take_reading(&top);
    lmm_top_update(&top);
    expect_no_text("leak check 0");
}

/* Of one line with blocks of two types. */
Test(top_keys, a_leak_check_shows_what_each_type_lost)
{
    static const struct lmm_model_type chars = {.name = {"char[]", 6},
                                                .confidence = LMM_MODEL_LIKELY};
    static struct lmm_model_leak leaks[] = {
        {.site = 1, .leader = 1, .kind = LMM_MODEL_DEFINITE, .amount = {1, 30}},
        {.site = 0, .leader = 1, .kind = LMM_MODEL_INDIRECT, .amount = {2, 600}},
    };

    set_types(&no_debug);
    for (size_t i = 0; i < made.model.site_count; i++) {
        made.model.sites[i].type = made.model.sites[i].id == 1 ? &chars : &node;
    }
    lmm_top_take_reading(&top);
    lmm_top_show_losses(&top);
    cr_expect_eq(top.view, LMM_TOP_TYPES);
    made.model.check = (struct lmm_model_check) {
        .is_there = true, .time_ns = SECOND, .leaks = leaks, .leak_count = 2};
    top.placed = 0;
    read_scene(3 * (uint64_t) SECOND);
    expect_text(" types by lost,");
    expect_text(">      600      600");
    expect_text("\n        30       30");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    cr_expect_eq(top.view, LMM_TOP_TYPE_LINES);
    expect_text(">      600      600"); /* not the 630 of the line */
}

Test(top_keys, a_message_goes_with_the_next_key)
{
    lmm_reason_set(&top.message, "process 7 does not answer");
    expect_text("\n process 7 does not answer\n");
    lmm_top_press(&top, LMM_TOP_KEY_DOWN);
    expect_no_text("does not answer");
}

Test(top_keys, a_mark_shows_differences_until_it_is_taken_back)
{
    cr_expect_eq(lmm_top_press(&top, 'm'), LMM_TOP_MARK);
    lmm_top_mark_here(&top, SECOND);
    set(&made.family[1], 60, 1440);
    set(&made.family[0], 70, 3360);
    made.site[0].live_bytes = 1240;
    made.model.total.live_bytes = 4880;
    read_scene(4 * (uint64_t) SECOND);
    expect_text(":01, 0:00:03 ago: -240 bytes, 0 blocks");
    expect_text("    +BYTES  +BLOCKS");
    expect_text(">     +240      +10");
    expect_text("\n      -480      -10");
    lmm_top_press(&top, LMM_TOP_KEY_ENTER);
    expect_text(" Sites of node_t");
    expect_text(">     +240");
    press("qm");
    expect_no_text(" marked ");
    expect_text(">     1.4K       60");
}

Test(top_keys, help_names_every_sort_key_and_any_key_leads_back)
{
    for (int view = 0; view < LMM_TOP_VIEWS; view++) {
        top.view = view;
        top.family = top.history.family[0].serial;
        press("?");
        for (const struct lmm_top_key *key = lmm_top_keys(top.view); key->name != NULL; key++) {
            expect_text(key->summary);
        }
        cr_expect_eq(lmm_top_press(&top, LMM_TOP_KEY_NONE), LMM_TOP_GO_ON);
        expect_text("any key goes back");
        cr_expect_eq(lmm_top_press(&top, 'q'), LMM_TOP_GO_ON);
        expect_no_text("any key goes back");
        close_scene();
        open_scene();
    }
}
