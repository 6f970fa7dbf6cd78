/* SPDX-License-Identifier: MIT */
/* run_model: see run_model.h. Sites have no order; every figure can be checked by eye. */
#include "tests/support/run_model.h"

#include <string.h>

#include "reporter/core/model.h"

#define SECOND       UINT64_C(1000000000)
#define STRING(text) ((struct lmm_string) {text, sizeof(text) - 1})

enum {
    FRAMES = 9,
    FAMILIES = 4,
    SITES = 7,
};

/* Frames: main calls load, which calls parse; parse has copy inlined into it, and calls operator
 * new. */
enum frame {
    NO_FRAME,
    START,
    MAIN,
    LOAD,
    PARSE,
    NEW,       /* operator new < parse */
    LOAD_LINE, /* load's own allocation, through strdup */
    WORKER,    /* a thread: no main */
    LIBRARY,   /* a library without names, called by main */
};

static const struct lmm_model_frame frames[FRAMES] = {
    [START] = {.address = 0x1000, .module = 2},
    [MAIN] = {.address = 0x2000, .caller = START, .module = 1},
    [LOAD] = {.address = 0x3000, .caller = MAIN, .module = 1},
    [PARSE] = {.address = 0x4000, .caller = LOAD, .module = 1},
    [NEW] = {.address = 0x5000, .caller = PARSE, .module = 2},
    [LOAD_LINE] = {.address = 0x6000, .caller = LOAD, .module = 2},
    [WORKER] = {.address = 0x7000, .caller = START, .module = 1},
    [LIBRARY] = {.address = 0x8000, .caller = MAIN, .module = 3},
};

static const struct lmm_model_module modules[] = {
    {.path = STRING("/usr/bin/hr")},
    {.path = STRING("/usr/lib/libstdc++.so.6")},
    {.path = STRING("/usr/lib/libpaper.so.1")},
};

static const struct lmm_model_call start_calls[] = {
    {STRING("_start"), STRING(""), STRING("libc.so.6"), 0, true, false, false},
};
static const struct lmm_model_call main_calls[] = {
    {STRING("main"), STRING("src/main.cpp"), STRING("hr"), 12, true, false, false},
};
static const struct lmm_model_call load_calls[] = {
    {STRING("load(char const*)"), STRING("src/load.cpp"), STRING("hr"), 40, true, false, false},
};
static const struct lmm_model_call parse_calls[] = {
    {STRING("copy(field&)"), STRING("src/field.hpp"), STRING("hr"), 7, true, true, false},
    {STRING("parse(reader&)"), STRING("src/parse.cpp"), STRING("hr"), 99, true, false, false},
};
static const struct lmm_model_call new_calls[] = {
    {STRING("operator new(unsigned long)"), STRING(""), STRING("libstdc++.so.6"), 0, true, false,
     true},
};
static const struct lmm_model_call strdup_calls[] = {
    {STRING("strdup"), STRING(""), STRING("libc.so.6"), 0, true, false, true},
};
static const struct lmm_model_call worker_calls[] = {
    {STRING("work(void*)"), STRING("src/work.cpp"), STRING("hr"), 5, true, false, false},
};
static const struct lmm_model_call library_calls[] = {
    {STRING("libpaper.so.1+0x1f0"), STRING(""), STRING("libpaper.so.1"), 0, false, false, false},
};

static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    static const struct lmm_model_call *const calls[FRAMES] = {
        [START] = start_calls,   [MAIN] = main_calls,       [LOAD] = load_calls,
        [PARSE] = parse_calls,   [NEW] = new_calls,         [LOAD_LINE] = strdup_calls,
        [WORKER] = worker_calls, [LIBRARY] = library_calls,
    };

    (void) namer;
    (void) model;
    *ret_calls = calls[frame];
    return frame == PARSE ? 2 : 1;
}

static const struct lmm_model_family families[FAMILIES] = {
    {.name = STRING("malloc-large"),
     .size_bytes = 1024,
     .allocations = 2,
     .frees = 1,
     .live_blocks = 1,
     .live_bytes = 1048576,
     .sites = 1},
    {.name = STRING("malloc-48"),
     .size_bytes = 48,
     .allocations = 1000,
     .frees = 990,
     .live_blocks = 10,
     .live_bytes = 400,
     .sites = 3},
    {.name = STRING("malloc-16"),
     .size_bytes = 16,
     .allocations = 5000,
     .frees = 4996,
     .live_blocks = 4,
     .live_bytes = 52,
     .sites = 3},
    {.name = STRING("malloc-8"), .size_bytes = 8},
};

