/* SPDX-License-Identifier: MIT */
/* The gate: what passes, what fails, and what it could not see; with a baseline, and without. */
#include "reporter/program/report/gate.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/report/baseline.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/fingerprint.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppress_file.h"
#include "reporter/program/report/unseen.h"
#include "reporter/program/report/verdict.h"
#include "tests/support/run_model.h"

static struct lmm_model *model;
static struct lmm_spots spots;
static struct lmm_suppressions suppressions;
static struct lmm_run_report_process process;
static struct lmm_unseen unseen;
static struct lmm_run_report run;
static char words[LMM_GATE_WORDS];

static void make(void)
{
    model = made_model_with_losses();
    process = (struct lmm_run_report_process) {
        .model = model, .spots = &spots, .is_program = true, .has_status = true};
    unseen = (struct lmm_unseen) {.has_children = true};
    run = (struct lmm_run_report) {
        .processes = &process,
        .process_count = 1,
        .unseen = &unseen,
        .suppressions = &suppressions,
        .bounds = {.rows = 20, .stacks = 3, .sizes = 8},
        .shown_classes = LMM_KINDS_SHOWN,
        .error_classes = LMM_KINDS_ERRORS,
        .has_gate = true,
    };
}

static void free_all(void)
{
    lmm_spots_free(&spots);
    lmm_suppressions_free(&suppressions);
}

TestSuite(gate, .init = make, .fini = free_all);

static enum lmm_gate_outcome judge(void)
{
    lmm_spots_free(&spots);
    cr_assert(lmm_spots_make(model, &suppressions, &spots));
    words[0] = '\0';
    return lmm_gate_judge(&run, words);
}

static void nothing(void)
{
}

static void definite_only(void)
{
    run.error_classes = 1 << LMM_MODEL_DEFINITE;
}

static void possible_only(void)
{
    run.error_classes = 1 << LMM_MODEL_POSSIBLE;
}

static void no_class(void)
{
    run.error_classes = 0;
}

static void suppressed(void)
{
    lmm_suppressions_add(&suppressions, "parse");
}

static void suppressed_but_possible_counts(void)
{
    suppressed();
    run.error_classes |= 1 << LMM_MODEL_POSSIBLE;
}

/* The rest of the ledger is hostile: a lost block of a site that it does not have. */
static void of_an_unknown_site(void)
{
    model->site_count = 0;
}

static void killed(void)
{
    process.status = SIGTERM;
}

static void killed_unseen(void)
{
    process.has_status = false;
    process.is_program = false;
    model->process = LMM_MODEL_KILLED;
    model->exit = LMM_MODEL_EXIT_NOT_YET;
}

static void running(void)
{
    process.is_live = true;
}

static void ledger_lost(void)
{
    model->process = LMM_MODEL_LOST;
}

static void failed_check(void)
{
    model->check = (struct lmm_model_check) {.is_there = true, .failure = ENOMEM};
}

static void other_malloc(void)
{
    model->other_malloc = lmm_string_of("/usr/lib/libjemalloc.so.2");
}

static void own_lmm(void)
{
    process.has_own_lmm = true;
}

static void became_another(void)
{
    process.became = "/bin/busybox";
}

static void child_without_lmm(void)
{
    static char program[] = "/bin/busybox";
    static struct lmm_unseen_process processes[] = {{77, program, "it is statically linked"}};

    suppressed();
    unseen.processes = processes;
    unseen.process_count = 1;
}

static void child_that_runs(void)
{
    static char program[] = "daemon";
    static struct lmm_unseen_running list[] = {{78, program}};

    suppressed();
    unseen.running = list;
    unseen.running_count = 1;
}

static void children_unknown(void)
{
    suppressed();
    unseen.unknown = 2;
}

static void child_without_lmm_of_another_name(void)
{
    child_without_lmm();
    run.gate = "h*";
}

static void child_without_lmm_of_the_name(void)
{
    child_without_lmm();
    run.gate = "busy*";
}

static void gate_of_no_process(void)
{
    run.gate = "hrx";
}

static void gate_of_its_path(void)
{
    run.gate = "/usr/bin/*";
}

static void failed_and_blind(void)
{
    child_without_lmm();
    lmm_suppressions_free(&suppressions);
}

