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

static const struct lmm_model_call calls[FRAMES][2] = {
    [START] = {{STRING("_start"), STRING(""), STRING("libc.so.6"), 0, true, false, false}},
    [MAIN] = {{STRING("main"), STRING("src/main.cpp"), STRING("hr"), 12, true, false, false}},
    [LOAD] = {{STRING("load(char const*)"), STRING("src/load.cpp"), STRING("hr"), 40, true, false,
               false}},
    [PARSE] = {{STRING("copy(field&)"), STRING("src/field.hpp"), STRING("hr"), 7, true, true,
                false},
               {STRING("parse(reader&)"), STRING("src/parse.cpp"), STRING("hr"), 99, true, false,
                false}},
    [NEW] = {{STRING("operator new(unsigned long)"), STRING(""), STRING("libstdc++.so.6"), 0, true,
              false, true}},
    [LOAD_LINE] = {{STRING("strdup"), STRING(""), STRING("libc.so.6"), 0, true, false, true}},
    [WORKER] = {{STRING("work(void*)"), STRING("src/work.cpp"), STRING("hr"), 5, true, false,
                 false}},
    [LIBRARY] = {{STRING("libpaper.so.1+0x1f0"), STRING(""), STRING("libpaper.so.1"), 0, false,
                  false, false}},
};

static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    (void) namer;
    (void) model;
    *ret_calls = calls[frame];
    return frame == PARSE ? 2 : 1;
}

/* name, size, allocations, frees, live blocks, live bytes, sites */
#define FAMILY(text, size, made, freed, blocks, bytes, count)                                      \
    {                                                                                              \
        .name = STRING(text), .size_bytes = (size), .allocations = (made), .frees = (freed),       \
        .live_blocks = (blocks), .live_bytes = (bytes), .sites = (count)                           \
    }

static const struct lmm_model_family families[FAMILIES] = {
    FAMILY("malloc-large", 1024, 2, 1, 1, 1048576, 1),
    FAMILY("malloc-48", 48, 1000, 990, 10, 400, 3),
    FAMILY("malloc-16", 16, 5000, 4996, 4, 52, 3),
    FAMILY("malloc-8", 8, 0, 0, 0, 0, 0),
};

/* family, function, file, line, stack, allocations, frees, live blocks and bytes, allocated bytes,
 * temporary blocks, blocks and bytes at the peak; the ids are 20, 21, ... */
enum { FIRST_ID = 20 };

#define SITE(index, name, path, number, frame, made, freed, blocks, bytes, all, brief, top, most)  \
    {                                                                                              \
        .family = &families[index], .function = STRING(name), .file = STRING(path),                \
        .line = (number), .stack = (frame), .allocations = (made), .frees = (freed),               \
        .live_blocks = (blocks), .live_bytes = (bytes), .allocated_bytes = (all),                  \
        .temporaries = (brief), .peak_blocks = (top), .peak_bytes = (most)                         \
    }

static const struct lmm_model_site sites_made[SITES] = {
    /* One place, two size classes, one stack; then the same place from another stack. */
    SITE(1, "copy(field&)", "src/field.hpp", 7, NEW, 900, 895, 5, 200, 36000, 300, 100, 4000),
    SITE(2, "copy(field&)", "src/field.hpp", 7, NEW, 4000, 4000, 0, 0, 48000, 4000, 1, 12),
    SITE(1, "copy(field&)", "src/field.hpp", 7, PARSE, 99, 95, 4, 160, 3960, 0, 4, 160),
    SITE(0, "work(void*)", "src/work.cpp", 5, WORKER, 2, 1, 1, 1048576, 2097152, 0, 2, 2097152),
    SITE(2, "load(char const*)", "src/load.cpp", 40, LOAD_LINE, 999, 996, 3, 40, 9990, 0, 30, 300),
    SITE(2, "", "libpaper.so.1+0x1f0", 0, LIBRARY, 1, 0, 1, 12, 12, 0, 1, 12),
    SITE(1, "", "(unattributed)", 0, NO_FRAME, 1, 0, 1, 40, 40, 0, 0, 0),
};

struct lmm_model *made_model(void)
{
    static struct lmm_model_namer namer = {calls_of};
    static const struct lmm_model_family *listed[FAMILIES] = {&families[0], &families[1],
                                                              &families[2], &families[3]};
    static struct lmm_model_site sites[SITES];
    static struct lmm_model model;

