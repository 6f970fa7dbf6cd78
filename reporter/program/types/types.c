/* SPDX-License-Identifier: MIT */
/* Three tables: the facts about calls, decisions by the frames that they rest on, and types. */
#include "reporter/program/types/types.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/program/base/array.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/call_path.h"
#include "reporter/program/types/fact_files.h"
#include "reporter/program/types/site_walk.h"
#include "reporter/program/types/size_list.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/type_table.h"

/* The frames from an allocation outwards that say what its blocks are. */
struct decision {
    UT_hash_handle hh;
    uint64_t key;
    struct lmm_candidate *candidates;
    size_t candidate_count;
    struct lmm_size_list sizes;
    enum lmm_maker maker;
    bool is_open; /* sizes were added since it was decided */
    enum lmm_model_type_gap gap;
    struct lmm_string lacking;
    char *name; /* that of `type` */
    struct lmm_model_type type;
};

struct types {
    struct lmm_fact_files *files;
    struct lmm_type_table *table;
    const struct lmm_type_info *byte; /* char */
    struct lmm_site_walker *walker;
    struct decision *decisions;
};

/* ---- Decisions ------------------------------------------------------------------------------- */

static struct lmm_call_path_candidates list_candidates(const struct types *types,
                                                       const struct lmm_site_walk *walk)
{
    struct lmm_call_path_candidates candidates = lmm_call_path_list(&walk->path);

    if (walk->makes_text) {
        struct lmm_candidate *added =
            lmm_array_add(&candidates.items, &candidates.count, sizeof(*candidates.items));

        candidates.failed |= added == NULL;
        if (added != NULL) {
            *added = (struct lmm_candidate) {
                .type = types->byte, .evidence = LMM_MODEL_BY_NAME, .is_array = true};
        }
    }
    return candidates;
}

/* Returns the key of the decision about a site. Where nothing is known of its calls, all that is said is why. */
static uint64_t key_of(const struct lmm_site_walk *walk)
{
    return walk->makes_text || lmm_call_path_has_facts(&walk->path)
               ? walk->key
               : lmm_hash_string(2 + (uint64_t) walk->gap, walk->lacking);
}

/* Returns NULL when memory ran out. */
static struct decision *decision_of(struct types *types, const struct lmm_site_walk *walk)
{
    uint64_t key = key_of(walk);
    struct decision *decision;

    HASH_FIND(hh, types->decisions, &key, sizeof(key), decision);
    if (decision != NULL) {
        return decision;
    }
    decision = calloc(1, sizeof(*decision));
    if (decision == NULL) {
        return NULL;
    }
    decision->key = key;
    decision->is_open = true;
    decision->gap = walk->gap;
    decision->lacking = walk->lacking;
    struct lmm_call_path_candidates candidates = list_candidates(types, walk);

    decision->candidates = candidates.items;
    decision->candidate_count = candidates.count;
    decision->maker = candidates.count > 0 ? lmm_call_path_maker(&walk->path) : LMM_MAKER_MALLOC;
    if (!candidates.failed) {
        HASH_ADD(hh, types->decisions, key, sizeof(decision->key), decision);
    }
    if (decision->hh.tbl == NULL) {
        free(decision->candidates);
        free(decision);
        return NULL;
    }
    return decision;
}

/* Sets the type of a decision anew; returns false when memory ran out. */
static bool decide(struct decision *decision)
{
    struct lmm_verdict verdict =
        lmm_decide(decision->candidates, decision->candidate_count, decision->sizes.items,
                   decision->sizes.count, decision->maker);
    const struct lmm_type_info *info = verdict.type;

    decision->is_open = false;
    decision->type = (struct lmm_model_type) {
        .name = lmm_string_of(""),
        .element = lmm_string_of(""),
        .lacking = decision->lacking,
        .file = lmm_string_of(""),
        .confidence = verdict.confidence,
        .evidence = verdict.evidence,
        .gap = decision->gap,
    };
    if (info == NULL) {
        return true;
    }
    free(decision->name);
    decision->name = NULL;
    if (asprintf(&decision->name, "%s%s", info->name,
                 verdict.has_more   ? "+"
                 : verdict.is_array ? "[]"
                                    : "") < 0) {
        decision->name = NULL;
        return false;
    }
    decision->type.name = lmm_string_of(decision->name);
    decision->type.element = lmm_string_of(info->name);
    decision->type.bytes = info->bytes;
    decision->type.is_after_header = verdict.is_after_header;
    decision->type.header_bytes = verdict.header_bytes;
    decision->type.has_more = verdict.has_more;
    decision->type.file = lmm_string_of(info->file);
    decision->type.line = info->line;
    decision->type.gap =
        verdict.confidence > LMM_MODEL_GUESS ? LMM_MODEL_TYPE_FOUND : decision->gap;
    return true;
}

