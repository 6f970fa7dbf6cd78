/* SPDX-License-Identifier: MIT */
/*
 * capture: what a piece of a test writes on stdout and stderr, as text.
 */
#ifndef TESTS_MEMS_CAPTURE_H
#define TESTS_MEMS_CAPTURE_H

enum { CAPTURE_BYTES = 1 << 20 };

struct capture {
    char text[CAPTURE_BYTES];
    int file;
    int saved;
    int descriptor;
};

/* Begins to capture descriptor 1 or 2; aborts the program when it cannot. */
void capture_begin(struct capture *capture, int descriptor);

/* Ends it; returns what was written, in capture->text. */
const char *capture_end(struct capture *capture);

/* What mems_print_stats() prints, in a static buffer. */
const char *capture_stats(void);

#endif