Test(gate, passes_fails_or_is_blind)
{
    static const struct {
        const char *name;
        void (*change)(void);
        enum lmm_gate_outcome outcome;
        const char *words;
    } cases[] = {
        {"lost", nothing, LMM_GATE_FAILED, ""},
        {"definite only", definite_only, LMM_GATE_FAILED, ""},
        {"possible only", possible_only, LMM_GATE_FAILED, ""},
        {"no class", no_class, LMM_GATE_PASSED, ""},
        {"suppressed", suppressed, LMM_GATE_PASSED, ""},
        {"possible, too", suppressed_but_possible_counts, LMM_GATE_FAILED, ""},
        {"unknown site", of_an_unknown_site, LMM_GATE_FAILED, ""},
        {"killed", killed, LMM_GATE_BLIND, "hr (pid 4242): it was killed by SIGTERM"},
        {"killed, unseen", killed_unseen, LMM_GATE_BLIND,
         "hr (pid 4242): it was killed by a signal"},
        {"running", running, LMM_GATE_BLIND, "hr (pid 4242): it is still running"},
        {"lost", ledger_lost, LMM_GATE_BLIND, "hr (pid 4242): its ledger was lost"},
        {"check", failed_check, LMM_GATE_BLIND,
         "hr (pid 4242): the leak check failed: Cannot allocate memory"},
        {"malloc", other_malloc, LMM_GATE_BLIND, "hr (pid 4242): it allocates by itself"},
        {"liblmm", own_lmm, LMM_GATE_BLIND, "hr (pid 4242): liblmm is linked into it"},
        {"became", became_another, LMM_GATE_BLIND, "hr (pid 4242): it became another program"},
        {"static child", child_without_lmm, LMM_GATE_BLIND,
         "busybox (pid 77): it is statically linked"},
        {"running child", child_that_runs, LMM_GATE_BLIND, "daemon (pid 78): it is still running"},
        {"unknown", children_unknown, LMM_GATE_BLIND, "2 started, of which nothing is known"},
        {"--gate, other", child_without_lmm_of_another_name, LMM_GATE_PASSED, ""},
        {"--gate, child", child_without_lmm_of_the_name, LMM_GATE_BLIND,
         "no process matches 'busy*'"},
        {"--gate, none", gate_of_no_process, LMM_GATE_BLIND, "no process matches 'hrx'"},
        {"--gate, path", gate_of_its_path, LMM_GATE_FAILED, ""},
        {"failed and blind", failed_and_blind, LMM_GATE_FAILED, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make();
        cases[i].change();
        cr_expect_eq(judge(), cases[i].outcome, "%s", cases[i].name);
        cr_expect_str_eq(cases[i].outcome == LMM_GATE_BLIND ? words : "", cases[i].words, "%s: %s",
                         cases[i].name, words);
        free_all();
    }
}

/* ---- Baselines ------------------------------------------------------------------------------- */

/* What the baseline has. */
static void add_all(struct lmm_baseline *baseline)
{
    cr_assert(lmm_baseline_add(baseline, &spots));
}

static void add_none(struct lmm_baseline *baseline)
{
    (void) baseline;
}

static void add_one_stack(struct lmm_baseline *baseline)
{
    cr_assert(lmm_baseline_add_key(baseline, lmm_fingerprint(model, &model->sites[0]),
                                   LMM_MODEL_DEFINITE));
}

static void add_as_possible(struct lmm_baseline *baseline)
{
    for (size_t i = 0; i < model->site_count; i++) {
        cr_assert(lmm_baseline_add_key(baseline, lmm_fingerprint(model, &model->sites[i]),
                                       LMM_MODEL_POSSIBLE));
    }
}

static void add_as_definite(struct lmm_baseline *baseline)
{
    for (size_t i = 0; i < model->site_count; i++) {
        cr_assert(lmm_baseline_add_key(baseline, lmm_fingerprint(model, &model->sites[i]),
                                       LMM_MODEL_DEFINITE));
    }
}

Test(gate, with_a_baseline_only_new_losses_fail)
{
    static const struct {
        const char *name;
        void (*add)(struct lmm_baseline *baseline);
        unsigned classes;
        enum lmm_gate_outcome outcome;
    } cases[] = {
        {"all", add_all, LMM_KINDS_ALL, LMM_GATE_PASSED},
        {"none", add_none, LMM_KINDS_ERRORS, LMM_GATE_FAILED},
        /* Both lost stacks have the same own calls, without operator new. */
        {"one stack", add_one_stack, LMM_KINDS_ERRORS, LMM_GATE_PASSED},
        {"as possible", add_as_possible, LMM_KINDS_SHOWN, LMM_GATE_FAILED},
        {"as definite", add_as_definite, LMM_KINDS_SHOWN, LMM_GATE_PASSED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_baseline baseline = {.count = 0};

        make();
        run.error_classes = cases[i].classes;
        cr_assert(lmm_spots_make(model, &suppressions, &spots));
        cases[i].add(&baseline);
        lmm_baseline_apply(&baseline, &spots);
        cr_expect_eq(lmm_gate_judge(&run, words), cases[i].outcome, "%s", cases[i].name);
        lmm_baseline_free(&baseline);
        free_all();
    }
}

/* --type hides rows; what is lost stays lost. */
Test(gate, hidden_lines_fail_as_well)
{
    static char pattern[] = "no such type";
    static char *const patterns[] = {pattern, NULL};

    cr_assert(lmm_spots_make(model, &suppressions, &spots));
    lmm_spots_select(&spots, patterns);
    cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_LOST), 0);
    cr_expect_eq(lmm_gate_judge(&run, words), LMM_GATE_FAILED);
}