/* Adds a site to the decision about it; returns that, or NULL when memory ran out. */
static struct decision *add_site(struct types *types, const struct lmm_model_site *site,
                                 const struct lmm_site_walk *walk)
{
    const struct lmm_size_range sizes = {site->smallest_bytes, site->largest_bytes};
    struct decision *decision = decision_of(types, walk);
    bool added =
        decision != NULL && (decision->candidate_count == 0 ||
                             lmm_size_list_add(&decision->sizes, sizes, &decision->is_open));

    return added ? decision : NULL;
}

/* Sets decisions[i] to that about the site i, if it has a stack. Returns false when memory ran out. */
static bool add_sites(struct types *types, const struct lmm_model *model,
                      struct decision **decisions)
{
    const struct lmm_model_site *sites = model->sites;
    struct lmm_site_walk walk;
    bool good = lmm_site_walker_take(types->walker, model);

    for (size_t i = 0; good && i < model->site_count; i++) {
        if (sites[i].stack != 0) {
            good = lmm_site_walk_note(types->walker, &sites[i], &walk);
            decisions[i] = good && !walk.has_passage ? add_site(types, &sites[i], &walk) : NULL;
            good = good && (walk.has_passage || decisions[i] != NULL);
        }
    }
    for (size_t i = 0; good && i < model->site_count; i++) {
        if (sites[i].stack != 0 && decisions[i] == NULL) {
            good = lmm_site_walk_again(types->walker, &sites[i], &walk);
            decisions[i] = good ? add_site(types, &sites[i], &walk) : NULL;
            good = decisions[i] != NULL;
        }
    }
    return good;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static void close_types(void *companion)
{
    struct types *types = companion;
    struct decision *decision = types->decisions;

    lmm_fact_files_free(types->files);
    HASH_CLEAR(hh, types->decisions); /* the items stay linked to each other */
    while (decision != NULL) {
        struct decision *next = decision->hh.next;

        free(decision->candidates);
        free(decision->sizes.items);
        free(decision->name);
        free(decision);
        decision = next;
    }
    lmm_site_walker_free(types->walker);
    lmm_type_table_free(types->table);
    free(types);
}

static struct types *open_types(struct lmm_symbols *symbols)
{
    static const struct lmm_type_info byte = {.name = "char", .kind = LMM_TYPE_BYTE, .bytes = 1};
    struct types *types = calloc(1, sizeof(*types));

    if (types == NULL) {
        return NULL;
    }
    types->table = lmm_type_table_new();
    types->files = types->table == NULL ? NULL : lmm_fact_files_new(types->table);
    types->byte = types->table == NULL ? NULL : lmm_type_table_keep(types->table, &byte);
    types->walker = types->files == NULL ? NULL : lmm_site_walker_new(symbols, types->files);
    if (types->walker == NULL || types->byte == NULL) {
        close_types(types);
        return NULL;
    }
    lmm_symbols_set_companion(symbols, types, close_types);
    return types;
}

bool lmm_types_find(struct lmm_symbols *symbols, struct lmm_model *model)
{
    struct types *types = lmm_symbols_companion(symbols);
    struct decision **decisions = calloc(model->site_count + 1, sizeof(struct decision *));
    bool good = decisions != NULL;

    types = types == NULL ? open_types(symbols) : types;
    good = good && types != NULL;
    assert(model->namer != NULL || model->frame_count <= 1);
    good = good && add_sites(types, model, decisions);
    for (size_t i = 0; good && i < model->site_count; i++) {
        if (decisions[i] != NULL) {
            good = !decisions[i]->is_open || decide(decisions[i]);
            model->sites[i].type = &decisions[i]->type;
        }
    }
    free(decisions);
    return good;
}

bool lmm_types_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model)
{
    return lmm_symbols_apply(symbols, flags, model) &&
           (model->frame_count <= 1 || lmm_types_find(*symbols, model));
}
