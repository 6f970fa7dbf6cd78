/* SPDX-License-Identifier: MIT */
/* Modules that a process adds to its ledger while it is looked at, and damaged ledgers. */
#include "reporter/program/ledger/module_watch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/book.h"

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

/* The book as a file, and its image. */
struct image {
    char path[64];
    unsigned char *bytes;
    size_t size;
};

static void put(struct image *image)
{
    FILE *file = fopen(image->path, "r+");

    cr_assert(file != NULL && fwrite(image->bytes, 1, image->size, file) == image->size &&
              fclose(file) == 0);
}

static void write_book(struct book *book, struct image *image)
{
    size_t at = sizeof(book->header);

    for (size_t i = 0; i < book->view.chunk_count; i++) {
        at += book->chunks[i]->bytes;
    }
    book->header.file_bytes = at;
    image->size = at;
    image->bytes = realloc(image->bytes, at);
    memcpy(image->bytes, &book->header, sizeof(book->header));
    at = sizeof(book->header);
    for (size_t i = 0; i < book->view.chunk_count; i++) {
        memcpy(image->bytes + at, book->chunks[i], book->chunks[i]->bytes);
        at += book->chunks[i]->bytes;
    }
    put(image);
}

static void make(struct book *book, struct image *image)
{
    int descriptor;

    *image = (struct image) {.path = "/tmp/lmm-module-watch-XXXXXX"};
    descriptor = mkstemp(image->path);
    cr_assert(descriptor >= 0 && close(descriptor) == 0);
    book_make_sound(book);
    book_module(book, "/usr/bin/tool", 0x1000, 0x1000);
    write_book(book, image);
}

static void end(struct book *book, struct image *image)
{
    unlink(image->path);
    free(image->bytes);
    book_close(book);
}

Test(module_watch, modules_that_are_added)
{
    struct book book;
    struct image image;
    struct taken taken = {0};

    make(&book, &image);
    struct lmm_module_watch *watch = lmm_module_watch_open(image.path);

    cr_assert_not_null(watch);
    cr_expect(lmm_module_watch_look(watch, take, &taken));
    cr_expect(taken.count == 1 && strcmp(taken.last, "/usr/bin/tool") == 0);
    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 1);
    for (int i = 0; i < 5; i++) { /* into new chunks, too */
        char path[32];

        snprintf(path, sizeof(path), "/usr/lib/part%d.so", i);
        book_module(&book, path, 0x10000, 0x1000);
        write_book(&book, &image);
        cr_expect(lmm_module_watch_look(watch, take, &taken));
        cr_expect(taken.count == 2 + (size_t) i && strcmp(taken.last, path) == 0, "%s", taken.last);
    }
    book.header.state = LMM_LEDGER_EXITED;
    write_book(&book, &image);
    cr_expect_not(lmm_module_watch_look(watch, take, &taken));
    lmm_module_watch_close(watch);
    end(&book, &image);
}

/* The process has made room for a chunk, and not yet said what it is. */
Test(module_watch, a_chunk_without_a_kind_is_looked_at_again)
{
    struct book book;
    struct image image;
    struct taken taken = {0};

    make(&book, &image);
    struct lmm_ledger_chunk *last = book.chunks[book.view.chunk_count - 1];

    cr_assert_eq(last->kind, LMM_LEDGER_MODULES);
    last->kind = LMM_LEDGER_UNUSED;
    write_book(&book, &image);
    struct lmm_module_watch *watch = lmm_module_watch_open(image.path);

    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 0);
    last->kind = LMM_LEDGER_MODULES;
    write_book(&book, &image);
    cr_expect(lmm_module_watch_look(watch, take, &taken) && taken.count == 1);
    lmm_module_watch_close(watch);
    end(&book, &image);
}

/* Each word of the file in turn is 0, or as large as can be: a look ends. */
Test(module_watch, damaged_ledgers)
{
    struct book book;
    struct image image;

    make(&book, &image);
    for (size_t at = 0; at < image.size; at += at < sizeof(book.header) ? 64 : 4) {
        uint32_t before;

        memcpy(&before, image.bytes + at, sizeof(before));
        for (int i = 0; i < 2; i++) {
            memset(image.bytes + at, i == 0 ? 0 : 0xff, sizeof(before));
            put(&image);
            struct taken taken = {0};
            struct lmm_module_watch *watch = lmm_module_watch_open(image.path);

            if (watch != NULL) {
                lmm_module_watch_look(watch, take, &taken);
            }
            cr_expect(taken.count <= 2);
            lmm_module_watch_close(watch);
        }
        memcpy(image.bytes + at, &before, sizeof(before));
    }
    cr_expect_null(lmm_module_watch_open("/dev/null"));
    end(&book, &image);
}
