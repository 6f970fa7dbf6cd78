/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/baseline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/program/base/json_strings.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/fingerprint.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/symbols/symbols.h"

enum { FILE_MAX = 1 << 30 };

static const struct {
    enum lmm_model_class kind;
    enum lmm_measure measure;
} classes[] = {
    {LMM_MODEL_DEFINITE, LMM_MEASURE_LOST},
    {LMM_MODEL_POSSIBLE, LMM_MEASURE_POSSIBLE},
    {LMM_MODEL_INDIRECT, LMM_MEASURE_INDIRECT},
    {LMM_MODEL_REACHABLE, LMM_MEASURE_REACHABLE},
};

enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

static uint64_t key_of(uint64_t fingerprint, enum lmm_model_class kind)
{
    uint64_t key = lmm_hash_u64(fingerprint, kind + 1);

    return key == 0 ? 1 : key;
}

bool lmm_baseline_add_key(struct lmm_baseline *baseline, uint64_t key, enum lmm_model_class kind)
{
    uint32_t *number = lmm_numbers_at(&baseline->keys, key_of(key, kind));

    if (number == NULL) {
        return false;
    }
    *number = 1;
    baseline->count++;
    return true;
}

bool lmm_baseline_add(struct lmm_baseline *baseline, const struct lmm_spots *spots)
{
    for (size_t i = 0; i < spots->count; i++) {
        const struct lmm_spot *spot = &spots->items[i];

        for (size_t k = 0; k < spot->trace_count; k++) {
            const struct lmm_trace *trace = &spot->traces[k];

            for (size_t c = 0; c < CLASSES; c++) {
                if (lmm_tally_counts(&trace->tally, classes[c].measure) &&
                    !lmm_baseline_add_key(baseline, lmm_fingerprint(spots->model, trace->site),
                                          classes[c].kind)) {
                    return false;
                }
            }
        }
    }
    return true;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Takes the strings of a report: of each of its losses the kind, then the fingerprints. */
struct reading {
    struct lmm_baseline *baseline;
    enum lmm_model_class kind;
    bool is_report;
};

static bool take_string(void *context, const struct lmm_json_place *place, struct lmm_string text)
{
    struct reading *reading = context;

    if (place->depth == 1 && lmm_json_is_key(place, 0, "schema")) {
        reading->is_report = text.bytes == 7 && memcmp(text.text, "lmm-run", 7) == 0;
    }
    if (!lmm_json_is_key(place, 0, "processes") || !lmm_json_is_key(place, 2, "lost")) {
        return true;
    }
    if (place->depth == 5 && lmm_json_is_key(place, 4, "kind")) {
        for (size_t i = 0; i < CLASSES; i++) {
            const char *word = lmm_kinds_word(classes[i].kind);

            if (text.bytes == strlen(word) && memcmp(text.text, word, text.bytes) == 0) {
                reading->kind = classes[i].kind;
            }
        }
    } else if (place->depth == 6 && lmm_json_is_key(place, 4, "keys")) {
        char digits[17] = "";

        memcpy(digits, text.text, text.bytes < 16 ? text.bytes : 16);
        return lmm_baseline_add_key(reading->baseline, strtoull(digits, NULL, 16), reading->kind);
    }
    return true;
}

static bool read_report(const char *path, const char *bytes, size_t size,
                        struct lmm_baseline *baseline)
{
    struct reading reading = {.baseline = baseline};

    if (!lmm_json_strings(bytes, size, take_string, &reading)) {
        lmm_complain("%s: damaged JSON, or out of memory", path);
        return false;
    }
    if (!reading.is_report) {
        lmm_complain("%s: not a JSON report of lmm run", path);
    }
    return reading.is_report;
}

static bool read_ledger(const char *path, struct lmm_baseline *baseline)
{
    struct lmm_snapshot *snapshot = lmm_snapshot_read(path);
    struct lmm_symbols *symbols = NULL;
    struct lmm_spots spots = {.model = NULL};
    bool good = snapshot != NULL;

    if (good && (!snapshot->model->check.is_there || snapshot->model->check.failure != 0)) {
        lmm_complain("%s: this ledger has no leak check", path);
        good = false;
    }
    if (good &&
        (!lmm_symbols_apply(&symbols, 0, snapshot->model) ||
         !lmm_spots_make(snapshot->model, NULL, &spots) || !lmm_baseline_add(baseline, &spots))) {
        lmm_complain("%s", strerror(ENOMEM));
        good = false;
    }
    lmm_spots_free(&spots);
    lmm_snapshot_free(snapshot);
    lmm_symbols_close(symbols);
    return good;
}

/* Reads a whole file, to be freed; NULL with errno. */
static char *read_all(FILE *file, size_t *ret_size)
{
    char *bytes = NULL;
    size_t room = 0;
    size_t size = 0;

    errno = 0;
    while (!feof(file) && !ferror(file) && size <= FILE_MAX) {
        if (size == room) {
            char *grown = realloc(bytes, room = 2 * room + 65536);

            if (grown == NULL) {
                free(bytes);
                return NULL;
            }
            bytes = grown;
        }
        size += fread(bytes + size, 1, room - size, file);
    }
    if (ferror(file) || size > FILE_MAX) {
        errno = errno == 0 ? EFBIG : errno;
        free(bytes);
        return NULL;
    }
    *ret_size = size;
    return bytes;
}

bool lmm_baseline_read(const char *path, struct lmm_baseline *ret_baseline)
{
    FILE *file = fopen(path, "re");
    size_t size = 0;
    char *bytes = file == NULL ? NULL : read_all(file, &size);
    bool good = false;

    *ret_baseline = (struct lmm_baseline) {.count = 0};
    if (bytes == NULL) {
        lmm_complain("%s: %s", path, strerror(errno));
    } else if (size > 8 && memcmp(bytes, "LMM-BOOK", 8) == 0) {
        good = read_ledger(path, ret_baseline);
    } else {
        good = read_report(path, bytes, size, ret_baseline);
    }
    free(bytes);
    if (file != NULL) {
        fclose(file);
    }
    return good;
}

/* ---- What is known --------------------------------------------------------------------------- */

static bool has_key(const struct lmm_baseline *baseline, uint64_t fingerprint,
                    enum lmm_model_class kind)
{
    return lmm_numbers_find(&baseline->keys, key_of(fingerprint, kind)) != 0;
}

/* Returns the classes in which the baseline has the losses of a trace. */
static unsigned known_classes(const struct lmm_baseline *baseline, uint64_t fingerprint)
{
    unsigned known = 0;

    for (size_t i = 0; i < CLASSES; i++) {
        known |= has_key(baseline, fingerprint, classes[i].kind) ? 1u << classes[i].kind : 0;
    }
    if ((known & 1u << LMM_MODEL_DEFINITE) != 0) {
        known |= 1u << LMM_MODEL_POSSIBLE;
    }
    return known;
}

void lmm_baseline_apply(const struct lmm_baseline *baseline, struct lmm_spots *spots)
{
    for (size_t i = 0; i < spots->count; i++) {
        struct lmm_spot *spot = &spots->items[i];

        for (size_t k = 0; k < spot->trace_count; k++) {
            spot->traces[k].known_classes =
                known_classes(baseline, lmm_fingerprint(spots->model, spot->traces[k].site));
        }
    }
}

void lmm_baseline_free(struct lmm_baseline *baseline)
{
    lmm_numbers_free(&baseline->keys);
    *baseline = (struct lmm_baseline) {.count = 0};
}
