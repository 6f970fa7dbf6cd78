/* SPDX-License-Identifier: MIT */
#include "tests/support/capture.h"

#include <mems.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void or_die(int result)
{
    if (result < 0) {
        perror("capture");
        abort();
    }
}

void capture_begin(struct capture *capture, int descriptor)
{
    fflush(NULL);
    capture->descriptor = descriptor;
    capture->saved = dup(descriptor);
    or_die(capture->saved);
    capture->file = memfd_create("capture", MFD_CLOEXEC);
    or_die(capture->file);
    or_die(dup2(capture->file, descriptor));
}

const char *capture_end(struct capture *capture)
{
    fflush(NULL);
    or_die(dup2(capture->saved, capture->descriptor));
    ssize_t length = pread(capture->file, capture->text, CAPTURE_BYTES - 1, 0);
    or_die((int) length);
    capture->text[length] = '\0';
    close(capture->file);
    close(capture->saved);
    return capture->text;
}

const char *capture_stats(void)
{
    static struct capture capture;

    capture_begin(&capture, STDOUT_FILENO);
    mems_print_stats();
    return capture_end(&capture);
}
