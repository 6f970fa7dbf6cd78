/* SPDX-License-Identifier: MIT */
/*
 * streams: which descriptors still lead to the process's own standard streams.
 *
 * A program may close them, and then the next file or socket that it opens gets the number. Owns the
 * identities that they had when the library was loaded. Any thread; async-signal-safe.
 */
#ifndef LMM_STREAMS_H
#define LMM_STREAMS_H

#include "lib/ground/base.h"

/*
 * Whether the descriptor leads to what `stream`, a number up to STDERR_FILENO, led to when the library
 * was loaded; or to a pipe, a terminal or another character device, or a file that is
 * open for appending: to these a program directs its messages later. Preserves errno.
 */
bool lmm_stream_is_own(int descriptor, int stream);

#endif
