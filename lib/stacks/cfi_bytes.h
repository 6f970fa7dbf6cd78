/* SPDX-License-Identifier: MIT */
/*
 * cfi_bytes: numbers and addresses as unwind tables write them.
 *
 * Owns nothing. A reader is a range of bytes that are read front to back. What is not there reads
 * as 0, and from then on has_failed; so a caller may look once, behind several reads. No calls, no
 * memory. Sources: DWARF 5, section 7.6; Linux Standard Base 5.0, "DWARF Exception Header
 * Encoding".
 */
#ifndef LMM_CFI_BYTES_H
#define LMM_CFI_BYTES_H

#include "lib/ground/base.h"

/* How a number is written, and, in the high half, what it is relative to. */
enum {
    LMM_CFI_ENCODING_ABSOLUTE = 0x00,
    LMM_CFI_ENCODING_ULEB = 0x01,
    LMM_CFI_ENCODING_SLEB = 0x09, /* this and what follows it is signed */
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

/* Passes over bytes; returns where they are, or NULL. */
const unsigned char *lmm_cfi_read_block(struct lmm_cfi_reader *reader, uint64_t bytes);

/* A number of that many bytes, 8 at most, the lowest first. */
uint64_t lmm_cfi_read_unsigned(struct lmm_cfi_reader *reader, unsigned bytes);

/* A number in LEB128, of which the bits past the 64th are dropped. */
uint64_t lmm_cfi_read_uleb(struct lmm_cfi_reader *reader);
int64_t lmm_cfi_read_sleb(struct lmm_cfi_reader *reader);

/* A number in the encoding's format, whatever it is relative to. */
uint64_t lmm_cfi_read_formatted(struct lmm_cfi_reader *reader, uint8_t encoding);

/* An address; of what it can be relative to, only where it stands itself is known. */
uintptr_t lmm_cfi_read_address(struct lmm_cfi_reader *reader, uint8_t encoding);

#endif
