/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_channel.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/serve/serve_answer.h"

struct event {
    struct lmm_answer *answer;
    uint64_t sequence;
};

struct lmm_channel {
    lmm_channel_whole_fn *whole;
    void *context;
    struct lmm_stream *first;
    struct event events[LMM_CHANNEL_EVENTS]; /* the oldest first */
    size_t count;
    size_t bytes;
    uint64_t sequence; /* of the last change */
};

struct lmm_stream {
    struct lmm_channel *channel; /* NULL: it was closed */
    struct lmm_stream *next;
    struct lmm_answer *current; /* that is being sent; NULL: none */
    struct lmm_answer *last;    /* to be sent before the end; NULL: none */
    size_t offset;
    uint64_t sequence; /* of the last event that was sent, or is being sent */
    bool needs_whole;
    bool needs_beat;
    bool sleeps;
    void (*wake)(void *context);
    void *context;
};

static const char beat[] = ":\n\n";

struct lmm_channel *lmm_channel_new(lmm_channel_whole_fn *whole, void *context, uint64_t sequence)
{
    struct lmm_channel *channel = calloc(1, sizeof(*channel));

    if (channel != NULL) {
        channel->whole = whole;
        channel->context = context;
        channel->sequence = sequence;
    }
    return channel;
}

static void wake(struct lmm_stream *stream)
{
    if (stream->sleeps) {
        stream->sleeps = false;
        stream->wake(stream->context);
    }
}

static void drop_oldest(struct lmm_channel *channel)
{
    channel->bytes -= channel->events[0].answer->size;
    lmm_answer_drop(channel->events[0].answer);
    channel->count--;
    memmove(channel->events, channel->events + 1, channel->count * sizeof(channel->events[0]));
}

static void drop_all(struct lmm_channel *channel)
{
    while (channel->count > 0) {
        drop_oldest(channel);
    }
}

static void wake_all(struct lmm_channel *channel)
{
    for (struct lmm_stream *stream = channel->first; stream != NULL; stream = stream->next) {
        wake(stream);
    }
}

void lmm_channel_close(struct lmm_channel *channel, struct lmm_answer *last)
{
    if (channel != NULL) {
        for (struct lmm_stream *stream = channel->first; stream != NULL; stream = stream->next) {
            stream->channel = NULL;
            stream->last = last == NULL ? NULL : lmm_answer_hold(last);
        }
        wake_all(channel);
        drop_all(channel);
        free(channel);
    }
    lmm_answer_drop(last);
}

struct lmm_answer *lmm_channel_event(const char *name, uint64_t sequence, struct lmm_answer *data)
{
    struct lmm_answer *event = lmm_answer_new(200, "text/event-stream");
    struct lmm_sink sink;

    if (event != NULL) {
        lmm_answer_sink(event, &sink);
        lmm_sink_printf(&sink, "id: %" PRIu64 "\nevent: %s\ndata: ", sequence, name);
        if (data == NULL) {
            lmm_sink_puts(&sink, "{}");
        } else {
            assert(data->one_line);
            lmm_sink_write(&sink, data->bytes, data->size);
        }
        lmm_sink_puts(&sink, "\n\n");
        event = lmm_answer_done(event, lmm_sink_flush(&sink));
    }
    lmm_answer_drop(data);
    return event;
}

void lmm_channel_add(struct lmm_channel *channel, uint64_t sequence, struct lmm_answer *event)
{
    assert(sequence > channel->sequence); /* I1 */
    if (event == NULL || sequence != channel->sequence + 1) {
        drop_all(channel);
    }
    while (event != NULL && channel->count > 0 &&
           (channel->count == LMM_CHANNEL_EVENTS ||
            channel->bytes + event->size > LMM_CHANNEL_BYTES)) {
        drop_oldest(channel);
    }
    if (event != NULL) {
        channel->events[channel->count++] = (struct event) {event, sequence};
        channel->bytes += event->size;
    }
    channel->sequence = sequence;
    wake_all(channel);
}

bool lmm_channel_is_followed(const struct lmm_channel *channel)
{
    return channel->first != NULL;
}

void lmm_channel_beat(struct lmm_channel *channel)
{
    for (struct lmm_stream *stream = channel->first; stream != NULL; stream = stream->next) {
        stream->needs_beat = true;
        wake(stream);
    }
}

/* ---- Streams --------------------------------------------------------------------------------- */

struct lmm_stream *lmm_stream_new(struct lmm_channel *channel, bool has_since, uint64_t since)
{
    struct lmm_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        return NULL;
    }
    stream->channel = channel;
    stream->sequence = since;
    stream->needs_whole = !has_since;
    stream->next = channel->first;
    channel->first = stream;
    return stream;
}

void lmm_stream_set_wake(struct lmm_stream *stream, void (*wake_up)(void *context), void *context)
{
    stream->wake = wake_up;
    stream->context = context;
}

/* Sets *ret_next to the event after the stream's last one; NULL: there is none yet. Returns false when the stream must take the
 * whole document: that event is not kept. */
static bool find_next(const struct lmm_stream *stream, const struct event **ret_next)
{
    const struct lmm_channel *channel = stream->channel;

    *ret_next = NULL;
    for (size_t i = 0; i < channel->count && !stream->needs_whole; i++) {
        if (channel->events[i].sequence == stream->sequence + 1) {
            *ret_next = &channel->events[i];
            return true;
        }
    }
    return !stream->needs_whole && stream->sequence == channel->sequence;
}

/* Makes the next event the current one, if there is any. */
static void advance(struct lmm_stream *stream)
{
    const struct event *next;

    if (stream->channel == NULL) {
        stream->current = stream->last;
        stream->last = NULL;
    } else if (!find_next(stream, &next)) {
        stream->current = stream->channel->whole(stream->channel->context, &stream->sequence);
        stream->needs_whole = stream->current == NULL;
    } else if (next != NULL) {
        stream->current = lmm_answer_hold(next->answer);
        stream->sequence = next->sequence;
    }
}

/* Nothing is to be sent but a comment, or the end. */
static ssize_t read_idle(struct lmm_stream *stream, char *to, size_t room)
{
    bool beats = stream->needs_beat && room >= sizeof(beat) - 1;

    if (stream->channel == NULL) {
        return -1;
    }
    stream->needs_beat = false;
    stream->sleeps = !beats;
    if (beats) {
        memcpy(to, beat, sizeof(beat) - 1);
    }
    return beats ? (ssize_t) sizeof(beat) - 1 : 0;
}

ssize_t lmm_stream_read(struct lmm_stream *stream, char *to, size_t room)
{
    size_t bytes;

    if (stream->current == NULL) {
        advance(stream);
    }
    if (stream->current == NULL) {
        return read_idle(stream, to, room);
    }
    bytes = stream->current->size - stream->offset;
    bytes = bytes < room ? bytes : room;
    memcpy(to, stream->current->bytes + stream->offset, bytes);
    stream->offset += bytes;
    if (stream->offset == stream->current->size) {
        lmm_answer_drop(stream->current);
        stream->current = NULL;
        stream->offset = 0;
    }
    return (ssize_t) bytes;
}

void lmm_stream_close(struct lmm_stream *stream)
{
    struct lmm_stream **link = stream->channel == NULL ? NULL : &stream->channel->first;

    while (link != NULL && *link != stream) {
        link = &(*link)->next;
    }
    if (link != NULL) {
        *link = stream->next;
    }
    lmm_answer_drop(stream->current);
    lmm_answer_drop(stream->last);
    free(stream);
}
