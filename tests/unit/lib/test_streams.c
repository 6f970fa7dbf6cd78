/* SPDX-License-Identifier: MIT */
/* streams: which descriptors count as the process's own standard error. */
#include <criterion/criterion.h>

#include "lib/ground/streams.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* An open file of each kind in the place of standard error. */
static int open_kind(const char *kind)
{
    int pair[2] = {-1, -1};

    switch (kind[0]) {
    case 'p': return pipe(pair) == 0 ? pair[1] : -1;
    case 's': return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 ? pair[0] : -1;
    case 'n': return open("/dev/null", O_WRONLY);
    case 'd': return open("/", O_RDONLY | O_DIRECTORY);
    default: break;
    }
    int file = fileno(tmpfile());
    return kind[0] == 'a' && fcntl(file, F_SETFL, O_APPEND) != 0 ? -1 : file;
}

Test(streams, kinds)
{
    static const struct {
        const char *kind;
        bool is_own;
    } cases[] = {
        {"pipe", true},       {"socket", false},        {"null device", true},
        {"directory", false}, {"append to file", true}, {"file", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int descriptor = open_kind(cases[i].kind);
        cr_assert(descriptor >= 0);
        cr_expect(lmm_stream_is_own(descriptor, STDERR_FILENO) == cases[i].is_own, "%s",
                  cases[i].kind);
        close(descriptor);
        cr_expect(!lmm_stream_is_own(descriptor, STDERR_FILENO), "closed");
    }
    cr_expect(!lmm_stream_is_own(-1, STDERR_FILENO));
}
