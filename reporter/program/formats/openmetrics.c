/* SPDX-License-Identifier: MIT */
/*
 * openmetrics: OpenMetrics 1.0 text that is also valid in the older Prometheus format, which
 * `promtool check metrics` reads. The two disagree whether the TYPE line of a counter has the name
 * with or without "_total". So totals are summaries, whose samples end with "_count" and "_sum" in
 * both formats.
 *
 * A sample whose value is 0 is left out: databases pay for each series, and most sites of a program
 * hold nothing at most times.
 *
 * Label values are names as text reports print them, so they are valid UTF-8 and differ if the
 * names differ. Rows with equal labels (a place in a header is a site for each file that includes
 * it; a damaged ledger may have two families of one name) get another label, duplicate="2" and up.
 *
 * A site of the drop-in whose type is known has the label `type`. A program may have thousands of types, so only
 * the first LMM_OPENMETRICS_TYPES, in the order of the ledger, are named; the others are "other".
 *
 * Invariants:
 *   I1  no two series have the same name and labels
 *   I2  a row has the same labels in every reading of one process, as long as the model has all
 *       rows: duplicates are numbered in the order of the ledger
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/base/names.h"
#include "reporter/core/sink.h"

/* A row and its labels, without the braces. */
struct series {
    const void *row;
    struct lmm_string type; /* of a site's blocks; empty: unknown */
    char *labels;
    uintptr_t order;    /* in the ledger */
    unsigned duplicate; /* 0: the first with these labels */
};

struct metric {
    const char *name;
    const char *help;
    const char *unit;  /* NULL: none */
    const char *total; /* the end of its sample's name; NULL: it is a gauge */
    size_t figure;     /* offset in the row */
};

#define FAMILY(field) offsetof(struct lmm_model_family, field)
#define SITE(field)   offsetof(struct lmm_model_site, field)

static const struct metric family_metrics[] = {
    {"lmm_family_live_blocks", "Live blocks of the family.", NULL, NULL, FAMILY(live_blocks)},
    {"lmm_family_live_bytes", "Bytes in live blocks of the family.", "bytes", NULL,
     FAMILY(live_bytes)},
    {"lmm_family_committed_bytes", "Memory that the family's pages really take.", "bytes", NULL,
     FAMILY(committed_bytes)},
    {"lmm_family_peak_bytes", "Most bytes the family ever had in live blocks.", "bytes", NULL,
     FAMILY(peak_bytes)},
    {"lmm_family_allocations", "Blocks of the family that were allocated.", NULL, "_count",
     FAMILY(allocations)},
    {"lmm_family_frees", "Blocks of the family that were freed.", NULL, "_count", FAMILY(frees)},
};

static const struct metric site_metrics[] = {
    {"lmm_site_live_blocks", "Live blocks that were allocated at the site.", NULL, NULL,
     SITE(live_blocks)},
    {"lmm_site_live_bytes", "Bytes in live blocks that were allocated at the site.", "bytes", NULL,
     SITE(live_bytes)},
    {"lmm_site_peak_bytes", "Bytes of the site when most bytes of the process lived.", "bytes",
     NULL, SITE(peak_bytes)},
    {"lmm_site_allocated_bytes", "Bytes that were allocated at the site.", "bytes", "_sum",
     SITE(allocated_bytes)},
    {"lmm_site_allocations", "Blocks that were allocated at the site.", NULL, "_count",
     SITE(allocations)},
    {"lmm_site_frees", "Blocks of the site that were freed.", NULL, "_count", SITE(frees)},
};

/* After those, only for the drop-in. */
static const struct metric drop_in_metrics[] = {
    {"lmm_site_temporaries",
     "Blocks of the site that were freed before the same thread allocated again.", NULL, "_count",
     SITE(temporaries)},
};

enum {
    DROP_IN_METRICS = sizeof(drop_in_metrics) / sizeof(drop_in_metrics[0]),
    FAMILY_METRICS = sizeof(family_metrics) / sizeof(family_metrics[0]),
    SITE_METRICS = sizeof(site_metrics) / sizeof(site_metrics[0]),
};

