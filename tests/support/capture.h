/* SPDX-License-Identifier: MIT */
/* capture: the text that a part of a test writes to stdout or stderr. */
#ifndef TESTS_SUPPORT_CAPTURE_H
#define TESTS_SUPPORT_CAPTURE_H

enum { CAPTURE_BYTES = 1 << 20 };

struct capture {
    char text[CAPTURE_BYTES];
    int file;
    int saved;
    int descriptor;
};

/* Begins to capture descriptor 1 or 2; aborts the program when it cannot. */
void capture_begin(struct capture *capture, int descriptor);

/* Ends the capture; returns the text, which is in capture->text. */
const char *capture_end(struct capture *capture);

/* Returns the output of mems_print_stats(), in a static buffer. */
const char *capture_stats(void);

#endif
