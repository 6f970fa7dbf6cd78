/* SPDX-License-Identifier: MIT */
/* output: a sink into memory, and its comparison with a golden file. */
#ifndef TESTS_SUPPORT_OUTPUT_H
#define TESTS_SUPPORT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

enum { OUTPUT_BYTES_MAX = 1 << 16 };

struct output {
    char bytes[OUTPUT_BYTES_MAX];
    size_t used;
};

/* The write function of a sink whose context is a struct output; -ENOSPC when that is full. */
int output_take(void *output, const char *data, size_t bytes);

/* Returns whether output is what FOLDER/NAME holds; prints the first difference if not. With
 * LMM_GOLDEN_RECORD set, it writes the file instead. */
bool output_is_golden(const struct output *output, const char *folder, const char *name);

#endif
