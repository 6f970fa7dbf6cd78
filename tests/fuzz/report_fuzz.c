/* SPDX-License-Identifier: MIT */
/*
 * report_fuzz: libFuzzer gives any bytes as the chunks of a drop-in's ledger, and as frames and
 * sites of a model, because random bytes seldom make a ledger with stacks; and as the names of calls and
 * of types, and as suppressions. Each model goes through spots, suppressions, massif, and the report of `lmm
 * run` in text and JSON, and is asked for hints. What is found by the index of suppressions is compared with a try of all.
 *
 *   ninja -C build/dev lmm_report_fuzz
 *   build/dev/tests/fuzz/report_fuzz -max_total_time=3600 -max_len=32768 NEW tests/data/fuzz
 */
#include <lmm/ledger.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/report/diet.h"
#include "reporter/program/report/diet_print.h"
#include "reporter/program/report/ending.h"
#include "reporter/program/report/run_report.h"
#include "reporter/program/report/spots.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppress_index.h"
#include "tests/fuzz/page_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FRAMES = 4096, /* with calls of their own; later ones have the same */
    TYPES = 16,
    PATTERNS = 20,
    PATTERN_BYTES = 24,
    NAME_BYTES = 400,
};

/* The input, of which names and patterns are parts. */
static const uint8_t *input;
static size_t input_bytes;
static struct lmm_model_call calls[FRAMES][2];

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "report_fuzz: %s\n", what);
        abort();
    }
}

/* Returns a part of the input that number determines; no name has a NUL. */
static struct lmm_string part(uint64_t number, size_t most)
{
    uint64_t hash = lmm_hash_u64(1, number);
    size_t start = input_bytes == 0 ? 0 : hash % input_bytes;
    size_t bytes = (hash >> 32) % (most + 1);

    if (bytes > input_bytes - start) {
        bytes = input_bytes - start;
    }
    return (struct lmm_string) {(const char *) input + start,
                                strnlen((const char *) input + start, bytes)};
}

static void make_call(struct lmm_model_call *call, uint64_t number, bool is_inline)
{
    uint64_t bits = lmm_hash_u64(2, number);
    bool has_line = (bits & 1) != 0;
    struct lmm_string function = part(number * 4, (bits & 2) != 0 ? NAME_BYTES : 8);

    *call = (struct lmm_model_call) {
        .function = function.bytes > 0 ? function : lmm_string_of("f"),
        .file = has_line ? part(number * 4 + 1, NAME_BYTES) : lmm_string_of(""),
        .module = (bits & 4) != 0 ? part(number * 4 + 2, 40) : lmm_string_of(""),
        .line = has_line ? (uint32_t) (bits >> 32) : 0,
        .is_named = (bits & 8) != 0,
        .is_inline = is_inline,
        .is_wrapper = (bits & 0x30) == 0x30,
        .is_standard = (bits & 0x70) == 0x70,
        .is_new = (bits & 0xf0) == 0xf0,
    };
}

static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    struct lmm_model_call *made = calls[model->frames[frame].address % FRAMES];
    uint64_t number = model->frames[frame].address % FRAMES;
    bool has_inline = number % 3 == 0;

    (void) namer;
    if (made[1].function.text == NULL) {
        make_call(&made[0], number * 2, true);
        make_call(&made[1], number * 2 + 1, false);
    }
    *ret_calls = has_inline ? made : made + 1;
    return has_inline ? 2 : 1;
}

/* As the program does: a site has the names of the innermost call of its stack. */
static bool name_site(void *context, const struct lmm_model_call *call)
{
    struct lmm_model_site *site = context;

    site->function = call->function;
    site->file = call->line != 0 ? call->file : call->module;
    site->line = call->line;
    return false;
}

