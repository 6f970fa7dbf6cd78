/* SPDX-License-Identifier: MIT */
#include "lib/ground/map_line.h"

#include <string.h>

/* Reads a number in lower-case hexadecimal digits, as the kernel writes it. Moves *at past it; false
 * when there is none, or it does not fit. */
static bool read_hex(const char **at, const char *end, uint64_t *ret_value)
{
    const char *start = *at;
    uint64_t value = 0;

    for (; *at < end; ++*at) {
        char c = **at;
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) {
            break;
        }
        if (value >> 60 != 0) {
            return false;
        }
        value = value << 4 | (uint64_t) (is_digit ? c - '0' : c - 'a' + 10);
    }
    *ret_value = value;
    return *at > start;
}

static uint64_t read_decimal(const char **at, const char *end)
{
    uint64_t value = 0;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        value = 10 * value + (uint64_t) (**at - '0');
    }
    return value;
}

static bool skip(const char **at, const char *end, char c)
{
    bool found = *at < end && **at == c;

    *at += found;
    return found;
}

/* Moves *at past what is left of the word there, and the blanks after it. */
static void skip_word(const char **at, const char *end)
{
    while (*at < end && **at != ' ') {
        ++*at;
    }
    while (*at < end && **at == ' ') {
        ++*at;
    }
}

bool lmm_map_line_parse(const char *at, const char *end, struct lmm_map_line *ret_line)
{
    uint64_t from;
    uint64_t to;
    uint64_t major = 0;
    uint64_t minor = 0;

    if (!read_hex(&at, end, &from) || !skip(&at, end, '-') || !read_hex(&at, end, &to) ||
        !skip(&at, end, ' ') || end - at < 5 || at[4] != ' ') {
        return false;
    }
    *ret_line = (struct lmm_map_line) {.from = from, .to = to};
    memcpy(ret_line->access, at, sizeof(ret_line->access));
    skip_word(&at, end);
    if (!read_hex(&at, end, &ret_line->offset)) {
        ret_line->offset = 0;
    }
    skip_word(&at, end);
    if (read_hex(&at, end, &major) && skip(&at, end, ':') && read_hex(&at, end, &minor)) {
        ret_line->device = major << 32 | minor;
    }
    skip_word(&at, end);
    ret_line->inode = read_decimal(&at, end);
    skip_word(&at, end);
    ret_line->name = at;
    ret_line->name_length = (size_t) (end - at);
    return true;
}
