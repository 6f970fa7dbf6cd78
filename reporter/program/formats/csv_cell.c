/* SPDX-License-Identifier: MIT */
#include "reporter/program/formats/csv_cell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/sink.h"
#include "reporter/program/base/names.h"

static void put_quoted(struct lmm_sink *sink, struct lmm_string string)
{
    lmm_sink_puts(sink, "\"");
    for (size_t i = 0; i < string.bytes; i++) {
        if (string.text[i] == '"') {
            lmm_sink_puts(sink, "\"");
        }
        lmm_sink_write(sink, string.text + i, 1);
    }
    lmm_sink_puts(sink, "\"");
}

static void put_exact(struct lmm_sink *sink, struct lmm_string string)
{
    for (size_t i = 0; i < string.bytes; i++) {
        if (strchr(",\"\r\n", string.text[i]) != NULL) {
            put_quoted(sink, string);
            return;
        }
    }
    lmm_sink_write(sink, string.text, string.bytes);
}

void lmm_csv_put_name(struct lmm_sink *sink, struct lmm_string name, bool is_for_terminal)
{
    char *escaped = is_for_terminal ? lmm_name_escaped(name) : NULL;

    if (is_for_terminal && escaped == NULL) {
        sink->error = sink->error != 0 ? sink->error : -ENOMEM;
    } else {
        put_exact(sink, escaped == NULL ? name : lmm_string_of(escaped));
    }
    free(escaped);
}
