/* SPDX-License-Identifier: MIT */
/* entry_writer: code that is written for an island or an entry (entry.h). Owns nothing. */
#ifndef LMM_PROGRAM_ENTRY_WRITER_H
#define LMM_PROGRAM_ENTRY_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "reporter/program/attach/entry.h"

struct lmm_entry_writer {
    unsigned char *bytes;
    size_t used;
    uint64_t address; /* of bytes[0] */
    bool is_short;    /* it had no room, or a target is too far */
};

static inline void lmm_entry_put(struct lmm_entry_writer *writer, const void *bytes, size_t count)
{
    if (writer->used + count > (size_t) LMM_ENTRY_ISLAND_BYTES) {
        writer->is_short = true;
        return;
    }
    memcpy(writer->bytes + writer->used, bytes, count);
    writer->used += count;
}

#endif
