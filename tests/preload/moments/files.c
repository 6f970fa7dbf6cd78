/* SPDX-License-Identifier: MIT */
/* files FOLDER FIRST: closes all descriptors from FIRST on, and opens files of its own in FOLDER, so that one of them has
 * each number that LMM may have kept. It leaves blocks for a report. files.py looks at what is in the files. */
#include <fcntl.h>

#include "tests/preload/check.h"

enum { FILES = 400, BLOCKS = 1000 };

int main(int argc, char **argv)
{
    static const char contents[] = "mine\n";
    static void *block[BLOCKS];
    int file[FILES];
    check_start();
    CHECK(argc == 3);
    CHECK(close_range((unsigned) atoi(argv[2]), ~0u, 0) == 0);
    for (int i = 0; i < FILES; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%03d", argv[1], i);
        file[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
        CHECK_AT(file[i] >= 0, i);
        CHECK(write(file[i], contents, sizeof(contents) - 1) == sizeof(contents) - 1);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        block[i] = malloc(i);
        CHECK(block[i] != NULL);
    }
    for (size_t i = 1; i < BLOCKS; i++) {
        free(block[i]);
    }
    return 0;
}
