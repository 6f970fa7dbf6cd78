/* SPDX-License-Identifier: MIT */
/*
 * render: prints what a renderer makes of a ledger of ledgers.c.
 *
 *   formats_render FORMAT LEDGER [sites|stacks|bare|types|MEASURE] [TOP]
 *                                                  a report; bare: of stacks without names; types:
 *                                                  of all sites, which have types
 *   formats_render diff BEFORE AFTER [json] [TOP] [PATTERN]
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/build.h"
#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/change/delta_print.h"
#include "reporter/program/formats/format.h"
#include "reporter/core/sink.h"
#include "tests/support/ledgers.h"

struct made {
    struct book book;
    void *scratch;
    struct lmm_model *model;
};

/*

 * Every frame is a function of its number; those of modules have a line, and one inlined into them.

 */
static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    static struct lmm_model_call calls[8][2];
    static char names[8][2][32];
    bool known = lmm_model_module_of(model, frame) != NULL;

    (void) namer;
    if (frame >= 8) {
        return 0;
    }
    for (unsigned i = 0; i < 2; i++) {
        snprintf(names[frame][i], sizeof(names[0][0]),
                 i == 0 && known ? "small<int>::f%u(char *)" : "f%u", (unsigned) frame);
        calls[frame][i] = (struct lmm_model_call) {
            .function = lmm_string_of(names[frame][i]),
            .file = lmm_string_of(known ? "src/f.cc" : ""),
            .module = lmm_string_of(known ? "tool" : ""),
            .line = known ? 10 * frame + i : 0,
            .is_named = true,
            .is_inline = known && i == 0,
        };
    }
    *ret_calls = known ? calls[frame] : calls[frame] + 1;
    return known ? 2 : 1;
}

static void make(struct made *made, const char *name)
{
    static struct lmm_model_namer namer = {calls_of};

    ledger_named(name)->make(&made->book);
    size_t bytes = lmm_model_bytes(&made->book.view);

    made->scratch = malloc(bytes);
    if (lmm_model_build(&made->book.view, made->scratch, bytes, &made->model) != 0) {
        fprintf(stderr, "no model of %s\n", name);
        exit(2);
    }
    made->model->namer = &namer;
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

static enum lmm_export measure_named(const char *name)
{
    static const char *const names[] = {"", "live", "peak", "allocated", "temporary"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum lmm_export) i;
        }
    }
    return LMM_EXPORT_USUAL;
}

/* Gives the sites types of each kind. */
static void set_types(struct lmm_model *model)
{
    static const struct lmm_model_type types[] = {
        {.name = {"struct node []", 14},
         .confidence = LMM_MODEL_CERTAIN,
         .evidence = LMM_MODEL_BY_SOURCE | LMM_MODEL_BY_VARIABLE,
         .element = {"struct node", 11},
         .bytes = 40,
         .file = {"src/\"node\".h", 12},
         .line = 12},
        {.name = {"std::pair<a, b>", 15},
         .confidence = LMM_MODEL_LIKELY,
         .evidence = LMM_MODEL_BY_NAME,
         .element = {"std::pair<a, b>", 15},
         .bytes = 16},
        {.name = {"struct guess", 12},
         .confidence = LMM_MODEL_GUESS,
         .evidence = LMM_MODEL_BY_SIZE,
         .gap = LMM_MODEL_TYPE_UNKNOWN},
        {.gap = LMM_MODEL_TYPE_NO_DEBUG, .lacking = {"libssl.so.3", 11}},
    };

    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].type = &types[i % (sizeof(types) / sizeof(types[0]))];
    }
}

static int report(const struct lmm_format *format, int argc, char **argv)
{
    struct lmm_format_options options = {.sites = argc > 1 && strcmp(argv[1], "sites") == 0};
    struct lmm_sink sink;
    struct made made;
    int error;

    options.measure = argc > 1 ? measure_named(argv[1]) : LMM_EXPORT_USUAL;
    options.top_sites = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    make(&made, argv[0]);
    if (argc > 1 && strcmp(argv[1], "bare") == 0) {
        made.model->namer = NULL;
    }
    if (argc > 1 && (strcmp(argv[1], "stacks") == 0 || strcmp(argv[1], "bare") == 0)) {
        made.model->shown_calls = argc > 2 ? options.top_sites : SIZE_MAX;
        options.top_sites = 0;
    }
    if (argc > 1 && strcmp(argv[1], "types") == 0) {
        set_types(made.model);
        options.sites = options.type_frames = true;
    }
    lmm_sink_init(&sink, to_stdout, NULL);
    error = format->render(made.model, &sink, &options);
    unmake(&made);
    return error == 0 ? 0 : 1;
}

static int diff(int argc, char **argv)
{
    struct made before;
    struct made after;
    struct lmm_delta_look look = {.top = argc > 3 ? strtoul(argv[3], NULL, 10) : 0};

    make(&before, argv[0]);
    make(&after, argv[1]);
    struct lmm_delta *delta =
        lmm_delta_make(before.model, after.model, argc > 4 ? argv + 4 : NULL, true);
    struct lmm_sink sink;

    lmm_sink_init(&sink, to_stdout, NULL);
    int error = argc > 2 && strcmp(argv[2], "json") == 0 ? lmm_delta_json(delta, &look, &sink)
                                                         : lmm_delta_text(delta, &look, &sink);

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
