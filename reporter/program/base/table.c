/* SPDX-License-Identifier: MIT */
/* table: see table.h for the contract. */
#include "reporter/program/base/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/words.h"

struct lmm_table {
    struct libscols_table *cells;
    struct libscols_line *line; /* the last one; the table owns it */
    bool failed;
};

struct lmm_table *lmm_table_new(const struct lmm_table_column *columns, size_t count)
{
    struct lmm_table *table = calloc(1, sizeof(*table));

    if (table == NULL) {
        return NULL;
    }
    table->cells = scols_new_table();
    table->failed = table->cells == NULL || scols_table_enable_noencoding(table->cells, 1) != 0;
    for (size_t i = 0; i < count && !table->failed; i++) {
        int flags = columns[i].right ? SCOLS_FL_RIGHT : 0;

        table->failed = scols_table_new_column(table->cells, columns[i].heading, 0, flags) == NULL;
    }
    return table;
}

void lmm_table_line(struct lmm_table *table)
{
    if (table->failed) {
        return;
    }
    table->line = scols_table_new_line(table->cells, NULL);
    table->failed = table->line == NULL;
}

void lmm_table_text(struct lmm_table *table, size_t column, char *text)
{
    table->failed =
        table->failed || text == NULL || scols_line_set_data(table->line, column, text) != 0;
    free(text);
}

void lmm_table_count(struct lmm_table *table, size_t column, uint64_t value)
{
    char cell[LMM_CELL_BYTES];

    lmm_write_count(cell, value);
    lmm_table_text(table, column, strdup(cell));
}

void lmm_table_signed(struct lmm_table *table, size_t column, int64_t value)
{
    char cell[LMM_CELL_BYTES];
    uint64_t amount = value < 0 ? -(uint64_t) value : (uint64_t) value;

    cell[0] = value < 0 ? '-' : '+';
    lmm_write_count(value == 0 ? cell : cell + 1, amount);
    lmm_table_text(table, column, strdup(cell));
}

int lmm_table_print(struct lmm_table *table, FILE *out)
{
    int error = -ENOMEM;

    if (table == NULL) {
        return error;
    }
    if (!table->failed) {
        scols_table_set_stream(table->cells, out);
        if (out != stdout) {
            scols_table_set_termforce(table->cells, SCOLS_TERMFORCE_NEVER);
        }
        error = scols_print_table(table->cells) == -ENOMEM ? -ENOMEM : 0;
    }
    scols_unref_table(table->cells);
    free(table);
    return error;
}
