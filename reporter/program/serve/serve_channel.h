/* SPDX-License-Identifier: MIT */
/*
 * serve_channel: a stream of events that any number of clients follow (Server-Sent Events). Each event is made once.
 * The last few are kept, so that a client that is slow, or comes back, can go on; one that needs older events gets the whole document
 * instead.
 *
 * Invariants (checked by assert in serve_channel.c):
 *   I1  the events that are kept have sequence numbers without gaps; the last one's is the channel's
 *   I2  a stream that sleeps has been sent all that there was; lmm_channel_add() wakes it
 */
#ifndef LMM_PROGRAM_SERVE_CHANNEL_H
#define LMM_PROGRAM_SERVE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_answer;
struct lmm_channel;
struct lmm_stream;

enum {
    LMM_CHANNEL_EVENTS = 16,       /* kept, at most */
    LMM_CHANNEL_BYTES = 256 << 10, /* of them, unless the last one alone has more */
};

/* Returns the event that has everything, held for the caller; NULL: out of memory. It sets *ret_sequence to the number of the
 * last event that is part of it. */
typedef struct lmm_answer *lmm_channel_whole_fn(void *context, uint64_t *ret_sequence);

/* sequence: of what `whole` gives now. NULL: out of memory. */
struct lmm_channel *lmm_channel_new(lmm_channel_whole_fn *whole, void *context, uint64_t sequence);

/* Ends all its streams after what they are sending and the event `last`, which may be NULL and is dropped. channel may be NULL. */
void lmm_channel_close(struct lmm_channel *channel, struct lmm_answer *last);

/* Returns an event: its head and the document, on one line; NULL: out of memory. data may be NULL; it is dropped. */
struct lmm_answer *lmm_channel_event(const char *name, uint64_t sequence, struct lmm_answer *data);

/* Adds the event that leads from the sequence number before to this one. event is dropped; NULL: there is none (memory ran out, nobody
 * follows, or the change is too large to tell), so all streams take the whole document. */
void lmm_channel_add(struct lmm_channel *channel, uint64_t sequence, struct lmm_answer *event);

/* Whether anybody follows it. */
bool lmm_channel_is_followed(const struct lmm_channel *channel);

/* Sends a comment to all streams that sleep. */
void lmm_channel_beat(struct lmm_channel *channel);

/* ---- Streams --------------------------------------------------------------------------------- */

/* Returns a stream of what comes after `since`; without has_since it starts with the whole document. NULL: out of memory. */
struct lmm_stream *lmm_stream_new(struct lmm_channel *channel, bool has_since, uint64_t since);

/* Copies at most `room` bytes to `to` and returns how many; 0: there is nothing, and the stream sleeps until wake(context) is called;
 * -1: it has ended. */
ssize_t lmm_stream_read(struct lmm_stream *stream, char *to, size_t room);
void lmm_stream_set_wake(struct lmm_stream *stream, void (*wake)(void *context), void *context);

void lmm_stream_close(struct lmm_stream *stream);

#endif
