/* SPDX-License-Identifier: MIT */
/* The result is stored in an element of an array. */
#include <stdlib.h>

#include "keep.h"

struct cell {
    int row, column;
    double value;
};

struct sheet {
    struct cell **cells;
    size_t count;
    struct cell *fixed[4];
};

NOT_INLINED static void fill(struct cell **cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cells[i] = malloc(number(16)); /* type: struct cell */
        cells[i]->row = (int) i;
    }
}

NOT_INLINED static void fill_sheet(struct sheet *sheet, size_t i)
{
    sheet->cells[i] = malloc(sizeof(struct cell)); /* type: struct cell */
    sheet->fixed[i] = malloc(number(16));          /* type: struct cell */
    sheet->fixed[3] = malloc(number(16));          /* type: struct cell */
}

int main(void)
{
    struct sheet sheet = {.count = 5};
    struct cell *local[3];

    sheet.cells = malloc(5 * sizeof(struct cell *)); /* type: struct cell *[] */
    fill(sheet.cells, 5);
    fill(local, 3);
    fill_sheet(&sheet, 2);
    for (int i = 0; i < 3; i++) {
        local[i] = malloc(number(16)); /* type: struct cell */
    }
    keep(local);
    keep(&sheet);
    return 0;
}
