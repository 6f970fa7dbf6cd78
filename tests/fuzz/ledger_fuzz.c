/* SPDX-License-Identifier: MIT */
/*
 * ledger_fuzz: libFuzzer gives any bytes as a ledger to the reader, the model and every renderer.
 * Each input is read twice: as a file, and as the chunks after a valid header, because random changes
 * seldom pass a header's checks. The invariants of each model are checked, too.
 *
 *   ninja -C build/dev lmm_fuzz
 *   build/dev/tests/fuzz/ledger_fuzz -max_total_time=3600 -max_len=32768 NEW tests/data/fuzz
 *
 * NEW is an empty folder, where libFuzzer keeps inputs that reach new code.
 */
#include <lmm/ledger.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/history/process_history.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/core/sink.h"
#include "reporter/core/text.h"
#include "tests/fuzz/page_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int swallow(void *context, const char *data, size_t bytes)
{
    (void) data;
    *(size_t *) context += bytes;
    return 0;
}

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "ledger_fuzz: %s\n", what);
        abort();
    }
}

static void render(const struct lmm_model *model)
{
    struct lmm_sink sink;
    size_t bytes = 0;

    for (const struct lmm_format *format = lmm_formats; format->name != NULL; format++) {
        for (int sites = 0; sites < 2 && !format->is_page; sites++) {
            struct lmm_format_options options = {
                .measure = sites ? LMM_EXPORT_PEAK : LMM_EXPORT_USUAL,
                .colour = sites,
                .terminal = sites,
                .sites = sites,
            };

            lmm_sink_init(&sink, swallow, &bytes);
            require(format->render(model, &sink, &options) == 0, format->name);
        }
    }
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_text_leaks(model, &sink, NULL) == 0, "leaks");
    const char *fault = page_fault(model, model, NULL);

    require(fault == NULL, fault);
}

static void select_rows(struct lmm_model *model)
{
    char pattern[] = "*[a-m]*";
    char *patterns[] = {pattern, NULL};
    struct lmm_select select = {.patterns = patterns};

    lmm_select_filter(&select, model);
    require(lmm_model_is_valid(model), "an invariant of model.h does not hold after a selection");
    select = (struct lmm_select) {.top = 1};
    lmm_select_order(&select, model);
    render(model);
}

static void compare(const struct lmm_model *before, const struct lmm_model *after)
{
    struct lmm_delta *delta = lmm_delta_make(before, after, NULL, true);

    require(delta != NULL, "no comparison");
    lmm_delta_free(delta);
    delta = lmm_delta_make(after, after, NULL, true);
    require(delta != NULL, "no comparison");
    for (size_t i = 0; i < delta->family_count; i++) {
        require(!lmm_delta_row_changed(&delta->families[i]), "a family differs from itself");
    }
    for (size_t i = 0; i < delta->site_count; i++) {
        require(!lmm_delta_row_changed(&delta->sites[i]), "a site differs from itself");
    }
    lmm_delta_free(delta);
}

/* Samples the ledger as if its process ran. */
static void sample(const void *bytes, size_t size, const struct lmm_model *model)
{
    static int file = -1;
    char path[64];

    file = file >= 0 ? file : memfd_create("ledger", MFD_CLOEXEC);
    require(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t) size,
            "no file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    struct lmm_process_history *history = lmm_process_history_open(path, NULL, true);

    if (history == NULL) {
        return;
    }
    lmm_process_history_sample(history);
    lmm_process_history_sample(history);
    lmm_process_history_end(history, model, model->start_time_ns, "status 0");
    require(lmm_timeline_is_valid(lmm_process_history_timeline(history)),
            "an invariant of timeline.h does not hold");
    lmm_process_history_free(history);
}

static void look(const void *bytes, size_t size)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = lmm_snapshot_of(bytes, size, &reason);

    require((snapshot == NULL) == (reason.text[0] != '\0'),
            "a failure without a reason, or a success with one");
    if (snapshot != NULL) {
        struct lmm_snapshot *again = lmm_snapshot_of(bytes, size, &reason);

        require(again != NULL, "the second reading of a ledger fails");
        require(lmm_model_is_valid(snapshot->model), "an invariant of model.h does not hold");
        sample(bytes, size, snapshot->model);
        snapshot->model->shown_calls = 8;
        render(snapshot->model);
        select_rows(snapshot->model);
        compare(snapshot->model, again->model);
        lmm_snapshot_free(again);
    }
    lmm_snapshot_free(snapshot);
}

static void look_after_header(const uint8_t *data, size_t size)
{
    struct lmm_ledger_header header = {
        .magic = {'L', 'M', 'M', '-', 'B', 'O', 'O', 'K'},
        .version = 1 + size / sizeof(struct lmm_ledger_chunk) / 6 % LMM_LEDGER_VERSION,
        .header_bytes = sizeof(header),
        .chunk_bytes = sizeof(struct lmm_ledger_chunk),
        .state = LMM_LEDGER_RUNNING,
        .file_bytes = sizeof(header) +
                      size / sizeof(struct lmm_ledger_chunk) * sizeof(struct lmm_ledger_chunk),
        .executable = "/bin/fuzz",
        .is_drop_in = size / sizeof(struct lmm_ledger_chunk) % 2,
        .peak_count = size / sizeof(struct lmm_ledger_chunk) % 3,
        .check_count = size / sizeof(struct lmm_ledger_chunk) / 2 % 3,
        .check = {{.leaks = (uint32_t) (size % 5)}, {.leaks = (uint32_t) (size % 3)}},
        .page_walk_count = size / sizeof(struct lmm_ledger_chunk) / 4 % 3,
        .page_walk = {{.records = (uint32_t) (size % 4)}, {.records = (uint32_t) (size % 7)}},
    };
    unsigned char *bytes = malloc(header.file_bytes);

    if (bytes != NULL) {
        memcpy(bytes, &header, sizeof(header));
        memcpy(bytes + sizeof(header), data, header.file_bytes - sizeof(header));
        look(bytes, header.file_bytes);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    look(data, size);
    look_after_header(data, size);
    return 0;
}
