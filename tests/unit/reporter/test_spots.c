/* SPDX-License-Identifier: MIT */
/* Spots: which sites are one place, their order, and suppressed leaks. */
#include "reporter/program/report/spots.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/core/model.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppress_file.h"
#include "reporter/program/report/type_rows.h"
#include "tests/support/run_model.h"

static struct lmm_suppressions suppressions;
static struct lmm_spots spots;

static void free_all(void)
{
    lmm_spots_free(&spots);
    lmm_suppressions_free(&suppressions);
    suppressions = (struct lmm_suppressions) {.items = NULL};
}

TestSuite(spots, .fini = free_all);

static void make_spots(struct lmm_model *model)
{
    cr_assert(lmm_spots_make(model, &suppressions, &spots));
}

static bool is_at(const struct lmm_spot *spot, const char *file)
{
    return spot->site->file.bytes == strlen(file) &&
           memcmp(spot->site->file.text, file, strlen(file)) == 0;
}

Test(spots, sites_of_one_line_are_one_spot)
{
    cr_assert(lmm_spots_make(made_model(), NULL, &spots));
    cr_expect_eq(spots.count, 5);
    cr_expect_eq(spots.total.allocations, 6002);
    cr_expect_eq(spots.total.leaked_bytes, 1049028);
    cr_assert_eq(lmm_spots_count(&spots, LMM_MEASURE_ALLOCATIONS), 5);
    lmm_spots_order(&spots, LMM_MEASURE_ALLOCATIONS, 1);
    cr_assert(is_at(&spots.items[0], "src/field.hpp"));
    cr_expect_eq(spots.items[0].tally.allocations, 4999);
    cr_assert_eq(spots.items[0].trace_count, 2);
    lmm_spot_order(&spots.items[0], LMM_MEASURE_ALLOCATIONS, SIZE_MAX);
    cr_expect_eq(spots.items[0].traces[0].tally.allocations, 4900);
    cr_expect_eq(spots.items[0].traces[1].tally.allocations, 99);
}

/* Site 22 is of the place of 20 and 21, but has another stack. */
Test(spots, a_place_has_the_lowest_id_of_its_sites)
{
    struct lmm_model *model = made_model();

    for (size_t i = 0; i < model->site_count / 2; i++) {
        struct lmm_model_site site = model->sites[i];

        model->sites[i] = model->sites[model->site_count - 1 - i];
        model->sites[model->site_count - 1 - i] = site;
    }
    make_spots(model);
    for (size_t i = 0; i < spots.count; i++) {
        if (is_at(&spots.items[i], "src/field.hpp")) {
            cr_expect_eq(spots.items[i].id, 20);
        } else {
            cr_expect_eq(spots.items[i].id, spots.items[i].site->id);
        }
    }
}

/* A spot has the type that all its stacks have, as certain as the least certain of them; of the stacks
 * that a section counts. */
Test(spots, a_place_has_the_type_of_its_stacks)
{
    static const struct lmm_model_type other = {.name = {"struct other", 12},
                                                .confidence = LMM_MODEL_CERTAIN};
    struct lmm_model *model = made_model();
    const struct lmm_spot *spot;

    made_model_set_types(model);
    make_spots(model);
    lmm_spots_order(&spots, LMM_MEASURE_ALLOCATIONS, 1);
    cr_assert_not_null(lmm_spot_type(&spots.items[0], LMM_MEASURE_ALLOCATIONS));
    cr_expect_eq(lmm_spot_type(&spots.items[0], LMM_MEASURE_ALLOCATIONS)->confidence,
                 LMM_MODEL_LIKELY);
    free_all();
    model->sites[2].type = &other; /* another stack of the place, without temporary blocks */
    make_spots(model);
    lmm_spots_order(&spots, LMM_MEASURE_ALLOCATIONS, 1);
    spot = &spots.items[0];
    cr_expect_null(lmm_spot_type(spot, LMM_MEASURE_ALLOCATIONS));
    cr_assert_not_null(lmm_spot_type(spot, LMM_MEASURE_TEMPORARIES));
    cr_expect_neq(lmm_spot_type(spot, LMM_MEASURE_TEMPORARIES), &other);
}

