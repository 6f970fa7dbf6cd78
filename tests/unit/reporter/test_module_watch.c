/* SPDX-License-Identifier: MIT */
/* Modules that a process adds to its ledger while it is looked at, and damaged ledgers. */
#include "reporter/program/ledger/module_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/book.h"
#include "tests/support/book_file.h"

struct taken {
    size_t count;
    char last[256];
};

static void take(void *context, const char *path)
{
    struct taken *taken = context;

    taken->count++;
    snprintf(taken->last, sizeof(taken->last), "%s", path);
}

static void make(struct book *book, struct book_file *file)
{
    book_make_sound(book);
    book_module(book, "/usr/bin/tool", 0x1000, 0x1000);
    book_file_make(file);
    book_file_write(file, book);
}

static void end(struct book *book, struct book_file *file)
{
    book_file_remove(file);
    book_close(book);
}

Test(module_watch, modules_that_are_added)
{
    struct book book;
    struct book_file file;
    struct taken taken = {0};

    make(&book, &file);
    struct lmm_module_watch *watch = lmm_module_watch_open(file.path);

    cr_assert_not_null(watch);
    cr_expect(lmm_module_watch_look(watch, take, &taken));
    cr_expect(taken.count == 1 && strcmp(taken.last, "/usr/bin/tool") == 0);
    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 1);
    for (int i = 0; i < 5; i++) { /* into new chunks, too */
        char path[32];

        snprintf(path, sizeof(path), "/usr/lib/part%d.so", i);
        book_module(&book, path, 0x10000, 0x1000);
        book_file_write(&file, &book);
        cr_expect(lmm_module_watch_look(watch, take, &taken));
        cr_expect(taken.count == 2 + (size_t) i && strcmp(taken.last, path) == 0, "%s", taken.last);
    }
    book.header.state = LMM_LEDGER_EXITED;
    book_file_write(&file, &book);
    cr_expect_not(lmm_module_watch_look(watch, take, &taken));
    lmm_module_watch_close(watch);
    end(&book, &file);
}

/* The process has made room for a chunk, and not yet said what it is. */
Test(module_watch, a_chunk_without_a_kind_is_looked_at_again)
{
    struct book book;
    struct book_file file;
    struct taken taken = {0};

    make(&book, &file);
    struct lmm_ledger_chunk *last = book.chunks[book.view.chunk_count - 1];

    cr_assert_eq(last->kind, LMM_LEDGER_MODULES);
    last->kind = LMM_LEDGER_UNUSED;
    book_file_write(&file, &book);
    struct lmm_module_watch *watch = lmm_module_watch_open(file.path);

    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 0);
    last->kind = LMM_LEDGER_MODULES;
    book_file_write(&file, &book);
    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 1);
    lmm_module_watch_close(watch);
    end(&book, &file);
}

/* Each word of the file in turn is 0, or as large as can be: a look ends. */
Test(module_watch, damaged_ledgers)
{
    struct book book;
    struct book_file file;

    make(&book, &file);
    for (size_t at = 0; at < file.size; at += at < sizeof(book.header) ? 64 : 4) {
        uint32_t before;

        memcpy(&before, file.bytes + at, sizeof(before));
        for (int i = 0; i < 2; i++) {
            memset(file.bytes + at, i == 0 ? 0 : 0xff, sizeof(before));
            book_file_put(&file);
            struct taken taken = {0};
            struct lmm_module_watch *watch = lmm_module_watch_open(file.path);

            if (watch != NULL) {
                lmm_module_watch_look(watch, take, &taken);
            }
            cr_expect(taken.count <= 2);
            lmm_module_watch_close(watch);
        }
        memcpy(file.bytes + at, &before, sizeof(before));
    }
    cr_expect_null(lmm_module_watch_open("/dev/null"));
    end(&book, &file);
}
