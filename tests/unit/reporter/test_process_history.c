/* SPDX-License-Identifier: MIT */
/* Histories of processes: their points, marks and ends, on ledgers made by hand, of this process and of
 * others. */
#include "reporter/program/history/process_history.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <lmm/ledger.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/ledger/process_stat.h"
#include "reporter/program/ledger/snapshot.h"
#include "tests/support/book.h"
#include "tests/support/book_file.h"

enum { SECONDS = 5 }; /* that the process of a book has run */

/* A ledger, and its history. */
struct fixture {
    struct book book;
    struct book_file file;
    struct lmm_process_history *history;
    struct lmm_timeline *timeline;
};

static uint64_t ticks_of(pid_t pid)
{
    struct lmm_process_stat stat = {.start_ticks = 0};
    int file = lmm_process_stat_open((uint32_t) pid);

    cr_assert(file >= 0 && lmm_process_stat_read(file, &stat));
    close(file);
    return stat.start_ticks;
}

static void start(struct fixture *fixture, pid_t pid, bool starts_empty)
{
    book_make_sound(&fixture->book);
    fixture->book.header.pid = (uint32_t) pid;
    fixture->book.header.start_ticks = ticks_of(pid);
    fixture->book.header.start_time_ns = lmm_clock_ns(CLOCK_REALTIME) - SECONDS * LMM_NS_PER_SECOND;
    book_file_make(&fixture->file);
    book_file_write(&fixture->file, &fixture->book);
    fixture->history = lmm_process_history_open(fixture->file.path, NULL, starts_empty);
    cr_assert_not_null(fixture->history);
    fixture->timeline = lmm_process_history_timeline(fixture->history);
}

static void end(struct fixture *fixture)
{
    cr_expect(lmm_timeline_is_valid(fixture->timeline));
    lmm_process_history_free(fixture->history);
    book_file_remove(&fixture->file);
    book_close(&fixture->book);
}

static const struct lmm_timeline_point *last_of(const struct fixture *fixture)
{
    return lmm_timeline_at(fixture->timeline, lmm_timeline_count(fixture->timeline) - 1);
}

/* Returns the only mark of a kind. */
static const struct lmm_timeline_mark *mark_of(const struct fixture *fixture,
                                               enum lmm_timeline_mark_kind kind)
{
    const struct lmm_timeline_mark *found = NULL;

    for (size_t i = 0; i < lmm_timeline_mark_count(fixture->timeline); i++) {
        const struct lmm_timeline_mark *mark = lmm_timeline_mark_at(fixture->timeline, i);

        cr_assert(mark->kind != kind || found == NULL);
        found = mark->kind == kind ? mark : found;
    }
    cr_assert_not_null(found);
    return found;
}

Test(process_history, a_sample_has_the_figures_of_the_ledger_and_of_the_kernel)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    cr_assert_eq(lmm_timeline_count(fixture.timeline), 0);
    cr_assert_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    const struct lmm_timeline_point *point = last_of(&fixture);

    cr_expect_geq(point->time_ns, SECONDS * LMM_NS_PER_SECOND);
    cr_expect_eq(point->allocations, 75);
    cr_expect_eq(point->committed_bytes, 8192);
    cr_expect_gt(point->live_bytes, 0);
    cr_expect_gt(point->live_blocks, 0);
    cr_expect_gt(point->resident_bytes, 0);
    cr_expect_gt(point->minor_faults, 0);
    end(&fixture);
}

Test(process_history, a_process_that_starts_empty_has_a_point_of_that)
{
    struct fixture fixture;

    start(&fixture, getpid(), true);
    cr_assert_eq(lmm_timeline_count(fixture.timeline), 1);
    cr_expect_eq(last_of(&fixture)->time_ns, 0);
    cr_expect_eq(last_of(&fixture)->live_bytes, 0);
    end(&fixture);
}

Test(process_history, started_processes_and_leak_checks_are_marked_once)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    fixture.book.header.started = 3;
    book_check(&fixture.book, 0,
               (struct lmm_ledger_check) {.time_ns = fixture.book.header.start_time_ns + 77,
                                          .flags = LMM_LEDGER_CHECK_AT_EXIT});
    book_file_write(&fixture.file, &fixture.book);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    }
    cr_expect_eq(mark_of(&fixture, LMM_TIMELINE_FORK)->count, 3);
    cr_expect_eq(mark_of(&fixture, LMM_TIMELINE_LEAK_CHECK)->time_ns, 77);
    cr_expect_str_eq(mark_of(&fixture, LMM_TIMELINE_LEAK_CHECK)->text, "at exit");
    end(&fixture);
}

