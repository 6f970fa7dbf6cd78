/* SPDX-License-Identifier: MIT */
/*
 * report: the reports of `lmm run` on the model of made.c, compared byte by byte with the files in golden/.
 *
 *   run_report DIR                        compare; exit status 1 when any differs
 *   LMM_GOLDEN_RECORD=1 run_report DIR    write them anew; then look at `git diff`
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_ci.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/unseen.h"
#include "reporter/core/sink.h"
#include "tests/support/output.h"
#include "tests/support/run_model.h"
#include "tests/support/shapes.h"

enum {
    LINES_MAX = 60, /* of a report without options */
};

/* ---- Runs ------------------------------------------------------------------------------------ */

static struct lmm_ending ending = {
    .pid = 4242,
    .run_ns = UINT64_C(2000000000),
    .usage = {.ru_utime = {1, 750000}, .ru_stime = {0, 125000}, .ru_maxrss = 5000},
};

static struct lmm_run_report run;
static struct lmm_run_report_process process;
static struct lmm_model *model;
static struct lmm_suppressions suppressions;
static struct lmm_timeline *timeline; /* NULL: none */

static void plain(void)
{
}

static void leaks(void)
{
    lmm_suppressions_add(&suppressions, "src/work.cpp");
    lmm_suppressions_add(&suppressions, "never");
    lmm_suppressions_add(&suppressions, "libpaper");
    run.leaks_only = true;
    run.look.is_brief = false;
    run.bounds.stacks = 3;
}

/* A leak check at exit found something of each class. */
static void losses(void)
{
    model = made_model_with_losses();
}

static void losses_in_full(void)
{
    losses();
    run.look = (struct lmm_look) {.folder = run.look.folder};
    run.bounds = (struct lmm_run_report_bounds) {20, 3, 8, 0};
    run.leaks_only = true;
}

static void losses_suppressed(void)
{
    losses_in_full();
    lmm_suppressions_add(&suppressions, "reader&)"); /* takes what hangs on it with it */
    lmm_suppressions_add(&suppressions, "never");
}

static void losses_of_all_kinds(void)
{
    losses_in_full();
    run.shown_classes = LMM_KINDS_ALL;
    run.bounds.rows = 5;
}

/* With suppressions; one of a site without a stack, too. */
static void losses_generated(void)
{
    losses_of_all_kinds();
    run.bounds.rows = 20;
    run.generates = true;
}

static void losses_that_are_none(void)
{
    static struct lmm_model_leak reachable;

    losses();
    reachable = model->check.leaks[1];
    model->check.leaks = &reachable;
    model->check.leak_count = 1;
}

static void losses_that_are_none_in_full(void)
{
    losses_that_are_none();
    run.look = (struct lmm_look) {.folder = run.look.folder};
    run.leaks_only = true;
}

/* What the check could not see. */
static void losses_partly_seen(void)
{
    losses();
    model->check.threads_unseen = 1;
    model->check.roots_unread = 8192;
    run.bounds.rows = 1;
}

static void check_failed(void)
{
    model->check =
        (struct lmm_model_check) {.is_there = true, .is_at_exit = true, .failure = ENOMEM};
}

static void check_failed_leaks(void)
{
    leaks();
    check_failed();
}

static void full(void)
{
    run.bounds = (struct lmm_run_report_bounds) {SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};
    run.look = (struct lmm_look) {.folder = run.look.folder, .is_whole = true};
}

static void child(void)
{
    process.is_program = false;
    model->process = LMM_MODEL_KILLED;
    model->command = lmm_string_of("hr --titles=chief,clerk,cook,driver,engineer,farmer,gardener "
                                   "--files staff.txt more.txt many.txt and.txt others.txt");
}

static void templates(void)
{
    model = shape_templates();
}

static void templates_in_full(void)
{
    full();
    templates();
}

static void absolute(void)
{
    run.look.folder = NULL;
    templates();
}

static void recursion(void)
{
    model = shape_recursion();
}

static void many(void)
{
    model = shape_many();
}

