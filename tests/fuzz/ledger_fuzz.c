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

#include "reporter/core/model.h"
#include "reporter/program/change/delta.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/base/select.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/core/sink.h"
#include "reporter/core/text.h"

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

static void check_frames(const struct lmm_model *model)
{
    for (uint32_t i = 1; i < model->frame_count; i++) {
        require(model->frames[i].caller < i, "a frame whose caller stands after it");
        require(model->frames[i].module <= model->module_count, "a frame in no module");
        require(model->frames[i].depth <= LMM_MODEL_STACK_MAX, "a stack too deep");
    }
}

/* The invariants of model.h. */
static void check(const struct lmm_model *model)
{
    const struct lmm_model_family *total = &model->total;
    uint64_t sites = 0;

    for (size_t i = 0; i < model->family_count; i++) {
        const struct lmm_model_family *family = model->families[i];

        require(family->peak_bytes >= family->live_bytes, "peak below live");
        require(family->occupancy_permille <= 1000 && family->internal_permille <= 1000 &&
                    family->external_permille <= 1000,
                "a share above the whole");
        require(family->live_bytes <= total->live_bytes, "a family above the total");
        sites += family->sites;
    }
    require(sites == model->site_count && total->sites == model->site_count,
            "the families' sites are not all sites");
    for (size_t i = 0; i < model->site_count; i++) {
        require(model->sites[i].live_blocks <= model->sites[i].allocations,
                "more live blocks than allocations");
        require(model->sites[i].share_permille <= 1000, "a share above the whole");
        require(model->sites[i].temporaries <= model->sites[i].frees,
                "more temporary blocks than frees");
        require(model->sites[i].stack == 0 || model->sites[i].stack < model->frame_count,
                "a stack that is not in the table");
    }
}

static void render(const struct lmm_model *model)
{
    struct lmm_sink sink;
    size_t bytes = 0;

    for (const struct lmm_format *format = lmm_formats; format->name != NULL; format++) {
        for (int sites = 0; sites < 2; sites++) {
            struct lmm_format_options options = {.colour = sites, .sites = sites};

            lmm_sink_init(&sink, swallow, &bytes);
            require(format->render(model, &sink, &options) == 0, format->name);
        }
    }
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_text_leaks(model, &sink, NULL) == 0, "leaks");
}

static void select_rows(struct lmm_model *model)
{
    char pattern[] = "*[a-m]*";
    char *patterns[] = {pattern, NULL};
    struct lmm_select select = {.patterns = patterns};

    lmm_select_apply(&select, model);
    check(model);
    select = (struct lmm_select) {.top = 1};
    lmm_select_apply(&select, model);
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

static void look(const void *bytes, size_t size)
{
    struct lmm_reason reason = {""};
    struct lmm_snapshot *snapshot = lmm_snapshot_of(bytes, size, &reason);

    require((snapshot == NULL) == (reason.text[0] != '\0'),
            "a failure without a reason, or a success with one");
    if (snapshot != NULL) {
        struct lmm_snapshot *again = lmm_snapshot_of(bytes, size, &reason);

        require(again != NULL, "the second reading of a ledger fails");
        check(snapshot->model);
        check_frames(snapshot->model);
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
        .version = LMM_LEDGER_VERSION,
        .header_bytes = sizeof(header),
        .chunk_bytes = sizeof(struct lmm_ledger_chunk),
        .state = LMM_LEDGER_RUNNING,
        .file_bytes = sizeof(header) +
                      size / sizeof(struct lmm_ledger_chunk) * sizeof(struct lmm_ledger_chunk),
        .executable = "/bin/fuzz",
        .is_drop_in = size / sizeof(struct lmm_ledger_chunk) % 2,
        .peak_count = size / sizeof(struct lmm_ledger_chunk) % 3,
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
