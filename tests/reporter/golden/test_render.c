/* SPDX-License-Identifier: MIT */
/*
 * golden: fixed ledgers through each renderer, compared byte by byte with the files beside this
 * source.
 *
 *   golden_render DIR                        compare; exit status 1 and the first difference if any
 *   LMM_GOLDEN_RECORD=1 golden_render DIR    write the files; then look at `git diff`
 *
 * DIR is this folder. A ledger is a function below; a golden file is a line in the table `cases`.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/json.h"
#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/text.h"
#include "tests/support/book.h"
#include "tests/support/output.h"

enum {
    SCRATCH_MAX = 1 << 16,
};

/* ---- Ledgers --------------------------------------------------------------------------------- */

static void free_runs(struct book *book, uint32_t family, uint64_t slots, uint64_t longest_slots)
{
    book_family_at(book, family)->run_free_slots = slots;
    book_family_at(book, family)->longest_run_slots = longest_slots;
}

/* A program in the middle of its work: two threads, one of them ended, runs, an unused family. */
static void ordinary(struct book *book)
{
    book_open(book, "/usr/local/bin/wordindex", 4242);
    uint32_t document = book_family(book, "document_t", 72, 8);
    uint32_t word = book_family(book, "word_t", 40, 8);
    uint32_t posting = book_family(book, "posting_t", 12, 4);
    uint32_t cursor = book_family(book, "cursor_t", 33, 16);

    book_family(book, "stopword_t", 16, 8);
    uint32_t open = book_site(book, document, "testapp/wordindex.c", 88, "open_document");
    uint32_t add = book_site(book, word, "testapp/wordindex.c", 131, "add_word");
    uint32_t seed = book_site(book, word, "testapp/wordindex.c", 207, "seed");
    uint32_t first = book_site(book, posting, "testapp/wordindex.c", 149, "first_postings");
    uint32_t bare = book_site(book, cursor, "(unattributed)", 0, "");

    book_site(book, cursor, "testapp/wordindex.c", 300, "never_reached");
    book_count(book, 1, open, 17, 0);
    book_count(book, 1, add, 30000, 0);
    book_count(book, 0, add, 1457, 26);
    book_count(book, 1, seed, 1, 0);
    book_count(book, 1, first, 31431, 0);
    book_row(book, 1, first)->allocated_extra = 400000;
    book_row(book, 0, first)->freed_extra = 2048;
    book_count(book, 1, bare, 1000, 0);
    book_count(book, 0, bare, 0, 1000);
    book_gauges(book, document, 1, 4096, 3640, 17);
    book_gauges(book, word, 5, 1310720, 32765, 32000);
    book_gauges(book, posting, 20, 5177344, 436880, 431431);
    free_runs(book, posting, 7000, 3000);
    book_gauges(book, cursor, 1, 4096, 5461, 4);
    book_command(book, "--limit");
    book_command(book, "a b");
    book->header.reservoir_bytes = 4 * 262144;
    book->header.overhead_bytes = 2285568;
}

/* The classic demonstration: everything is small enough to be checked by eye. */
static void small(struct book *book)
{
    book_open(book, "emp_student", 7);
    uint32_t emp = book_family(book, "emp_t", 36, 4);
    uint32_t student = book_family(book, "student_t", 56, 8);
    uint32_t hire = book_site(book, emp, "hr.c", 42, "hire");
    uint32_t enrol = book_site(book, student, "hr.c", 57, "enrol");

    book_count(book, 1, hire, 3, 2);
    book_count(book, 1, enrol, 2, 1);
    book_gauges(book, emp, 1, 4096, 7281, 3);
    book_gauges(book, student, 1, 4096, 4681, 2);
}

/* The same with a leak check: one lost block holds others. */
static void lossy(struct book *book)
{
    small(book);
    book_leak(book, 0, LMM_LEDGER_LEAK_DEFINITE, 0, 0, 1, 36);
    book_leak(book, 0, LMM_LEDGER_LEAK_INDIRECT, 1, 0, 1, 56);
    book_check(book, 0, (struct lmm_ledger_check) {.threads = 1});
}

/* One that could not see all, and found blocks of other classes, too. */
static void partly_seen(struct book *book)
{
    small(book);
    book_leak(book, 1, LMM_LEDGER_LEAK_POSSIBLE, 0, 0, 1, 36);
    book_leak(book, 1, LMM_LEDGER_LEAK_REACHABLE, 1, 1, 1, 56);
    book_leak(book, 1, LMM_LEDGER_LEAK_IGNORED, 1, 1, 2, 112);
    book_check(book, 1,
               (struct lmm_ledger_check) {.threads = 4, .threads_unseen = 2, .roots_unread = 4096});
}

static void all_reachable(struct book *book)
{
    small(book);
    book_leak(book, 1, LMM_LEDGER_LEAK_REACHABLE, 1, 1, 2, 92);
    book_check(book, 1, (struct lmm_ledger_check) {.threads = 1});
}