/* What is suppressed is not lost of its type. */
Test(spots, types_at_the_peak)
{
    static const struct {
        const char *suppression; /* NULL: none */
        uint64_t lost_bytes;     /* of struct field */
    } cases[] = {{NULL, 270}, {"reader&)", 0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = made_model_with_losses();
        struct lmm_type_rows rows;

        made_model_set_types(model);
        cr_assert(cases[i].suppression == NULL ||
                  lmm_suppressions_add(&suppressions, cases[i].suppression));
        make_spots(model);
        cr_assert(lmm_type_rows_make(&spots, &rows));
        cr_expect_eq(rows.count, 3); /* not the guess, which had no bytes at the peak */
        cr_expect_eq(rows.known, 2);
        cr_expect_eq(rows.items[0].site->peak_bytes, 2097152);
        cr_expect_eq(rows.items[1].site->peak_bytes, 4472);
        cr_expect_eq(rows.items[1].lost.bytes, cases[i].lost_bytes, "%zu: %lu", i,
                     (unsigned long) rows.items[1].lost.bytes);
        cr_expect_eq(rows.items[2].site->peak_bytes, 12);
        lmm_type_rows_free(&rows);
        free_all();
    }
}

/* Of lines of other types only the rows are hidden. */
Test(spots, lines_of_some_types)
{
    static char field[] = "field";
    static char chars[] = "char\\[]";
    static char none[] = "struct fiel?x";
    static const struct {
        char *patterns[3];
        size_t at_peak;   /* lines */
        size_t lost;      /* lines */
        size_t types;     /* rows */
        uint64_t rest;    /* bytes at the peak, of the lines after the first */
        bool has_unknown; /* rows of what has no type */
    } cases[] = {
        {{NULL}, 4, 1, 3, 4172 + 300 + 12, true}, {{field, NULL}, 2, 1, 1, 300, false},
        {{chars, NULL}, 1, 0, 1, 0, false},       {{none, chars, NULL}, 1, 0, 1, 0, false},
        {{none, NULL}, 0, 0, 0, 0, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = made_model_with_losses();
        struct lmm_type_rows rows;
        struct lmm_tally rest;

        made_model_set_types(model);
        make_spots(model);
        lmm_spots_select(&spots, cases[i].patterns[0] == NULL ? NULL : cases[i].patterns);
        cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_PEAK), cases[i].at_peak, "%zu", i);
        cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_LOST), cases[i].lost, "%zu", i);
        lmm_spots_order(&spots, LMM_MEASURE_PEAK, 1);
        lmm_spots_rest(&spots, LMM_MEASURE_PEAK, 1, &rest);
        cr_expect_eq(rest.peak_bytes, cases[i].rest, "%zu: %lu", i,
                     (unsigned long) rest.peak_bytes);
        cr_expect_eq(spots.total.peak_bytes, 2101636, "%zu", i);
        cr_assert(lmm_type_rows_make(&spots, &rows));
        cr_expect_eq(rows.count, cases[i].types, "%zu: %zu", i, rows.count);
        cr_expect_eq(rows.count > rows.known, cases[i].has_unknown, "%zu", i);
        lmm_type_rows_free(&rows);
        free_all();
    }
}

Test(spots, without_types_there_are_no_rows_of_them)
{
    struct lmm_type_rows rows;

    make_spots(made_model());
    cr_assert(lmm_type_rows_make(&spots, &rows));
    cr_expect_eq(rows.count, 0);
}

Test(spots, each_measure_has_its_order)
{
    static const struct {
        enum lmm_measure measure;
        size_t count;
        const char *first;
    } cases[] = {
        {LMM_MEASURE_PEAK, 4, "src/work.cpp"},
        {LMM_MEASURE_ALLOCATIONS, 5, "src/field.hpp"},
        {LMM_MEASURE_LEAKS, 5, "src/work.cpp"},
        {LMM_MEASURE_TEMPORARIES, 1, "src/field.hpp"},
    };
    make_spots(made_model());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(lmm_spots_count(&spots, cases[i].measure), cases[i].count, "%zu", i);
        lmm_spots_order(&spots, cases[i].measure, SIZE_MAX);
        cr_expect(is_at(&spots.items[0], cases[i].first), "%zu", i);
    }
}

