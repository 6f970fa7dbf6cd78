/* SPDX-License-Identifier: MIT */
#include "tests/support/book_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/book.h"

void book_file_make(struct book_file *file)
{
    *file = (struct book_file) {.path = "/tmp/lmm-book-XXXXXX"};
    int descriptor = mkstemp(file->path);

    cr_assert(descriptor >= 0 && close(descriptor) == 0);
}

void book_file_put(const struct book_file *file)
{
    FILE *stream = fopen(file->path, "r+");

    cr_assert(stream != NULL && fwrite(file->bytes, 1, file->size, stream) == file->size &&
              fclose(stream) == 0);
}

void book_file_write(struct book_file *file, struct book *book)
{
    size_t at = sizeof(book->header);

    for (size_t i = 0; i < book->view.chunk_count; i++) {
        at += book->chunks[i]->bytes;
    }
    book->header.file_bytes = at;
    file->size = at;
    file->bytes = realloc(file->bytes, at);
    cr_assert_not_null(file->bytes);
    memcpy(file->bytes, &book->header, sizeof(book->header));
    at = sizeof(book->header);
    for (size_t i = 0; i < book->view.chunk_count; i++) {
        memcpy(file->bytes + at, book->chunks[i], book->chunks[i]->bytes);
        at += book->chunks[i]->bytes;
    }
    book_file_put(file);
}

void book_file_remove(struct book_file *file)
{
    unlink(file->path);
    free(file->bytes);
}