static void check_failed(struct book *book)
{
    small(book);
    book_check(book, 1, (struct lmm_ledger_check) {.failure = ENOMEM});
}

/* One of everything, for the singular of every word. */
static void single(struct book *book)
{
    book_open(book, "/bin/one", 1);
    uint32_t family = book_family(book, "char", 1, 1);

    book_count(book, 1, book_site(book, family, "one.c", 1, "main"), 1, 0);
    book_gauges(book, family, 1, 1, 1, 1);
    book->header.sites_merged = 1;
}

/* The same process; its ledger could not grow. */
static void lost(struct book *book)
{
    single(book);
    book->header.state = LMM_LEDGER_LOST;
    book->header.lost_errno = ENOSPC;
    book->header.end_time_ns = book->header.start_time_ns + 1000000000;
}

/* ... or it exited with its block, and this is a snapshot of its ledger. */
static void exited(struct book *book)
{
    single(book);
    book->header.state = LMM_LEDGER_EXITED;
    book->header.end_time_ns = book->header.start_time_ns + 1000000000;
    book->header.snapshot_time_ns = book->header.start_time_ns + 2000000000;
}

static void empty(struct book *book)
{
    book_open(book, "/bin/none", 2);
}

/* Everything freed: figures to show, no leak. */
static void clean(struct book *book)
{
    book_open(book, "/bin/tidy", 3);
    uint32_t family = book_family(book, "note_t", 24, 8);

    book_count(book, 1, book_site(book, family, "tidy.c", 9, "note"), 1000000, 1000000);
    book_gauges(book, family, 0, 0, 0, 10922);
}

/* More sites and unused families than the report shows one by one. */
static void many(struct book *book)
{
    char text[32];

    book_open(book, "/bin/many", 4);
    uint32_t family = book_family(book, "item_t", 8, 8);

    for (uint32_t i = 1; i <= 13; i++) {
        snprintf(text, sizeof(text), "f%u", (unsigned) i);
        book_count(book, 1, book_site(book, family, "many.c", i, text), 100 * (i % 5), 0);
        snprintf(text, sizeof(text), "spare%02u_t", (unsigned) i);
        book_family(book, text, 8, 8);
    }
    book_gauges(book, family, 1, 262144, 32768, 2800);
}

