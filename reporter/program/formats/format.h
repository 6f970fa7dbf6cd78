/* SPDX-License-Identifier: MIT */
/*
 * format: the table of output formats, and the options --format and --measure. To add a format: a
 * file with its renderer in this room or in reporter/core, a line in the table of format.c, and a
 * section in docs/formats.md.
 */
#ifndef LMM_PROGRAM_FORMAT_H
#define LMM_PROGRAM_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct argp;
struct argp_state;
struct lmm_model;
struct lmm_model_site;
struct lmm_page_report;
struct lmm_sink;

enum {
    LMM_OPENMETRICS_TOP_SITES = 1000, /* databases pay for each series */
    LMM_OPENMETRICS_TYPES = 200,      /* names of types; sites of further ones have "other" */
};

/* Which figure of a site a format with one figure shows, or a format with several shows first. */
enum lmm_export {
    LMM_EXPORT_USUAL,     /* --measure was not given: as LIVE */
    LMM_EXPORT_LIVE,      /* live bytes */
    LMM_EXPORT_PEAK,      /* bytes when the process had most live bytes */
    LMM_EXPORT_ALLOCATED, /* bytes ever allocated */
    LMM_EXPORT_TEMPORARY, /* temporary blocks */
};

/* What a renderer needs to know beside the model. */
struct lmm_format_options {
    enum lmm_export measure;
    bool colour;
    bool terminal;       /* the output goes to one, which control characters would steer */
    bool sites;          /* --sites: all sites, even if the format shows some or none by default */
    size_t top_sites;    /* --top: at most so many sites; 0: the format decides */
    bool brief_families; /* as in struct lmm_text_style */
    bool type_frames;    /* --by type: stacks of folded start with the type of their blocks */
    const struct lmm_page_report *page; /* of html: what is known beside the model; NULL: nothing */
};

/* Which reports exist in a format. */
enum lmm_format_kind {
    LMM_FORMAT_TEXT,  /* all reports, as text for people */
    LMM_FORMAT_JSON,  /* all reports, as one document */
    LMM_FORMAT_DATA,  /* only the usage report, of one process */
    LMM_FORMAT_CHECK, /* only the check for leaks */
};

struct lmm_format {
    const char *name;
    /* Prints the usage report. Returns 0, or -errno of the first write that failed. */
    int (*render)(const struct lmm_model *model, struct lmm_sink *sink,
                  const struct lmm_format_options *options);
    enum lmm_format_kind kind;
    bool is_binary;    /* these two: must not go to a terminal */
    bool is_page;      /* one file for a browser */
    bool has_stacks;   /* it shows whole stacks, so its rows are sites, never several of them */
    bool has_measures; /* it takes --measure */
};

/* Finds a format; NULL if there is none of that name. */
const struct lmm_format *lmm_format_find(const char *name);

/* Finds the format that a user names; an unknown one, or with `all` false one of LMM_FORMAT_DATA,
 * is a usage error, which ends the program. */
const struct lmm_format *lmm_format_parse(const char *argument, bool all,
                                          const struct argp_state *state);

/* Returns whether a format may go to a terminal, or the output is none; false after a message on
 * stderr. */
bool lmm_format_may_go(const struct lmm_format *format, bool is_terminal);

/* Return the names of formats, as lmm_option_word does: of all, of those of all reports, of those that a
 * table has, of those that a comparison has, and of those that show a check for leaks. */
const char *lmm_format_word(size_t index);
const char *lmm_format_word_of_all(size_t index);
const char *lmm_format_word_of_tables(size_t index);
const char *lmm_format_word_of_pages(size_t index);
const char *lmm_format_word_of_checks(size_t index);

/* The parsers of --format with text and json, and with csv or html, too, for `children` of a subcommand's own parser.
 * Their input is a const struct lmm_format **. */
extern const struct argp lmm_format_argp;
extern const struct argp lmm_table_format_argp;
extern const struct argp lmm_page_format_argp;

/* The parser of --measure, likewise. Its input is an enum lmm_export *. */
extern const struct argp lmm_export_argp;

/* Returns the words of --measure, as lmm_option_word does. */
const char *lmm_export_word(size_t index);

/* A measure for a format that does not take it is a usage error, which ends the program. */
void lmm_export_check(enum lmm_export measure, const struct lmm_format *format,
                      const struct argp_state *state);

/* Returns a site's figure. */
uint64_t lmm_export_of(enum lmm_export measure, const struct lmm_model_site *site);

/* All formats; the last has no name. */
extern const struct lmm_format lmm_formats[];

/*
 * The renderers that are not part of liblmm, each in its own file. They print the figures of the
 * model, define none, and do not change it; docs/formats.md describes their output. They return 0,
 * -ENOMEM, or -errno of the first write that failed.
 */

/* A header line, then a line per family, or per site with options->sites. */
int lmm_csv_render(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_format_options *options);

/* Metrics per family, and with options->sites per site, at most LMM_OPENMETRICS_TOP_SITES. */
int lmm_openmetrics_render(const struct lmm_model *model, struct lmm_sink *sink,
                           const struct lmm_format_options *options);

/* The parts of that text, for one of several processes: the version; the samples of the models, each metric once; and
 * the labels of a process, with a comma at the end, to be freed (NULL: out of memory). The end, "# EOF", is the caller's. No two models
 * have one PID and program. */
void lmm_openmetrics_put_build(struct lmm_sink *sink);
int lmm_openmetrics_put(const struct lmm_model *const *models, size_t count, struct lmm_sink *sink,
                        const struct lmm_format_options *options);
char *lmm_openmetrics_labels(uint32_t pid, struct lmm_string program);

/* A sample per site. The document is binary. */
int lmm_pprof_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options);

/* A line per site whose figure, that of options->measure, is not 0. */
int lmm_folded_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options);

/* Trees of calls at the peak and now, as Valgrind's massif writes them. */
int lmm_massif_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options);

/* The check for leaks, as JUnit and as SARIF (report/run_ci.h). */
int lmm_junit_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options);
int lmm_sarif_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options);

/* A file for a browser (page/page_report.h). */
int lmm_html_render(const struct lmm_model *model, struct lmm_sink *sink,
                    const struct lmm_format_options *options);

/* Returns how many sites of a model to show; `usual` is the number without --top. */
size_t lmm_sites_shown(const struct lmm_model *model, const struct lmm_format_options *options,
                       size_t usual);

#endif
