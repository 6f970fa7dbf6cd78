/* SPDX-License-Identifier: MIT */
/* book_file: a book as the file of a ledger, for tests of what reads it while it changes. */
#ifndef LMM_TESTS_BOOK_FILE_H
#define LMM_TESTS_BOOK_FILE_H

#include <stddef.h>

struct book;

struct book_file {
    char path[64];
    unsigned char *bytes; /* what is in it, which a test may damage and put */
    size_t size;
};

/* Makes an empty file, to be removed with book_file_remove(). */
void book_file_make(struct book_file *file);

/* Writes a book over what is in the file. */
void book_file_write(struct book_file *file, struct book *book);

/* Writes the bytes. */
void book_file_put(const struct book_file *file);

void book_file_remove(struct book_file *file);

#endif
