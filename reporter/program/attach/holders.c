/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/holders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/attach/ask.h"
#include "reporter/program/attach/memory_name.h"
#include "reporter/program/base/output.h"
#include "reporter/program/base/program.h"
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

static bool take_figure(const char **text, uint64_t *ret_figure)
{
    char *end;

    *ret_figure = strtoull(*text, &end, 10);
    bool done = end != *text;
    *text = end;
    return done;
}

static bool take_link(const char **text, struct link *ret_link)
{
    uint64_t is_root;
    bool done = take_figure(text, &is_root) && take_figure(text, &ret_link->from) &&
                take_figure(text, &ret_link->offset) && take_figure(text, &ret_link->to) &&
                take_figure(text, &ret_link->to_offset) && take_figure(text, &ret_link->to_site) &&
                take_figure(text, &ret_link->to_bytes);

    ret_link->is_root = done && is_root != 0;
    ret_link->is_register = done && is_root == IN_REGISTER;
    return done;
}

static bool parse(const char *answer, struct chain *ret_chain)
{
    uint64_t is_block;

    ret_chain->count = 0;
    if (!take_figure(&answer, &is_block) || !take_figure(&answer, &ret_chain->length)) {
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

static const struct lmm_model_site *find_site(const struct lmm_model *model, uint64_t id)
{
    for (size_t i = 0; i < model->site_count; i++) {
        if (model->sites[i].id == id) {
            return &model->sites[i];
        }
    }
    return NULL;
}

/* Puts "dict.c:146 (_dictInsert)", or "(unknown)". */
static void put_place(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id)
{
    const struct lmm_model_site *site = find_site(model, id);

    if (site == NULL) {
        lmm_sink_puts(sink, "(unknown)");
        return;
    }
    lmm_put_string(sink, lmm_model_last_component(site->file));
    if (site->line != 0) {
        lmm_sink_printf(sink, ":%" PRIu32, site->line);
    }
    if (site->function.bytes != 0) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, site->function);
        lmm_sink_puts(sink, ")");
    }
    lmm_sink_printf(sink, "  #%" PRIu64, id);
}

/* Puts " of struct session", if the type of the site's blocks is known. */
static void put_type(struct lmm_sink *sink, const struct lmm_model *model, uint64_t id)
{
    const struct lmm_model_site *site = find_site(model, id);
    struct lmm_string type = site == NULL ? lmm_string_of("") : lmm_site_type_name(model, site);

    if (type.bytes != 0) {
        lmm_sink_puts(sink, " of ");
        lmm_put_string(sink, type);
    }
}

static void put_block(struct lmm_sink *sink, const struct lmm_model *model, const struct link *link)
{
    lmm_put_count(sink, link->to_bytes, "byte", "bytes");
    put_type(sink, model, link->to_site);
    lmm_sink_printf(sink, " at 0x%" PRIx64 "  ", link->to);
    put_place(sink, model, link->to_site);
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

enum { KEEPERS_MAX = 128 };

struct keeper {
    uint64_t site;
    uint64_t bytes;
};

static bool parse_keepers(const char *answer, struct keeper keepers[KEEPERS_MAX], size_t *ret_count)
{
    uint64_t count;

    *ret_count = 0;
    if (!take_figure(&answer, &count)) {
        return false;
    }
    while (*answer == '\n' && *ret_count < KEEPERS_MAX) {
        struct keeper *keeper = &keepers[(*ret_count)++];
        if (!take_figure(&answer, &keeper->site) || !take_figure(&answer, &keeper->bytes)) {
            return false;
        }
    }
    return *answer == '\0';
}

static void put_keeper(struct lmm_sink *sink, const struct lmm_model *model,
                       const struct keeper *keeper, size_t number)
{
    const struct lmm_model_site *site = find_site(model, keeper->site);
    char retained[LMM_CELL_BYTES];
    char own[LMM_CELL_BYTES];

    lmm_write_size(retained, keeper->bytes);
    lmm_write_size(own, site == NULL ? 0 : site->live_bytes);
    lmm_sink_printf(sink, "%3zu  %10s  %10s  %9" PRIu64 "  ", number, retained, own,
                    site == NULL ? 0 : site->live_blocks);
    put_place(sink, model, keeper->site);
    lmm_sink_puts(sink, "\n");
}

/* Takes the keepers that the process put into its ledger when it ended. False after a message on stderr. */
static bool take_keepers(const struct lmm_snapshot *snapshot, struct keeper keepers[KEEPERS_MAX],
                         size_t *ret_count)
{
    const struct lmm_model *model = snapshot->model;
    size_t count = model->keeper_count < KEEPERS_MAX ? model->keeper_count : (size_t) KEEPERS_MAX;

    if (count == 0) {
        lmm_complain("process %" PRIu32 " is %s: --retained needs a live process, or one that "
                     "lmm run --retained started",
                     model->pid, lmm_process_state_name(snapshot->state));
    }
    for (size_t i = 0; i < count; i++) {
        keepers[i] = (struct keeper) {model->keepers[i].site, model->keepers[i].bytes};
    }
    *ret_count = count;
    return count > 0;
}

/* Asks for the keepers. False after a message on stderr. */
static bool ask_for_keepers(const char *path, const struct lmm_snapshot *snapshot,
                            struct keeper keepers[KEEPERS_MAX], size_t *ret_count)
{
    static char answer[LMM_ANSWER_BYTES];
    uint32_t pid = snapshot->model->pid;

    if (snapshot->state != LMM_PROCESS_LIVE) {
        return take_keepers(snapshot, keepers, ret_count);
    }
    if (!lmm_ask(path, snapshot, "retained", answer)) {
        return false;
    }
    if (!parse_keepers(answer, keepers, ret_count)) {
        lmm_complain("process %" PRIu32 " gave an answer that makes no sense", pid);
        return false;
    }
    return true;
}

static void put_keepers(struct lmm_sink *sink, const struct lmm_model *model,
                        const struct keeper *keepers, size_t count, size_t most)
{
    lmm_sink_puts(sink, "Retained        bytes   own bytes     blocks  line\n");
    for (size_t i = 0; i < count && i < most; i++) {
        put_keeper(sink, model, &keepers[i], i + 1);
    }
    if (count > most) {
        lmm_sink_printf(sink, "... %zu more: --top N\n", count - most);
    }
}

int lmm_holders_write_retained(const char *path, const struct lmm_snapshot *snapshot, size_t most,
                               const char *output)
{
    static struct keeper keepers[KEEPERS_MAX];
    struct lmm_output file;
    size_t count;

    if (!ask_for_keepers(path, snapshot, keepers, &count) ||
        !lmm_output_open(&file, output, 0666)) {
        return LMM_EXIT_FAILED;
    }
    put_keepers(&file.sink, snapshot->model, keepers, count, most);
    return lmm_output_close(&file);
}