Test(process_history, a_failed_check_says_why)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    book_check(&fixture.book, 0, (struct lmm_ledger_check) {.failure = ENOMEM});
    book_file_write(&fixture.file, &fixture.book);
    cr_assert_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    cr_expect_str_eq(mark_of(&fixture, LMM_TIMELINE_LEAK_CHECK)->text,
                     "failed: Cannot allocate memory");
    end(&fixture);
}

Test(process_history, the_end_has_the_figures_of_the_model_the_peak_and_the_exit)
{
    struct fixture fixture;

    start(&fixture, getpid(), true);
    uint64_t start_ns = fixture.book.header.start_time_ns;

    book_peak(&fixture.book, 1, 0, 30, 10000);
    book_peak(&fixture.book, 1, 3, 4, 200);
    fixture.book.header.peak_count = 1;
    fixture.book.header.peak_bytes[1] = 10200;
    fixture.book.header.peak_time_ns[1] = start_ns + LMM_NS_PER_SECOND;
    book_file_write(&fixture.file, &fixture.book);
    cr_assert_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    struct lmm_snapshot *snapshot = lmm_snapshot_read(fixture.file.path);

    cr_assert_not_null(snapshot);
    uint64_t end_ns = start_ns + 60 * LMM_NS_PER_SECOND;

    cr_assert(lmm_process_history_end(fixture.history, snapshot->model, end_ns, "status 7"));
    const struct lmm_timeline_point *peak = lmm_timeline_at(fixture.timeline, 1);

    cr_expect_eq(lmm_timeline_count(fixture.timeline),
                 4); /* the start, the peak, a sample, the end */
    cr_expect(peak->time_ns == LMM_NS_PER_SECOND && peak->live_bytes == 10200 &&
              peak->live_blocks == 34);
    cr_expect_eq(mark_of(&fixture, LMM_TIMELINE_PEAK)->time_ns, LMM_NS_PER_SECOND);
    cr_expect_eq(last_of(&fixture)->live_bytes, snapshot->model->total.live_bytes);
    cr_expect_eq(last_of(&fixture)->time_ns, 60 * LMM_NS_PER_SECOND);
    cr_expect_str_eq(mark_of(&fixture, LMM_TIMELINE_EXIT)->text, "status 7");
    cr_expect_eq(mark_of(&fixture, LMM_TIMELINE_EXIT)->time_ns, 60 * LMM_NS_PER_SECOND);
    lmm_snapshot_free(snapshot);
    end(&fixture);
}

Test(process_history, a_ledger_that_is_closed_has_ended)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    fixture.book.header.state = LMM_LEDGER_EXITED;
    book_file_write(&fixture.file, &fixture.book);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_ENDED);
    end(&fixture);
}

Test(process_history, a_process_that_is_gone_has_ended)
{
    struct fixture fixture;
    int pipes[2];

    cr_assert_eq(pipe(pipes), 0);
    pid_t child = fork();

    if (child == 0) {
        char byte;

        close(pipes[1]);
        _exit(read(pipes[0], &byte, 1) < 0);
    }
    close(pipes[0]);
    start(&fixture, child, false);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    close(pipes[1]);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_ENDED);
    end(&fixture);
}

/* Its name is another one, and it has not mapped the ledger. */
Test(process_history, a_process_that_became_another_program_has_ended)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    prctl(PR_SET_NAME, "another");
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_ENDED);
    end(&fixture);
}

/* A later process with the PID of one that ended. */
Test(process_history, another_process_with_the_pid_is_not_looked_at)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    lmm_process_history_free(fixture.history);
    fixture.book.header.start_ticks++;
    book_file_write(&fixture.file, &fixture.book);
    fixture.history = lmm_process_history_open(fixture.file.path, NULL, false);
    cr_assert_not_null(fixture.history);
    fixture.timeline = lmm_process_history_timeline(fixture.history);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    cr_expect_eq(last_of(&fixture)->resident_bytes, 0);
    end(&fixture);
}

Test(process_history, closed_files_leave_the_timeline)
{
    struct fixture fixture;

    start(&fixture, getpid(), false);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_DONE);
    lmm_process_history_close_files(fixture.history);
    cr_expect_eq(lmm_process_history_sample(fixture.history), LMM_SAMPLING_FAILED);
    cr_expect_eq(lmm_timeline_count(fixture.timeline), 1);
    cr_expect_eq(lmm_process_history_header(fixture.history)->pid, (uint32_t) getpid());
    end(&fixture);
}
