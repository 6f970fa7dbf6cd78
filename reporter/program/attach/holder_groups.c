/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holder_groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/attach/holder_words.h"
#include "reporter/program/attach/line_groups.h"
#include "reporter/program/attach/memory_name.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/snapshot.h"

enum {
    GROUPS_MAX = 64,
    LINKS_MAX = 16,
};

/* Numbers from first to last, step apart; step 0: one. */
struct range {
    uint64_t first;
    uint64_t last;
    uint64_t step;
};

struct link {
    uint64_t site;
    uint64_t least_bytes;
    uint64_t most_bytes;
    uint64_t is_inside;
    struct range from;
    uint64_t has_loop;
    struct range loop;
};

struct group {
    uint64_t blocks;
    uint64_t bytes;
    uint64_t thread; /* 0: of none */
    uint64_t is_in_register;
    uint64_t length; /* of all its links */
    uint64_t count;  /* of those below */
    struct link links[LINKS_MAX];
};

struct answer {
    uint64_t blocks;
    uint64_t bytes;
    uint64_t groups; /* also of those that are not told */
    size_t count;
    struct group list[GROUPS_MAX];
};

/* ---- The answer ------------------------------------------------------------------------------ */

static bool take_all(const char **text, uint64_t *const figures[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!lmm_holder_take_figure(text, figures[i])) {
            return false;
        }
    }
    return true;
}

static bool take_link(const char **text, struct link *ret_link)
{
    uint64_t *const figures[] = {
        &ret_link->site,       &ret_link->least_bytes, &ret_link->most_bytes, &ret_link->is_inside,
        &ret_link->from.first, &ret_link->from.last,   &ret_link->from.step,  &ret_link->has_loop,
        &ret_link->loop.first, &ret_link->loop.last,   &ret_link->loop.step};

    return take_all(text, figures, sizeof(figures) / sizeof(figures[0]));
}

static bool take_group(const char **text, struct group *ret_group)
{
    uint64_t *const figures[] = {&ret_group->blocks,         &ret_group->bytes,  &ret_group->thread,
                                 &ret_group->is_in_register, &ret_group->length, &ret_group->count};

    if (!take_all(text, figures, sizeof(figures) / sizeof(figures[0])) || ret_group->count == 0 ||
        ret_group->count > LINKS_MAX || ret_group->length < ret_group->count) {
        return false;
    }
    for (uint64_t i = 0; i < ret_group->count; i++) {
        if (!take_link(text, &ret_group->links[i])) {
            return false;
        }
    }
    return true;
}

static bool parse(const char *text, struct answer *ret_answer)
{
    uint64_t *const figures[] = {&ret_answer->blocks, &ret_answer->bytes, &ret_answer->groups};

    ret_answer->count = 0;
    if (!take_all(&text, figures, sizeof(figures) / sizeof(figures[0]))) {
        return false;
    }
    while (*text == '\n' && ret_answer->count < GROUPS_MAX) {
        if (!take_group(&text, &ret_answer->list[ret_answer->count++])) {
            return false;
        }
    }
    return *text == '\0';
}

/* ---- Printing -------------------------------------------------------------------------------- */

/* Puts "+16", or "+16 +8*i". */
static void put_offsets(struct lmm_sink *sink, const struct range *range)
{
    lmm_sink_printf(sink, "+%" PRIu64, range->first);
    if (range->last != range->first) {
        lmm_sink_printf(sink, " +%" PRIu64 "*i", range->step);
    }
}

/* Returns the length of the part of a name before its offset. */
static size_t bare(const char *name)
{
    return strcspn(name, "+");
}

/* Puts the name of the words of a root: of an array the first, and how far they are apart. */
static void put_words(struct lmm_sink *sink, struct lmm_memory_names *names,
                      const struct range *range)
{
    char first[LMM_MEMORY_NAME_BYTES];
    char last[LMM_MEMORY_NAME_BYTES];

    lmm_memory_name(names, range->first, first);
    lmm_put_string(sink, lmm_string_of(first));
    if (range->last == range->first) {
        return;
    }
    lmm_memory_name(names, range->last, last);
    if (bare(first) == bare(last) && memcmp(first, last, bare(first)) == 0) {
        lmm_sink_printf(sink, " +%" PRIu64 "*i", range->step);
    } else {
        lmm_sink_puts(sink, " to ");
        lmm_put_string(sink, lmm_string_of(last));
    }
}

