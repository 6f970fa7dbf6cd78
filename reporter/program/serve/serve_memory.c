/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STAT_BYTES = 2048 };

/* The fields of /proc/PID/stat after the name, counted from 0. */
enum { MINOR_FAULTS = 7, MAJOR_FAULTS = 9, RESIDENT_PAGES = 21 };

static void take_fields(const char *text, struct lmm_memory_use *use)
{
    uint64_t page_bytes = (uint64_t) sysconf(_SC_PAGESIZE);

    for (unsigned field = 0; text != NULL && field <= RESIDENT_PAGES; field++) {
        uint64_t number = strtoull(text, NULL, 10);

        switch (field) {
        case MINOR_FAULTS: use->minor_faults = number; break;
        case MAJOR_FAULTS: use->major_faults = number; break;
        case RESIDENT_PAGES: use->resident_bytes = number * page_bytes; break;
        default: break;
        }
        text = strchr(text, ' ');
        text += text != NULL;
    }
}

void lmm_memory_use_read(uint32_t pid, struct lmm_memory_use *ret_use)
{
    char path[64];
    char text[STAT_BYTES];
    const char *name_end;
    size_t bytes = 0;
    FILE *file;

    *ret_use = (struct lmm_memory_use) {0};
    snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", pid);
    file = fopen(path, "re");
    if (file != NULL) {
        bytes = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
    }
    text[bytes] = '\0';
    name_end = strrchr(text, ')'); /* a name may have brackets, too */
    if (name_end != NULL && name_end[1] == ' ') {
        take_fields(name_end + 2, ret_use);
    }
}