static const struct lmm_model_site sites_made[SITES] = {
    /* One place, two size classes, one stack. */
    {.family = &families[1],
     .function = STRING("copy(field&)"),
     .file = STRING("src/field.hpp"),
     .line = 7,
     .stack = NEW,
     .allocations = 900,
     .frees = 895,
     .live_blocks = 5,
     .live_bytes = 200,
     .allocated_bytes = 36000,
     .temporaries = 300,
     .peak_blocks = 100,
     .peak_bytes = 4000},
    {.family = &families[2],
     .function = STRING("copy(field&)"),
     .file = STRING("src/field.hpp"),
     .line = 7,
     .stack = NEW,
     .allocations = 4000,
     .frees = 4000,
     .allocated_bytes = 48000,
     .temporaries = 4000,
     .peak_blocks = 1,
     .peak_bytes = 12},
    /* The same place from another stack. */
    {.family = &families[1],
     .function = STRING("copy(field&)"),
     .file = STRING("src/field.hpp"),
     .line = 7,
     .stack = PARSE,
     .allocations = 99,
     .frees = 95,
     .live_blocks = 4,
     .live_bytes = 160,
     .allocated_bytes = 3960,
     .peak_blocks = 4,
     .peak_bytes = 160},
    {.family = &families[0],
     .function = STRING("work(void*)"),
     .file = STRING("src/work.cpp"),
     .line = 5,
     .stack = WORKER,
     .allocations = 2,
     .frees = 1,
     .live_blocks = 1,
     .live_bytes = 1048576,
     .allocated_bytes = 2097152,
     .peak_blocks = 2,
     .peak_bytes = 2097152},
    {.family = &families[2],
     .function = STRING("load(char const*)"),
     .file = STRING("src/load.cpp"),
     .line = 40,
     .stack = LOAD_LINE,
     .allocations = 999,
     .frees = 996,
     .live_blocks = 3,
     .live_bytes = 40,
     .allocated_bytes = 9990,
     .peak_blocks = 30,
     .peak_bytes = 300},
    {.family = &families[2],
     .function = STRING(""),
     .file = STRING("libpaper.so.1+0x1f0"),
     .stack = LIBRARY,
     .allocations = 1,
     .live_blocks = 1,
     .live_bytes = 12,
     .allocated_bytes = 12,
     .peak_blocks = 1,
     .peak_bytes = 12},
    {.family = &families[1],
     .file = STRING("(unattributed)"),
     .function = STRING(""),
     .allocations = 1,
     .live_blocks = 1,
     .live_bytes = 40,
     .allocated_bytes = 40},
};

struct lmm_model *made_model(void)
{
    static struct lmm_model_namer namer = {calls_of};
    static const struct lmm_model_family *listed[FAMILIES] = {&families[0], &families[1],
                                                              &families[2], &families[3]};
    static struct lmm_model_site sites[SITES];
    static struct lmm_model model;

    memcpy(sites, sites_made, sizeof(sites));
    model = (struct lmm_model) {
        .executable = STRING("/usr/bin/hr"),
        .program = STRING("hr"),
        .command = STRING("hr staff.txt"),
        .pid = 4242,
        .parent_pid = 4000,
        .process = LMM_MODEL_EXITED,
        .start_time_ns = 1700000000 * SECOND,
        .end_time_ns = 1700000002 * SECOND,
        .settled = true,
        .total = {.allocations = 6002, .frees = 5987, .live_blocks = 15, .live_bytes = 1049028},
        .family_count = FAMILIES,
        .families = listed,
        .site_count = SITES,
        .sites = sites,
        .is_drop_in = true,
        .stack_frames = 24,
        .temporaries = 4300,
        .peak_bytes = 2101636,
        .peak_time_ns = 1700000001 * SECOND + SECOND / 4,
        .frame_count = FRAMES,
        .frames = frames,
        .module_count = 3,
        .modules = modules,
        .namer = &namer,
    };
    return &model;
}
