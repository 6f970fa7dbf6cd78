/* SPDX-License-Identifier: MIT */
/* Suspects of a page: lines that grow steadily over time, for how long, and when that reaches a limit. */
#include "reporter/program/page/page_suspects.h"

#include <criterion/criterion.h>

#include "reporter/core/model.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/page/page_tables.h"
#include "tests/support/run_model.h"

#define SECOND UINT64_C(1000000000)
#define MIB    (UINT64_C(1) << 20)

enum {
    MINUTES = 10,
    POINTS = MINUTES * 60,
    LOAD = 24, /* the id of the site of load.cpp:40, and of work.cpp:5 */
    WORK = 23,
    SITES = 30,
};

static struct lmm_page_tables *tables;
static struct lmm_timeline *timeline;
static struct lmm_page_suspect suspects[LMM_PAGE_SUSPECTS_MAX];

static void make(void)
{
    tables = lmm_page_tables_new();
    timeline = lmm_timeline_new(NULL);
    cr_assert(tables != NULL && timeline != NULL);
}

static void free_all(void)
{
    lmm_page_tables_free(tables);
    lmm_timeline_free(timeline);
}

TestSuite(page_suspects, .init = make, .fini = free_all);

static uint64_t leak(uint64_t second)
{
    return MIB + second * 1024;
}

static uint64_t flat(uint64_t second)
{
    (void) second;
    return 8 * MIB;
}

static uint64_t cache(uint64_t second)
{
    return MIB + second % 60 * 65536;
}

static uint64_t warm_up(uint64_t second)
{
    return second < 200 ? second * 65536 : 200 * 65536;
}

static uint64_t leak_later(uint64_t second)
{
    return second < POINTS / 2 ? 10 * MIB - second * 1024 : second * 8192;
}

static uint64_t tiny_leak(uint64_t second)
{
    return 100 + second * 16;
}

/* Samples once each `step_ns`, with the bytes of load.cpp:40; those of work.cpp:5 are flat. Returns the number of
 * suspects. */
static size_t find(uint64_t (*bytes)(uint64_t second), uint64_t step_ns, uint64_t limit_bytes)
{
    struct lmm_model *model = made_model();

    model->process = LMM_MODEL_RUNNING;
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].stack_key = model->sites[i].stack;
    }
    made_model_set_types(model);
    cr_assert(lmm_page_tables_read(tables, model));
    for (uint64_t i = 0; i < POINTS; i++) {
        struct lmm_timeline_point point = {.time_ns = i * step_ns, .resident_bytes = 100 * MIB};
        uint64_t sites[SITES] = {[LOAD] = bytes(i), [WORK] = flat(i)};

        cr_assert(lmm_timeline_add(timeline, &point, sites, SITES));
    }
    return lmm_page_suspects_find(tables, model, timeline, limit_bytes, suspects);
}

static const struct shape {
    const char *name;
    uint64_t (*bytes)(uint64_t second);
    size_t suspects;
} shapes[] = {
    {"leak", leak, 1},       {"flat", flat, 0},      {"cache", cache, 0},
    {"warm-up", warm_up, 0}, {"tiny", tiny_leak, 0}, {"leak that starts later", leak_later, 1},
};

Test(page_suspects, what_grows_steadily_and_nothing_else)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        cr_expect_eq(find(shapes[i].bytes, SECOND, 0), shapes[i].suspects, "%s", shapes[i].name);
        free_all();
        make();
    }
}

Test(page_suspects, a_suspect_has_its_line_type_and_rate)
{
    cr_assert_eq(find(leak, SECOND, 0), 1);
    cr_assert_geq(suspects[0].line, 0);
    const struct lmm_page_line *line = &tables->lines[suspects[0].line];
    cr_expect_eq(line->line, 40);
    cr_expect_eq(suspects[0].type, lmm_page_tables_type(tables, lmm_string_of("struct field")));
    cr_expect(suspects[0].bytes_per_hour > 3600 * 1000 && suspects[0].bytes_per_hour < 3600 * 1050);
    cr_expect_eq(suspects[0].steady_ms, (POINTS - 1) * 1000);
    cr_expect_eq(suspects[0].reaches_limit_ms, 0);
}

/* 3.5 MiB an hour, of 3.5 MiB that are left; and of 3.5 GiB, which last for six weeks. */
Test(page_suspects, a_limit_that_is_near_is_reached_at_a_time)
{
    cr_assert_eq(find(leak, SECOND, 100 * MIB + 3600 * 1024), 1);
    cr_expect(suspects[0].reaches_limit_ms > 3500 * 1000 &&
              suspects[0].reaches_limit_ms < 3700 * 1000);
    free_all();
    make();
    cr_assert_eq(find(leak, SECOND, 100 * MIB + 3600 * MIB), 1);
    cr_expect_eq(suspects[0].reaches_limit_ms, 0);
}

Test(page_suspects, a_short_run_has_none)
{
    cr_expect_eq(find(leak, SECOND / 20, 0), 0);
}
