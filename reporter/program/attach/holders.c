/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"
#include "reporter/program/attach/ask.h"
#include "reporter/program/attach/holder_answer.h"
#include "reporter/program/attach/holder_words.h"
#include "reporter/program/attach/line_groups.h"
#include "reporter/program/attach/memory_name.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
#include "reporter/program/ledger/ledger_file.h"
#include "reporter/program/ledger/snapshot.h"

enum {
    LINKS_MAX = 64,
    IN_REGISTER = 2, /* what the process answers where it answers 1 of another root */
};

/* A pointer of the chain. */
struct link {
    bool is_root;
    bool is_register; /* then it is a root, too */
    uint64_t from;   /* the block that it lies in, or its own address in a root; 0: in a register */
    uint64_t offset; /* of a root: the thread whose stack or register it is; 0: of none */
    uint64_t to;     /* the block that it leads to */
    uint64_t to_offset;
    uint64_t to_site;
    uint64_t to_bytes;
};

struct chain {
    bool is_block;
    uint64_t length;
    size_t count;
    struct link links[LINKS_MAX];
};

static bool take_link(const char **text, struct link *ret_link)
{
    uint64_t is_root;
    bool done = lmm_holder_take_figure(text, &is_root) &&
                lmm_holder_take_figure(text, &ret_link->from) &&
                lmm_holder_take_figure(text, &ret_link->offset) &&
                lmm_holder_take_figure(text, &ret_link->to) &&
                lmm_holder_take_figure(text, &ret_link->to_offset) &&
                lmm_holder_take_figure(text, &ret_link->to_site) &&
                lmm_holder_take_figure(text, &ret_link->to_bytes);

    ret_link->is_root = done && is_root != 0;
    ret_link->is_register = done && is_root == IN_REGISTER;
    return done;
}

static bool parse(const char *answer, struct chain *ret_chain)
{
    uint64_t is_block;

    ret_chain->count = 0;
    if (!lmm_holder_take_figure(&answer, &is_block) ||
        !lmm_holder_take_figure(&answer, &ret_chain->length)) {
        return false;
    }
    ret_chain->is_block = is_block != 0;
    while (*answer == '\n' && ret_chain->count < LINKS_MAX) {
        if (!take_link(&answer, &ret_chain->links[ret_chain->count])) {
            return false;
        }
        ret_chain->count++;
    }
    return *answer == '\0';
}

/* ---- Printing -------------------------------------------------------------------------------- */

static void put_block(struct lmm_sink *sink, const struct lmm_model *model, const struct link *link)
{
    lmm_put_count(sink, link->to_bytes, "byte", "bytes");
    lmm_holder_put_type(sink, model, link->to_site);
    lmm_sink_printf(sink, " at 0x%" PRIx64 "  ", link->to);
    lmm_holder_put_place(sink, model, link->to_site);
}

static void put_root(struct lmm_sink *sink, struct lmm_memory_names *names, const struct link *link)
{
    char name[LMM_MEMORY_NAME_BYTES] = "a register";

    if (link->offset != 0) {
        lmm_memory_name_thread(names, link->offset, link->is_register ? 0 : link->from, name);
    } else if (link->from != 0) {
        lmm_memory_name(names, link->from, name);
    }
    lmm_sink_puts(sink, "       ");
    lmm_put_string(sink, lmm_string_of(name));
    lmm_sink_puts(sink, "\n");
}

/* Whether two links look alike: then a list is followed. */
static bool is_alike(const struct link *a, const struct link *b)
{
    return !a->is_root && !b->is_root && a->offset == b->offset && a->to_site == b->to_site &&
           a->to_offset == b->to_offset && a->to_bytes == b->to_bytes;
}

/* Puts a link, or `count` that look alike. */
static void put_links(struct lmm_sink *sink, const struct lmm_model *model, const struct link *link,
                      size_t count)
{
    lmm_sink_puts(sink, "       ");
    if (!link->is_root) {
        lmm_sink_printf(sink, "+%" PRIu64 " ", link->offset);
    }
    lmm_sink_puts(sink, "-> ");
    if (link->to_offset != 0) {
        lmm_sink_printf(sink, "%" PRIu64 " bytes into ", link->to_offset);
    }
    put_block(sink, model, &link[count - 1]);
    if (count > 1) {
        lmm_sink_printf(sink, "  x %zu", count);
    }
    lmm_sink_puts(sink, "\n");
}

static void put_chain(struct lmm_sink *sink, const struct lmm_model *model,
                      struct lmm_memory_names *names, const struct chain *chain)
{
    const struct link *last = &chain->links[chain->count - 1];

    put_block(sink, model, last);
    lmm_sink_puts(sink, "\n     is held by\n");
    put_root(sink, names, &chain->links[0]);
    for (size_t i = 0, next; i < chain->count; i = next) {
        bool is_cut = chain->length > chain->count;
        size_t end = is_cut && i < chain->count / 2 ? chain->count / 2 : chain->count;

        if (is_cut && i == chain->count / 2) {
            lmm_sink_printf(sink, "       ... %" PRIu64 " more\n", chain->length - chain->count);
        }
        for (next = i + 1; next < end && is_alike(&chain->links[i], &chain->links[next]); next++) {
        }
        put_links(sink, model, &chain->links[i], next - i);
    }
}

bool lmm_holders_print(const char *path, const struct lmm_snapshot *snapshot,
                       struct lmm_memory_names *names, uint64_t address, struct lmm_sink *sink)
{
    static char answer[LMM_ANSWER_BYTES];
    static struct chain chain;
    char question[LMM_QUESTION_BYTES];