/* Blocks of several structs each: the average block counts, 160 bytes. */
static void arrays(void)
{
    model = shape_recursion();
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].allocated_bytes = 160 * model->sites[i].allocations;
    }
}

static void many_leaks(void)
{
    leaks();
    run.bounds.rows = 20;
    many();
}

static void hostile(void)
{
    model = shape_hostile();
}

/* Types are known of most blocks. */
static void types(void)
{
    losses();
    made_model_set_types(model);
}

/* Hints of the program: more than there is room for. */
static void hints(void)
{
    static char texts_made[2][32] = {"2 holes (7+7 bytes)", "doubles, 64 to 512 bytes"};
    static char types_made[2][32] = {"struct field", "char[]"};
    static struct lmm_hint made[2];
    static struct lmm_diet diet;

    types();
    made[0] = (struct lmm_hint) {
        .kind = LMM_HINT_LAYOUT,
        .type = types_made[0],
        .text = texts_made[0],
        .file = lmm_string_of("src/field.hpp"),
        .line = 3,
        .saves_bytes = 80000,
        .blocks = 5000,
        .before_bytes = 40,
        .after_bytes = 24,
        .confidence = LMM_MODEL_CERTAIN,
    };
    made[1] = (struct lmm_hint) {.kind = LMM_HINT_GROWTH,
                                 .type = types_made[1],
                                 .text = texts_made[1],
                                 .share_permille = 500,
                                 .confidence = LMM_MODEL_LIKELY};
    diet = (struct lmm_diet) {.model = model, .is_at_peak = true, .hints = made, .hint_count = 2};
    process.diet = &diet;
    run.bounds.rows = 1;
}

static void types_in_full(void)
{
    full();
    types();
}

static void types_of_leaks(void)
{
    losses_in_full();
    made_model_set_types(model);
}

/* A type for each line, and the modules of some have no debug information: the report without options has
 * as many lines as it can have. */
static void types_of_many(void)
{
    static const char *const lacking[] = {"libssl.so.3", "libz.so.1", "libm.so.6", "libc.so.6"};
    static struct lmm_model_type made[60];
    static char texts_made[60][32];

    many();
    for (size_t i = 0; i < model->site_count; i++) {
        size_t line = model->sites[i].line % 60;

        snprintf(texts_made[line], sizeof(texts_made[0]), "struct part_%zu[]", line);
        made[line] = (struct lmm_model_type) {
            .name = lmm_string_of(texts_made[line]), .confidence = LMM_MODEL_LIKELY, .bytes = 8};
        if (line < 5) {
            made[line] = (struct lmm_model_type) {.gap = LMM_MODEL_TYPE_NO_DEBUG,
                                                  .lacking = lmm_string_of(lacking[line % 4])};
        }
        model->sites[i].type = &made[line];
    }
    run.bounds.least_permille = 1;
}

/* Few bytes have a type: the report is as if none had. */
static void types_of_few(void)
{
    types_of_many();
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].type = model->sites[i].line == 40 ? model->sites[i].type : NULL;
    }
}

static void types_of_templates(void)
{
    static struct lmm_model_type type = {.confidence = LMM_MODEL_CERTAIN, .bytes = 24};

    templates();
    type.name = model->sites[0].function;
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].type = &type;
    }
}

/* Figures over time: the blocks of the sites come one after the other, and the end is that of the model. */
static void over_time(void)
{
    static const struct {
        uint64_t time_ms;
        enum lmm_timeline_mark_kind kind;
        const char *text;
    } marks[] = {{250, LMM_TIMELINE_FORK, ""},
                 {900, LMM_TIMELINE_MARK, "after \"load\" \033[2J"},
                 {2000, LMM_TIMELINE_EXIT, "status 0"}};
    uint64_t bytes[1000] = {0};

    types();
    timeline = lmm_timeline_new(NULL);
    for (size_t i = 0; i < model->site_count && i < 4; i++) {
        const struct lmm_timeline_point point = {.time_ns = i * 100 * LMM_NS_PER_MS,
                                                 .resident_bytes = 4096 * i,
                                                 .minor_faults = 10 * i,
                                                 .allocations = i};

        bytes[model->sites[i].id] = model->sites[i].peak_bytes;
        lmm_timeline_add(timeline, &point, bytes, 1000);
    }
    lmm_timeline_add_model(timeline,
                           &(struct lmm_timeline_point) {.time_ns = 2 * LMM_NS_PER_SECOND}, model);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char text[32];
        const struct lmm_timeline_mark mark = {marks[i].time_ms * LMM_NS_PER_MS, marks[i].kind, 2,
                                               text};

        snprintf(text, sizeof(text), "%s", marks[i].text);
        lmm_timeline_mark(timeline, &mark);
    }
    process.timeline = timeline;
}

