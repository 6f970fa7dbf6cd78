/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_RESIDENT_H
#define TESTS_SUPPORT_RESIDENT_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns how many bytes of this process are in memory; aborts when that is not known. The kernel counts in kibibytes
 * here, in statm in its own pages, which are not the program's under an emulator that gives it longer ones. */
static inline size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0;

    while (file != NULL && kib == 0 && fgets(line, sizeof(line), file) != NULL) {
        sscanf(line, "VmRSS: %zu", &kib);
    }
    if (kib == 0) {
        abort();
    }
    fclose(file);
    return kib * 1024;
}

#endif
