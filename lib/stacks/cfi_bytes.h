/* SPDX-License-Identifier: MIT */
/*
 * cfi_bytes: reads numbers and addresses as unwind tables encode them.
 *
 * Owns nothing. A reader is a range of bytes that are read from front to back. A read past the end
 * gives 0 and sets has_failed; so a caller may check it once, after several reads. No calls, no
 * memory. Sources: DWARF 5, section 7.6; Linux Standard Base 5.0, "DWARF Exception Header
 * Encoding".
 */
#ifndef LMM_CFI_BYTES_H
#define LMM_CFI_BYTES_H

#include "lib/ground/base.h"

/* How a number is encoded, and, in the high half, what it is relative to. */
enum {
    LMM_CFI_ENCODING_ABSOLUTE = 0x00,
    LMM_CFI_ENCODING_ULEB = 0x01,
    LMM_CFI_ENCODING_SLEB = 0x09, /* this format and those after it are signed */
    LMM_CFI_ENCODING_FORMAT = 0x0f,
    LMM_CFI_ENCODING_PC_RELATIVE = 0x10,
    LMM_CFI_ENCODING_BASE = 0xf0,
    LMM_CFI_ENCODING_TABLE = 0x3b, /* relative to .eh_frame_hdr, four bytes, signed */
};

struct lmm_cfi_reader {
    const unsigned char *at;
    const unsigned char *end;
    bool has_failed;
};

/* The next byte. */
static inline uint8_t lmm_cfi_read_byte(struct lmm_cfi_reader *reader)
{
    if (reader->at == reader->end) {
        reader->has_failed = true;
        return 0;
    }
    return *reader->at++;
}

/* Skips bytes. Returns where they start, or NULL when there are fewer. */
const unsigned char *lmm_cfi_read_block(struct lmm_cfi_reader *reader, uint64_t bytes);

/* A number of that many bytes (at most 8), little-endian. */
uint64_t lmm_cfi_read_unsigned(struct lmm_cfi_reader *reader, unsigned bytes);

/* A number in LEB128; bits beyond the 64th are dropped. */
uint64_t lmm_cfi_read_uleb(struct lmm_cfi_reader *reader);
int64_t lmm_cfi_read_sleb(struct lmm_cfi_reader *reader);

/* A number in the encoding's format; what it is relative to is ignored. */
uint64_t lmm_cfi_read_formatted(struct lmm_cfi_reader *reader, uint8_t encoding);

/* An address: absolute, or relative to its own place. Fails for the other kinds. */
uintptr_t lmm_cfi_read_address(struct lmm_cfi_reader *reader, uint8_t encoding);

#endif