Test(spots, suppressions_fit_any_call_of_a_stack)
{
    static const struct {
        const char *pattern;
        uint64_t blocks;
    } cases[] = {
        {"^main$", 13},           /* a function */
        {"parse(reader", 9},      /* with functions inlined into it */
        {"src/field.hpp", 9},     /* a source file */
        {"libpaper.so", 1},       /* a module */
        {"^/usr/lib/libstdc", 8}, /* by its whole path; not by _start, which is there, too */
        {"_start", 0},
        {"nothing", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(lmm_suppressions_add(&suppressions, cases[i].pattern));
        make_spots(made_model());
        cr_expect_eq(suppressions.items[0].blocks, cases[i].blocks, "%s: %lu", cases[i].pattern,
                     (unsigned long) suppressions.items[0].blocks);
        cr_expect_eq(spots.total.leaked_blocks, 15 - cases[i].blocks, "%s", cases[i].pattern);
        cr_expect_eq(spots.total.allocations, 6002);
        free_all();
    }
}

Test(spots, the_first_suppression_that_fits_counts)
{
    cr_assert(lmm_suppressions_add(&suppressions, "load"));
    cr_assert(lmm_suppressions_add(&suppressions, "field.hpp"));
    cr_assert(lmm_suppressions_add(&suppressions, "work"));
    make_spots(made_model());
    cr_expect_eq(suppressions.items[0].blocks, 12);
    cr_expect_eq(suppressions.items[1].blocks, 0);
    cr_expect_eq(suppressions.items[2].bytes, 1048576);
}

/* 3,000 lines in two families; the order is that of the figures, then of the lines. */
Test(spots, the_first_of_many_are_in_order)
{
    enum { SITES = 3000 };
    static const struct lmm_model_family families[] = {{.name = {"a", 1}}, {.name = {"b", 1}}};
    static struct lmm_model_site sites[SITES];
    struct lmm_model model = {.sites = sites, .site_count = SITES, .settled = true};

    for (uint32_t i = 0; i < SITES; i++) {
        sites[i] = (struct lmm_model_site) {.family = &families[i % 2],
                                            .file = lmm_string_of("many.c"),
                                            .line = SITES - i,
                                            .allocations = 1 + i % 7};
    }
    make_spots(&model);
    cr_expect_eq(spots.count, SITES);
    lmm_spots_order(&spots, LMM_MEASURE_ALLOCATIONS, 20);
    for (size_t i = 0; i < 20; i++) {
        cr_expect_eq(spots.items[i].tally.allocations, 7);
        cr_expect(i == 0 || spots.items[i - 1].site->line < spots.items[i].site->line, "%zu", i);
    }
    struct lmm_tally rest;

    cr_expect_eq(lmm_spots_rest(&spots, LMM_MEASURE_ALLOCATIONS, 20, &rest), SITES - 20);
    cr_expect_eq(rest.allocations, spots.total.allocations - 20 * 7);
    cr_expect_eq(lmm_spots_rest(&spots, LMM_MEASURE_TEMPORARIES, 0, &rest), 0);
    cr_expect_eq(rest.allocations, 0);
}

/* Blocks of the loader, and blocks of a module's constructor that the loader calls. */
static struct lmm_model *model_of_loader(void)
{
    enum { MAIN = 1, OPEN, RECORD, CONSTRUCTOR };
    static const struct lmm_model_module modules[] = {
        {.path = {"/usr/lib/ld-linux-x86-64.so.2", 29}},
        {.path = {"/usr/bin/hr", 11}},
        {.path = {"/usr/lib/libpaper.so.1", 22}},
    };
    static const struct lmm_model_frame frames[] = {
        [MAIN] = {.address = 0x1000, .module = 2},
        [OPEN] = {.address = 0x2000, .caller = MAIN, .module = 1},
        [RECORD] = {.address = 0x3000, .caller = OPEN, .module = 1},
        [CONSTRUCTOR] = {.address = 0x4000, .caller = OPEN, .module = 3},
    };
    static const struct lmm_model_family family = {.name = {"malloc-32", 9}};
    static struct lmm_model_site sites[2];
    static struct lmm_model model = {
        .sites = sites, .site_count = 2, .stack_frames = 24, .module_count = 3};

    for (uint32_t i = 0; i < 2; i++) {
        sites[i] = (struct lmm_model_site) {.family = &family, .line = 1 + i, .live_blocks = 1};
        sites[i].file = lmm_string_of("hr.c");
        sites[i].live_bytes = 10 + i;
        sites[i].stack = RECORD + i;
    }
    model.frame_count = CONSTRUCTOR + 1;
    model.frames = frames;
    model.modules = modules;
    return &model;
}

Test(spots, what_the_loader_keeps_is_built_in)
{
    cr_assert(lmm_suppressions_add_built_in(&suppressions));
    make_spots(model_of_loader());
    for (size_t i = 0; i < suppressions.count; i++) {
        cr_expect_eq(suppressions.items[i].bytes,
                     suppressions.items[i].scope == LMM_SUPPRESS_LOADER ? 10 : 0, "%s",
                     suppressions.items[i].pattern);
    }
    cr_expect_eq(spots.total.leaked_bytes, 11);
}

/* Blocks of libc: allocated in a constructor of the C++ library, and after a jump from a thread's
 * function. */
static struct lmm_model *model_of_runtime(void)
{
    enum { LOADER = 1, LIBRARY, THREAD, STRDUP };
    static const struct lmm_model_module modules[] = {
        {.path = {"/usr/lib/ld-linux-x86-64.so.2", 29}},
        {.path = {"/usr/lib/libstdc++.so.6", 23}},
        {.path = {"/usr/lib/libc.so.6", 18}},
    };
    static const struct lmm_model_frame frames[] = {
        [LOADER] = {.address = 0x1000, .module = 1},
        [LIBRARY] = {.address = 0x2000, .caller = LOADER, .module = 2},
        [THREAD] = {.address = 0x3000, .module = 3},
        [STRDUP] = {.address = 0x4000, .caller = THREAD, .module = 3},
    };
    struct lmm_model *model = model_of_loader();
    struct lmm_model_site *sites = model->sites;

    sites[0].stack = LIBRARY;
    sites[1].stack = STRDUP;
    model->frames = frames;
    model->modules = modules;
    return model;
}

Test(spots, what_libraries_keep_before_main_is_built_in)
{
    struct lmm_model *model = model_of_runtime();

    cr_assert(lmm_suppressions_add_built_in(&suppressions));
    make_spots(model);
    cr_expect_eq(spots.total.leaked_bytes, 11);
    lmm_spots_free(&spots);
    model->stack_frames = 2; /* they may have been cut */
    make_spots(model);
    cr_expect_eq(spots.total.leaked_bytes, 21);
}

Test(spots, no_sites_are_no_spots)
{
    struct lmm_model *model = made_model();

    model->site_count = 0;
    make_spots(model);
    cr_assert_eq(lmm_spots_count(&spots, LMM_MEASURE_LEAKS), 0);
    lmm_spots_order(&spots, LMM_MEASURE_LEAKS, SIZE_MAX);
}

/* ---- The leak check -------------------------------------------------------------------------- */

static void expect_amount(struct lmm_model_amount amount, uint64_t blocks, uint64_t bytes,
                          const char *what)
{
    cr_expect(amount.blocks == blocks && amount.bytes == bytes, "%s: %lu blocks, %lu bytes", what,
              (unsigned long) amount.blocks, (unsigned long) amount.bytes);
}

Test(spots, lost_blocks_have_those_that_hang_on_them)
{
    make_spots(made_model_with_losses());
    lmm_spots_order(&spots, LMM_MEASURE_LOST, 1);
    cr_assert(is_at(&spots.items[0], "src/field.hpp"));
    expect_amount(spots.items[0].tally.lost, 8, 270, "lost");
    expect_amount(spots.items[0].tally.direct, 3, 120, "direct");
    expect_amount(spots.items[0].tally.indirect, 3, 120, "its own indirectly lost ones");
    cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_LOST), 1);
    cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_INDIRECT), 2);
    cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_POSSIBLE), 1);
    cr_expect_eq(lmm_spots_count(&spots, LMM_MEASURE_REACHABLE), 3);
    expect_amount(spots.suppressed, 1, 40, "ignored by the program");
    lmm_spot_order(&spots.items[0], LMM_MEASURE_LOST, 2);
    cr_assert_not_null(spots.items[0].traces[0].losses);
    cr_expect_eq(spots.items[0].traces[0].losses->leaks[0].kind, LMM_MODEL_DEFINITE);
}

