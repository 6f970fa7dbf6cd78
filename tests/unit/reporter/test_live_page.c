/* SPDX-License-Identifier: MIT */
/* live_page: the suspects that its events tell. */
#include "reporter/program/serve/live_page.h"

#include <criterion/criterion.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/serve/serve_channel.h"
#include "tests/support/run_model.h"

#define SECOND UINT64_C(1000000000)
#define START  (1000000 * SECOND)

enum {
    FLAT_SECONDS = 100, /* at first */
    SECONDS = 300,
    LOAD = 24, /* the id of the site of load.cpp:40 */
    SITES = 30,
    EVENT_BYTES = 1 << 20,
};

static struct lmm_timeline *timeline;
static struct lmm_live_page *page;
static struct lmm_stream *stream;
static char event[EVENT_BYTES];

static void add_points(uint64_t from, uint64_t to)
{
    for (uint64_t second = from; second < to; second++) {
        struct lmm_timeline_point point = {.time_ns = second * SECOND};
        uint64_t grown = second < FLAT_SECONDS ? 0 : second - FLAT_SECONDS;
        uint64_t sites[SITES] = {[LOAD] = (1 << 20) + grown * 4096};

        cr_assert(lmm_timeline_add(timeline, &point, sites, SITES));
    }
}

/* Shows the page a reading of that second. */
static void take(uint64_t second)
{
    struct lmm_model *model = made_model();
    struct lmm_page_moment moment = {.model = model, .made_time_ns = START + second * SECOND};

    model->process = LMM_MODEL_RUNNING;
    for (size_t i = 0; i < model->site_count; i++) {
        model->sites[i].stack_key = model->sites[i].stack;
    }
    made_model_set_types(model);
    cr_assert(lmm_live_page_take(page, &moment));
}

/* Returns the next event of the stream, up to the empty line at its end. */
static const char *next_event(void)
{
    size_t bytes = 0;
    ssize_t more;

    while (bytes + 1 < EVENT_BYTES &&
           (more = lmm_stream_read(stream, event + bytes, EVENT_BYTES - 1 - bytes)) > 0) {
        bytes += (size_t) more;
    }
    event[bytes] = '\0';
    return event;
}

static void sleep_on(void *context)
{
    (void) context;
}

Test(live_page, suspects_are_told_when_they_were_looked_for)
{
    timeline = lmm_timeline_new(NULL);
    page = lmm_live_page_new(timeline);
    cr_assert(timeline != NULL && page != NULL);
    add_points(0, FLAT_SECONDS);
    take(FLAT_SECONDS);
    stream = lmm_stream_new(lmm_live_page_channel(page), false, 0);
    cr_assert(stream != NULL);
    lmm_stream_set_wake(stream, sleep_on, NULL);
    cr_expect(strstr(next_event(), "event: document") != NULL &&
              strstr(event, "\"suspects\":[]") != NULL);

    add_points(FLAT_SECONDS, SECONDS);
    take(SECONDS);
    cr_expect(strstr(next_event(), "event: delta") != NULL, "%.2000s", event);
    cr_expect(strstr(event, "\"suspects\":[{\"type\":0,\"line\":2,") != NULL, "%.4000s", event);

    add_points(SECONDS, SECONDS + 1);
    take(SECONDS + 1);
    cr_expect(strstr(next_event(), "event: delta") != NULL);
    cr_expect(strstr(event, "\"suspects\"") == NULL, "not before five seconds");

    lmm_stream_close(stream);
    lmm_live_page_free(page, false);
    lmm_timeline_free(timeline);
}