/* Gives sites types, of all kinds; some have none. */
static void set_types(struct lmm_model *model)
{
    static struct lmm_model_type types[TYPES];

    for (uint64_t i = 0; i < TYPES; i++) {
        uint64_t bits = lmm_hash_u64(4, lmm_hash_u64(i + 1, input_bytes));

        types[i] = (struct lmm_model_type) {
            .name = part(bits, (bits & 1) != 0 ? NAME_BYTES : 8),
            .confidence = (enum lmm_model_confidence)(bits >> 1 & 3),
            .evidence = (unsigned) (bits >> 3 & 0x1ff),
            .gap = (enum lmm_model_type_gap)(bits >> 12 & 3),
            .lacking = part(bits + 1, 40),
            .element = part(bits + 2, 8),
            .bytes = bits >> 40,
            .file = part(bits + 3, NAME_BYTES),
            .line = (uint32_t) bits,
        };
    }
    for (size_t i = 0; i < model->site_count; i++) {
        uint64_t which = lmm_hash_u64(5, model->sites[i].stack) % (TYPES + 1);

        model->sites[i].type = which < TYPES ? &types[which] : NULL;
    }
}

static int swallow(void *context, const char *data, size_t bytes)
{
    (void) data;
    *(size_t *) context += bytes;
    return 0;
}

static void add_patterns(struct lmm_suppressions *suppressions)
{
    for (uint64_t i = 0; i < PATTERNS && input_bytes > 0; i++) {
        char pattern[PATTERN_BYTES + 1] = "";
        struct lmm_string text = part(1000000 + i, PATTERN_BYTES);

        memcpy(pattern, text.text, text.bytes);
        for (char *at = strchr(pattern, LMM_GLOB_ONE); at != NULL; at = strchr(at, LMM_GLOB_ONE)) {
            *at = '*'; /* Valgrind's "?", which patterns of LeakSanitizer cannot have */
        }
        require(lmm_suppressions_add(suppressions, pattern), "no memory for a pattern");
    }
    require(lmm_suppressions_add_built_in(suppressions), "no memory for a pattern");
}

static void try_index(const struct lmm_suppressions *suppressions)
{
    struct lmm_suppress_index index;

    const char **globs = calloc(suppressions->count + 1, sizeof(const char *));

    for (size_t i = 0; i < suppressions->count && globs != NULL; i++) {
        globs[i] = suppressions->items[i].glob;
    }
    require(globs != NULL && lmm_suppress_index_make(globs, suppressions->count, &index),
            "no memory for an index");
    for (uint64_t i = 0; i < PATTERNS; i++) {
        struct lmm_string text = part(2000000 + i, PATTERN_BYTES * 4);
        uint32_t expected = 0;

        for (uint32_t k = 0; k < suppressions->count && expected == 0; k++) {
            expected = lmm_suppression_fits(&suppressions->items[k], text) ? k + 1 : 0;
        }
        require(lmm_suppress_index_find(&index, text) == expected,
                "the index finds another suppression");
    }
    lmm_suppress_index_free(&index);
    free((void *) globs);
}

static void check_totals(const struct lmm_spots *spots)
{
    struct lmm_tally sum = {0};

    for (size_t i = 0; i < spots->count; i++) {
        struct lmm_tally of_traces = {0};

        for (size_t k = 0; k < spots->items[i].trace_count; k++) {
            lmm_tally_add(&of_traces, &spots->items[i].traces[k].tally);
        }
        require(memcmp(&of_traces, &spots->items[i].tally, sizeof(of_traces)) == 0,
                "a row is not the sum of its stacks");
        lmm_tally_add(&sum, &spots->items[i].tally);
    }
    require(sum.allocations == spots->total.allocations, "the total is not the sum of the rows");
}