/* ---- Labels ---------------------------------------------------------------------------------- */

static bool put_label(FILE *out, const char *label, struct lmm_string value)
{
    char *text = lmm_name_escaped(value);

    if (text == NULL) {
        return false;
    }
    fprintf(out, "%s=\"", label);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            fputc('\\', out);
        }
        fputc(*at, out);
    }
    fputc('"', out);
    free(text);
    return true;
}

static bool put_family_labels(FILE *out, const void *row)
{
    const struct lmm_model_family *family = row;

    return put_label(out, "family", family->name);
}

/* row: the series. */
static bool put_site_labels(FILE *out, const void *row)
{
    const struct series *series = row;
    const struct lmm_model_site *site = series->row;

    if (!put_family_labels(out, site->family) || fputc(',', out) == EOF ||
        !put_label(out, "file", site->file)) {
        return false;
    }
    fprintf(out, ",line=\"%" PRIu32 "\",", site->line);
    return put_label(out, "function", site->function) &&
           (series->type.bytes == 0 ||
            (fputc(',', out) != EOF && put_label(out, "type", series->type)));
}

struct process {
    uint32_t pid;
    struct lmm_string program;
};

/* Each series names its process, so that several can be in one text. */
static bool put_process_labels(FILE *out, const void *row)
{
    const struct process *process = row;

    fprintf(out, "pid=\"%" PRIu32 "\",", process->pid);
    return put_label(out, "program", process->program) && fputc(',', out) != EOF;
}

/* Returns the text that put writes for the row, to be freed; NULL: out of memory. */
static char *labels_of(const void *row, bool (*put)(FILE *out, const void *row))
{
    char *labels = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&labels, &bytes);

    if (out == NULL) {
        return NULL;
    }
    bool made = put(out, row) && !ferror(out);

    if (fclose(out) != 0 || !made) {
        free(labels);
        return NULL;
    }
    return labels;
}

char *lmm_openmetrics_labels(uint32_t pid, struct lmm_string program)
{
    struct process process = {pid, program};

    return labels_of(&process, put_process_labels);
}

static int compare_series(const void *left, const void *right)
{
    const struct series *a = *(const struct series *const *) left;
    const struct series *b = *(const struct series *const *) right;
    int order = strcmp(a->labels, b->labels);

    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static bool number_duplicates(struct series *series, size_t count)
{
    struct series **sorted = calloc(count + 1, sizeof(struct series *));

    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &series[i];
    }
    qsort(sorted, count, sizeof(struct series *), compare_series);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(sorted[i]->labels, sorted[i - 1]->labels) == 0) {
            sorted[i]->duplicate = sorted[i - 1]->duplicate + 1;
        }
    }
    free(sorted);
    return true;
}

static int compare_ids(const void *left, const void *right)
{
    const struct lmm_model_site *a = (*(const struct series *const *) left)->row;
    const struct lmm_model_site *b = (*(const struct series *const *) right)->row;

    return lmm_compare_u64(a->id, b->id);
}

/* Bounds the number of types: a type that is not among the first is "other". */
static void bound_type(struct series *series, struct lmm_string *types, size_t *count)
{
    size_t i = 0;

    while (i < *count && lmm_compare_strings(types[i], series->type) != 0) {
        i++;
    }
    if (i < *count || series->type.bytes == 0) {
        return;
    }
    if (*count < LMM_OPENMETRICS_TYPES) {
        types[(*count)++] = series->type;
    } else {
        series->type = lmm_string_of("other");
    }
}

