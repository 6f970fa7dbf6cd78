/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/regular_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int lmm_regular_file_open(const char *path, int flags, struct stat *ret_status)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

    if (descriptor >= 0 && (fstat(descriptor, ret_status) != 0 || !S_ISREG(ret_status->st_mode))) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

char *lmm_regular_file_read(const char *path, int flags, size_t most, struct stat *ret_status,
                            size_t *ret_bytes)
{
    int descriptor = lmm_regular_file_open(path, flags, ret_status);
    size_t done = 0;

    if (descriptor < 0) {
        return NULL;
    }
    size_t size = (size_t) ret_status->st_size;
    char *bytes = size > most ? NULL : malloc(size + 1);

    while (bytes != NULL && done < size) {
        ssize_t got = read(descriptor, bytes + done, size - done);

        if (got <= 0) {
            break;
        }
        done += (size_t) got;
    }
    close(descriptor);
    if (bytes != NULL) {
        bytes[done] = '\0';
        *ret_bytes = done;
    }
    return bytes;
}
