/* SPDX-License-Identifier: MIT */
/* Pointers to pointers to numbers. */
#include <stdlib.h>

#include "keep.h"

struct matrix {
    size_t rows, columns;
    double **cells;
    double *flat;
};

NOT_INLINED static struct matrix *new_matrix(size_t rows, size_t columns)
{
    struct matrix *matrix = malloc(sizeof(*matrix)); /* type: struct matrix */

    matrix->rows = rows;
    matrix->columns = columns;
    matrix->cells = malloc(rows * sizeof(*matrix->cells)); /* type: double *[] */
    for (size_t i = 0; i < rows; i++) {
        matrix->cells[i] = calloc(columns, sizeof(double)); /* type: double[] */
    }
    matrix->flat = calloc(rows * columns, sizeof(double)); /* type: double[] */
    return matrix;
}

int main(void)
{
    int ***deep = malloc(3 * sizeof(int **)); /* type: int **[] */

    deep[0] = malloc(3 * sizeof(int *));   /* type: int *[] */
    deep[0][0] = malloc(30 * sizeof(int)); /* type: int[] */
    deep[0][0][0] = 1;
    keep(new_matrix(number(4), number(5))), keep(deep);
    return 0;
}
