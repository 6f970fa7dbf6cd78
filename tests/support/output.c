/* SPDX-License-Identifier: MIT */
#include "tests/support/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int output_take(void *context, const char *data, size_t bytes)
{
    struct output *output = context;

    if (bytes > sizeof(output->bytes) - output->used) {
        return -ENOSPC;
    }
    memcpy(output->bytes + output->used, data, bytes);
    output->used += bytes;
    return 0;
}

static bool record(const char *path, const struct output *output)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fwrite(output->bytes, 1, output->used, file) == output->used;

    return file != NULL && fclose(file) == 0 && written;
}

static bool load(const char *path, struct output *output)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        return false;
    }
    output->used = fread(output->bytes, 1, sizeof(output->bytes), file);
    return fclose(file) == 0;
}

static void show_difference(const struct output *is, const struct output *should)
{
    size_t at = 0;
    size_t line = 1;
    size_t start = 0;

    while (at < is->used && at < should->used && is->bytes[at] == should->bytes[at]) {
        if (is->bytes[at++] == '\n') {
            start = at;
            line++;
        }
    }
    const char *end = memchr(is->bytes + start, '\n', is->used - start);
    size_t length = end == NULL ? is->used - start : (size_t) (end - is->bytes) - start;

    printf("  line %zu, column %zu is now: %.*s\n", line, at - start + 1, (int) length,
           is->bytes + start);
}

bool output_is_golden(const struct output *output, const char *folder, const char *name)
{
    static struct output should;
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (getenv("LMM_GOLDEN_RECORD") != NULL) {
        return record(path, output);
    }
    if (!load(path, &should)) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    if (output->used == should.used && memcmp(output->bytes, should.bytes, should.used) == 0) {
        return true;
    }
    printf("%s: differs\n", name);
    show_difference(output, &should);
    return false;
}
