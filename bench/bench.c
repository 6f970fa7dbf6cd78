/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void bench_fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(EXIT_FAILURE);
}

double bench_now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a;
    double y = *(const double *) b;

    return (x > y) - (x < y);
}

void bench_sort(double *figures, size_t count)
{
    qsort(figures, count, sizeof(figures[0]), compare);
}

size_t bench_parse(const char *text, size_t min, size_t max, const char *usage)
{
    char *end;

    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < min || number > max) {
        bench_fail(usage);
    }
    return number;
}