static void killed(void)
{
    model->process = LMM_MODEL_KILLED;
    model->end_time_ns = 0;
    model->settled = false;
    ending.status = SIGSEGV | 0x80;
    run.bounds.rows = 2;
    run.colour = true;
}

static void lost(void)
{
    model->process = LMM_MODEL_LOST;
    model->lost_errno = ENOSPC;
    model->end_time_ns = model->start_time_ns + UINT64_C(1500000000);
    run.bounds.rows = 1;
}

/* LMM stopped it; the stack appears again further down. */
static void panicked(void)
{
    killed();
    run.colour = false;
    model->settled = true;
    model->panic = lmm_string_of("double free: 0x7f0000000040 (malloc-48\033[2J)\n");
    model->panic_stack = model->sites[2].stack;
    ending.status = SIGABRT;
}

static void panicked_in_a_child(void)
{
    panicked();
    process.is_program = false;
    model->panic_stack = 0;
}

/* Blocks were freed in another way than they were allocated; one stack is unknown, and one pair is left
 * out. */
static void mismatched(void)
{
    static struct lmm_model_mismatch mismatches[6];

    mismatches[0] = (struct lmm_model_mismatch) {
        .text = lmm_string_of("free of a block of new[]"),
        .allocated = model->sites[2].stack,
        .freed = model->sites[1].stack,
        .bytes = 40,
        .count = 1000,
    };
    mismatches[1] = (struct lmm_model_mismatch) {
        .text = lmm_string_of("delete with size 8 of a block of\033[2J\n"),
        .allocated = model->sites[2].stack,
        .bytes = 1,
        .count = 1,
    };
    for (size_t i = 2; i < sizeof(mismatches) / sizeof(mismatches[0]); i++) {
        mismatches[i] = mismatches[1];
    }
    model->mismatches = mismatches;
    model->mismatch_count = sizeof(mismatches) / sizeof(mismatches[0]);
}

static void stackless(void)
{
    model->stack_frames = 0;
    model->temporaries = 0;
    model->peak_bytes = 0;
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].stack = 0;
        model->sites[i].temporaries = 0;
        model->sites[i].peak_blocks = 0;
        model->sites[i].peak_bytes = 0;
        model->sites[i].file = lmm_string_of("(unattributed)");
        model->sites[i].function = lmm_string_of("");
        model->sites[i].line = 0;
    }
}

/* Rows of less than half of their section are left out, but the first, and not leaks; and of stacks all but two
 * calls. */
static void cut(void)
{
    run.bounds.least_permille = 500;
    model->stack_frames = 2;
}

/* Names of started processes. */
static char texts[][32] = {"sh",        "gcc\n\033[2J", "as",  "ld",  "daemon", "/bin/busybox",
                           "/tmp/a\nb", "su",           "one", "two", "three"};

static char *names[] = {texts[0], texts[1], texts[2], texts[3]};

static void not_traced(void)
{
    static struct lmm_unseen_running running[] = {{5001, texts[4]}, {5002, NULL}};
    static struct lmm_unseen unseen = {
        .started = 12, .names = names, .name_count = 4, .running = running, .running_count = 2};

    run.unseen = &unseen;
}

static void not_traced_leaks(void)
{
    leaks();
    not_traced();
}

