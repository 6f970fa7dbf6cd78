/* SPDX-License-Identifier: MIT */
#include "lib/stacks/cfi_bytes.h"

#include "lib/ground/panic.h"

/* Bytes of each format; 0 for formats of variable length and for unknown ones. */
static const uint8_t format_bytes[LMM_CFI_ENCODING_FORMAT + 1] = {
    [0x00] = 8, [0x02] = 2, [0x03] = 4, [0x04] = 8, [0x0a] = 2, [0x0b] = 4, [0x0c] = 8,
};

const unsigned char *lmm_cfi_read_block(struct lmm_cfi_reader *reader, uint64_t bytes)
{
    const unsigned char *block = reader->at;

    if (bytes > (uint64_t) (reader->end - block)) {
        reader->has_failed = true;
        return NULL;
    }
    reader->at += bytes;
    return block;
}

uint64_t lmm_cfi_read_unsigned(struct lmm_cfi_reader *reader, unsigned bytes)
{
    const unsigned char *block = lmm_cfi_read_block(reader, bytes);
    uint64_t value = 0;

    LMM_CHECK(bytes <= sizeof(value));
    for (unsigned i = 0; block != NULL && i < bytes; i++) {
        value |= (uint64_t) block[i] << (8 * i);
    }
    return value;
}

static int64_t sign_extended(uint64_t value, unsigned bits)
{
    uint64_t sign = bits == 0 || bits > 64 ? 0 : UINT64_C(1) << (bits - 1);

    return (int64_t) ((value ^ sign) - sign);
}

static uint64_t read_leb(struct lmm_cfi_reader *reader, unsigned *ret_bits)
{
    uint64_t value = 0;
    uint8_t byte;
    unsigned shift = 0;

    do {
        byte = lmm_cfi_read_byte(reader);
        value |= shift < 64 ? (uint64_t) (byte & 0x7f) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    *ret_bits = shift;
    return value;
}

uint64_t lmm_cfi_read_uleb(struct lmm_cfi_reader *reader)
{
    unsigned bits;

    return read_leb(reader, &bits);
}

int64_t lmm_cfi_read_sleb(struct lmm_cfi_reader *reader)
{
    unsigned bits;
    uint64_t value = read_leb(reader, &bits);

    return sign_extended(value, bits);
}

uint64_t lmm_cfi_read_formatted(struct lmm_cfi_reader *reader, uint8_t encoding)
{
    unsigned format = encoding & LMM_CFI_ENCODING_FORMAT;
    unsigned bytes = format_bytes[format];

    if (format == LMM_CFI_ENCODING_ULEB) {
        return lmm_cfi_read_uleb(reader);
    }
    if (format == LMM_CFI_ENCODING_SLEB) {
        return (uint64_t) lmm_cfi_read_sleb(reader);
    }
    if (bytes == 0) {
        reader->has_failed = true;
        return 0;
    }
    uint64_t value = lmm_cfi_read_unsigned(reader, bytes);
    bool is_signed = format > LMM_CFI_ENCODING_SLEB;
    return is_signed ? (uint64_t) sign_extended(value, 8 * bytes) : value;
}

uintptr_t lmm_cfi_read_address(struct lmm_cfi_reader *reader, uint8_t encoding)
{
    uintptr_t position = (uintptr_t) reader->at;
    uintptr_t value = lmm_cfi_read_formatted(reader, encoding);

    switch (encoding & LMM_CFI_ENCODING_BASE) {
    case LMM_CFI_ENCODING_ABSOLUTE: return value;
    case LMM_CFI_ENCODING_PC_RELATIVE: return position + value;
    default: reader->has_failed = true; return 0;
    }
}
