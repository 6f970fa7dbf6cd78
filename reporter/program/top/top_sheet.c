/* SPDX-License-Identifier: MIT */
#include "reporter/program/top/top_sheet.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "reporter/program/base/clock.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    BYTES_PER_COLUMN = 8,  /* room for a character and some combining marks */
    NAME_BYTES_MAX = 2048, /* of a name that are printed: more than fit in a line */
    ESCAPED_BYTES_MAX = 4 * NAME_BYTES_MAX + 1,
};

/* ---- The sheet ------------------------------------------------------------------------------- */

void lmm_top_sheet_close(struct lmm_top_sheet *sheet)
{
    for (size_t i = 0; sheet->line != NULL && i < sheet->rows; i++) {
        free(sheet->line[i].text);
    }
    free(sheet->line);
    sheet->line = NULL;
}

bool lmm_top_sheet_open(struct lmm_top_sheet *sheet, size_t rows, size_t columns, bool utf8)
{
    bool complete;

    *sheet = (struct lmm_top_sheet) {.rows = rows, .columns = columns, .utf8 = utf8};
    sheet->line = calloc(rows, sizeof(*sheet->line));
    complete = sheet->line != NULL;
    for (size_t i = 0; complete && i < rows; i++) {
        sheet->line[i].text = calloc(columns + 1, BYTES_PER_COLUMN);
        complete = sheet->line[i].text != NULL;
    }
    if (!complete) {
        lmm_top_sheet_close(sheet);
    }
    return complete;
}

bool lmm_top_line_begin(struct lmm_top_sheet *sheet, enum lmm_top_style style)
{
    struct lmm_top_line *line;

    if (sheet->used == sheet->rows) {
        return false;
    }
    line = &sheet->line[sheet->used++];
    line->style = style;
    return true;
}

/* ---- Characters ------------------------------------------------------------------------------ */

/* Appends one printable character if it fits. */
static void put_character(struct lmm_top_sheet *sheet, const char *bytes, size_t length,
                          size_t columns)
{
    struct lmm_top_line *line = &sheet->line[sheet->used - 1];

    assert(sheet->used > 0); /* a line was begun */
    if (line->columns + columns > sheet->columns ||
        line->bytes + length > sheet->columns * BYTES_PER_COLUMN) {
        return;
    }
    memcpy(line->text + line->bytes, bytes, length);
    line->bytes += length;
    line->text[line->bytes] = '\0';
    line->columns += columns;
    assert(line->columns <= sheet->columns && line->bytes <= sheet->columns * BYTES_PER_COLUMN);
}

/* Returns the columns that a character takes, or -1 when it must not be shown. */
static int width_of(uint32_t character, bool utf8)
{
    if (character < 0x80) {
        return character >= 0x20 && character != 0x7f ? 1 : -1;
    }
    return utf8 ? wcwidth((wchar_t) character) : -1;
}

/* Appends each character of text to the sheet, which may be NULL. Returns the columns of text. */
static size_t each_character(struct lmm_top_sheet *sheet, bool utf8, const char *text, size_t bytes)
{
    size_t columns = 0;

    for (size_t i = 0; i < bytes;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(text + i, bytes - i, &character);
        int width = width_of(character, utf8);
        bool shown = length > 0 && width >= 0;

        columns += shown ? (size_t) width : 1;
        if (sheet != NULL && shown) {
            put_character(sheet, text + i, length, (size_t) width);
        } else if (sheet != NULL) {
            put_character(sheet, "?", 1, 1);
        }
        i += length > 0 ? length : 1;
    }
    return columns;
}

struct escaped {
    size_t bytes;
    char text[ESCAPED_BYTES_MAX];
};

static int keep(void *context, const char *data, size_t bytes)
{
    struct escaped *escaped = context;
    size_t room = sizeof(escaped->text) - escaped->bytes;

    bytes = bytes < room ? bytes : room;
    memcpy(escaped->text + escaped->bytes, data, bytes);
    escaped->bytes += bytes;
    return 0;
}

static void escape(struct lmm_string string, struct escaped *ret_escaped)
{
    struct lmm_sink sink;

    string.bytes = string.bytes < NAME_BYTES_MAX ? string.bytes : NAME_BYTES_MAX;
    ret_escaped->bytes = 0;
    lmm_sink_init(&sink, keep, ret_escaped);
    lmm_put_string(&sink, string);
    lmm_sink_flush(&sink);
}

/* ---- Text ------------------------------------------------------------------------------------ */

void lmm_top_put(struct lmm_top_sheet *sheet, const char *text)
{
    each_character(sheet, sheet->utf8, text, strlen(text));
}

