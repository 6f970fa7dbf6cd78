/* SPDX-License-Identifier: MIT */
/* text_leaks: the leak report for people. */
#include <errno.h>
#include <inttypes.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/text.h"
#include "reporter/core/text_page.h"
#include "reporter/core/words.h"

/* Puts "3 blocks, 177 bytes". */
static void put_amount(const struct lmm_text_page *page, struct lmm_model_amount amount)
{
    lmm_sink_printf(page->sink, "%" PRIu64 " %s, %" PRIu64 " %s", amount.blocks,
                    lmm_plural(amount.blocks, "block", "blocks"), amount.bytes,
                    lmm_plural(amount.bytes, "byte", "bytes"));
}

/* Puts "3 blocks, 177 bytes of emp_t". */
static void put_blocks(const struct lmm_text_page *page, const struct lmm_model_site *site,
                       struct lmm_model_amount amount)
{
    put_amount(page, amount);
    lmm_sink_puts(page->sink, " of ");
    lmm_put_string(page->sink, site->family->name);
}

/* Puts " allocated at hr.c:42 (hire)", and the stacks. */
static void put_origin(const struct lmm_text_page *page, const struct lmm_model_site *site)
{
    lmm_sink_puts(page->sink, " allocated at ");
    lmm_text_place(page, site, page->sink);
    lmm_sink_puts(page->sink, "\n");
    lmm_text_stacks(page, site);
}

static void put_word(const struct lmm_text_page *page, const char *word)
{
    lmm_text_paint(page, "\033[31m");
    lmm_sink_puts(page->sink, word);
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, " ");
}

/* ---- By class -------------------------------------------------------------------------------- */

/* Puts what a site lost definitely, and possibly: a line for each. */
static void put_losses(const struct lmm_text_page *page, const struct lmm_model_site *site)
{
    const struct lmm_model_losses *losses = site->losses;

    if (losses->of[LMM_MODEL_DEFINITE].blocks > 0) {
        put_word(page, "leak:");
        put_blocks(page, site, losses->of[LMM_MODEL_DEFINITE]);
        lmm_sink_puts(page->sink, " definitely lost,");
        if (losses->hanging.blocks > 0) {
            lmm_sink_puts(page->sink, " and ");
            put_amount(page, losses->hanging);
            lmm_sink_puts(page->sink, " that hang on these,");
        }
        put_origin(page, site);
    }
    if (losses->of[LMM_MODEL_POSSIBLE].blocks > 0) {
        put_word(page, "leak:");
        put_blocks(page, site, losses->of[LMM_MODEL_POSSIBLE]);
        lmm_sink_puts(page->sink, " possibly lost,");
        put_origin(page, site);
    }
}

static void put_check_notes(const struct lmm_text_page *page)
{
    const struct lmm_model_check *check = &page->model->check;

    if (check->threads_unseen > 0) {
        lmm_sink_printf(page->sink,
                        "note: the registers of %" PRIu32 " of %" PRIu32
                        " threads could not be seen: what was found lost is possibly lost\n",
                        check->threads_unseen, check->threads);
    }
    if (check->roots_unread > 0) {
        lmm_sink_printf(page->sink,
                        "note: %" PRIu64 " bytes that may hold references could not be read\n",
                        check->roots_unread);
    }
}

static void put_class_summary(const struct lmm_text_page *page)
{
    static const char *const words[] = {
        [LMM_MODEL_DEFINITE] = "definitely lost", [LMM_MODEL_INDIRECT] = "indirectly lost",
        [LMM_MODEL_POSSIBLE] = "possibly lost",   [LMM_MODEL_REACHABLE] = "still reachable",
        [LMM_MODEL_IGNORED] = "ignored",
    };
    const struct lmm_model_check *check = &page->model->check;

    lmm_text_paint(page, "\033[1m");
    lmm_sink_puts(page->sink, "SUMMARY: ");
    for (size_t i = 0; i < LMM_MODEL_CLASSES; i++) {
        if (i == LMM_MODEL_DEFINITE || check->of[i].blocks > 0) {
            lmm_sink_puts(page->sink, i == LMM_MODEL_DEFINITE ? "" : ", ");
            put_amount(page, check->of[i]);
            lmm_sink_printf(page->sink, " %s", words[i]);
        }
    }
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

/* Prints nothing when nothing is lost. */
static void put_classes(const struct lmm_text_page *page)
{
    const struct lmm_model *model = page->model;

    if (model->check.of[LMM_MODEL_DEFINITE].blocks == 0 &&
        model->check.of[LMM_MODEL_POSSIBLE].blocks == 0) {
        return;
    }
    lmm_text_title(page, "leak report");
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].losses != NULL) {
            put_losses(page, &model->sites[i]);
        }
    }
    lmm_text_notes(page, "");
    put_check_notes(page);
    put_class_summary(page);
}

/* ---- All live blocks -------------------------------------------------------------------------- */

static void put_live_summary(const struct lmm_text_page *page, uint64_t sites, const char *word)
{
    const struct lmm_model_family *total = &page->model->total;
    uint64_t families = 0;

    for (size_t i = 0; i < page->model->family_count; i++) {
        families += page->model->families[i]->live_blocks > 0;
    }
    lmm_text_paint(page, "\033[1m");
    lmm_sink_printf(
        page->sink, "SUMMARY: %" PRIu64 " %s %s, %" PRIu64 " %s, in %" PRIu64 " %s, %" PRIu64 " %s",
        total->live_blocks, word, lmm_plural(total->live_blocks, "block", "blocks"),
        total->live_bytes, lmm_plural(total->live_bytes, "byte", "bytes"), families,
        lmm_plural(families, "family", "families"), sites, lmm_plural(sites, "site", "sites"));
    lmm_text_paint(page, "\033[0m");
    lmm_sink_puts(page->sink, "\n");
}

/* Prints nothing when no block lives. are_leaks: nothing tells the live blocks apart. */
static void put_all(const struct lmm_text_page *page, bool are_leaks)
{
    const struct lmm_model *model = page->model;
    uint64_t sites = 0;

    if (model->total.live_blocks == 0) {
        return;
    }
    lmm_text_title(page, are_leaks ? "leak report" : "live blocks");
    for (size_t i = 0; i < model->site_count; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        if (site->live_blocks > 0) {
            put_word(page, are_leaks ? "leak:" : "live:");
            put_blocks(page, site, (struct lmm_model_amount) {site->live_blocks, site->live_bytes});
            put_origin(page, site);
            sites++;
        }
    }
    lmm_text_notes(page, "");
    if (model->check.failure != 0) {
        lmm_sink_printf(page->sink,
                        "note: the leak check failed (errno %" PRIu32 "%s); these are all live "
                        "blocks\n",
                        model->check.failure,
                        model->check.failure == ENOENT ? ": is /proc mounted?" : "");
    }
    put_live_summary(page, sites, are_leaks ? "leaked" : "live");
}

int lmm_text_leaks(const struct lmm_model *model, struct lmm_sink *sink,
                   const struct lmm_text_style *style)
{
    struct lmm_text_page page = lmm_text_page_of(model, sink, style);
    bool all = style != NULL && style->all_leaks;

    if (model->other_malloc.bytes > 0) {
        lmm_text_title(&page, "leak report");
        lmm_text_notes(&page, "");
    } else if (model->check.is_there && model->check.failure == 0 && !all) {
        put_classes(&page);
    } else {
        put_all(&page, !all && model->check.failure == 0);
    }
    return lmm_sink_flush(sink);
}
