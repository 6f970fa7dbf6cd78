/* SPDX-License-Identifier: MIT */
#include "lib/ground/streams.h"

#include "lib/ground/system.h"

#include <fcntl.h>
#include <unistd.h>

/* By descriptor; a closed one has no mode. Written before the program has threads. */
static struct {
    mode_t mode;
    dev_t device;
    ino_t inode;
} at_start[STDERR_FILENO + 1];

static bool are_noted;

/* The drop-in may warn before its constructors run. */
__attribute__((constructor(101))) static void note_streams(void)
{
    struct stat facts;

    if (are_noted) {
        return;
    }
    are_noted = true;
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
        if (lmm_system_fstat(stream, &facts) == 0) {
            at_start[stream].mode = facts.st_mode & S_IFMT;
            at_start[stream].device = facts.st_dev;
            at_start[stream].inode = facts.st_ino;
        }
    }
}

static bool is_open_for_appending(int descriptor)
{
    int flags = lmm_system_fcntl(descriptor, F_GETFL, 0);

    return flags >= 0 && (flags & O_APPEND) != 0;
}

bool lmm_stream_is_own(int descriptor, int stream)
{
    struct stat facts;
    bool is_own = false;

    note_streams();
    if (descriptor >= 0 && lmm_system_fstat(descriptor, &facts) == 0) {
        is_own =
            (at_start[stream].mode == (facts.st_mode & S_IFMT) &&
             at_start[stream].device == facts.st_dev && at_start[stream].inode == facts.st_ino) ||
            S_ISCHR(facts.st_mode) || S_ISFIFO(facts.st_mode) ||
            (S_ISREG(facts.st_mode) && is_open_for_appending(descriptor));
    }
    return is_own;
}