void lmm_top_put_string(struct lmm_top_sheet *sheet, struct lmm_string string)
{
    struct escaped escaped;

    escape(string, &escaped);
    each_character(sheet, sheet->utf8, escaped.text, escaped.bytes);
}

size_t lmm_top_string_columns(const struct lmm_top_sheet *sheet, struct lmm_string string)
{
    struct escaped escaped;

    escape(string, &escaped);
    return each_character(NULL, sheet->utf8, escaped.text, escaped.bytes);
}

void lmm_top_printf(struct lmm_top_sheet *sheet, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    lmm_top_put(sheet, text);
}

void lmm_top_pad_to(struct lmm_top_sheet *sheet, size_t columns)
{
    const struct lmm_top_line *line = &sheet->line[sheet->used - 1];

    columns = columns < sheet->columns ? columns : sheet->columns;
    while (line->columns < columns) {
        put_character(sheet, " ", 1, 1);
    }
}

void lmm_top_put_right(struct lmm_top_sheet *sheet, const char *text, size_t width)
{
    size_t columns = each_character(NULL, sheet->utf8, text, strlen(text));

    if (columns < width) {
        lmm_top_pad_to(sheet, sheet->line[sheet->used - 1].columns + width - columns);
    }
    lmm_top_put(sheet, text);
}

/* ---- Sparkline ------------------------------------------------------------------------------- */

/* Returns value as a level from 0 to 8; only 0 is level 0. */
static size_t level_of(uint64_t value, uint64_t largest)
{
    if (value == 0) {
        return 0;
    }
    while (largest > UINT64_MAX / 16) {
        largest >>= 1;
        value >>= 1;
    }
    return value == 0 ? 1 : (size_t) ((value * 8 + largest - 1) / largest);
}

void lmm_top_put_sparkline(struct lmm_top_sheet *sheet, const uint64_t *samples, size_t count,
                           size_t width)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
    uint64_t largest = 0;

    for (size_t i = 0; i < count; i++) {
        largest = samples[i] > largest ? samples[i] : largest;
    }
    if (count > width) {
        samples += count - width;
        count = width;
    }
    lmm_top_pad_to(sheet, sheet->line[sheet->used - 1].columns + width - count);
    for (size_t i = 0; i < count; i++) {
        size_t level = level_of(samples[i], largest);

        assert(level < sizeof(blocks) / sizeof(blocks[0]));
        const char *mark = sheet->utf8 ? blocks[level] : ascii[level];

        put_character(sheet, mark, strlen(mark), 1);
    }
}

/* ---- Figures --------------------------------------------------------------------------------- */

/* Writes value, or value in the largest unit in which it is at least 1, with one decimal and the
 * unit's letter. */
static void write_scaled(char *cell, uint64_t value, uint64_t step, uint64_t whole_below,
                         const char *sign)
{
    static const char letters[] = "KMGTPE";
    uint64_t unit = step;
    size_t letter = 0;

    if (value < whole_below) {
        snprintf(cell, LMM_TOP_CELL_BYTES, "%s%" PRIu64, sign, value);
        return;
    }
    while (value / step >= unit && letter + 2 < sizeof(letters)) {
        unit *= step;
        letter++;
    }
    snprintf(cell, LMM_TOP_CELL_BYTES, "%s%" PRIu64 ".%" PRIu64 "%c", sign, value / unit,
             value % unit * 10 / unit, letters[letter]);
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? -(uint64_t) value : (uint64_t) value;
}

static const char *sign_of(int64_t value, bool difference)
{
    return value < 0 ? "-" : difference && value > 0 ? "+" : "";
}

void lmm_top_write_bytes(char *cell, int64_t bytes, bool difference)
{
    write_scaled(cell, magnitude(bytes), 1024, 1024, sign_of(bytes, difference));
}

void lmm_top_write_count(char *cell, int64_t count, bool difference)
{
    write_scaled(cell, magnitude(count), 1000, 10000000, sign_of(count, difference));
}

void lmm_top_write_permille(char *cell, int64_t permille, bool difference)
{
    uint64_t value = magnitude(permille);

    snprintf(cell, LMM_TOP_CELL_BYTES, "%s%" PRIu64 ".%" PRIu64 "%%", sign_of(permille, difference),
             value / 10, value % 10);
}

void lmm_top_write_duration(char *cell, uint64_t duration_ns)
{
    uint64_t seconds = duration_ns / LMM_NS_PER_SECOND;

    snprintf(cell, LMM_TOP_CELL_BYTES, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
             seconds / 60 % 60, seconds % 60);
}