/* Gives the series of all sites their types, in the order of the ledger (I2); false: out of memory. */
static bool name_types(const struct lmm_model *model, struct series *series)
{
    struct series **sorted = calloc(model->site_count + 1, sizeof(struct series *));
    struct lmm_string types[LMM_OPENMETRICS_TYPES];
    size_t count = 0;

    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        series[i].row = &model->sites[i];
        if (model->is_drop_in) { /* else its family is its type */
            series[i].type = lmm_site_type_name(model, &model->sites[i]);
        }
        sorted[i] = &series[i];
    }
    qsort(sorted, model->site_count, sizeof(struct series *), compare_ids);
    for (size_t i = 0; i < model->site_count; i++) {
        bound_type(sorted[i], types, &count);
    }
    free(sorted);
    return true;
}

static void free_series(struct series *series, size_t count)
{
    for (size_t i = 0; series != NULL && i < count; i++) {
        free(series[i].labels);
    }
    free(series);
}

/* ---- Metrics --------------------------------------------------------------------------------- */

static void put_head(struct lmm_sink *sink, const struct metric *metric)
{
    lmm_sink_printf(sink, "# HELP %s %s\n", metric->name, metric->help);
    lmm_sink_printf(sink, "# TYPE %s %s\n", metric->name,
                    metric->total == NULL ? "gauge" : "summary");
    if (metric->unit != NULL) {
        lmm_sink_printf(sink, "# UNIT %s %s\n", metric->name, metric->unit);
    }
}

/* The samples of one model. */
struct part {
    const struct lmm_model *model;
    char *process; /* the labels of the process, which each sample has; ends with a comma */
    struct series *families;
    struct series *sites; /* NULL: none are shown */
    size_t shown;         /* of sites */
};

static uint64_t figure_of(const struct metric *metric, const struct series *series)
{
    return *(const uint64_t *) (const void *) ((const char *) series->row + metric->figure);
}

static void put_sample(struct lmm_sink *sink, const struct part *part, const struct metric *metric,
                       const struct series *series)
{
    lmm_sink_puts(sink, metric->name);
    lmm_sink_puts(sink, metric->total == NULL ? "" : metric->total);
    lmm_sink_puts(sink, "{");
    lmm_sink_puts(sink, part->process);
    lmm_sink_puts(sink, series->labels);
    if (series->duplicate > 0) {
        lmm_sink_printf(sink, ",duplicate=\"%u\"", series->duplicate + 1);
    }
    lmm_sink_printf(sink, "} %" PRIu64 "\n", figure_of(metric, series));
}

/* Puts the metric's samples of one part; has_head: whether its head was put. */
static void put_samples(struct lmm_sink *sink, const struct part *part, const struct metric *metric,
                        const struct series *series, size_t count, bool *has_head)
{
    for (size_t i = 0; i < count; i++) {
        if (figure_of(metric, &series[i]) != 0) {
            if (!*has_head) {
                put_head(sink, metric);
            }
            *has_head = true;
            put_sample(sink, part, metric, &series[i]);
        }
    }
}

static void put_families(struct lmm_sink *sink, const struct part *parts, size_t count)
{
    for (size_t i = 0; i < FAMILY_METRICS; i++) {
        bool has_head = false;

        for (size_t k = 0; k < count; k++) {
            put_samples(sink, &parts[k], &family_metrics[i], parts[k].families,
                        parts[k].model->family_count, &has_head);
        }
    }
}

/* drop_in: the metrics are those of the drop-in alone. */
static void put_sites(struct lmm_sink *sink, const struct part *parts, size_t count,
                      const struct metric *metrics, size_t metric_count, bool drop_in)
{
    for (size_t i = 0; i < metric_count; i++) {
        bool has_head = false;

        for (size_t k = 0; k < count; k++) {
            if (parts[k].sites != NULL && (!drop_in || parts[k].model->is_drop_in)) {
                put_samples(sink, &parts[k], &metrics[i], parts[k].sites, parts[k].shown,
                            &has_head);
            }
        }
    }
}

