/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SUPPORT_READ_ALL_H
#define TESTS_SUPPORT_READ_ALL_H

#include <stddef.h>
#include <unistd.h>

/* Reads a descriptor to its end, or until text has no room, and closes it. */
static inline void read_all(int descriptor, char *text, size_t bytes)
{
    size_t used = 0;
    ssize_t got;
    while ((got = read(descriptor, text + used, bytes - 1 - used)) > 0) {
        used += (size_t) got;
    }
    text[used] = '\0';
    close(descriptor);
}

#endif
