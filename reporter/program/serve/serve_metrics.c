/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/serve/observed.h"
#include "reporter/program/serve/observer.h"
#include "reporter/program/serve/serve_answer.h"

/* A process and its labels. */
struct sample {
    const struct lmm_observed *observed;
    char *labels; /* without a comma at the end */
};

struct metric {
    const char *name;
    const char *help;
    const char *unit;                                                        /* NULL: none */
    bool (*value)(const struct lmm_observed *observed, uint64_t *ret_value); /* false: unknown */
};

static bool is_up(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = lmm_observed_runs(observed);
    return true;
}

static bool live_bytes(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->facts.live_bytes;
    return true;
}

static bool live_blocks(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->facts.live_blocks;
    return true;
}

static bool committed_bytes(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->facts.committed_bytes;
    return true;
}

static bool peak_bytes(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->facts.peak_bytes;
    return true;
}

static bool resident_bytes(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->memory.resident_bytes;
    return *ret_value != 0;
}

static bool limit_bytes(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->limit_bytes;
    return *ret_value != 0;
}

static bool start_time(const struct lmm_observed *observed, uint64_t *ret_value)
{
    *ret_value = observed->id.start_ns / LMM_NS_PER_SECOND;
    return true;
}

static const struct metric metrics[] = {
    {"lmm_process_up", "Whether the process runs.", NULL, is_up},
    {"lmm_process_live_bytes", "Bytes in live blocks of the process.", "bytes", live_bytes},
    {"lmm_process_live_blocks", "Live blocks of the process.", NULL, live_blocks},
    {"lmm_process_committed_bytes", "Memory that the pages of blocks really take.", "bytes",
     committed_bytes},
    {"lmm_process_peak_bytes", "Most bytes that the process ever had in live blocks.", "bytes",
     peak_bytes},
    {"lmm_process_resident_bytes", "Resident memory of the process, by the kernel.", "bytes",
     resident_bytes},
    {"lmm_process_limit_bytes", "Memory that the process may use.", "bytes", limit_bytes},
    {"lmm_process_start_time_seconds", "When the process started, since 1970.", "seconds",
     start_time},
};

static void put_head(struct lmm_sink *sink, const char *name, const char *help, const char *unit)
{
    lmm_sink_printf(sink, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
    if (unit != NULL) {
        lmm_sink_printf(sink, "# UNIT %s %s\n", name, unit);
    }
}

static void put_metric(struct lmm_sink *sink, const struct metric *metric,
                       const struct sample *samples, size_t count)
{
    bool has_head = false;

    for (size_t i = 0; i < count; i++) {
        uint64_t value;

        if (metric->value(samples[i].observed, &value)) {
            if (!has_head) {
                put_head(sink, metric->name, metric->help, metric->unit);
            }
            has_head = true;
            lmm_sink_puts(sink, metric->name);
            lmm_sink_puts(sink, "{");
            lmm_sink_puts(sink, samples[i].labels);
            lmm_sink_printf(sink, "} %" PRIu64 "\n", value);
        }
    }
}

static void put_lost(struct lmm_sink *sink, const struct sample *samples, size_t count)
{
    static const char name[] = "lmm_process_lost_bytes";
    static const char *const classes[] = {[LMM_MODEL_DEFINITE] = "definite",
                                          [LMM_MODEL_INDIRECT] = "indirect",
                                          [LMM_MODEL_POSSIBLE] = "possible"};
    bool has_head = false;

    for (size_t i = 0; i < count; i++) {
        const struct lmm_observed_facts *facts = &samples[i].observed->facts;

        for (size_t k = 0; facts->has_check && k < sizeof(classes) / sizeof(classes[0]); k++) {
            if (!has_head) {
                put_head(sink, name, "Lost bytes, by the last leak check of the process.", "bytes");
            }
            has_head = true;
            lmm_sink_printf(sink, "%s{", name);
            lmm_sink_puts(sink, samples[i].labels);
            lmm_sink_printf(sink, ",class=\"%s\"} %" PRIu64 "\n", classes[k],
                            facts->classes[k].bytes);
        }
    }
}

/* Whether a later process has the same labels, because a PID was used again; or the ledger was removed a while ago. */
static bool is_hidden(const struct lmm_observer *observer, size_t index)
{
    const struct lmm_observed *observed = observer->items[index];

    if (observed->is_stored &&
        (observed->gone_ns == 0 ||
         lmm_clock_ns(CLOCK_MONOTONIC) >=
             observed->gone_ns + LMM_OBSERVER_GONE_SECONDS * LMM_NS_PER_SECOND)) {
        return true;
    }
    for (size_t i = index + 1; i < observer->count; i++) {
        if (observer->items[i]->was_read && observer->items[i]->id.pid == observed->id.pid &&
            strcmp(observer->items[i]->binary, observed->binary) == 0) {
            return true;
        }
    }
    return !observed->was_read;
}

/* Sets the samples, of room for all processes, and returns how many there are; SIZE_MAX: out of memory. */
static size_t make_samples(const struct lmm_observer *observer, struct sample *samples)
{
    size_t count = 0;

    for (size_t i = 0; i < observer->count; i++) {
        const struct lmm_observed *observed = observer->items[i];
        char *labels;

        if (is_hidden(observer, i)) {
            continue;
        }
        labels = lmm_openmetrics_labels(observed->id.pid, lmm_string_of(observed->binary));
        if (labels == NULL) {
            return SIZE_MAX;
        }
        labels[strlen(labels) - 1] = '\0';
        samples[count++] = (struct sample) {observed, labels};
    }
    return count;
}

/* Puts the metrics of families and sites of those that run. Returns 0 or -ENOMEM. */
static int put_models(struct lmm_sink *sink, const struct sample *samples, size_t count, bool sites)
{
    const struct lmm_model **models = calloc(count + 1, sizeof(const struct lmm_model *));
    struct lmm_format_options options = {.sites = sites};
    size_t used = 0;
    int error;

    if (models == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        const struct lmm_observed *observed = samples[i].observed;

        const struct lmm_model *model = lmm_observed_model(observed);

        if (model != NULL && lmm_observed_runs(observed)) {
            models[used++] = model;
        }
    }
    error = lmm_openmetrics_put(models, used, sink, &options);
    free(models);
    return error;
}

static int put_all(struct lmm_sink *sink, const struct sample *samples, size_t count, bool sites)
{
    int error;

    lmm_openmetrics_put_build(sink);
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        put_metric(sink, &metrics[i], samples, count);
    }
    put_lost(sink, samples, count);
    error = put_models(sink, samples, count, sites);
    lmm_sink_puts(sink, "# EOF\n");
    return error != 0 ? error : lmm_sink_flush(sink);
}

struct lmm_answer *lmm_serve_metrics(const struct lmm_observer *observer, bool openmetrics,
                                     bool sites)
{
    struct lmm_answer *answer = lmm_answer_new(
        200, openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                         : "text/plain; version=0.0.4; charset=utf-8");
    struct sample *samples = calloc(observer->count + 1, sizeof(*samples));
    size_t count = samples == NULL ? SIZE_MAX : make_samples(observer, samples);
    struct lmm_sink sink;
    int error = -ENOMEM;

    if (answer != NULL && count != SIZE_MAX) {
        lmm_answer_sink(answer, &sink);
        error = put_all(&sink, samples, count, sites);
    }
    for (size_t i = 0; samples != NULL && i < observer->count; i++) {
        free(samples[i].labels);
    }
    free(samples);
    return answer == NULL ? NULL : lmm_answer_done(answer, error);
}
