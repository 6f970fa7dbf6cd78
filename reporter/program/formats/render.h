/* SPDX-License-Identifier: MIT */
/*
 * render: the output formats that are not part of liblmm, each in its own file and in the table of
 * format.c. A renderer prints the figures of the model and defines none; docs/formats.md describes
 * its output. Renderers do not change the model; they return 0, -ENOMEM, or -errno of the first
 * write that failed.
 */
#ifndef LMM_PROGRAM_RENDER_H
#define LMM_PROGRAM_RENDER_H

#include <stddef.h>

struct lmm_format_options;
struct lmm_model;
struct lmm_sink;

enum {
    LMM_OPENMETRICS_TOP_SITES = 1000, /* databases pay for each series */
};

/* A header line, then a line per family, or per site with options->sites. */
int lmm_csv_render(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_format_options *options);

/* Metrics per family, and with options->sites per site, at most LMM_OPENMETRICS_TOP_SITES. */
int lmm_openmetrics_render(const struct lmm_model *model, struct lmm_sink *sink,
                           const struct lmm_format_options *options);

/* A sample per site. The document is binary. */
int lmm_pprof_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options);

/* A line per site with live bytes. */
int lmm_folded_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options);

/* Returns how many sites of a model to show; `usual` is the number without --top. */
size_t lmm_sites_shown(const struct lmm_model *model, const struct lmm_format_options *options,
                       size_t usual);

#endif