static void report(const struct lmm_model *model, struct lmm_spots *spots,
                   const struct lmm_suppressions *suppressions, unsigned bits)
{
    char name[] = "fuzz";
    char *argv[] = {name, NULL};
    struct lmm_ending ending = {.pid = 1, .status = (int) (bits >> 8 & 0x7f)};
    struct lmm_run_report_process process = {
        .model = model, .spots = spots, .is_program = (bits & 1) != 0, .is_live = (bits & 2) != 0};
    struct lmm_run_report run = {
        .argv = argv,
        .ending = &ending,
        .processes = &process,
        .process_count = 1,
        .suppressions = suppressions,
        .bounds = {(bits & 4) != 0 ? SIZE_MAX : 3, (bits & 8) != 0 ? SIZE_MAX : 1, 8, 1},
        .look = {.folder = "/usr/", .is_whole = (bits & 4) != 0, .is_brief = (bits & 8) == 0},
        .shown_classes = bits >> 16,
        .error_classes = bits >> 24,
        .leaks_only = (bits & 16) != 0,
        .colour = (bits & 32) != 0,
    };
    struct lmm_format_options options = {.measure = LMM_EXPORT_PEAK};
    struct lmm_sink sink;
    size_t bytes = 0;

    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_massif_render(model, &sink, &options) == 0, "massif");
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_folded_render(model, &sink, &options) == 0, "folded");
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_run_report_text(&run, &sink) == 0, "text");
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_run_report_json(&run, &sink) == 0, "JSON");
}

/* Looks for hints; without symbols no type has fields. */
static void try_diet(const struct lmm_model *model, unsigned bits)
{
    const struct lmm_diet_options options = {.least_bytes = bits & 0xff, .most_types = 8};
    const struct lmm_diet_look diet_look = {.rows = (bits & 4) != 0 ? SIZE_MAX : 3,
                                            .has_structs = (bits & 8) != 0};
    struct lmm_diet diet;
    struct lmm_sink sink;
    size_t bytes = 0;

    require(lmm_diet_make(model, NULL, &options, &diet), "no memory for a diet");
    lmm_sink_init(&sink, swallow, &bytes);
    lmm_diet_put_text(&diet, &diet_look, &sink);
    require(lmm_sink_flush(&sink) == 0, "diet");
    lmm_sink_init(&sink, swallow, &bytes);
    require(lmm_diet_put_json(&diet, &diet_look, &sink) == 0, "diet as JSON");
    for (size_t i = 0; i < diet.hint_count; i++) {
        char *line = lmm_hint_line(&diet.hints[i], bits >> 8 & 0x7f);

        require(line != NULL && strlen(line) <= (bits >> 8 & 0x7f), "a line is too long");
        free(line);
    }
    lmm_diet_free(&diet);
}

static void look(struct lmm_model *model)
{
    static struct lmm_model_namer namer = {calls_of};
    struct lmm_suppressions suppressions = {.items = NULL};
    struct lmm_spots spots;
    unsigned bits = (unsigned) lmm_hash_u64(3, input_bytes);
    static char pattern[] = "*a*";
    static char *const some[] = {pattern, NULL};
    char name[9] = "";
    char *const named[] = {name, NULL};
    struct lmm_string bytes = part(6, sizeof(name) - 1);

    memcpy(name, bytes.text, bytes.bytes);

    memset(calls, 0, sizeof(calls));
    model->namer = &namer;
    for (size_t i = 0; i < model->site_count; i++) {
        lmm_stack_walk(model, model->sites[i].stack, 1, name_site, &model->sites[i]);
    }
    set_types(model);
    add_patterns(&suppressions);
    try_index(&suppressions);
    require(lmm_spots_make(model, &suppressions, &spots), "no memory for spots");
    check_totals(&spots);
    report(model, &spots, &suppressions, bits);
    report(model, &spots, &suppressions, ~bits);
    const char *fault = page_fault(model, NULL, &spots);

    require(fault == NULL, fault);
    lmm_spots_select(&spots, (bits & 1) != 0 ? some : named);
    report(model, &spots, &suppressions, bits);
    lmm_spots_free(&spots);
    lmm_suppressions_free(&suppressions);
    try_diet(model, bits);
}

/* ---- A model of the input -------------------------------------------------------------------- */

enum {
    MODEL_FRAMES = 200,
    MODEL_SITES = 100,
    MODEL_MODULES = 4,
    MODEL_FAMILIES = 3,
    MODEL_LEAKS = 60,
    MODEL_MISMATCHES = 8,
};

static size_t taken; /* bytes of the input */

static uint8_t take(void)
{
    return taken < input_bytes ? input[taken++] : 0;
}

