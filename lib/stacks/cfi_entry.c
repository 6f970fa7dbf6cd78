/* SPDX-License-Identifier: MIT */
#include "lib/stacks/cfi_entry.h"

#include <string.h>

/* The header of .eh_frame_hdr and its table: LSB, "The .eh_frame_hdr section". */
enum {
    HDR_VERSION = 1,
    HDR_BYTES_MAX = 4 + 8 + 8,
    TABLE_ENTRY_BYTES = 8, /* a function's start, and its entry in .eh_frame */
};

/* The four-byte number at `at`: an address relative to .eh_frame_hdr. */
static int32_t table_offset(const unsigned char *at)
{
    int32_t offset;

    memcpy(&offset, at, sizeof(offset));
    return offset;
}

static const unsigned char *find_table(const unsigned char *eh_frame_hdr, uint64_t *ret_count)
{
    struct lmm_cfi_reader reader = {.at = eh_frame_hdr, .end = eh_frame_hdr + HDR_BYTES_MAX};
    uint64_t version = lmm_cfi_read_byte(&reader);
    uint8_t section_encoding = lmm_cfi_read_byte(&reader);
    uint8_t count_encoding = lmm_cfi_read_byte(&reader);
    uint64_t table_encoding = lmm_cfi_read_byte(&reader);

    if (version != HDR_VERSION || table_encoding != LMM_CFI_ENCODING_TABLE) {
        return NULL;
    }
    lmm_cfi_read_formatted(&reader, section_encoding);
    *ret_count = lmm_cfi_read_formatted(&reader, count_encoding);
    return reader.has_failed || (count_encoding & LMM_CFI_ENCODING_BASE) != 0 ? NULL : reader.at;
}

/* The FDE of the last function that starts at or before address, and that start; or NULL. */
static const unsigned char *find_fde(const unsigned char *eh_frame_hdr, uintptr_t address,
                                     uintptr_t *ret_start)
{
    uint64_t count = 0;
    const unsigned char *table = find_table(eh_frame_hdr, &count);
    int64_t wanted = (int64_t) (address - (uintptr_t) eh_frame_hdr);

    if (table == NULL || wanted != (int32_t) wanted || count > INT32_MAX) {
        return NULL;
    }
    uint64_t first_after = 0;
    while (first_after < count) {
        uint64_t middle = first_after + (count - first_after) / 2;
        if (table_offset(table + middle * TABLE_ENTRY_BYTES) <= wanted) {
            first_after = middle + 1;
        } else {
            count = middle;
        }
    }
    if (first_after == 0) {
        return NULL;
    }
    const unsigned char *found = table + (first_after - 1) * TABLE_ENTRY_BYTES;
    *ret_start = (uintptr_t) eh_frame_hdr + (uintptr_t) table_offset(found);
    return eh_frame_hdr + table_offset(found + 4);
}

/* Entries: LSB, "Exception Frames". */
enum {
    ENTRY_LENGTH_BYTES = 4,
    ENTRY_ID_BYTES = 4, /* 0: a CIE; else an FDE, whose CIE starts this many bytes before */
    ENTRY_LENGTH_MAX = 0xffffffef, /* above: a length of eight bytes follows; unsupported */
};

/* True and *ret_body, the bytes after the length. False: end of the section, or a 64-bit length. */
static bool open_entry(const unsigned char *at, struct lmm_cfi_reader *ret_body)
{
    struct lmm_cfi_reader length_reader = {.at = at, .end = at + ENTRY_LENGTH_BYTES};
    uint64_t length = lmm_cfi_read_unsigned(&length_reader, ENTRY_LENGTH_BYTES);

    if (length < ENTRY_ID_BYTES || length > ENTRY_LENGTH_MAX) {
        return false;
    }
    *ret_body = (struct lmm_cfi_reader) {.at = length_reader.at, .end = length_reader.at + length};
    return true;
}

