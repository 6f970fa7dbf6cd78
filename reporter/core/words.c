/* SPDX-License-Identifier: MIT */
#include "reporter/core/words.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reporter/core/sink.h"

const char *lmm_plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

char *lmm_write_count(char *cell, uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, value);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *cell++ = ',';
        }
        *cell++ = digits[i];
    }
    *cell = '\0';
    return cell;
}

void lmm_write_change(char *cell, int64_t value)
{
    if (value != 0) {
        *cell++ = value < 0 ? '-' : '+';
    }
    lmm_write_count(cell, value < 0 ? -(uint64_t) value : (uint64_t) value);
}

/* Returns bytes in tenths of the unit, rounded to the nearest; no step overflows. */
static uint64_t tenths(uint64_t bytes, uint64_t unit)
{
    return bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
}

char *lmm_write_size(char *cell, uint64_t bytes)
{
    static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    uint64_t unit = 1024;
    size_t name = 0;

    if (bytes < unit) {
        return cell + snprintf(cell, LMM_CELL_BYTES, "%" PRIu64 " B", bytes);
    }
    while (name + 1 < sizeof(names) / sizeof(names[0]) && tenths(bytes, unit) >= 10240) {
        unit *= 1024;
        name++;
    }
    return cell + snprintf(cell, LMM_CELL_BYTES, "%" PRIu64 ".%" PRIu64 " %s",
                           tenths(bytes, unit) / 10, tenths(bytes, unit) % 10, names[name]);
}

void lmm_write_bytes(char *cell, uint64_t bytes)
{
    cell = lmm_write_size(cell, bytes);
    if (bytes >= 1024) {
        memcpy(cell, " (", sizeof(" ("));
        cell = lmm_write_count(cell + strlen(" ("), bytes);
        memcpy(cell, ")", sizeof(")"));
    }
}

void lmm_write_share(char *cell, uint32_t permille, uint64_t whole)
{
    if (whole == 0) {
        memcpy(cell, "-", sizeof("-"));
        return;
    }
    snprintf(cell, LMM_CELL_BYTES, "%" PRIu32 ".%" PRIu32 "%%", permille / 10, permille % 10);
}

void lmm_put_bytes(struct lmm_sink *sink, uint64_t bytes)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_bytes(cell, bytes);
    lmm_sink_puts(sink, cell);
}

void lmm_put_count(struct lmm_sink *sink, uint64_t count, const char *one, const char *many)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, count);
    lmm_sink_printf(sink, "%s %s", cell, lmm_plural(count, one, many));
}

size_t lmm_put_string(struct lmm_sink *sink, struct lmm_string string)
{
    size_t columns = 0;

    for (size_t i = 0; i < string.bytes;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(string.text + i, string.bytes - i, &character);
        bool escaped = length == 0 || lmm_utf8_steers(character);
        size_t bytes = length == 0 ? 1 : length;

        for (size_t k = 0; sink != NULL && k < bytes; k++) {
            if (escaped) {
                lmm_sink_printf(sink, "\\x%02x", (unsigned) (unsigned char) string.text[i + k]);
            } else {
                lmm_sink_write(sink, string.text + i + k, 1);
            }
        }
        if (character == '\\' && sink != NULL) {
            lmm_sink_write(sink, "\\", 1);
        }
        columns += escaped ? 4 * bytes : (size_t) 1 + (character == '\\');
        i += bytes;
    }
    return columns;
}

/* Prints "outer (inner)". */
static size_t put_pair(struct lmm_sink *sink, struct lmm_string outer, struct lmm_string inner)
{
    size_t columns = lmm_put_string(sink, outer);

    columns += lmm_put_string(sink, lmm_string_of(" ("));
    columns += lmm_put_string(sink, inner);
    return columns + lmm_put_string(sink, lmm_string_of(")"));
}

size_t lmm_put_place(struct lmm_sink *sink, struct lmm_string file, uint32_t line,
                     struct lmm_string function)
{
    char number[16] = "";
    size_t columns;

    if (line == 0 && file.bytes > 0 && function.bytes > 0) {
        return put_pair(sink, function, file);
    }
    columns = lmm_put_string(sink, file.bytes > 0 ? file : lmm_string_of("(unknown)"));
    if (line == 0) {
        return columns;
    }
    snprintf(number, sizeof(number), ":%" PRIu32, line);
    if (function.bytes > 0) {
        return columns + put_pair(sink, lmm_string_of(number), function);
    }
    return columns + lmm_put_string(sink, lmm_string_of(number));
}

size_t lmm_put_id(struct lmm_sink *sink, uint32_t id)
{
    char text[16];
    int columns = snprintf(text, sizeof(text), "  #%" PRIu32, id);

    if (sink != NULL) {
        lmm_sink_puts(sink, text);
    }
    return (size_t) columns;
}
