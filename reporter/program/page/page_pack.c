/* SPDX-License-Identifier: MIT */
#define ZLIB_CONST 1 /* input is not changed */
#include "reporter/program/page/page_pack.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "reporter/core/sink.h"

enum { GROUP = 3, PACKED_BYTES = 16 << 10 };

struct lmm_page_pack {
    struct lmm_sink *to;
    struct lmm_sink sink;
    z_stream stream;
    unsigned char group[GROUP]; /* bytes that are no whole group of base64 yet */
    unsigned grouped;
    unsigned char packed[PACKED_BYTES];
};

/* ---- Base64 ---------------------------------------------------------------------------------- */

/* Puts a group of `count` bytes, 1 to 3. */
static void put_group(struct lmm_sink *to, const unsigned char group[GROUP], unsigned count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = (uint32_t) group[0] << 16;
    char text[GROUP + 1] = {'=', '=', '=', '='};

    bits |= count > 1 ? (uint32_t) group[1] << 8 : 0;
    bits |= count > 2 ? group[2] : 0;
    for (unsigned i = 0; i <= count; i++) {
        text[i] = digits[bits >> (18 - 6 * i) & 63];
    }
    lmm_sink_write(to, text, sizeof(text));
}

static void put_base64(struct lmm_page_pack *pack, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pack->group[pack->grouped++] = bytes[i];
        if (pack->grouped == GROUP) {
            put_group(pack->to, pack->group, GROUP);
            pack->grouped = 0;
        }
    }
}

/* ---- Compression ----------------------------------------------------------------------------- */

/* Compresses what the stream has as input, with the flush mode given. */
static void press(struct lmm_page_pack *pack, int mode)
{
    do {
        pack->stream.next_out = pack->packed;
        pack->stream.avail_out = sizeof(pack->packed);
        if (deflate(&pack->stream, mode) == Z_STREAM_ERROR) { /* a call that zlib does not allow */
            abort();
        }
        put_base64(pack, pack->packed, sizeof(pack->packed) - pack->stream.avail_out);
    } while (pack->stream.avail_out == 0);
    assert(pack->stream.avail_in == 0);
}

/* A lmm_sink_write_fn. */
static int take(void *context, const char *data, size_t bytes)
{
    struct lmm_page_pack *pack = context;

    pack->stream.next_in = (const Bytef *) data;
    pack->stream.avail_in = (uInt) bytes;
    press(pack, Z_NO_FLUSH);
    return pack->to->error;
}

struct lmm_page_pack *lmm_page_pack_open(struct lmm_sink *sink)
{
    struct lmm_page_pack *pack = calloc(1, sizeof(*pack));

    if (pack == NULL || deflateInit(&pack->stream, Z_DEFAULT_COMPRESSION) != Z_OK) {
        free(pack);
        return NULL;
    }
    pack->to = sink;
    lmm_sink_init(&pack->sink, take, pack);
    return pack;
}

struct lmm_sink *lmm_page_pack_sink(struct lmm_page_pack *pack)
{
    return &pack->sink;
}

int lmm_page_pack_close(struct lmm_page_pack *pack)
{
    int error = lmm_sink_flush(&pack->sink);

    pack->stream.next_in = NULL;
    pack->stream.avail_in = 0;
    press(pack, Z_FINISH);
    if (pack->grouped > 0) {
        put_group(pack->to, pack->group, pack->grouped);
    }
    deflateEnd(&pack->stream);
    error = error != 0 ? error : pack->to->error;
    free(pack);
    return error;
}
