/* SPDX-License-Identifier: MIT */
/* Counters of a ledger that grows while it is looked at, against the model, and damaged ledgers. */
#include "reporter/program/ledger/counter_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/ledger/process_stat.h"
#include "reporter/program/ledger/snapshot.h"
#include "tests/support/book.h"
#include "tests/support/book_file.h"

static void make(struct book *book, struct book_file *file)
{
    book_make_sound(book);
    book_file_make(file);
    book_file_write(file, book);
}

static void end(struct book *book, struct book_file *file)
{
    book_file_remove(file);
    book_close(book);
}

static uint64_t bytes_of(const struct lmm_counter_reading *reading, uint32_t site)
{
    return site < reading->site_count ? reading->site_bytes[site] : 0;
}

/* A reading says what the model of the same file does. */
static void compare(const char *path, const struct lmm_counter_reading *reading)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);

    cr_assert_not_null(snapshot);
    const struct lmm_model *model = snapshot->model;
    uint64_t sum = 0;

    for (size_t i = 0; i < model->site_count; i++) {
        cr_expect_eq(bytes_of(reading, model->sites[i].id), model->sites[i].live_bytes);
    }
    for (size_t i = 0; i < reading->site_count; i++) {
        sum += reading->site_bytes[i];
    }
    cr_expect_eq(sum, model->total.live_bytes);
    cr_expect_eq(reading->live_blocks, model->total.live_blocks);
    cr_expect_eq(reading->committed_bytes, model->total.committed_bytes);
    cr_expect_eq(reading->allocations, model->total.allocations);
    lmm_snapshot_free(snapshot);
}

Test(counter_watch, figures_of_a_book)
{
    struct book book;
    struct book_file file;
    struct lmm_counter_reading reading;

    make(&book, &file);
    book_gauges(&book, 0, 2, 8192, 100, 50);
    book_gauges(&book, 1, 1, 4096, 100, 50);
    book_row(&book, 1, 2)->allocated_extra += 7; /* arrays */
    book_file_write(&file, &book);
    struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

    cr_assert_not_null(watch);
    for (int i = 0; i < 2; i++) { /* nothing is counted twice */
        cr_assert(lmm_counter_watch_read(watch, &reading));
        compare(file.path, &reading);
        cr_expect_eq(reading.committed_bytes, 12288);
    }
    lmm_counter_watch_close(watch);
    end(&book, &file);
}

Test(counter_watch, families_that_count_bytes)
{
    struct book book;
    struct book_file file;
    struct lmm_counter_reading reading;

    make(&book, &file);
    uint32_t family = book_family(&book, "malloc-large", 1, 16);
    uint32_t site = book_site(&book, family, "big.c", 3, "main");

    book_family_at(&book, family)->flags = LMM_LEDGER_FAMILY_BYTES;
    *book_row(&book, 1, site) = (struct lmm_ledger_row) {
        .allocated_blocks = 3, .freed_blocks = 1, .allocated_extra = 3000, .freed_extra = 500};
    book_file_write(&file, &book);
    struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

    cr_assert(lmm_counter_watch_read(watch, &reading));
    cr_expect_eq(bytes_of(&reading, site), 2500);
    compare(file.path, &reading);
    lmm_counter_watch_close(watch);
    end(&book, &file);
}

Test(counter_watch, sites_and_families_that_are_added)
{
    struct book book;
    struct book_file file;
    struct lmm_counter_reading reading;

    make(&book, &file);
    struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

    for (uint32_t i = 0; i < 8; i++) { /* into new chunks, too */
        char name[32];

        cr_assert(lmm_counter_watch_read(watch, &reading));
        snprintf(name, sizeof(name), "type%u", i);
        uint32_t family = book_family(&book, name, 10 + i, 2);
        uint32_t site = book_site(&book, family, "more.c", 10 + i, "main");

        book_count(&book, i % 3, site, 5 + i, 2);
        book_count(&book, 1, site, 1, 0);
        book_file_write(&file, &book);
        cr_assert(lmm_counter_watch_read(watch, &reading));
        cr_expect_eq(bytes_of(&reading, site), (4 + i) * (uint64_t) (10 + i));
        compare(file.path, &reading);
    }
    lmm_counter_watch_close(watch);
    end(&book, &file);
}

