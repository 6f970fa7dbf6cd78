/* SPDX-License-Identifier: MIT */
#include "reporter/core/text_page.h"

#include <inttypes.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"

enum {
    STACK_INDENT = 8,
    PART_INDENT = 6,
};

void lmm_text_paint(const struct lmm_text_page *page, const char *escape)
{
    if (page->colour) {
        lmm_sink_puts(page->sink, escape);
    }
}

struct lmm_model_word lmm_text_row_word(const struct lmm_model *model)
{
    static const struct lmm_model_word site = {"site", "sites"};

    return model->row_word.one == NULL ? site : model->row_word;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct lmm_sink *sink = context;

    lmm_sink_pad(sink, STACK_INDENT);
    lmm_stack_put_call(sink, call);
    lmm_sink_puts(sink, "\n");
    return true;
}

static void put_stack(const struct lmm_text_page *page, uint32_t stack)
{
    size_t shown = page->model->shown_calls;

    if (!lmm_stack_walk(page->model, stack, shown, put_call, page->sink)) {
        lmm_sink_pad(page->sink, STACK_INDENT);
        lmm_sink_puts(page->sink, "...\n");
    }
}

/* Prints "2.0 KiB (2,048) in 3 blocks from", and the stack. */
static void put_part(const struct lmm_text_page *page, const struct lmm_model_site *part)
{
    lmm_sink_pad(page->sink, PART_INDENT);
    lmm_put_bytes(page->sink, part->live_bytes);
    lmm_sink_puts(page->sink, " in ");
    lmm_put_count(page->sink, part->live_blocks, "block", "blocks");
    lmm_sink_puts(page->sink, " from\n");
    put_stack(page, part->stack);
}

void lmm_text_stacks(const struct lmm_text_page *page, const struct lmm_model_site *site)
{
    size_t most = page->model->shown_stacks > 0 ? page->model->shown_stacks : 1;
    size_t shown = site->part_count < most ? site->part_count : most;

    if (page->model->shown_calls == 0) {
        return;
    }
    if (site->part_count < 2) {
        put_stack(page, site->stack);
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        put_part(page, &site->parts[i]);
    }
    if (shown < site->part_count) {
        lmm_sink_pad(page->sink, PART_INDENT);
        lmm_sink_puts(page->sink, "... ");
        lmm_put_count(page->sink, site->part_count - shown, "more stack", "more stacks");
        lmm_sink_puts(page->sink, ": --stacks-per-row\n");
    }
}

/* ---- Places ---------------------------------------------------------------------------------- */

struct place {
    struct lmm_sink *sink;
    size_t columns;
};

static bool put_function(void *context, const struct lmm_model_call *call)
{
    struct place *place = context;

    place->columns = lmm_put_string(place->sink, call->function);
    return true;
}

size_t lmm_text_place(const struct lmm_text_page *page, const struct lmm_model_site *site,
                      struct lmm_sink *sink)
{
    struct place place = {sink, 0};

    if (site->file.bytes == 0 && site->stack != 0) {
        lmm_stack_walk(page->model, site->stack, 1, put_function, &place);
        return place.columns;
    }
    return lmm_put_place(sink, site->file, site->line, site->function);
}

/* ---- Notes ----------------------------------------------------------------------------------- */

/* Returns what happened to a process that no longer keeps these books, or NULL. */
static const char *fate_of(const struct lmm_model *model)
{
    switch (model->process) {
    case LMM_MODEL_EXITED: return "the process has exited; these are its last figures";
    case LMM_MODEL_LOST:
        return "the ledger could not grow, and the process went on without it; these are the "
               "figures of that moment";
    case LMM_MODEL_KILLED: return "the process was killed; these are its last figures";
    case LMM_MODEL_REPLACED:
        return "the process became another program by exec; these are its last figures";
    default: return NULL;
    }
}

void lmm_text_put_span(const struct lmm_model *model, struct lmm_sink *sink)
{
    bool has_attach_time = model->attached_at[0] != '\0';
    bool has_detach_time = model->detached_at[0] != '\0';

    lmm_sink_printf(sink, "the figures are since the attach%s%s", has_attach_time ? ", " : "",
                    model->attached_at);
    if (model->detach_time_ns != 0) {
        lmm_sink_printf(sink, "%s until the detach%s%s", has_attach_time ? "," : "",
                        has_detach_time ? ", " : "", model->detached_at);
    }
    lmm_sink_puts(sink, "; blocks from before are not counted\n");
}

void lmm_text_notes(const struct lmm_text_page *page, const char *before)
{
    const char *fate = fate_of(page->model);

    if (page->model->other_malloc.bytes > 0) {
        lmm_sink_printf(page->sink, "%snote: its malloc is that of ", before);
        lmm_put_string(page->sink, page->model->other_malloc);
        lmm_sink_puts(page->sink, "; LMM does not see its blocks, and cannot tell leaks\n");
        before = "";
    }
    if (page->model->attach_time_ns != 0) {
        lmm_sink_printf(page->sink, "%snote: ", before);
        lmm_text_put_span(page->model, page->sink);
        before = "";
    }
    if (page->model->panic.bytes > 0) {
        lmm_sink_printf(page->sink, "%snote: LMM stopped the program: ", before);
        lmm_put_string(page->sink, page->model->panic);
        lmm_sink_puts(page->sink, "\n");
        before = "";
    }
    if (fate != NULL) {
        lmm_sink_printf(page->sink, "%snote: %s\n", before, fate);
        before = "";
    }
    if (page->model->sites_merged > 0) {
        lmm_sink_printf(page->sink,
                        "%snote: sites without an id of their own, counted at \"(other)\": %" PRIu64
                        "\n",
                        before, page->model->sites_merged);
        before = "";
    }
    if (!page->model->settled) {
        lmm_sink_printf(
            page->sink,
            "%snote: counters were moved while they were read; figures may be inexact\n", before);
        before = "";
    }
    for (size_t i = 0; i < page->model->note_count; i++) {
        lmm_sink_printf(page->sink, "%snote: ", i == 0 ? before : "");
        lmm_put_string(page->sink, lmm_string_of(page->model->notes[i]));
        lmm_sink_puts(page->sink, "\n");
    }
}

void lmm_text_title(const struct lmm_text_page *page, const char *what)
{
    lmm_text_paint(page, "\033[1m");
    lmm_sink_printf(page->sink, "LMM: %s of ", what);
    lmm_put_string(page->sink, lmm_model_name(page->model));
    lmm_sink_printf(page->sink, " (pid %" PRIu32 ")", page->model->pid);
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

struct lmm_text_page lmm_text_page_of(const struct lmm_model *model, struct lmm_sink *sink,
                                      const struct lmm_text_style *style)
{
    struct lmm_text_page page = {model, sink, false, LMM_TEXT_TOP_SITES, SIZE_MAX};

    if (style != NULL) {
        page.colour = style->colour;
        page.top_sites = style->top_sites != 0 ? style->top_sites : LMM_TEXT_TOP_SITES;
        page.top_families = style->brief_families ? LMM_TEXT_BRIEF_FAMILIES : SIZE_MAX;
    }
    return page;
}
