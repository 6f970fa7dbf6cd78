/* SPDX-License-Identifier: MIT */
/* ledgers: see ledgers.h. */
#include "tests/support/ledgers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program at work: structs, runs, a site without a line, one that holds nothing, an unused
 * family. */
static void ordinary(struct book *book)
{
    book_open(book, "/usr/local/bin/wordindex", 4242);
    uint32_t word = book_family(book, "word_t", 40, 8);
    uint32_t posting = book_family(book, "posting_t", 12, 4);
    uint32_t cursor = book_family(book, "cursor_t", 33, 16);
    uint32_t add = book_site(book, word, "testapp/wordindex.c", 131, "add_word");
    uint32_t seed = book_site(book, word, "testapp/wordindex.c", 140, "add_word");
    uint32_t first = book_site(book, posting, "testapp/wordindex.c", 149, "first_postings");
    uint32_t bare = book_site(book, cursor, "(unattributed)", 0, "");
    uint32_t inner = book_site(book, cursor, "testapp/wordindex.c", 300, "");

    book_family(book, "stopword_t", 16, 8);
    book_count(book, 1, add, 30000, 0);
    book_count(book, 0, add, 1457, 26);
    book_count(book, 1, seed, 1, 0);
    book_count(book, 1, first, 31431, 0);
    book_row(book, 1, first)->allocated_extra = 400000;
    book_row(book, 0, first)->freed_extra = 2048;
    book_count(book, 1, bare, 1000, 990);
    book_count(book, 1, inner, 7, 7);
    book_gauges(book, word, 5, 1310720, 32765, 32000);
    book_gauges(book, posting, 20, 5177344, 436880, 431431);
    book_family_at(book, posting)->run_free_slots = 5000;
    book_family_at(book, posting)->longest_run_slots = 3000;
    book_gauges(book, cursor, 1, 4096, 5461, 4);
    book->header.snapshot_time_ns = book->header.start_time_ns + 90000000000u;
}

/* The same process a minute later: one site grew, one shrank, one is new. */
static void later(struct book *book)
{
    ordinary(book);
    uint32_t index = book_family(book, "index_t", 64, 8);

    book_count(book, 1, book_site(book, index, "testapp/index.c", 12, "grow"), 16, 1);
    book_count(book, 1, 0, 1000, 10);
    book_count(book, 1, 2, 0, 431);
    book->header.snapshot_time_ns += 60000000000u;
}

/* Another process of that program, which knows fewer sites, in another order. */
static void another(struct book *book)
{
    book_open(book, "/opt/bin/wordindex", 4300);
    uint32_t posting = book_family(book, "posting_t", 12, 4);
    uint32_t word = book_family(book, "word_t", 40, 8);

    book_count(book, 1, book_site(book, posting, "testapp/wordindex.c", 149, "first_postings"), 5,
               0);
    book_count(book, 1, book_site(book, word, "testapp/wordindex.c", 131, "add_word"), 40000, 0);
    book->header.start_time_ns += 3600000000000u;
}

static void empty(struct book *book)
{
    book_open(book, "", 2);
}

/* Rows that have all their names in common, as sites in headers have, and families of a damaged
 * file. */
static void twins(struct book *book)
{
    book_open(book, "/bin/twins", 22);
    uint32_t one = book_family(book, "node_t", 24, 8);
    uint32_t two = book_family(book, "node_t", 48, 8);

    for (uint64_t i = 0; i < 3; i++) {
        book_count(book, 1, book_site(book, one, "list.h", 7, "list_new"), 10 + 10 * i, i);
    }
    book_count(book, 1, book_site(book, two, "list.h", 7, "list_new"), 5, 0);
    book_count(book, 1, book_site(book, two, "list.h", 8, "list_new"), 0, 0);
}