/* The stack of a lost block suppresses what hangs on it; an indirectly lost one also itself. */
Test(spots, suppressions_of_lost_blocks)
{
    static const struct {
        const char *pattern;
        uint64_t lost, suppressed, checked; /* bytes */
    } cases[] = {
        {"nothing", 270, 40, 0},
        {"operator new", 40, 390, 350}, /* 80 + 120 in its stack, 120 and 30 that hang on those */
        {"strdup", 240, 80, 40},        /* load's 30 of 150 that hang, and 10 that are reachable */
        {"work(", 270, 1048616, 1048576},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(lmm_suppressions_add(&suppressions, cases[i].pattern));
        make_spots(made_model_with_losses());
        cr_expect_eq(spots.total.lost.bytes, cases[i].lost, "%s: %lu lost", cases[i].pattern,
                     (unsigned long) spots.total.lost.bytes);
        cr_expect_eq(spots.suppressed.bytes, cases[i].suppressed, "%s: %lu suppressed",
                     cases[i].pattern, (unsigned long) spots.suppressed.bytes);
        cr_expect_eq(suppressions.items[0].checked.bytes, cases[i].checked, "%s", cases[i].pattern);
        free_all();
    }
}

/* I2: whatever is suppressed, each block counts once. */
Test(spots, blocks_of_a_check_are_in_one_class_or_suppressed)
{
    static const char *const patterns[] = {"nothing", "main", "copy(field", "strdup", "libpaper"};

    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        cr_assert(lmm_suppressions_add(&suppressions, patterns[i]));
        make_spots(made_model_with_losses());
        const struct lmm_tally *total = &spots.total;

        cr_expect_eq(total->lost.blocks + total->possible.blocks + total->reachable.blocks +
                         spots.suppressed.blocks,
                     15, "%s", patterns[i]);
        cr_expect_eq(total->lost.blocks - total->direct.blocks, total->indirect.blocks, "%s",
                     patterns[i]);
        free_all();
    }
}

