/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/live_page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/program/base/clock.h"
#include "reporter/program/history/timeline.h"
#include "reporter/program/page/page_data.h"
#include "reporter/program/page/page_figures.h"
#include "reporter/program/page/page_hints.h"
#include "reporter/program/page/page_suspects.h"
#include "reporter/program/page/page_tables.h"
#include "reporter/program/serve/serve_answer.h"
#include "reporter/program/serve/serve_channel.h"
#include "reporter/program/serve/serve_delta.h"
#include "reporter/program/symbols/gap_note.h"

enum { JUDGE_SECONDS = 5 };

struct lmm_live_page {
    const struct lmm_timeline *timeline;
    struct lmm_page_tables *tables;
    struct lmm_page_figures figures;
    struct lmm_page_moment moment;
    struct lmm_channel *channel;
    uint64_t sequence;
    struct lmm_page_suspect suspects[LMM_PAGE_SUSPECTS_MAX];
    size_t suspect_count;
    uint64_t judged_ns;           /* CLOCK_REALTIME, of the reading that they were found at */
    bool has_news;                /* they were found anew at the last reading */
    struct lmm_answer *document;  /* these two: of `sequence`; NULL: nobody asked for it */
    struct lmm_answer *event;     /* that has the document */
    struct lmm_delta_state state; /* its figures are those before, during lmm_live_page_take() */
    struct lmm_answer
        *hints; /* these two: objects of JSON with one member; NULL: there was no diet yet */
    struct lmm_answer *layouts;
    bool has_new_hints; /* which the last event did not say */
    char *notes[LMM_GAP_NOTES_MAX];
    size_t note_count;
    size_t points; /* of the timeline, at the last reading */
    bool is_noted; /* state is that of `sequence` */
};

/* ---- Documents ------------------------------------------------------------------------------- */

static struct lmm_answer *write_document(const struct lmm_page_data *data)
{
    struct lmm_answer *answer = lmm_answer_new(200, "application/json");
    struct lmm_sink sink;

    if (answer == NULL) {
        return NULL;
    }
    answer->one_line = true;
    lmm_answer_sink(answer, &sink);
    return lmm_answer_done(answer, lmm_page_data_write(data, &sink));
}

static size_t count_points(const struct lmm_live_page *page)
{
    return page->timeline == NULL ? 0 : lmm_timeline_count(page->timeline);
}

/* Returns the only member's value of an object. */
static struct lmm_string value_of(const struct lmm_answer *object, const char *key)
{
    size_t before = strlen(key) + strlen("{\"\":");

    assert(object->size > before + strlen("} "));
    return (struct lmm_string) {object->bytes + before, object->size - before - strlen("} ")};
}

struct lmm_answer *lmm_live_page_document(struct lmm_live_page *page)
{
    struct lmm_page_advice advice = {.hints = {NULL, 0}};
    bool is_advised = page->hints != NULL && page->layouts != NULL;

    if (is_advised) {
        advice.hints = value_of(page->hints, "hints");
        advice.layouts = value_of(page->layouts, "layouts");
    }
    const struct lmm_page_data data = {
        .kind = LMM_PAGE_LIVE,
        .tables = page->tables,
        .now = &page->moment,
        .figures = &page->figures,
        .timeline = page->timeline,
        .suspects = page->suspects,
        .suspect_count = page->suspect_count,
        .advice = is_advised ? &advice : NULL,
        .notes = page->notes,
        .note_count = page->note_count,
        .sequence = page->sequence,
        .names = "ready",
    };

    if (page->document == NULL) {
        page->document = write_document(&data);
        page->is_noted = page->is_noted && count_points(page) == page->points;
    }
    return page->document == NULL ? NULL : lmm_answer_hold(page->document);
}

struct lmm_answer *lmm_live_page_provisional(const struct lmm_page_moment *moment)
{
    struct lmm_model none = *moment->model; /* without sites, whose names are not known */
    struct lmm_page_tables *tables = lmm_page_tables_new();
    struct lmm_page_figures figures = {.site_count = 0};
    struct lmm_answer *answer = NULL;

    none.site_count = 0;
    if (tables != NULL && lmm_page_tables_read(tables, &none) &&
        lmm_page_figures_make(tables, &none, NULL, &figures)) {
        const struct lmm_page_data data = {.kind = LMM_PAGE_LIVE,
                                           .tables = tables,
                                           .now = moment,
                                           .figures = &figures,
                                           .names = "waiting"};

        answer = write_document(&data);
    }
    lmm_page_figures_free(&figures);
    lmm_page_tables_free(tables);
    return answer;
}