/* Returns a figure: mostly a small one. */
static uint64_t take_figure(void)
{
    uint8_t first = take();

    return first < 200 ? first : first < 255 ? (uint64_t) take() << (first - 200) : UINT64_MAX;
}

static void make_frames(struct lmm_model_frame *frames, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t back = take() % 8;
        uint32_t caller = back == 0 || back > i ? 0 : i - back;

        frames[i] = (struct lmm_model_frame) {
            .address = 1 + take() % 64,
            .caller = caller,
            .module = take() % (MODEL_MODULES + 1),
            .depth = 1 + (caller == 0 ? 0 : frames[caller].depth),
            .is_guess = take() % 16 == 0,
        };
        frames[i].key = lmm_hash_u64(frames[caller].key, frames[i].address);
    }
}

static struct lmm_model_site take_site(const struct lmm_model_family *families, uint32_t frames)
{
    struct lmm_model_site site = {
        .family = &families[take() % MODEL_FAMILIES],
        .file = lmm_string_of("(unattributed)"),
        .function = lmm_string_of(""),
        .stack = frames > 1 ? take() % frames : 0,
        .allocations = take_figure(),
        .live_blocks = take_figure(),
        .live_bytes = take_figure(),
        .allocated_bytes = take_figure(),
        .temporaries = take_figure(),
        .foreign_frees = take_figure(),
        .smallest_bytes = take_figure(),
        .largest_bytes = take_figure(),
        .peak_blocks = take_figure(),
        .peak_bytes = take_figure(),
    };

    site.frees = site.allocations > site.live_blocks ? site.allocations - site.live_blocks : 0;
    site.foreign_frees = site.foreign_frees < site.frees ? site.foreign_frees : site.frees;
    if (site.smallest_bytes > site.largest_bytes) {
        site.smallest_bytes = site.largest_bytes;
    }
    return site;
}

/* A leak check at exit, with leaks of sites that the model has, and of others. */
static void make_losses(struct lmm_model *model)
{
    static struct lmm_model_losses losses[MODEL_SITES];
    static struct lmm_model_leak leaks[MODEL_LEAKS];
    size_t count = take() % MODEL_LEAKS;
    uint32_t id = 0;

    memset(losses, 0, sizeof(losses));
    model->check = (struct lmm_model_check) {
        .is_there = count > 0, .is_at_exit = take() % 4 > 0, .threads = take(), .leaks = leaks};
    for (size_t i = 0; i < count; i++) {
        id += take() % 3;
        leaks[i] = (struct lmm_model_leak) {
            .site = id,
            .leader = id,
            .kind = (enum lmm_model_class)(take() % LMM_MODEL_CLASSES),
            .example_count = take() % (LMM_MODEL_EXAMPLES + 1),
            .amount = {take_figure(), take_figure()},
        };
        if (leaks[i].kind == LMM_MODEL_INDIRECT) {
            leaks[i].leader = take() % MODEL_SITES;
        }
        if (id < model->site_count) {
            losses[id].leaks = losses[id].leaks == NULL ? &leaks[i] : losses[id].leaks;
            losses[id].leak_count++;
            model->sites[id].losses = &losses[id];
        }
    }
    model->check.leak_count = count;
}

static void make_mismatches(struct lmm_model *model)
{
    static struct lmm_model_mismatch mismatches[MODEL_MISMATCHES];

    model->mismatches = mismatches;
    for (size_t count = take() % MODEL_MISMATCHES; model->mismatch_count < count;) {
        mismatches[model->mismatch_count++] = (struct lmm_model_mismatch) {
            .text = part(5, 60),
            .allocated = take() % model->frame_count,
            .freed = take() % model->frame_count,
            .bytes = take_figure(),
            .count = take_figure(),
        };
    }
}