/* What a damaged or malicious process may have written where names and figures belong. */
static void hostile(struct book *book)
{
    book_open(book, "/tmp/\033[2Jevil\n\"prog\\ram\"", UINT32_MAX);
    uint32_t escape = book_family(book, "\033]0;owned\007", 8, 8);
    uint32_t bytes = book_family(book, "\xff\xc0\x80 caf\xc3\xa9 \xed\xa0\x80", 16, 8);
    uint32_t huge = book_family(book, "huge\t\x7f", UINT64_MAX, 1);
    uint32_t fake = book_site(book, escape, "a\nleak: 1 block, 0 bytes of nothing", 7, "\x1b[31m");
    uint32_t bidi =
        book_site(book, bytes, "\xe2\x80\xaegnp.c", UINT32_MAX, "\xc2\x9b\xf0\x9f\x98\x80");
    uint32_t wrap = book_site(book, huge, "", 0, "shown with a line only");

    book_count(book, 1, fake, 5, 0);
    book_count(book, 1, bidi, 1, 7);
    book_count(book, 1, wrap, UINT64_MAX, 0);
    book_gauges(book, escape, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    free_runs(book, escape, UINT64_MAX, 1);
    book_gauges(book, bytes, 1, 4096, 1, 0);
    free_runs(book, bytes, 1, 100);
    book_gauges(book, huge, UINT64_MAX, 1, 0, 1);
    book_family_at(book, huge)->mapped_bytes = UINT64_MAX;
    book->header.move_sequence = 3;
    book->header.sites_merged = 12;
    book->header.panic_bytes =
        (uint32_t) strlen(strcpy(book->header.panic_message, "\033[2Jfree\nSUMMARY: \xff"));
    book->header.panic_stack = UINT32_MAX;
}

/* ---- Renderers ------------------------------------------------------------------------------- */

static int usage(const struct lmm_model *model, struct lmm_sink *sink)
{
    return lmm_text_usage(model, sink, NULL);
}

static int usage_colour(const struct lmm_model *model, struct lmm_sink *sink)
{
    return lmm_text_usage(model, sink, &(struct lmm_text_style) {.colour = true, .top_sites = 2});
}

static int leaks(const struct lmm_model *model, struct lmm_sink *sink)
{
    return lmm_text_leaks(model, sink, &(struct lmm_text_style) {.top_sites = 1});
}

static int leaks_colour(const struct lmm_model *model, struct lmm_sink *sink)
{
    return lmm_text_leaks(model, sink, &(struct lmm_text_style) {.colour = true});
}

static int all_leaks(const struct lmm_model *model, struct lmm_sink *sink)
{
    return lmm_text_leaks(model, sink, &(struct lmm_text_style) {.all_leaks = true});
}

static const struct {
    const char *file;
    void (*ledger)(struct book *book);
    int (*render)(const struct lmm_model *model, struct lmm_sink *sink);
    enum lmm_model_process process; /* RUNNING: as the ledger says */
} cases[] = {
    {"usage-ordinary.txt", ordinary, usage, LMM_MODEL_RUNNING},
    {"usage-ordinary-colour.txt", ordinary, usage_colour, LMM_MODEL_RUNNING},
    {"usage-ordinary.json", ordinary, lmm_json_usage, LMM_MODEL_RUNNING},
    {"leaks-ordinary.txt", ordinary, leaks, LMM_MODEL_RUNNING},
    {"leaks-ordinary-colour.txt", ordinary, leaks_colour, LMM_MODEL_RUNNING},
    {"usage-small.txt", small, usage, LMM_MODEL_RUNNING},
    {"leaks-small.txt", small, leaks, LMM_MODEL_RUNNING},
    {"leaks-lossy.txt", lossy, leaks, LMM_MODEL_RUNNING},
    {"leaks-lossy-all.txt", lossy, all_leaks, LMM_MODEL_RUNNING},
    {"leaks-partly-seen.txt", partly_seen, leaks, LMM_MODEL_RUNNING},
    {"leaks-all-reachable.txt", all_reachable, leaks, LMM_MODEL_RUNNING},
    {"leaks-check-failed.txt", check_failed, leaks, LMM_MODEL_RUNNING},
    {"usage-single.txt", single, usage, LMM_MODEL_RUNNING},
    {"leaks-single.txt", single, leaks, LMM_MODEL_RUNNING},
    {"usage-lost.txt", lost, usage, LMM_MODEL_RUNNING},
    {"usage-lost.json", lost, lmm_json_usage, LMM_MODEL_RUNNING},
    {"usage-exited.txt", exited, usage, LMM_MODEL_RUNNING},
    {"usage-exited.json", exited, lmm_json_usage, LMM_MODEL_RUNNING},
    {"usage-killed.txt", single, usage, LMM_MODEL_KILLED},
    {"leaks-killed.txt", single, leaks, LMM_MODEL_KILLED},
    {"usage-killed.json", single, lmm_json_usage, LMM_MODEL_KILLED},
    {"usage-replaced.txt", single, usage, LMM_MODEL_REPLACED},
    {"usage-empty.txt", empty, usage, LMM_MODEL_RUNNING},
    {"usage-empty.json", empty, lmm_json_usage, LMM_MODEL_RUNNING},
    {"leaks-empty.txt", empty, leaks, LMM_MODEL_RUNNING},
    {"usage-clean.txt", clean, usage, LMM_MODEL_RUNNING},
    {"leaks-clean.txt", clean, leaks, LMM_MODEL_RUNNING},
    {"usage-many.txt", many, usage, LMM_MODEL_RUNNING},
    {"leaks-many.txt", many, leaks, LMM_MODEL_RUNNING},
    {"usage-hostile.txt", hostile, usage, LMM_MODEL_RUNNING},
    {"usage-hostile.json", hostile, lmm_json_usage, LMM_MODEL_RUNNING},
    {"leaks-hostile.txt", hostile, leaks, LMM_MODEL_RUNNING},
};

/* ---- Comparing ------------------------------------------------------------------------------- */

static int render(size_t n, struct output *output)
{
    static _Alignas(16) char scratch[SCRATCH_MAX];
    struct book book;
    struct lmm_sink sink;
    struct lmm_model *model;
    int error;

    cases[n].ledger(&book);
    output->used = 0;
    lmm_sink_init(&sink, output_take, output);
    error = lmm_model_build(&book.view, scratch, sizeof(scratch), &model);
    if (error == 0) {
        model->process = cases[n].process != LMM_MODEL_RUNNING ? cases[n].process : model->process;
        error = cases[n].render(model, &sink);
    }
    book_close(&book);
    return error;
}

static bool check(const char *folder, size_t n)
{
    static struct output output;
    int error = render(n, &output);

    if (error != 0) {
        printf("%s: rendering failed: %s\n", cases[n].file, strerror(-error));
        return false;
    }
    return output_is_golden(&output, folder, cases[n].file);
}

int main(int argc, char **argv)
{
    size_t count = sizeof(cases) / sizeof(cases[0]);
    size_t good = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        good += check(argv[1], i);
    }
    printf("%zu of %zu golden files %s\n", good, count,
           getenv("LMM_GOLDEN_RECORD") != NULL ? "written" : "agree");
    return good == count ? 0 : 1;
}
