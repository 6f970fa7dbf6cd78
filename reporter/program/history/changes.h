/* SPDX-License-Identifier: MIT */
/*
 * changes: lists of numbers that changed, a few bytes for each: the site, as the difference to the
 * one before, and by how much, as variable-length integers of seven bits a byte. A list is bytes
 * alone; the sites in it ascend, and no change is 0. Stateless.
 *
 * Not responsible for memory: the callers have the room that the constants and contracts say.
 */
#ifndef LMM_PROGRAM_CHANGES_H
#define LMM_PROGRAM_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMM_CHANGE_BYTES_MAX = 15, /* of one change */
};

struct lmm_change {
    uint32_t site;
    int64_t by; /* not 0 */
};

/* A list that is read. */
struct lmm_changes {
    const unsigned char *at;
    const unsigned char *end;
    uint64_t next; /* the lowest site that may come */
};

/* A list that is written: at, where the next change goes, and the lowest site that may come. */
struct lmm_changes_writer {
    unsigned char *at;
    uint64_t next;
};

/* Returns a reader of `bytes` bytes, which were written by lmm_changes_put() alone. */
static inline struct lmm_changes lmm_changes_of(const unsigned char *list, size_t bytes)
{
    return (struct lmm_changes) {list, list + bytes, 0};
}

/* Sets *ret_change to the next change; false: there is none, or the list is damaged. */
bool lmm_changes_next(struct lmm_changes *list, struct lmm_change *ret_change);

/* Adds a change, whose site is above all that were added; one by 0 is left out. The writer has room
 * for LMM_CHANGE_BYTES_MAX bytes. */
void lmm_changes_put(struct lmm_changes_writer *writer, struct lmm_change change);

/* Adds up two lists: `first`, then `second`. Writes at most as many bytes as both have together to
 * `to`, which may overlap neither, and returns how many. */
size_t lmm_changes_merge(struct lmm_changes first, struct lmm_changes second, unsigned char *to);

#endif
