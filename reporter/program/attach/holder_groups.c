/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holder_groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/attach/holder_answer.h"
#include "reporter/program/attach/holder_words.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"

/* ---- Printing -------------------------------------------------------------------------------- */

/* Puts "+16", or "+16 +8*i". */
static void put_offsets(struct lmm_sink *sink, const struct lmm_holder_range *range)
{
    lmm_sink_printf(sink, "+%" PRIu64, range->first);
    if (range->last != range->first) {
        lmm_sink_printf(sink, " +%" PRIu64 "*i", range->step);
    }
}

static void put_link(struct lmm_sink *sink, const struct lmm_model *model,
                     const struct lmm_holder_link *link, bool is_first)
{
    lmm_sink_puts(sink, "       ");
    if (!is_first) {
        put_offsets(sink, &link->from);
        lmm_sink_puts(sink, " ");
    }
    lmm_sink_puts(sink, link->is_inside != 0 ? "-> the inside of " : "-> ");
    if (link->least_bytes != link->most_bytes) {
        lmm_sink_printf(sink, "%" PRIu64 " to ", link->least_bytes);
    }
    lmm_put_count(sink, link->most_bytes, "byte", "bytes");
    lmm_holder_put_type(sink, model, link->site);
    lmm_sink_puts(sink, "  ");
    lmm_holder_put_place(sink, model, link->site);
    if (link->has_loop != 0) {
        lmm_sink_puts(sink, ", and on by ");
        put_offsets(sink, &link->loop);
    }
    lmm_sink_puts(sink, "\n");
}

static void put_amount(struct lmm_sink *sink, uint64_t blocks, uint64_t bytes)
{
    char count[LMM_CELL_BYTES];
    char size[LMM_CELL_BYTES];

    lmm_write_count(count, blocks);
    lmm_write_size(size, bytes);
    lmm_sink_printf(sink, "%9s %s, %s\n", count, lmm_plural(blocks, "block", "blocks"), size);
}

static void put_group(struct lmm_sink *sink, const struct lmm_model *model,
                      const struct lmm_holder_group *group)
{
    put_amount(sink, group->blocks, group->bytes);
    lmm_sink_puts(sink, "       ");
    lmm_put_string(sink, lmm_string_of(group->root));
    lmm_sink_puts(sink, "\n");
    for (uint64_t i = 0; i < group->count; i++) {
        if (i == group->count / 2 && group->length > group->count) {
            lmm_sink_printf(sink, "       ... %" PRIu64 " more\n", group->length - group->count);
        }
        put_link(sink, model, &group->links[i], i == 0);
    }
}

/* Puts what the groups from `shown` on have together. */
static void put_rest(struct lmm_sink *sink, const struct lmm_holder_answer *answer, size_t shown)
{
    uint64_t blocks = answer->blocks;
    uint64_t bytes = answer->bytes;

    for (size_t i = 0; i < shown; i++) {
        blocks -= answer->list[i].blocks < blocks ? answer->list[i].blocks : blocks;
        bytes -= answer->list[i].bytes < bytes ? answer->list[i].bytes : bytes;
    }
    if (blocks > 0) {
        lmm_sink_puts(sink, "  in other ways:\n");
        put_amount(sink, blocks, bytes);
    }
}

static void put_answer(struct lmm_sink *sink, const struct lmm_model *model,
                       const struct lmm_holder_answer *answer, const char *word, size_t most)
{
    size_t shown = answer->count < most ? answer->count : most;
    const struct lmm_holder_group *largest = &answer->list[0];
    char size[LMM_CELL_BYTES];

    lmm_write_size(size, answer->bytes);
    lmm_sink_printf(sink, "%s in ", size);
    lmm_put_count(sink, answer->blocks, "block", "blocks");
    if (answer->count > 0) {
        lmm_holder_put_type(sink, model, largest->links[largest->count - 1].site);
    }
    lmm_sink_puts(sink, " (");
    lmm_put_string(sink, lmm_string_of(word));
    lmm_sink_puts(sink, ") are held by\n");
    for (size_t i = 0; i < shown; i++) {
        put_group(sink, model, &answer->list[i]);
    }
    put_rest(sink, answer, shown);
}

/* ---- The question ---------------------------------------------------------------------------- */

/* Asks about the sites of `wanted`. */
static bool ask(const char *path, const struct lmm_snapshot *snapshot,
                const struct lmm_model *wanted, struct lmm_holder_answer *ret_answer)
{
    static char question[LMM_LONG_QUESTION_BYTES];
    struct lmm_reason reason;
    uint32_t *sites = calloc(wanted->site_count + 1, sizeof(*sites));
    size_t asked;

    for (size_t i = 0; sites != NULL && i < wanted->site_count; i++) {
        sites[i] = wanted->sites[i].id;
    }
    asked = sites == NULL ? 0
                          : lmm_holder_question_write(snapshot->model, "holders", sites,
                                                      wanted->site_count, question);
    free(sites);
    if (asked == 0) {
        lmm_complain("out of memory");
        return false;
    }
    if (asked < wanted->site_count) {
        lmm_complain("only the %zu call stacks with most live bytes, of %zu", asked,
                     wanted->site_count);
    }
    if (!lmm_holder_answer_ask(path, snapshot, question, ret_answer, &reason)) {
        lmm_complain("%s", reason.text);
        return false;
    }
    return true;
}

bool lmm_holder_groups_print(const char *path, const struct lmm_snapshot *snapshot,
                             const struct lmm_model *wanted, const char *word,
                             struct lmm_memory_names *names, size_t most, struct lmm_sink *sink)
{
    static struct lmm_holder_answer answer;

    if (!ask(path, snapshot, wanted, &answer)) {
        return false;
    }
    if (answer.blocks == 0) {
        lmm_complain("no block of %s is held by anything", word);
        return true;
    }
    lmm_holder_answer_name(&answer, names);
    put_answer(sink, snapshot->model, &answer, word, most);
    return true;
}
