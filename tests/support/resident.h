/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_RESIDENT_H
#define TESTS_SUPPORT_RESIDENT_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Returns how many bytes of this process are in memory; aborts when that is not known. */
static inline size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t total = 0;
    size_t resident = 0;

    if (file == NULL || fscanf(file, "%zu %zu", &total, &resident) != 2) {
        abort();
    }
    fclose(file);
    return resident * (size_t) sysconf(_SC_PAGESIZE);
}

#endif