    snprintf(question, sizeof(question), "why %" PRIu64, address);
    if (!lmm_ask(path, snapshot, question, answer)) {
        return false;
    }
    if (!parse(answer, &chain)) {
        lmm_complain("process %" PRIu32 " gave an answer that makes no sense",
                     snapshot->model->pid);
        return false;
    }
    if (chain.count == 0) {
        lmm_sink_printf(sink, "0x%" PRIx64 " %s\n", address,
                        chain.is_block ? "is in a live block that nothing leads to: it is lost"
                                       : "is in no live block");
        return true;
    }
    put_chain(sink, snapshot->model, names, &chain);
    return true;
}

/* ---- What sites retain ----------------------------------------------------------------------- */

/* groups: of lines; NULL: each keeper is one site. */
static void put_keeper(struct lmm_sink *sink, const struct lmm_model *model,
                       const struct lmm_line_groups *groups, const struct lmm_holder_keeper *keeper,
                       size_t number)
{
    const struct lmm_model_site *site = lmm_holder_find_site(model, keeper->site);
    struct lmm_model_amount live = {0, 0};
    char retained[LMM_CELL_BYTES];
    char own[LMM_CELL_BYTES];

    lmm_write_size(retained, keeper->bytes);
    if (groups != NULL) {
        live = lmm_line_groups_live(groups, keeper->site);
    } else if (site != NULL) {
        live = (struct lmm_model_amount) {site->live_blocks, site->live_bytes};
    }
    lmm_write_size(own, live.bytes);
    lmm_sink_printf(sink, "%3zu  %10s  %10s  %9" PRIu64 "  ", number, retained, own, live.blocks);
    lmm_holder_put_place(sink, model, keeper->site);
    lmm_sink_puts(sink, "\n");
}

/* Takes the keepers that the process put into its ledger when it ended. False after a message on stderr. */
static bool take_keepers(const struct lmm_snapshot *snapshot,
                         struct lmm_holder_keeper keepers[LMM_HOLDER_KEEPERS_MAX],
                         size_t *ret_count)
{
    const struct lmm_model *model = snapshot->model;
    size_t count = model->keeper_count < LMM_HOLDER_KEEPERS_MAX ? model->keeper_count
                                                                : (size_t) LMM_HOLDER_KEEPERS_MAX;

    if (count == 0) {
        lmm_complain("process %" PRIu32 " is %s: --retained needs a live process, or one that "
                     "lmm run --retained started",
                     model->pid, lmm_process_state_name(snapshot->state));
    }
    for (size_t i = 0; i < count; i++) {
        keepers[i] = (struct lmm_holder_keeper) {model->keepers[i].site, model->keepers[i].bytes};
    }
    *ret_count = count;
    return count > 0;
}

/* Asks for the keepers by line. False after a message on stderr. */
static bool ask_for_keepers(const char *path, const struct lmm_snapshot *snapshot,
                            const struct lmm_line_groups *groups,
                            struct lmm_holder_keeper keepers[LMM_HOLDER_KEEPERS_MAX],
                            size_t *ret_count)
{
    static char question[LMM_LONG_QUESTION_BYTES];
    struct lmm_reason reason;

    lmm_line_groups_write(groups, "retained", NULL, 0, question);
    if (!lmm_holder_keepers_ask(path, snapshot, question, keepers, ret_count, &reason)) {
        lmm_complain("%s", reason.text);
        return false;
    }
    return true;
}

static void put_keepers(struct lmm_sink *sink, const struct lmm_model *model,
                        const struct lmm_line_groups *groups,
                        const struct lmm_holder_keeper *keepers, size_t count, size_t most)
{
    lmm_sink_puts(sink, "Retained        bytes   own bytes     blocks  line\n");
    for (size_t i = 0; i < count && i < most; i++) {
        put_keeper(sink, model, groups, &keepers[i], i + 1);
    }
    if (count > most) {
        lmm_sink_printf(sink, "... %zu more: --top N\n", count - most);
    }
}

static int write_keepers(const struct lmm_model *model, const struct lmm_line_groups *groups,
                         const struct lmm_holder_keeper *keepers, size_t count, size_t most,
                         const char *output)
{
    struct lmm_output file;

    if (!lmm_output_open(&file, output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    put_keepers(&file.sink, model, groups, keepers, count, most);
    return lmm_output_close(&file);
}

int lmm_holders_write_retained(const char *path, const struct lmm_snapshot *snapshot, size_t most,
                               const char *output)
{
    static struct lmm_holder_keeper keepers[LMM_HOLDER_KEEPERS_MAX];
    const struct lmm_model *model = snapshot->model;
    struct lmm_line_groups groups;
    int status = LMM_EXIT_FAILED;
    size_t count;

    if (snapshot->state != LMM_PROCESS_LIVE) {
        return take_keepers(snapshot, keepers, &count)
                   ? write_keepers(model, NULL, keepers, count, most, output)
                   : (int) LMM_EXIT_FAILED;
    }
    if (!lmm_line_groups_make(model, &groups)) {
        lmm_complain("out of memory");
        return LMM_EXIT_FAILED;
    }
    if (ask_for_keepers(path, snapshot, &groups, keepers, &count)) {
        status = write_keepers(model, &groups, keepers, count, most, output);
    }
    lmm_line_groups_free(&groups);
    return status;
}