Test(spots, lost_blocks_of_unknown_sites_are_in_the_total)
{
    struct lmm_model *model = made_model_with_losses();

    model->site_count = 1;
    make_spots(model);
    expect_amount(spots.total.direct, 3, 120, "direct");
    expect_amount(spots.total.lost, 8, 270, "lost");
    expect_amount(spots.items[0].tally.direct, 2, 80, "of the known site");
}

/* ---- Valgrind's suppressions ------------------------------------------------------------------ */

static void read_text(const char *text)
{
    char path[] = "/tmp/lmm-spots-XXXXXX";
    int descriptor = mkstemp(path);

    cr_assert_geq(descriptor, 0);
    dprintf(descriptor, "%s", text);
    close(descriptor);
    bool good = lmm_suppressions_read(&suppressions, path);

    unlink(path);
    cr_assert(good, "%s", text);
}

static void read_frames(const char *kinds, const char *frames)
{
    char text[512];

    snprintf(text, sizeof(text), "{\nname\nMemcheck:Leak\n%s%s}\n", kinds, frames);
    read_text(text);
}

/* The stacks of the model, innermost first: operator new, copy (inlined), parse, load, main, _start
 * (80 bytes lost, 120 and 30 hang on them, 120 reachable); copy (inlined), parse, load, main, _start
 * (40 bytes lost); strdup, load, main (10 bytes reachable); work, _start (1048576 reachable); a
 * library, main (12 possibly lost). */
