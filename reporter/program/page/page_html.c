/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_html.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/page/page_assets.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_pack.h"

struct writing {
    const struct lmm_page_assets *assets;
    const struct lmm_page_data *data; /* NULL: a server sends it */
    struct lmm_sink *sink;
};

static void put(struct lmm_sink *sink, struct lmm_string text)
{
    if (text.bytes > 0) {
        lmm_sink_write(sink, text.text, text.bytes);
    }
}

/* Puts hostile text that may stand in HTML: what HTML or a terminal could take for more than text is "?". */
static void put_escaped(struct lmm_sink *sink, struct lmm_string text)
{
    for (size_t i = 0; i < text.bytes;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(text.text + i, text.bytes - i, &character);

        if (length == 0 || lmm_utf8_steers(character)) {
            lmm_sink_puts(sink, "?");
        } else if (length == 1 && strchr("&<>\"'", (int) character) != NULL) {
            lmm_sink_printf(sink, "&#%" PRIu32 ";", character);
        } else {
            lmm_sink_write(sink, text.text + i, length);
        }
        i += length == 0 ? 1 : length;
    }
}

/* ---- What stands in the place of marks --------------------------------------------------------- */

static int put_policy(const struct writing *writing)
{
    if (writing->data == NULL) {
        return 0;
    }
    lmm_sink_puts(writing->sink, "<meta http-equiv=\"Content-Security-Policy\" content=\""
                                 "default-src 'none'; script-src '");
    lmm_sink_puts(writing->sink, writing->assets->script_hash);
    lmm_sink_puts(writing->sink, "'; style-src '");
    lmm_sink_puts(writing->sink, writing->assets->style_hash);
    lmm_sink_puts(writing->sink, "'; img-src data:; base-uri 'none'; form-action 'none'\">\n");
    return 0;
}

static int put_title(const struct writing *writing)
{
    const struct lmm_page_data *data = writing->data;

    if (data == NULL) {
        lmm_sink_puts(writing->sink, "<title>LMM</title>\n");
        return 0;
    }
    lmm_sink_puts(writing->sink, "<title>LMM: ");
    if (data->before != NULL) {
        put_escaped(writing->sink, lmm_model_name(data->before->model));
        lmm_sink_printf(writing->sink, " (pid %" PRIu32 ") and ", data->before->model->pid);
    }
    put_escaped(writing->sink, lmm_model_name(data->now->model));
    lmm_sink_printf(writing->sink, " (pid %" PRIu32 ")</title>\n", data->now->model->pid);
    return 0;
}

static int put_style(const struct writing *writing)
{
    lmm_sink_puts(writing->sink, "<style>");
    put(writing->sink, writing->assets->style);
    lmm_sink_puts(writing->sink, "</style>\n");
    return 0;
}

static int put_data(const struct writing *writing)
{
    struct lmm_page_pack *pack = writing->data == NULL ? NULL : lmm_page_pack_open(writing->sink);

    if (writing->data == NULL) {
        return 0;
    }
    if (pack == NULL) {
        return -ENOMEM;
    }
    lmm_sink_puts(writing->sink, "<script type=\"application/octet-stream\" id=\"lmm-data\">");
    int error = lmm_page_data_write(writing->data, lmm_page_pack_sink(pack));
    int packed = lmm_page_pack_close(pack);

    lmm_sink_puts(writing->sink, "</script>\n");
    return error != 0 ? error : packed;
}

static int put_script(const struct writing *writing)
{
    lmm_sink_puts(writing->sink, "<script type=\"module\">");
    put(writing->sink, writing->assets->script);
    lmm_sink_puts(writing->sink, "</script>\n");
    return 0;
}

static const struct mark {
    const char *line;
    int (*put)(const struct writing *writing);
} marks[] = {
    {"<!-- LMM:POLICY -->", put_policy}, {"<!-- LMM:TITLE -->", put_title},
    {"<!-- LMM:STYLE -->", put_style},   {"<!-- LMM:DATA -->", put_data},
    {"<!-- LMM:SCRIPT -->", put_script},
};

/* ---- The template ---------------------------------------------------------------------------- */

/* Puts a line of the template, or what stands in its place. line: without its end. */
static int put_line(const struct writing *writing, struct lmm_string line)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (line.bytes == strlen(marks[i].line) &&
            memcmp(line.text, marks[i].line, line.bytes) == 0) {
            return marks[i].put(writing);
        }
    }
    put(writing->sink, line);
    lmm_sink_puts(writing->sink, "\n");
    return 0;
}

static int write_page(const struct lmm_page_data *data, struct lmm_sink *sink)
{
    struct writing writing = {lmm_page_assets(), data, sink};
    int error = 0;

    assert(writing.assets != NULL);
    struct lmm_string rest = writing.assets->template;

    while (rest.bytes > 0 && error == 0) {
        const char *end = memchr(rest.text, '\n', rest.bytes);
        size_t bytes = end == NULL ? rest.bytes : (size_t) (end - rest.text);
        size_t taken = end == NULL ? bytes : bytes + 1;

        error = put_line(&writing, (struct lmm_string) {rest.text, bytes});
        rest = (struct lmm_string) {rest.text + taken, rest.bytes - taken};
    }
    int flushed = lmm_sink_flush(sink);

    return error != 0 ? error : flushed;
}

int lmm_page_html_write(const struct lmm_page_data *data, struct lmm_sink *sink)
{
    return write_page(data, sink);
}

int lmm_page_html_live(struct lmm_sink *sink)
{
    return write_page(NULL, sink);
}