struct lmm_answer *lmm_live_page_difference(const struct lmm_page_moment *before,
                                            const struct lmm_page_moment *now)
{
    struct lmm_page_tables *tables = lmm_page_tables_new();
    struct lmm_page_figures figures = {.site_count = 0};
    struct lmm_page_figures figures_before = {.site_count = 0};
    struct lmm_answer *answer = NULL;

    if (tables != NULL && lmm_page_tables_read(tables, before->model) &&
        lmm_page_figures_make(tables, before->model, NULL, &figures_before) &&
        lmm_page_tables_read(tables, now->model) &&
        lmm_page_figures_make(tables, now->model, NULL, &figures)) {
        const struct lmm_page_data data = {.kind = LMM_PAGE_DIFF,
                                           .tables = tables,
                                           .now = now,
                                           .figures = &figures,
                                           .before = before,
                                           .figures_before = &figures_before};

        answer = write_document(&data);
    }
    lmm_page_figures_free(&figures);
    lmm_page_figures_free(&figures_before);
    lmm_page_tables_free(tables);
    return answer;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void note(struct lmm_live_page *page);

/* A client that takes the whole document is up to date, so deltas are enough for it from then on. */
static struct lmm_answer *whole(void *context, uint64_t *ret_sequence)
{
    struct lmm_live_page *page = context;
    struct lmm_answer *document = page->event == NULL ? lmm_live_page_document(page) : NULL;

    if (document != NULL) {
        page->event = lmm_channel_event("document", page->sequence, document);
        note(page);
    }
    if (page->event == NULL) {
        return NULL;
    }
    *ret_sequence = page->sequence;
    return lmm_answer_hold(page->event);
}

static struct lmm_delta_reading reading_of(const struct lmm_live_page *page)
{
    return (struct lmm_delta_reading) {
        .sequence = page->sequence,
        .tables = page->tables,
        .moment = &page->moment,
        .figures = &page->figures,
        .timeline = page->timeline,
        .suspects = page->has_news ? page->suspects : NULL,
        .suspect_count = page->suspect_count,
        .hints = page->has_new_hints && page->hints != NULL ? value_of(page->hints, "hints")
                                                            : (struct lmm_string) {NULL, 0},
    };
}

/* Takes down what those who are up to date have, except the figures. */
static void note(struct lmm_live_page *page)
{
    const struct lmm_delta_reading now = reading_of(page);

    if (page->is_noted) {
        return;
    }
    page->state.counts = lmm_page_tables_count(page->tables);
    page->state.had_series = count_points(page) > 0;
    /* Points that came after the last reading are in a document, but are not what the next delta starts from. */
    page->is_noted = count_points(page) == page->points &&
                     (!page->state.had_series || lmm_delta_series_note(&page->state.series, &now));
}

/* Tells the followers what has changed since the reading before, whose figures are in the state. */
static void tell(struct lmm_live_page *page)
{
    const struct lmm_delta_reading now = reading_of(page);
    bool is_followed = lmm_channel_is_followed(page->channel);
    struct lmm_answer *delta =
        is_followed && page->is_noted ? lmm_serve_delta(&page->state, &now) : NULL;
    struct lmm_answer *event =
        delta == NULL ? NULL : lmm_channel_event("delta", page->sequence, delta);

    page->is_noted = false;
    if (event != NULL) {
        note(page);
    }
    lmm_channel_add(page->channel, page->sequence, event);
}

static void drop_documents(struct lmm_live_page *page)
{
    lmm_answer_drop(page->document);
    lmm_answer_drop(page->event);
    page->document = NULL;
    page->event = NULL;
}

/* Looks for what grows, seldom: it costs more than a delta. */
static void judge(struct lmm_live_page *page)
{
    uint64_t now_ns = page->moment.made_time_ns;

    page->has_news =
        page->timeline != NULL && now_ns >= page->judged_ns + JUDGE_SECONDS * LMM_NS_PER_SECOND;
    if (page->has_news) {
        page->judged_ns = now_ns;
        page->suspect_count =
            lmm_page_suspects_find(page->tables, page->moment.model, page->timeline,
                                   page->moment.limit_bytes, page->suspects);
    }
}

bool lmm_live_page_take(struct lmm_live_page *page, const struct lmm_page_moment *moment)
{
    struct lmm_page_figures figures = {.site_count = 0};

    if (!lmm_page_tables_read(page->tables, moment->model) ||
        !lmm_page_figures_make(page->tables, moment->model, moment->spots, &figures)) {
        return false;
    }
    page->state.figures = page->figures;
    page->figures = figures;
    page->moment = *moment;
    page->sequence++; /* I1 */
    page->points = count_points(page);
    judge(page);
    drop_documents(page);
    tell(page);
    page->has_new_hints = false;
    lmm_page_figures_free(&page->state.figures);
    page->state.figures = (struct lmm_page_figures) {.site_count = 0};
    return true;
}

/* Returns an object with one member; NULL: out of memory. */
static struct lmm_answer *put_one(const struct lmm_page_tables *tables, const struct lmm_diet *diet,
                                  void (*put)(struct lmm_json *json,
                                              const struct lmm_page_tables *tables,
                                              const struct lmm_diet *diet))
{
    struct lmm_answer_json writer;

    if (!lmm_answer_json_begin(&writer, 200, true)) {
        return NULL;
    }
    lmm_json_begin_object(&writer.json, NULL, LMM_JSON_COMPACT);
    put(&writer.json, tables, diet);
    lmm_json_end_object(&writer.json);
    return lmm_answer_json_end(&writer);
}

static void forget_advice(struct lmm_live_page *page)
{
    lmm_answer_drop(page->hints);
    lmm_answer_drop(page->layouts);
    while (page->note_count > 0) {
        free(page->notes[--page->note_count]);
    }
}

static bool is_equal(const struct lmm_answer *a, const struct lmm_answer *b)
{
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

static bool has_notes(const struct lmm_live_page *page, char *const *notes, size_t note_count)
{
    bool has = note_count == page->note_count;

    for (size_t i = 0; has && i < note_count; i++) {
        has = strcmp(notes[i], page->notes[i]) == 0;
    }
    return has;
}

void lmm_live_page_advise(struct lmm_live_page *page, const struct lmm_diet *diet,
                          char *const *notes, size_t note_count)
{
    struct lmm_answer *hints = put_one(page->tables, diet, lmm_page_put_hints);
    struct lmm_answer *layouts = put_one(page->tables, diet, lmm_page_put_layouts);
    bool stays = is_equal(layouts, page->layouts) && has_notes(page, notes, note_count);
    bool is_same = stays && is_equal(hints, page->hints);

    forget_advice(page);
    page->hints = hints;
    page->layouts = layouts;
    for (size_t i = 0; i < note_count; i++) {
        page->notes[i] = notes[i];
    }
    page->note_count = note_count;
    if (is_same) {
        return;
    }
    drop_documents(page);
    if (stays) { /* the next delta says it */
        page->has_new_hints = true;
        return;
    }
    page->is_noted = false;
    page->sequence++;
    lmm_channel_add(page->channel, page->sequence, NULL);
}

/* ---- The page -------------------------------------------------------------------------------- */

struct lmm_live_page *lmm_live_page_new(const struct lmm_timeline *timeline)
{
    struct lmm_live_page *page = calloc(1, sizeof(*page));

    if (page == NULL) {
        return NULL;
    }
    page->timeline = timeline;
    page->sequence = lmm_clock_ns(CLOCK_REALTIME) / LMM_NS_PER_MS;
    page->tables = lmm_page_tables_new();
    page->channel = lmm_channel_new(whole, page, page->sequence);
    if (page->tables == NULL || page->channel == NULL) {
        lmm_live_page_free(page, false);
        return NULL;
    }
    return page;
}

void lmm_live_page_free(struct lmm_live_page *page, bool ended)
{
    if (page == NULL) {
        return;
    }
    lmm_channel_close(page->channel,
                      ended ? lmm_channel_event("gone", page->sequence + 1, NULL) : NULL);
    lmm_delta_series_free(&page->state.series);
    lmm_page_figures_free(&page->figures);
    lmm_page_tables_free(page->tables);
    forget_advice(page);
    drop_documents(page);
    free(page);
}

struct lmm_channel *lmm_live_page_channel(struct lmm_live_page *page)
{
    return page->channel;
}

const struct lmm_page_tables *lmm_live_page_tables(const struct lmm_live_page *page)
{
    return page->tables;
}

const struct lmm_page_figures *lmm_live_page_figures(const struct lmm_live_page *page)
{
    return &page->figures;
}

const struct lmm_page_moment *lmm_live_page_moment(const struct lmm_live_page *page)
{
    return &page->moment;
}
