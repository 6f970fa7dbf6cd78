/* SPDX-License-Identifier: MIT */
/*
 * render: prints what a renderer makes of a ledger of ledgers.c.
 *
 *   formats_render FORMAT LEDGER [sites] [TOP]      a report
 *   formats_render diff BEFORE AFTER [json] [TOP] [PATTERN]
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/model.h"
#include "reporter/program/delta.h"
#include "reporter/program/delta_print.h"
#include "reporter/program/format.h"
#include "reporter/sink.h"
#include "tests/formats/ledgers.h"

struct made {
    struct book book;
    void *scratch;
    struct lmm_model *model;
};

static void make(struct made *made, const char *name)
{
    ledger_named(name)->make(&made->book);
    size_t bytes = lmm_model_bytes(&made->book.view);

    made->scratch = malloc(bytes);
    if (lmm_model_build(&made->book.view, made->scratch, bytes, &made->model) != 0) {
        fprintf(stderr, "no model of %s\n", name);
        exit(2);
    }
}

static void unmake(struct made *made)
{
    free(made->scratch);
    book_close(&made->book);
}

static int to_stdout(void *context, const char *data, size_t bytes)
{
    (void) context;
    return fwrite(data, 1, bytes, stdout) == bytes ? 0 : -errno;
}

static int report(const struct lmm_format *format, int argc, char **argv)
{
    struct lmm_format_options options = {.sites = argc > 1 && strcmp(argv[1], "sites") == 0};
    struct lmm_sink sink;
    struct made made;
    int error;

    options.top_sites = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    make(&made, argv[0]);
    lmm_sink_init(&sink, to_stdout, NULL);
    error = format->render(made.model, &sink, &options);
    unmake(&made);
    return error == 0 ? 0 : 1;
}

static int diff(int argc, char **argv)
{
    struct made before;
    struct made after;
    size_t top = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

    make(&before, argv[0]);
    make(&after, argv[1]);
    struct lmm_delta *delta =
        lmm_delta_make(before.model, after.model, argc > 4 ? argv + 4 : NULL, true);
    int error = argc > 2 && strcmp(argv[2], "json") == 0 ? lmm_delta_json(delta, top, stdout)
                                                         : lmm_delta_text(delta, top, stdout);

    lmm_delta_free(delta);
    unmake(&before);
    unmake(&after);
    return error == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct lmm_format *format = argc < 3 ? NULL : lmm_format_find(argv[1]);

    setlocale(LC_ALL, "C.UTF-8");
    if (argc > 3 && strcmp(argv[1], "diff") == 0) {
        return diff(argc - 2, argv + 2);
    }
    if (format == NULL) {
        fprintf(stderr, "usage: %s FORMAT LEDGER [sites] [TOP]\n", argv[0]);
        return 2;
    }
    return report(format, argc - 2, argv + 2);
}