static void without_lmm(void)
{
    static struct lmm_unseen_process processes[] = {
        {4301, texts[5], "it is statically linked"},
        {4302, texts[6], NULL},
        {4303, texts[7], "it is a set-user-ID or set-group-ID program"},
        {4304, texts[8], NULL},
        {4305, texts[9], NULL},
        {4306, texts[10], NULL},
    };
    static struct lmm_unseen unseen = {
        .has_children = true, .processes = processes, .process_count = 6, .unknown = 1};

    run.unseen = &unseen;
    process.became = "/opt/hr\nstatic";
    process.obstacle = "it is statically linked";
}

/* The ends of children, as they told them, or as lmm saw them. */
static void child_that_told(void)
{
    child();
    model->exit = LMM_MODEL_EXIT_QUICK;
    model->exit_status = 3;
}

static void child_killed(void)
{
    child();
    model->exit = LMM_MODEL_EXIT_NOT_YET;
}

static void child_waited_for(void)
{
    child_killed();
    process.has_status = true;
    process.status = SIGKILL;
}

/* The program, a child with a lower peak and other lines, and many more. */
static void several(void)
{
    static struct lmm_run_report_process processes[8];
    static struct lmm_model models[8];

    for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
        models[i] = *model;
        models[i].pid += (uint32_t) i;
        models[i].peak_bytes -= 1000 * ((i + 3) % 8);
        processes[i] = process;
        processes[i].model = &models[i];
        processes[i].is_program = processes[i].has_status = i == 0;
    }
    models[1].exit = LMM_MODEL_EXIT_QUICK;
    models[1].exit_status = 3;
    models[2].process = LMM_MODEL_KILLED;
    models[2].exit = LMM_MODEL_EXIT_NOT_YET;
    processes[3].became = "/bin/busybox";
    without_lmm();
    run.processes = processes;
    run.process_count = sizeof(processes) / sizeof(processes[0]);
}

static void several_in_json(void)
{
    several();
    run.process_count = 2;
}

static void several_leaks(void)
{
    leaks();
    several();
    run.process_count = 2;
}

/* Of three processes the blocks of one have no classes, because it was killed. */
static void several_with_losses(void)
{
    static struct lmm_run_report_process processes[3];
    static struct lmm_model killed_model;

    losses();
    several();
    memcpy(processes, run.processes, sizeof(processes));
    killed_model = *processes[2].model;
    killed_model.check = (struct lmm_model_check) {.is_there = false};
    processes[2].model = &killed_model;
    run.processes = processes;
    run.process_count = 3;
}

/* Names that are wide, long, or no text at all, in documents with their own syntax. */
static void hostile_losses(void)
{
    static struct lmm_model_losses losses_made[1];
    static struct lmm_model_leak leaks_made[1];

    hostile();
    model->check = (struct lmm_model_check) {.is_there = true, .is_at_exit = true};
    for (uint32_t i = 0; i < 1; i++) {
        leaks_made[i] = (struct lmm_model_leak) {
            .site = model->sites[i].id, .leader = model->sites[i].id, .amount = {1, 8}};
        losses_made[i] = (struct lmm_model_losses) {.leaks = &leaks_made[i], .leak_count = 1};
        model->sites[i].losses = &losses_made[i];
        model->check.leak_count = i + 1;
    }
    model->check.leaks = leaks_made;
}

static void several_with_gate(void)
{
    several_with_losses();
    run.has_gate = true;
}

static void several_with_types(void)
{
    several_with_losses();
    made_model_set_types(model);
}

static void several_with_types_in_json(void)
{
    several_with_types();
    run.process_count = 2;
    run.bounds = (struct lmm_run_report_bounds) {.rows = 2, .stacks = 1, .sizes = 8};
}

static void nothing(void)
{
    model->site_count = 0;
    model->family_count = 0;
    model->temporaries = 0;
    model->peak_bytes = 0;
    model->total = (struct lmm_model_family) {.name = lmm_string_of("total")};
}