static void put_left_out(struct lmm_sink *sink, const struct part *parts, size_t count)
{
    bool has_head = false;

    for (size_t k = 0; k < count; k++) {
        const struct lmm_model *model = parts[k].model;
        size_t left_out = parts[k].sites == NULL
                              ? 0
                              : model->site_count - parts[k].shown + model->hidden_sites.count;

        if (left_out > 0) {
            lmm_sink_puts(
                sink, has_head
                          ? ""
                          : "# HELP lmm_sites_left_out Sites beyond the bound on their number.\n"
                            "# TYPE lmm_sites_left_out gauge\n");
            has_head = true;
            lmm_sink_puts(sink, "lmm_sites_left_out{");
            lmm_sink_write(sink, parts[k].process, strlen(parts[k].process) - 1); /* no comma */
            lmm_sink_printf(sink, "} %zu\n", left_out);
        }
    }
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Returns the series of all families or all sites, to be freed; NULL: out of memory. Hidden sites
 * are numbered, too, so that a number does not depend on which sites are shown. */
static struct series *make_series(const struct lmm_model *model, bool sites)
{
    size_t count = sites ? model->site_count : model->family_count;
    struct series *series = calloc(count + 1, sizeof(*series));
    bool made = series != NULL && (!sites || name_types(model, series));

    for (size_t i = 0; made && i < count; i++) {
        const void *row = sites ? (const void *) &model->sites[i] : model->families[i];

        series[i].row = row;
        series[i].labels =
            sites ? labels_of(&series[i], put_site_labels) : labels_of(row, put_family_labels);
        series[i].order = sites ? model->sites[i].id : (uintptr_t) row;
        made = series[i].labels != NULL;
    }
    if (!made || !number_duplicates(series, count)) {
        free_series(series, count);
        return NULL;
    }
    return series;
}

static bool make_part(const struct lmm_model *model, const struct lmm_format_options *options,
                      struct part *part)
{
    part->model = model;
    part->process = lmm_openmetrics_labels(model->pid, model->program);
    part->families = make_series(model, false);
    part->sites = options->sites ? make_series(model, true) : NULL;
    part->shown = lmm_sites_shown(model, options, LMM_OPENMETRICS_TOP_SITES);
    return part->process != NULL && part->families != NULL &&
           (part->sites != NULL || !options->sites);
}

static void free_part(struct part *part)
{
    free(part->process);
    if (part->families != NULL) {
        free_series(part->families, part->model->family_count);
    }
    if (part->sites != NULL) {
        free_series(part->sites, part->model->site_count);
    }
}

static void put_parts(struct lmm_sink *sink, const struct part *parts, size_t count)
{
    put_families(sink, parts, count);
    put_sites(sink, parts, count, site_metrics, SITE_METRICS, false);
    put_sites(sink, parts, count, drop_in_metrics, DROP_IN_METRICS, true);
    put_left_out(sink, parts, count);
}

int lmm_openmetrics_put(const struct lmm_model *const *models, size_t count, struct lmm_sink *sink,
                        const struct lmm_format_options *options)
{
    struct part *parts = calloc(count + 1, sizeof(*parts));
    size_t made = 0;

    while (parts != NULL && made < count && make_part(models[made], options, &parts[made])) {
        made++;
    }
    if (parts != NULL && made == count) {
        put_parts(sink, parts, count);
    }
    for (size_t i = 0; parts != NULL && i < count; i++) {
        free_part(&parts[i]);
    }
    free(parts);
    return parts != NULL && made == count ? 0 : -ENOMEM;
}

void lmm_openmetrics_put_build(struct lmm_sink *sink)
{
    lmm_sink_puts(sink, "# HELP lmm_build_info The version of lmm that wrote this.\n"
                        "# TYPE lmm_build_info gauge\n"
                        "lmm_build_info{version=\"" LMM_PROGRAM_VERSION "\"} 1\n");
}

int lmm_openmetrics_render(const struct lmm_model *model, struct lmm_sink *sink,
                           const struct lmm_format_options *options)
{
    int error;

    lmm_openmetrics_put_build(sink);
    error = lmm_openmetrics_put(&model, 1, sink, options);
    if (error != 0) {
        return error;
    }
    lmm_sink_puts(sink, "# EOF\n");
    return lmm_sink_flush(sink);
}
