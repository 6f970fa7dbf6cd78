/* SPDX-License-Identifier: MIT */
/*
 * ranges: what the process has mapped, as /proc/thread-self/maps and smaps tell it.
 *
 * A list of ranges lives in memory of its own, from lmm_meta_map(), until lmm_ranges_free(). The
 * kernel's text is read in pieces by raw system calls, and only the start of each line counts; so
 * long or hostile names of files do no harm. Async-signal-safe, takes no lock.
 *
 * Invariants (checked by lmm_ranges_are_valid(), tests/unit/lib/test_ranges.c):
 *   I1  ranges ascend, are not empty, and do not overlap, even where another thread maps and unmaps
 *       memory while the text is read
 *   I2  a range from smaps has the kernel's marks (LMM_RANGE_NO_FORK and those after it); one from
 *       maps has none of them
 * Not responsible for: what is a root (roots).
 */
#ifndef LMM_RANGES_H
#define LMM_RANGES_H

#include "lib/ground/base.h"

enum {
    LMM_RANGE_READ = 1 << 0,
    LMM_RANGE_WRITE = 1 << 1,
    LMM_RANGE_EXECUTE = 1 << 2,
    LMM_RANGE_SHARED = 1 << 3,
    LMM_RANGE_FILE = 1 << 4, /* of a file; also shared memory without a name */
    LMM_RANGE_DEVICE =
        1 << 5, /* of a device, or of an object that is no file: reading may do something */
    LMM_RANGE_STACK = 1 << 6,  /* the main thread's */
    LMM_RANGE_KERNEL = 1 << 7, /* [vvar] and similar */
    /* Marks that only smaps has. */
    LMM_RANGE_NO_FORK = 1 << 8,    /* a child process does not have it (MADV_DONTFORK) */
    LMM_RANGE_WIPED = 1 << 9,      /* a child process finds it zeroed (MADV_WIPEONFORK) */
    LMM_RANGE_USERFAULT = 1 << 10, /* reading may wait for another thread (userfaultfd) */
    LMM_RANGE_IO = 1 << 11,        /* a device's memory, whatever its name says */
};

#define LMM_RANGE_MARKS (LMM_RANGE_NO_FORK | LMM_RANGE_WIPED | LMM_RANGE_USERFAULT | LMM_RANGE_IO)

struct lmm_range {
    uintptr_t from;
    uintptr_t to; /* past the last byte */
    uint32_t flags;
};

struct lmm_ranges {
    struct lmm_range *list; /* NULL while there is none */
    size_t count;
    size_t capacity;
    void *buffer; /* used while they were read; it is among them, so it is kept as long; or NULL */
};

/* The start of a line, which may come in several pieces. Zeroed at first. */
enum { LMM_RANGES_LINE_MAX = 256 };
struct lmm_ranges_reader {
    char line[LMM_RANGES_LINE_MAX];
    size_t length; /* of the line so far; what is past LMM_RANGES_LINE_MAX is not kept */
};

/*
 * Reads all ranges of the process, with the kernel's marks or without; with them it takes longer,
 * because the kernel then walks all page tables. Returns 0, or -errno: the file cannot be opened or
 * read, or -ENOMEM; then *ranges is empty. Of a file that ends early, what was read stays. Nothing that
 * is in the list is unmapped by this function: memory mapped later lies in no range.
 */
int lmm_ranges_read(struct lmm_ranges *ranges, bool with_marks);

/* Takes the next piece of the text of maps or smaps; -ENOMEM or 0. */
int lmm_ranges_parse(struct lmm_ranges *ranges, struct lmm_ranges_reader *reader, const char *text,
                     size_t bytes);

/* Gives the list's memory back; *ranges is empty then. */
void lmm_ranges_free(struct lmm_ranges *ranges);

/* Adds a range after all others; one that overlaps the last is cut, and dropped if nothing is left.
 * -ENOMEM or 0. */
int lmm_ranges_add(struct lmm_ranges *ranges, const struct lmm_range *range);

/* The range that holds address, or NULL. O(log ranges). */
const struct lmm_range *lmm_ranges_find(const struct lmm_ranges *ranges, uintptr_t address);

/* Whether any range has one of the flags. */
bool lmm_ranges_have(const struct lmm_ranges *ranges, uint32_t flags);

/* Checks I1. */
bool lmm_ranges_are_valid(const struct lmm_ranges *ranges);

#endif
