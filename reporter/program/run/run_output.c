/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/run_output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/program/base/output.h"

char *lmm_run_output_path(const char *pattern, uint32_t pid)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);

    for (const char *at = pattern; stream != NULL && *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'p') {
            fprintf(stream, "%" PRIu32, pid);
            at++;
        } else if (at[0] == '%' && at[1] == '%') {
            fputc(*at++, stream);
        } else {
            fputc(*at, stream);
        }
    }
    if (stream == NULL || fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

bool lmm_run_output_is_split(const char *pattern)
{
    char *without = pattern == NULL ? NULL : lmm_run_output_path(pattern, 0);
    char *other = pattern == NULL ? NULL : lmm_run_output_path(pattern, 1);
    bool differs = without != NULL && other != NULL && strcmp(without, other) != 0;

    free(without);
    free(other);
    return differs;
}

bool lmm_run_output_can(const char *pattern)
{
    char *path = lmm_run_output_path(pattern, (uint32_t) getpid());
    bool can = path != NULL && lmm_output_can_open(path);

    free(path);
    return can;
}