static void put_root(struct lmm_sink *sink, struct lmm_memory_names *names,
                     const struct group *group)
{
    const struct range *range = &group->links[0].from;
    char name[LMM_MEMORY_NAME_BYTES] = "a register";

    lmm_sink_puts(sink, "       ");
    if (group->thread != 0) {
        lmm_memory_name_thread(names, group->thread, group->is_in_register != 0 ? 0 : range->first,
                               name);
        lmm_put_string(sink, lmm_string_of(name));
    } else if (range->first != 0) {
        put_words(sink, names, range);
    } else {
        lmm_sink_puts(sink, name);
    }
    lmm_sink_puts(sink, "\n");
}

static void put_link(struct lmm_sink *sink, const struct lmm_model *model, const struct link *link,
                     bool is_first)
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
                      struct lmm_memory_names *names, const struct group *group)
{
    put_amount(sink, group->blocks, group->bytes);
    put_root(sink, names, group);
    for (uint64_t i = 0; i < group->count; i++) {
        if (i == group->count / 2 && group->length > group->count) {
            lmm_sink_printf(sink, "       ... %" PRIu64 " more\n", group->length - group->count);
        }
        put_link(sink, model, &group->links[i], i == 0);
    }
}

/* Puts what the groups from `shown` on have together. */
static void put_rest(struct lmm_sink *sink, const struct answer *answer, size_t shown)
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
                       const struct answer *answer, const char *word,
                       struct lmm_memory_names *names, size_t most)
{
    size_t shown = answer->count < most ? answer->count : most;
    const struct group *largest = &answer->list[0];
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
        put_group(sink, model, names, &answer->list[i]);
    }
    put_rest(sink, answer, shown);
}

/* ---- The question ---------------------------------------------------------------------------- */

/* Asks about the sites of `wanted`. */
static bool ask(const char *path, const struct lmm_snapshot *snapshot,
                const struct lmm_model *wanted, char ret_answer[LMM_ANSWER_BYTES])
{
    static char question[LMM_LONG_QUESTION_BYTES];
    struct lmm_line_groups groups;
    uint32_t *sites = calloc(wanted->site_count + 1, sizeof(*sites));

    if (sites == NULL || !lmm_line_groups_make(snapshot->model, &groups)) {
        free(sites);
        lmm_complain("out of memory");
        return false;
    }
    for (size_t i = 0; i < wanted->site_count; i++) {
        sites[i] = wanted->sites[i].id;
    }
    size_t asked = lmm_line_groups_write(&groups, "holders", sites, wanted->site_count, question);

    if (asked < wanted->site_count) {
        lmm_complain("only the %zu call stacks with most live bytes, of %zu", asked,
                     wanted->site_count);
    }
    free(sites);
    lmm_line_groups_free(&groups);
    return lmm_ask(path, snapshot, question, ret_answer);
}

bool lmm_holder_groups_print(const char *path, const struct lmm_snapshot *snapshot,
                             const struct lmm_model *wanted, const char *word,
                             struct lmm_memory_names *names, size_t most, struct lmm_sink *sink)
{
    static char text[LMM_ANSWER_BYTES];
    static struct answer answer;

    if (!ask(path, snapshot, wanted, text)) {
        return false;
    }
    if (!parse(text, &answer)) {
        lmm_complain("process %" PRIu32 " gave an answer that makes no sense",
                     snapshot->model->pid);
        return false;
    }
    if (answer.blocks == 0) {
        lmm_complain("no block of %s is held by anything", word);
        return true;
    }
    put_answer(sink, snapshot->model, &answer, word, names, most);
    return true;
}