static void skip_encoded(struct lmm_cfi_reader *reader)
{
    uint8_t encoding = lmm_cfi_read_byte(reader);

    lmm_cfi_read_formatted(reader, encoding);
}

/* Reads the data of the letters up to the first unknown one; the length leads past the rest. */
static void read_augmentation(struct lmm_cfi_reader *body, const unsigned char *letters,
                              struct lmm_cfi_entry *entry)
{
    uint64_t bytes = lmm_cfi_read_uleb(body);
    const unsigned char *data_at = lmm_cfi_read_block(body, bytes);
    struct lmm_cfi_reader data = {.at = data_at, .end = body->at};
    bool is_known = data_at != NULL;

    entry->has_lengths = true;
    for (; is_known && *letters != '\0'; letters++) {
        switch (*letters) {
        case 'R': entry->address_encoding = lmm_cfi_read_byte(&data); break;
        case 'P': skip_encoded(&data); break;
        case 'L': lmm_cfi_read_byte(&data); break;
        case 'S': entry->is_signal = true; break;
        case 'B': /* AArch64: return addresses are signed with another key, */
        case 'G': /* and the stack has tags */ break;
        default: is_known = false; break;
        }
    }
    body->has_failed |= data.has_failed;
}

/* Returns the text at the start of the body, and skips it and its NUL. */
static const unsigned char *read_text(struct lmm_cfi_reader *body)
{
    const unsigned char *text = body->at;

    while (lmm_cfi_read_byte(body) != '\0') {
    }
    return body->has_failed ? (const unsigned char *) "" : text;
}

static bool read_cie(const unsigned char *at, struct lmm_cfi_entry *entry)
{
    struct lmm_cfi_reader body;

    if (!open_entry(at, &body) || lmm_cfi_read_unsigned(&body, ENTRY_ID_BYTES) != 0) {
        return false;
    }
    uint8_t version = lmm_cfi_read_byte(&body);
    const unsigned char *letters = read_text(&body);
    entry->code_factor = lmm_cfi_read_uleb(&body);
    entry->data_factor = lmm_cfi_read_sleb(&body);
    entry->return_address = version == 1 ? lmm_cfi_read_byte(&body) : lmm_cfi_read_uleb(&body);
    entry->address_encoding = LMM_CFI_ENCODING_ABSOLUTE;
    entry->has_lengths = false;
    entry->is_signal = false;
    if (*letters == 'z') {
        read_augmentation(&body, letters + 1, entry);
    } else if (*letters != '\0') {
        return false;
    }
    entry->shared_program = body;
    return !body.has_failed && (version == 1 || version == 3);
}

static bool read_fde(const unsigned char *at, struct lmm_cfi_entry *entry)
{
    struct lmm_cfi_reader body;

    if (!open_entry(at, &body)) {
        return false;
    }
    const unsigned char *id_at = body.at;
    uint64_t cie_distance = lmm_cfi_read_unsigned(&body, ENTRY_ID_BYTES);
    if (cie_distance == 0 || !read_cie(id_at - cie_distance, entry)) {
        return false;
    }
    entry->start = lmm_cfi_read_address(&body, entry->address_encoding);
    entry->bytes = lmm_cfi_read_formatted(&body, entry->address_encoding);
    if (entry->has_lengths) {
        uint64_t passed_bytes = lmm_cfi_read_uleb(&body);
        lmm_cfi_read_block(&body, passed_bytes);
    }
    entry->program = body;
    return !body.has_failed;
}

bool lmm_cfi_entry_find(const unsigned char *eh_frame_hdr, uintptr_t address,
                        struct lmm_cfi_entry *ret_entry)
{
    uintptr_t start = 0;
    const unsigned char *fde = find_fde(eh_frame_hdr, address, &start);
    struct lmm_cfi_entry entry;

    if (fde == NULL || !read_fde(fde, &entry) || entry.start != start ||
        address - start >= entry.bytes) {
        return false;
    }
    *ret_entry = entry;
    return true;
}