static const struct {
    const char *file;
    void (*change)(void);
    int (*render)(const struct lmm_run_report *run, struct lmm_sink *sink);
} cases[] = {
    {"plain.txt", plain, lmm_run_report_text},
    {"plain.json", plain, lmm_run_report_json},
    {"leaks.txt", leaks, lmm_run_report_text},
    {"leaks.json", leaks, lmm_run_report_json},
    {"losses.txt", losses, lmm_run_report_text},
    {"losses-leaks.txt", losses_in_full, lmm_run_report_text},
    {"losses-suppressed.txt", losses_suppressed, lmm_run_report_text},
    {"losses-all-kinds.txt", losses_of_all_kinds, lmm_run_report_text},
    {"losses-none.txt", losses_that_are_none, lmm_run_report_text},
    {"losses-none-leaks.txt", losses_that_are_none_in_full, lmm_run_report_text},
    {"losses-partly-seen.txt", losses_partly_seen, lmm_run_report_text},
    {"losses-failed.txt", check_failed, lmm_run_report_text},
    {"losses-failed-leaks.txt", check_failed_leaks, lmm_run_report_text},
    {"losses.json", losses, lmm_run_report_json},
    {"losses-suppressed.json", losses_suppressed, lmm_run_report_json},
    {"losses.xml", losses, lmm_run_report_junit},
    {"losses.sarif", losses, lmm_run_report_sarif},
    {"losses-none.xml", losses_that_are_none, lmm_run_report_junit},
    {"killed.xml", killed, lmm_run_report_junit},
    {"killed.sarif", killed, lmm_run_report_sarif},
    {"several-losses.xml", several_with_losses, lmm_run_report_junit},
    {"several-losses.sarif", several_with_losses, lmm_run_report_sarif},
    {"hostile.xml", hostile_losses, lmm_run_report_junit},
    {"hostile.sarif", hostile_losses, lmm_run_report_sarif},
    {"several-gate.txt", several_with_gate, lmm_run_report_text},
    {"losses-generated.txt", losses_generated, lmm_run_report_text},
    {"types.txt", types, lmm_run_report_text},
    {"hints.txt", hints, lmm_run_report_text},
    {"hints.json", hints, lmm_run_report_json},
    {"types-full.txt", types_in_full, lmm_run_report_text},
    {"types-leaks.txt", types_of_leaks, lmm_run_report_text},
    {"types-many.txt", types_of_many, lmm_run_report_text},
    {"types-few.txt", types_of_few, lmm_run_report_text},
    {"types-templates.txt", types_of_templates, lmm_run_report_text},
    {"types.json", types, lmm_run_report_json},
    {"types.xml", types, lmm_run_report_junit},
    {"types.sarif", types, lmm_run_report_sarif},
    {"several-types.txt", several_with_types, lmm_run_report_text},
    {"several-types.json", several_with_types_in_json, lmm_run_report_json},
    {"killed.txt", killed, lmm_run_report_text},
    {"series.json", over_time, lmm_run_report_json},
    {"killed.json", killed, lmm_run_report_json},
    {"lost.txt", lost, lmm_run_report_text},
    {"panicked.txt", panicked, lmm_run_report_text},
    {"panicked.json", panicked, lmm_run_report_json},
    {"panicked-child.txt", panicked_in_a_child, lmm_run_report_text},
    {"panicked-child.json", panicked_in_a_child, lmm_run_report_json},
    {"mismatched.txt", mismatched, lmm_run_report_text},
    {"mismatched.json", mismatched, lmm_run_report_json},
    {"stackless.txt", stackless, lmm_run_report_text},
    {"cut.txt", cut, lmm_run_report_text},
    {"nothing.txt", nothing, lmm_run_report_text},
    {"nothing.json", nothing, lmm_run_report_json},
    {"full.txt", full, lmm_run_report_text},
    {"child.txt", child, lmm_run_report_text},
    {"child-told.txt", child_that_told, lmm_run_report_text},
    {"child-killed.txt", child_killed, lmm_run_report_text},
    {"child-waited-for.txt", child_waited_for, lmm_run_report_text},
    {"several.txt", several, lmm_run_report_text},
    {"several.json", several_in_json, lmm_run_report_json},
    {"several-leaks.txt", several_leaks, lmm_run_report_text},
    {"several-losses.txt", several_with_losses, lmm_run_report_text},
    {"not-traced.txt", not_traced, lmm_run_report_text},
    {"not-traced.json", not_traced, lmm_run_report_json},
    {"not-traced-leaks.txt", not_traced_leaks, lmm_run_report_text},
    {"without-lmm.txt", without_lmm, lmm_run_report_text},
    {"without-lmm.json", without_lmm, lmm_run_report_json},
    {"templates.txt", templates, lmm_run_report_text},
    {"templates-full.txt", templates_in_full, lmm_run_report_text},
    {"templates-absolute.txt", absolute, lmm_run_report_text},
    {"recursion.txt", recursion, lmm_run_report_text},
    {"arrays.txt", arrays, lmm_run_report_text},
    {"many.txt", many, lmm_run_report_text},
    {"many-leaks.txt", many_leaks, lmm_run_report_text},
    {"many-leaks.json", many_leaks, lmm_run_report_json},
    {"hostile.txt", hostile, lmm_run_report_text},
};