static void look_at_made(void)
{
    static const char *const paths[MODEL_MODULES] = {"/usr/bin/tool", "/usr/lib/libc.so.6",
                                                     "/lib64/ld-linux-x86-64.so.2", ""};
    static struct lmm_model_frame frames[MODEL_FRAMES];
    static struct lmm_model_site sites[MODEL_SITES];
    struct lmm_model_module modules[MODEL_MODULES] = {{.start = 0}};
    struct lmm_model_family families[MODEL_FAMILIES] = {{.size_bytes = 0}};
    const struct lmm_model_family *listed[MODEL_FAMILIES];
    struct lmm_model model = {
        .program = part(1, 20),
        .command = part(2, 200),
        .process = (enum lmm_model_process)(take() % (LMM_MODEL_REPLACED + 1)),
        .settled = true,
        .is_drop_in = true,
        .stack_frames = 24,
        .has_peak = true,
        .panic = take() % 4 == 0 ? part(3, 80) : lmm_string_of(""),
        .family_count = MODEL_FAMILIES,
        .families = listed,
        .sites = sites,
        .frames = frames,
        .modules = modules,
        .module_count = MODEL_MODULES,
    };

    for (size_t i = 0; i < MODEL_MODULES; i++) {
        modules[i].path = i == 3 ? part(4, 100) : lmm_string_of(paths[i]);
        modules[i].key = i + 1;
    }
    for (size_t i = 0; i < MODEL_FAMILIES; i++) {
        families[i] = (struct lmm_model_family) {.name = lmm_string_of("malloc-48"),
                                                 .size_bytes = 8u << i,
                                                 .allocations = take_figure()};
        listed[i] = &families[i];
    }
    model.frame_count = 1 + take() % (MODEL_FRAMES - 1);
    make_frames(frames, model.frame_count);
    model.panic_stack = take() % model.frame_count;
    for (; model.site_count < MODEL_SITES && taken < input_bytes; model.site_count++) {
        struct lmm_model_site *site = &sites[model.site_count];

        *site = take_site(families, model.frame_count);
        site->id = (uint32_t) model.site_count;
        model.total.allocations += site->allocations;
        model.total.live_blocks += site->live_blocks;
        model.total.live_bytes += site->live_bytes;
        model.peak_bytes += site->peak_bytes;
        model.temporaries += site->temporaries;
    }
    make_losses(&model);
    make_mismatches(&model);
    look(&model);
}

/* ---- A ledger of the input ------------------------------------------------------------------- */

static void look_at_ledger(void)
{
    struct lmm_reason reason = {""};
    size_t chunks = input_bytes / sizeof(struct lmm_ledger_chunk);
    struct lmm_ledger_header header = {
        .magic = {'L', 'M', 'M', '-', 'B', 'O', 'O', 'K'},
        .version = LMM_LEDGER_VERSION,
        .header_bytes = sizeof(header),
        .chunk_bytes = sizeof(struct lmm_ledger_chunk),
        .state = chunks % 2 == 0 ? LMM_LEDGER_EXITED : LMM_LEDGER_RUNNING,
        .file_bytes = sizeof(header) + chunks * sizeof(struct lmm_ledger_chunk),
        .executable = "/bin/fuzz",
        .is_drop_in = 1,
        .stack_frames = 24,
        .peak_count = 1 + chunks % 2,
        .check_count = chunks / 2 % 3,
        .check = {{.leaks = (uint32_t) (input_bytes % 5), .flags = LMM_LEDGER_CHECK_AT_EXIT}},
        .page_walk_count = chunks / 3 % 3,
        .page_walk = {{.records = (uint32_t) (input_bytes % 4)}},
    };
    unsigned char *bytes = malloc(header.file_bytes);
    struct lmm_snapshot *snapshot = NULL;

    if (bytes != NULL) {
        memcpy(bytes, &header, sizeof(header));
        memcpy(bytes + sizeof(header), input, header.file_bytes - sizeof(header));
        snapshot = lmm_snapshot_of(bytes, header.file_bytes, &reason);
    }
    if (snapshot != NULL) {
        look(snapshot->model);
    }
    lmm_snapshot_free(snapshot);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    input_bytes = size;
    taken = 0;
    look_at_ledger();
    look_at_made();
    return 0;
}