static char path[] = "/tmp/lmm-gate-XXXXXX";

static int write_bytes(void *context, const char *data, size_t bytes)
{
    return write(*(int *) context, data, bytes) == (ssize_t) bytes ? 0 : -EIO;
}

/* A JSON report is a baseline of its own run, with other addresses and folders. */
Test(gate, a_json_report_is_a_baseline)
{
    struct lmm_baseline baseline;
    struct lmm_sink sink;
    struct lmm_ending ending = {.pid = 4242};
    char name[] = "hr";
    char *argv[] = {name, NULL};
    int descriptor = mkstemp(path);

    run.ending = &ending;
    run.argv = argv;
    run.bounds.stacks = 1; /* stacks that are left out count, too */
    cr_assert_eq(judge(), LMM_GATE_FAILED);
    lmm_sink_init(&sink, write_bytes, &descriptor);
    cr_assert_eq(lmm_run_report_json(&run, &sink), 0);
    close(descriptor);
    cr_assert(lmm_baseline_read(path, &baseline));
    cr_expect_gt(baseline.count, 0);
    lmm_baseline_apply(&baseline, &spots);
    cr_expect_eq(lmm_gate_judge(&run, words), LMM_GATE_PASSED);
    lmm_baseline_free(&baseline);
    unlink(path);
}

Test(gate, other_files_are_no_baseline, .init = make)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"schema\": \"lmm-usage\"}",
                                        "text",
                                        "{\"schema\": \"lmm-run\"",
                                        "LMM-BOOK and so on"};

    cr_redirect_stderr();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct lmm_baseline baseline;
        char file[] = "/tmp/lmm-gate-XXXXXX";
        int descriptor = mkstemp(file);

        dprintf(descriptor, "%s", texts[i]);
        close(descriptor);
        cr_expect_not(lmm_baseline_read(file, &baseline), "%s", texts[i]);
        lmm_baseline_free(&baseline);
        unlink(file);
    }
    struct lmm_baseline baseline;

    cr_expect_not(lmm_baseline_read("/nowhere/at/all", &baseline));
}

/* ---- Generated suppressions ------------------------------------------------------------------- */

static char text[1 << 16];

static int append(void *context, const char *data, size_t bytes)
{
    size_t *used = context;

    cr_assert_lt(*used + bytes, sizeof(text));
    memcpy(text + *used, data, bytes);
    *used += bytes;
    text[*used] = '\0';
    return 0;
}

/* Keeps the lines from { to }, and writes them to a file of suppressions. */
static void read_generated(void)
{
    char file[] = "/tmp/lmm-gate-XXXXXX";
    int descriptor = mkstemp(file);
    bool is_inside = false;

    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        is_inside |= strcmp(line, "{") == 0;
        if (is_inside) {
            dprintf(descriptor, "%s\n", line);
        }
        is_inside &= strcmp(line, "}") != 0;
    }
    close(descriptor);
    cr_assert(lmm_suppressions_read(&suppressions, file));
    unlink(file);
}

Test(gate, generated_suppressions_suppress_what_they_were_made_of)
{
    struct lmm_sink sink;
    struct lmm_ending ending = {.pid = 4242};
    char name[] = "hr";
    char *argv[] = {name, NULL};
    size_t used = 0;

    run.ending = &ending;
    run.argv = argv;
    run.leaks_only = run.generates = true;
    run.shown_classes = LMM_KINDS_ALL;
    cr_assert_eq(judge(), LMM_GATE_FAILED);
    lmm_sink_init(&sink, append, &used);
    cr_assert_eq(lmm_run_report_text(&run, &sink), 0);
    read_generated();
    cr_expect_eq(suppressions.count, 8); /* a line has two stacks */
    run.error_classes = LMM_KINDS_ALL;
    cr_expect_eq(judge(), LMM_GATE_PASSED);
    cr_expect_eq(spots.suppressed.blocks, 15);
}

/* ---- Fingerprints ---------------------------------------------------------------------------- */

Test(gate, fingerprints_are_made_of_own_calls)
{
    const struct lmm_model_site *sites = model->sites;
    struct lmm_model_site moved = sites[6];

    cr_expect_eq(lmm_fingerprint(model, &sites[0]), lmm_fingerprint(model, &sites[2]),
                 "operator new does not matter");
    cr_expect_neq(lmm_fingerprint(model, &sites[0]), lmm_fingerprint(model, &sites[4]));
    cr_expect_neq(lmm_fingerprint(model, &sites[3]), lmm_fingerprint(model, &sites[4]));
    uint64_t before = lmm_fingerprint(model, &moved);

    moved.file = lmm_string_of("/home/other/(unattributed)");
    cr_expect_eq(lmm_fingerprint(model, &moved), before, "a folder does not matter");
    moved.line++;
    cr_expect_neq(lmm_fingerprint(model, &moved), before);
}