Test(spots, valgrinds_frames_fit_the_innermost_calls)
{
    static const struct {
        const char *frames;
        uint64_t bytes;
    } cases[] = {
        {"fun:malloc\nfun:_Znwm\n", 0}, /* no symbols are known here */
        {"fun:malloc\nfun:operator new*\n", 350},
        {"fun:operator new(unsigned long)\nfun:copy(field&)\nfun:parse*\n", 390},
        {"fun:operator new(unsigned long)\nfun:parse*\n", 390}, /* without the inlined call */
        {"fun:malloc\nfun:copy(field&)\nfun:parse*\n", 160},
        {"fun:calloc\nfun:parse*\n", 160},
        {"fun:parse*\n", 160},
        {"fun:*alloc\n...\nfun:parse*\n", 390},
        {"...\nfun:parse*\nfun:main\n", 0}, /* load is between them */
        {"...\nfun:parse*\n...\nfun:main\n", 390},
        {"...\nfun:load(char const?)\nfun:main\n", 400}, /* and what load holds: 10, 30 that hang */
        {"...\nfun:ma?n\n", 412},
        {"...\nfun:main\nfun:_start\n", 0}, /* below main */
        {"...\nfun:_start\n", 0},
        {"...\nobj:*libstdc++*\nfun:*parse*\n", 350},
        {"obj:/usr/lib/libpaper.so.1\n", 12},
        {"fun:\?\?\?\nfun:main\n", 12},
        {"...\nsrc:load.cpp:40\n", 400},
        {"...\nsrc:src/load.cpp\n", 400},
        {"...\nsrc:load.cpp:41\n", 0},
        {"...\nsrc:load.c\n", 0},
        {"fun:*\n", 412 + 1048576},
        {"...\n", 412 + 1048576},
        {"fun:*\nfun:*\nfun:*\nfun:*\nfun:*\nfun:*\nfun:*\n", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_frames("", cases[i].frames);
        make_spots(made_model_with_losses());
        cr_expect_eq(suppressions.items[0].checked.bytes, cases[i].bytes, "%s: %lu",
                     cases[i].frames, (unsigned long) suppressions.items[0].checked.bytes);
        free_all();
    }
}

Test(spots, valgrinds_kinds_limit_what_is_suppressed)
{
    static const struct {
        const char *kinds;
        uint64_t bytes;
    } cases[] = {
        {"match-leak-kinds: definite\n", 80 + 40 + 150}, /* what hangs on these, too */
        {"match-leak-kinds: possible\n", 12},
        {"match-leak-kinds: reachable\n", 120 + 10},
        {"match-leak-kinds: indirect\n", 150},
        {"match-leak-kinds: all\n", 80 + 40 + 150 + 12 + 130},
        {"match-leak-kinds: definite,possible\n", 80 + 40 + 150 + 12},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        read_frames(cases[i].kinds, "...\nfun:main\n");
        make_spots(made_model_with_losses());
        cr_expect_eq(suppressions.items[0].checked.bytes, cases[i].bytes, "%s: %lu", cases[i].kinds,
                     (unsigned long) suppressions.items[0].checked.bytes);
        free_all();
    }
}

Test(spots, suppressions_of_types_and_sites)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"type:malloc-48\n", 80 + 120 + 40 + 150 + 40},
        {"type:^malloc-4\n", 80 + 120 + 40 + 150 + 40},
        {"type:malloc-large$\n", 1048576},
        {"type:emp_t\n", 0},
        {"site:field.hpp:7\n", 80 + 120 + 40 + 150},
        {"site:src/field.hpp:7\n", 80 + 120 + 40 + 150},
        {"site:ield.hpp:7\n", 0},
        {"site:field.hpp:70\n", 0},
        {"site:field.hpp\n", 0},
        {"site:*.hpp:7\n", 80 + 120 + 40 + 150},
        {"type:struct field\n", 80 + 120 + 40 + 150 + 10}, /* by debug information */
        {"type:^field$\n", 80 + 120 + 40 + 150 + 10},
        {"type:^char$\n", 1048576}, /* the element of char[] */
        {"type:^char\n", 1048576},
        {"type:^struct fiel$\n", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_model *model = made_model_with_losses();

        made_model_set_types(model);
        read_text(cases[i].text);
        make_spots(model);
        cr_expect_eq(suppressions.items[0].checked.bytes, cases[i].bytes, "%s: %lu", cases[i].text,
                     (unsigned long) suppressions.items[0].checked.bytes);
        free_all();
    }
}

/* The first in the file counts, of whatever syntax. */
Test(spots, the_first_of_several_syntaxes_counts)
{
    static const char frames[] = "{\nname\nMemcheck:Leak\n...\nfun:main\n}\n";
    static const char *const lines[] = {frames, "leak:main\n", "site:field.hpp:7\n",
                                        "type:malloc-48\n"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        read_text(lines[i]);
        for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
            read_text(lines[k]);
        }
        make_spots(made_model_with_losses());
        cr_expect_gt(suppressions.items[0].checked.bytes, 0, "%s", lines[i]);
        cr_expect_eq(suppressions.items[1 + i].checked.bytes, 0, "%s", lines[i]);
        free_all();
    }
}
