/* SPDX-License-Identifier: MIT */
/*
 * book: a ledger made by hand, for tests of the reporter. Chunks are small, so that every kind
 * needs several, and each is an allocation of exactly its size, so that ASan sees any read past it.
 */
#ifndef LMM_TESTS_GOLDEN_BOOK_H
#define LMM_TESTS_GOLDEN_BOOK_H

#include <lmm/ledger.h>

enum {
    BOOK_CHUNKS_MAX = 64,
    BOOK_STRINGS = 128, /* capacity of a chunk of each kind */
    BOOK_FAMILIES = 2,
    BOOK_SITES = 4,
    BOOK_ROWS = 4,  /* in a row page; in version 1 an owner's rows grow by so many */
    BOOK_PAGES = 2, /* row pages in a chunk */
    BOOK_MODULES = 2,
    BOOK_FRAMES = 4,
    BOOK_LEAKS = 4,
    BOOK_PAGE_USES = 4,
};

struct book {
    struct lmm_ledger_header header;
    struct lmm_ledger_chunk *chunks[BOOK_CHUNKS_MAX];
    struct lmm_ledger_view view;
};

/* Makes an empty book of a process; free it with book_close(). A test may set the header's version
 * to 1 before it adds records. */
void book_open(struct book *book, const char *executable, uint32_t pid);

/* Makes a book of two families, five sites (so two chunks of them and of rows), three owners, and
 * two string chunks; free it with book_close(). */
void book_make_sound(struct book *book);
void book_make_sound_of(struct book *book, uint32_t version);
void book_close(struct book *book);

/* Adds an argument to the command; the executable is the first. */
void book_command(struct book *book, const char *argument);

/* Adds a chunk after all others of its kind (rows: a chunk of its own); a test may then damage
 * it. */
struct lmm_ledger_chunk *book_chunk(struct book *book, uint32_t kind, uint32_t owner,
                                    uint32_t capacity);

/* Returns the n-th chunk of a kind. */
struct lmm_ledger_chunk *book_find(struct book *book, uint32_t kind, unsigned n);

/* Each adds a record and returns its offset or index. At most 127 bytes in a string. */
uint32_t book_string(struct book *book, const char *text);
uint32_t book_family(struct book *book, const char *name, uint64_t size, uint32_t align);
uint32_t book_site(struct book *book, uint32_t family, const char *file, uint32_t line,
                   const char *function);

/* Sets the gauges of a family whose pages have 256 KiB. */
void book_gauges(struct book *book, uint32_t family, uint64_t pages, uint64_t committed_bytes,
                 uint64_t slots, uint64_t peak_amount);

/* Return the record to be filled in. The row comes into being where there is none yet. In version 1
 * it has the first four fields alone, and an older row is not valid then: the owner's rows move to a
 * larger chunk, and the old one becomes unused. */
struct lmm_ledger_family *book_family_at(struct book *book, uint32_t index);
struct lmm_ledger_site *book_site_at(struct book *book, uint32_t index);
struct lmm_ledger_row *book_row(struct book *book, uint32_t owner, uint32_t site);

/* Of the drop-in. A module's number is its index + 1. A frame's number is never 0: the first call
 * makes record 0, too. */
uint32_t book_module(struct book *book, const char *path, uint64_t start, uint64_t bytes);
uint32_t book_frame(struct book *book, uint64_t address, uint32_t caller, uint32_t module);
void book_stack(struct book *book, uint32_t site, uint32_t frame);

/* Sets a peak of that turn, and returns the counter of temporaries. Sites below `site` get records of
 * zeroes where they have none. There is room for BOOK_SITES peaks, and so many temporaries of an
 * owner. */
void book_peak(struct book *book, uint32_t turn, uint32_t site, uint64_t blocks, uint64_t bytes);
uint64_t *book_temporaries(struct book *book, uint32_t owner, uint32_t site);

/* Makes `check` the one of a turn, with the leaks that the turn has, and that turn the valid one. */
void book_check(struct book *book, uint32_t turn, struct lmm_ledger_check check);

/* Adds a record to the leaks of a turn; their leader is `leader`, and their only example `bytes`. */
void book_leak(struct book *book, uint32_t turn, enum lmm_ledger_leak_kind kind, uint32_t site,
               uint32_t leader, uint64_t blocks, uint64_t bytes);

/* The same for a walk over the pages, and the uses of a turn. */
void book_page_walk(struct book *book, uint32_t turn, struct lmm_ledger_page_walk walk);
void book_page_use(struct book *book, uint32_t turn, struct lmm_ledger_page_use use);

/* Counts blocks of one slot each. */
void book_count(struct book *book, uint32_t owner, uint32_t site, uint64_t allocated,
                uint64_t freed);

#endif