/* ---- Comparing ------------------------------------------------------------------------------- */

static void print(size_t index, struct output *output)
{
    char program[] = "hr";
    char file[] = "staff.txt";
    char title[] = "--title=chief\nof staff";
    char *const argv[] = {program, file, title, NULL};
    struct lmm_spots spots;
    model = made_model();
    process = (struct lmm_run_report_process) {.model = model, .spots = &spots, .is_program = true};
    run = (struct lmm_run_report) {
        .argv = argv,
        .ending = &ending,
        .processes = &process,
        .process_count = 1,
        .suppressions = &suppressions,
        .bounds = {.rows = 5, .stacks = 1, .sizes = 8},
        .look = {.folder = "/home/user/project/", .is_brief = true},
        .shown_classes = LMM_KINDS_SHOWN,
        .error_classes = LMM_KINDS_ERRORS,
    };
    struct lmm_sink sink;

    if (cases[index].render == lmm_run_report_json) {
        run.bounds = (struct lmm_run_report_bounds) {.rows = 20, .stacks = 3, .sizes = 8};
    }
    ending.status = 0;
    cases[index].change();
    process.model = model;
    process.has_status = process.has_status || process.is_program;
    process.status = process.is_program ? ending.status : process.status;
    lmm_sink_init(&sink, output_take, output);
    if (!lmm_spots_make(model, &suppressions, &spots) || cases[index].render(&run, &sink) != 0) {
        fprintf(stderr, "%s: cannot be printed\n", cases[index].file);
        exit(2);
    }
    lmm_spots_free(&spots);
    lmm_suppressions_free(&suppressions);
    lmm_timeline_free(timeline);
    timeline = NULL;
}

/* Returns whether a text fits on a screen: each line, and without options all of them. Absolute paths may be longer. */
static bool fits(const struct output *output, const char *name)
{
    bool is_limited = strstr(name, ".txt") != NULL && !run.look.is_whole &&
                      run.look.folder != NULL && !run.colour;
    size_t lines = 0;
    size_t columns = 0;

    for (size_t i = 0; i < output->used && is_limited; i++) {
        bool is_start = ((unsigned char) output->bytes[i] & 0xc0) != 0x80; /* of a character */

        columns = output->bytes[i] == '\n' ? 0 : columns + is_start;
        lines += output->bytes[i] == '\n';
        if (columns > LMM_SHOWN_COLUMNS ||
            (run.look.is_brief && lines > (run.process_count + 1) * LINES_MAX)) {
            fprintf(stderr, "%s: too long at line %zu\n", name, lines + 1);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    bool good = argc == 2;

    for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct output output;

        output.used = 0;
        print(i, &output);
        good = output_is_golden(&output, argv[1], cases[i].file) && good;
        good = fits(&output, cases[i].file) && good;
    }
    return good ? 0 : 1;
}