/* What a damaged or malicious process may have written where names and figures belong. */
static void hostile(struct book *book)
{
    book_open(book, "/tmp/\033[2Jevil\n\"prog;ram\\", UINT32_MAX);
    uint32_t escape = book_family(book, "a\",b;c d\n\r\033]0;owned\007", 8, 8);
    uint32_t bytes = book_family(book, "\xff\xc0\x80 caf\xc3\xa9 \xed\xa0\x80", 16, 8);
    uint32_t huge = book_family(book, "=HYPERLINK(\"x\")\t\x7f", UINT64_MAX, 1);
    uint32_t unnamed = book_family(book, "", 1, 1);
    uint32_t fake = book_site(book, escape, "a\nlmm_build_info{} 7\n# EOF", 7, "\x1b[31m");
    uint32_t bidi =
        book_site(book, bytes, "\xe2\x80\xaegnp.c", UINT32_MAX, "\xc2\x9b\xf0\x9f\x98\x80 ;");
    uint32_t wrap = book_site(book, huge, "", 0, "shown with a line only");
    uint32_t none = book_site(book, unnamed, "", 1, "");

    book_count(book, 1, fake, 5, 0);
    book_count(book, 1, bidi, 1, 7);
    book_count(book, 1, wrap, UINT64_MAX, 0);
    book_count(book, 1, none, 3, 0);
    book_gauges(book, escape, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    book_family_at(book, huge)->mapped_bytes = UINT64_MAX;
    book->header.move_sequence = 3;
}

/* More sites than the bounds of the tests. */
static void many(struct book *book)
{
    char text[32];

    book_open(book, "/bin/many", 4);
    uint32_t family = book_family(book, "item_t", 8, 8);

    for (uint32_t i = 1; i <= 30; i++) {
        snprintf(text, sizeof(text), "f%u", (unsigned) i);
        book_count(book, 1, book_site(book, family, "many.c", i, text), 100 * (uint64_t) i, 0);
    }
}

/* A program of the drop-in: three stacks, two of which share their outer calls, and a site without
 * one. */
static void stacks(struct book *book)
{
    book_open(book, "/usr/bin/tool", 77);
    book->header.is_drop_in = 1;
    book->header.stack_frames = 24;
    uint32_t small = book_family(book, "malloc-48", 48, 16);
    uint32_t large = book_family(book, "malloc-large", 1024, 16);
    uint32_t bare = book_site(book, small, "(unattributed)", 0, "");
    uint32_t inner = book_site(book, small, "", 0, "");
    uint32_t outer = book_site(book, small, "", 0, "");
    uint32_t big = book_site(book, large, "", 0, "");
    uint32_t tool = book_module(book, "/usr/bin/tool", 0x400000, 0x9000);
    uint32_t part = book_module(book, "/usr/lib/libpart.so", 0x70000000, 0x8000);
    uint32_t start = book_frame(book, 0x400100, 0, tool);
    uint32_t run = book_frame(book, 0x400200, start, tool);
    uint32_t read = book_frame(book, 0x70000300, run, part);
    uint32_t nowhere = book_frame(book, 0x1234, run, 0);

    book_family_at(book, small)->flags = LMM_LEDGER_FAMILY_BYTES;
    book_family_at(book, large)->flags = LMM_LEDGER_FAMILY_BYTES;
    book_gauges(book, small, 1, 8192, 5461, 700);
    book_gauges(book, large, 1, 65536, 256, 20000);
    book_stack(book, inner, read);
    book_stack(book, outer, run);
    book_stack(book, big, nowhere);
    book_count(book, 1, bare, 2, 1);
    book_row(book, 1, bare)->allocated_extra = 60;
    book_row(book, 1, bare)->freed_extra = 20;
    book_count(book, 1, inner, 20, 5);
    book_row(book, 1, inner)->allocated_extra = 800;
    book_row(book, 1, inner)->freed_extra = 200;
    book_count(book, 2, outer, 3, 3);
    book_row(book, 2, outer)->allocated_extra = 96;
    book_row(book, 2, outer)->freed_extra = 96;
    book_count(book, 2, big, 1, 0);
    book_row(book, 2, big)->allocated_extra = 10000;
    book_row(book, 1, inner)->smallest_bytes = 33;
    book_row(book, 1, inner)->largest_bytes = 48;
    book_row(book, 1, inner)->foreign_frees = 4;
    *book_temporaries(book, 1, inner) = 2;
    *book_temporaries(book, 2, outer) = 3;
    book_peak(book, 0, inner, 15, 600);
    book_peak(book, 0, big, 1, 10000);
    book_peak(book, 1, inner, 1, 40); /* an earlier one */
    book->header.peak_count = 6;
    book->header.peak_bytes[0] = 10650;
    book->header.peak_time_ns[0] = book->header.start_time_ns + 5000000000u;
}

/* The same a while later: one stack grew, and there is a new one beside it. */
static void stacks_later(struct book *book)
{
    stacks(book);
    uint32_t site = book_site(book, 0, "", 0, "");

    book_stack(book, site, book_frame(book, 0x70000300, 1, 2));
    book_count(book, 1, site, 4, 0);
    book_row(book, 1, site)->allocated_extra = 100;
    book_count(book, 1, 1, 2, 0);
    book_row(book, 1, 1)->allocated_extra += 64;
}

const struct ledger *ledger_named(const char *name)
{
    static const struct ledger ledgers[] = {
        {"ordinary", ordinary}, {"later", later},   {"another", another},
        {"empty", empty},       {"twins", twins},   {"hostile", hostile},
        {"many", many},         {"stacks", stacks}, {"stacks-later", stacks_later},
    };

    for (size_t i = 0; i < sizeof(ledgers) / sizeof(ledgers[0]); i++) {
        if (strcmp(ledgers[i].name, name) == 0) {
            return &ledgers[i];
        }
    }
    fprintf(stderr, "no ledger %s\n", name);
    exit(2);
}
