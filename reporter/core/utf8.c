/* SPDX-License-Identifier: MIT */
#include "reporter/core/utf8.h"

#include <string.h>

struct lmm_string lmm_string_of(const char *text)
{
    return (struct lmm_string) {text, strlen(text)};
}

/* Returns the length that a sequence's first byte announces, and sets *ret_bits to its bits of the
 * character. */
static size_t lead(unsigned char byte, uint32_t *ret_bits)
{
    static const unsigned char masks[] = {0x80, 0xe0, 0xf0, 0xf8};
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};

    for (size_t i = 0; i < sizeof(masks); i++) {
        if ((byte & masks[i]) == leads[i]) {
            *ret_bits = (uint32_t) (byte & ~masks[i]);
            return i + 1;
        }
    }
    return 0;
}

size_t lmm_utf8_decode(const char *text, size_t bytes, uint32_t *ret_character)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t character = 0;
    size_t length = lead((unsigned char) text[0], &character);

    if (length == 0 || length > bytes) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = (unsigned char) text[i];

        if ((byte & 0xc0) != 0x80) {
            return 0;
        }
        character = character << 6 | (byte & 0x3fu);
    }
    if (character < smallest[length] || character > 0x10ffff ||
        (character >= 0xd800 && character <= 0xdfff)) {
        return 0;
    }
    *ret_character = character;
    return length;
}

bool lmm_utf8_steers(uint32_t character)
{
    uint32_t c = character;

    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}