/* A block was freed after the row of its allocation was read. */
Test(counter_watch, more_frees_than_allocations)
{
    struct book book;
    struct book_file file;
    struct lmm_counter_reading reading;

    make(&book, &file);
    struct lmm_ledger_row *row = book_row(&book, 1, 1);

    *row = (struct lmm_ledger_row) {.allocated_blocks = 2, .freed_blocks = 1000};
    book_file_write(&file, &book);
    struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

    cr_assert(lmm_counter_watch_read(watch, &reading));
    cr_expect_eq(bytes_of(&reading, 1), 0);
    cr_expect_lt(reading.live_blocks, 1000000);
    lmm_counter_watch_close(watch);
    end(&book, &file);
}

static void add_mark(struct book *book, struct lmm_ledger_chunk *chunk, const char *text,
                     uint64_t time_ns)
{
    struct lmm_ledger_mark *marks = (void *) (chunk + 1);

    marks[chunk->used++] =
        (struct lmm_ledger_mark) {.time_ns = time_ns, .text = book_string(book, text)};
}

Test(counter_watch, each_mark_is_given_once)
{
    struct book book;
    struct book_file file;
    struct lmm_counter_reading reading;
    struct lmm_counter_mark mark;

    make(&book, &file);
    struct lmm_ledger_chunk *chunk = book_chunk(&book, LMM_LEDGER_MARKS, 0, 4);
    struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

    add_mark(&book, chunk, "first", 11);
    add_mark(&book, chunk, "", 12);
    book_file_write(&file, &book);
    cr_assert(lmm_counter_watch_read(watch, &reading));
    cr_assert(lmm_counter_watch_mark(watch, &mark));
    cr_expect(mark.time_ns == 11 && strcmp(mark.text, "first") == 0, "%s", mark.text);
    cr_assert(lmm_counter_watch_mark(watch, &mark));
    cr_expect(mark.time_ns == 12 && strcmp(mark.text, "") == 0);
    cr_assert(!lmm_counter_watch_mark(watch, &mark));
    add_mark(&book, chunk, "third", 13);
    book_file_write(&file, &book);
    cr_assert(lmm_counter_watch_read(watch, &reading));
    cr_assert(lmm_counter_watch_mark(watch, &mark));
    cr_expect_str_eq(mark.text, "third");
    lmm_counter_watch_close(watch);
    end(&book, &file);
}

/* Each word of the file in turn is 0, or as large as can be: a reading ends. */
Test(counter_watch, damaged_ledgers)
{
    struct book book;
    struct book_file file;

    make(&book, &file);
    add_mark(&book, book_chunk(&book, LMM_LEDGER_MARKS, 0, 4), "one", 1);
    book_file_write(&file, &book);
    for (size_t at = 0; at < file.size; at += at < sizeof(book.header) ? 64 : 4) {
        unsigned char before[4];

        memcpy(before, file.bytes + at, sizeof(before));
        for (int i = 0; i < 2; i++) {
            struct lmm_counter_reading reading = {.site_count = 0};
            struct lmm_counter_mark mark;

            memset(file.bytes + at, i == 0 ? 0 : 0xff, sizeof(before));
            book_file_put(&file);
            struct lmm_counter_watch *watch = lmm_counter_watch_open(file.path);

            for (int k = 0; watch != NULL && k < 2; k++) {
                lmm_counter_watch_read(watch, &reading);
                lmm_counter_watch_mark(watch, &mark);
            }
            cr_expect_leq(reading.site_count, 5);
            lmm_counter_watch_close(watch);
        }
        memcpy(file.bytes + at, before, sizeof(before));
    }
    cr_expect_null(lmm_counter_watch_open("/dev/null"));
    end(&book, &file);
}

Test(counter_watch, older_ledgers_are_not_read)
{
    struct book book;
    struct book_file file;

    book_make_sound_of(&book, 1);
    book_file_make(&file);
    book_file_write(&file, &book);
    cr_expect_null(lmm_counter_watch_open(file.path));
    end(&book, &file);
}

Test(process_stat, of_this_process_and_of_none)
{
    struct lmm_process_stat stat = {.name = ""};
    int file = lmm_process_stat_open((uint32_t) getpid());

    cr_assert_geq(file, 0);
    cr_assert(lmm_process_stat_read(file, &stat));
    cr_expect(!stat.is_dead && stat.start_ticks > 0 && stat.minor_faults > 0);
    cr_expect(stat.resident_bytes >= 4096 && stat.resident_bytes % 4096 == 0);
    prctl(PR_SET_NAME, "one) (two");
    cr_assert(lmm_process_stat_read(file, &stat));
    cr_expect_str_eq(stat.name, "one) (two");
    close(file);
    cr_expect_lt(lmm_process_stat_open(70000001), 0);
}