    memcpy(sites, sites_made, sizeof(sites));
    for (uint32_t i = 0; i < SITES; i++) {
        sites[i].id = FIRST_ID + i;
    }
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

void made_model_set_types(struct lmm_model *model)
{
    static const struct lmm_model_type field = {.name = STRING("struct field"),
                                                .confidence = LMM_MODEL_CERTAIN,
                                                .evidence =
                                                    LMM_MODEL_BY_SOURCE | LMM_MODEL_BY_VARIABLE,
                                                .element = STRING("struct field"),
                                                .bytes = 40,
                                                .file = STRING("src/field.hpp"),
                                                .line = 3};
    static const struct lmm_model_type likely_field = {.name = STRING("struct field"),
                                                       .confidence = LMM_MODEL_LIKELY,
                                                       .evidence = LMM_MODEL_BY_STORE,
                                                       .element = STRING("struct field"),
                                                       .bytes = 40};
    static const struct lmm_model_type chars = {.name = STRING("char[]"),
                                                .confidence = LMM_MODEL_LIKELY,
                                                .evidence = LMM_MODEL_BY_RETURN,
                                                .element = STRING("char"),
                                                .bytes = 1};
    static const struct lmm_model_type guess = {.name = STRING("struct field"),
                                                .confidence = LMM_MODEL_GUESS,
                                                .evidence = LMM_MODEL_BY_SIZE,
                                                .gap = LMM_MODEL_TYPE_UNKNOWN};
    static const struct lmm_model_type no_debug = {.gap = LMM_MODEL_TYPE_NO_DEBUG,
                                                   .lacking = STRING("libpaper.so.1")};
    static const struct lmm_model_type *const types[SITES] = {&field, &likely_field, &field, &chars,
                                                              &field, &no_debug,     &guess};

    for (size_t i = 0; i < SITES; i++) {
        model->sites[i].type = types[i];
    }
}

/* site, leader, class, blocks, bytes */
#define LEAK(index, of, class, count, sum)                                                         \
    {                                                                                              \
        .site = FIRST_ID + (index), .leader = FIRST_ID + (of), .kind = LMM_MODEL_##class,          \
        .example_count = 1, .amount = {(count), (sum)}, .examples = {                              \
            0x7f0000000000 + (sum)                                                                 \
        }                                                                                          \
    }

enum { LEAKS = 9 };

/* Blocks that were lost in copy() hold others of copy(), and of load(). */
static const struct lmm_model_leak leaks_made[LEAKS] = {
    LEAK(0, 0, DEFINITE, 2, 80),  LEAK(0, 0, REACHABLE, 3, 120),     LEAK(2, 2, DEFINITE, 1, 40),
    LEAK(2, 0, INDIRECT, 3, 120), LEAK(3, 3, REACHABLE, 1, 1048576), LEAK(4, 0, INDIRECT, 2, 30),
    LEAK(4, 4, REACHABLE, 1, 10), LEAK(5, 5, POSSIBLE, 1, 12),       LEAK(6, 6, IGNORED, 1, 40),
};

static void add(struct lmm_model_amount *sum, struct lmm_model_amount amount)
{
    sum->blocks += amount.blocks;
    sum->bytes += amount.bytes;
}

struct lmm_model *made_model_with_losses(void)
{
    static struct lmm_model_losses losses[SITES];
    struct lmm_model *model = made_model();

    memset(losses, 0, sizeof(losses));
    model->check = (struct lmm_model_check) {
        .is_there = true,
        .is_at_exit = true,
        .threads = 2,
        .scanned_bytes = 1u << 20,
        .time_ns = model->end_time_ns - 5000000,
        .pause_ns = 100000,
        .scan_ns = 5000000,
        .leaks = leaks_made,
        .leak_count = LEAKS,
    };
    for (size_t i = 0; i < LEAKS; i++) {
        const struct lmm_model_leak *leak = &leaks_made[i];
        struct lmm_model_losses *own = &losses[leak->site - FIRST_ID];

        add(&model->check.of[leak->kind], leak->amount);
        add(&own->of[leak->kind], leak->amount);
        own->leaks = own->leaks == NULL ? leak : own->leaks;
        own->leak_count++;
        if (leak->kind == LMM_MODEL_INDIRECT) {
            add(&losses[leak->leader - FIRST_ID].hanging, leak->amount);
        }
        model->sites[leak->site - FIRST_ID].losses = own;
    }
    return model;
}
