/* SPDX-License-Identifier: MIT */
#include "lib/ground/short_text.h"

#include <string.h>

enum { DIGITS_MAX = 20 };

struct lmm_short_text lmm_short_text_begin(char *buffer, size_t bytes)
{
    buffer[0] = '\0';
    return (struct lmm_short_text) {.buffer = buffer, .bytes = bytes};
}

void lmm_short_text_put(struct lmm_short_text *text, const char *more)
{
    size_t length = strlen(more);

    if (lmm_short_text_is_whole(text)) {
        size_t room = text->bytes - text->length - 1;
        size_t copied = length < room ? length : room;
        memcpy(text->buffer + text->length, more, copied);
        text->buffer[text->length + copied] = '\0';
    }
    text->length += length;
}

void lmm_short_text_put_number(struct lmm_short_text *text, uint64_t number)
{
    char digits[DIGITS_MAX + 1];
    size_t at = DIGITS_MAX;

    digits[at] = '\0';
    do {
        digits[--at] = (char) ('0' + number % 10);
        number /= 10;
    } while (number != 0);
    lmm_short_text_put(text, digits + at);
}

size_t lmm_short_text_join(char *buffer, size_t bytes, const char *const *parts)
{
    struct lmm_short_text text = lmm_short_text_begin(buffer, bytes);

    for (; *parts != NULL; parts++) {
        lmm_short_text_put(&text, *parts);
    }
    return text.length;
}

uint64_t lmm_short_text_number(const char *text)
{
    uint64_t number = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint64_t) (*text - '0');
    }
    return number;
}
