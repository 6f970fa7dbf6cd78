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
#include "reporter/program/symbols/demangle.h"
#include "reporter/program/symbols/mapped_files.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/call_path.h"
#include "reporter/program/types/fact_files.h"
#include "reporter/program/types/generics.h"
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

/* The sizes of all sites whose stacks come through a call whose function returns less than it allocates, and agree up
 * to there. What is known there is known for all of them. */
struct passage {
    UT_hash_handle hh;
    uint64_t key;
    struct lmm_size_list sizes;
};

struct types {
    struct lmm_symbols *symbols;
    struct lmm_fact_files *files;
    struct lmm_type_table *table;
    const struct lmm_type_info *byte; /* char */
    struct decision *decisions;
    struct passage *passages;
};

/* ---- Names of functions ---------------------------------------------------------------------- */

/* Returns whether a mangled name is that of a function of std::string, which allocates its text. */
static bool is_of_string(const char *function)
{
    char type[sizeof("char")];
    bool is_array;

    if (strstr(function, "basic_string") == NULL) {
        return false;
    }
    char *readable = lmm_demangle(function);
    bool makes = readable != NULL &&
                 lmm_generics_of_name(readable, type, sizeof(type), &is_array) &&
                 strcmp(type, "char") == 0;

    free(readable);
    return makes;
}

static bool is_one_of(const char *function, const char *const *names)
{
    for (; function != NULL && *names != NULL; names++) {
        if (strcmp(function, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether a function of the C library allocates nothing but text for its caller, whatever
 * functions it calls for this. */
static bool prints_text(const char *function)
{
    static const char *const names[] = {"asprintf",  "__asprintf",  "__asprintf_chk",
                                        "vasprintf", "__vasprintf", "__vasprintf_chk",
                                        NULL};

    return is_one_of(function, names);
}

/* Returns whether a function of the C or C++ library allocates text for its caller. */
static bool makes_text(const char *function)
{
    static const char *const names[] = {"strdup",
                                        "__strdup",
                                        "strndup",
                                        "__strndup",
                                        "getcwd",
                                        "__getcwd",
                                        "realpath",
                                        "getline",
                                        "getdelim",
                                        "__getdelim",
                                        "_IO_getdelim",
                                        "tempnam",
                                        "get_current_dir_name",
                                        "canonicalize_file_name",
                                        NULL};

    return is_one_of(function, names) || prints_text(function) ||
           (function != NULL && is_of_string(function));
}

/* ---- The walk -------------------------------------------------------------------------------- */

struct walk {
    struct types *types;
    const struct lmm_model *model;
    const struct lmm_model_site *site;
    struct lmm_call_path path;
    uint64_t key;
    bool makes_text; /* the last one's function does */
    bool is_first;   /* it only adds its sizes to the passages */
    bool failed;     /* out of memory */
    bool is_lost;    /* in a function of a library that does not return the block */
    enum lmm_model_type_gap gap;
    struct lmm_string lacking;
};

static bool is_operator(const char *function)
{
    return lmm_fact_maker(function) != LMM_MAKER_MALLOC;
}

/* Returns whether the function that makes a call is known to allocate for its caller. */
static bool is_wrapper(struct walk *walk, uint32_t frame)
{
    const struct lmm_model_call *calls = NULL;
    size_t count = walk->model->namer->calls_of(walk->model->namer, walk->model, frame, &calls);

    return count > 0 && calls[count - 1].is_wrapper;
}

static bool is_known(const struct lmm_fact_place *place)
{
    return place->facts.count > 0 || place->facts.has_debug;
}

static struct lmm_size_range sizes_of(const struct lmm_model_site *site)
{
    return (struct lmm_size_range) {site->smallest_bytes, site->largest_bytes};
}

/* Returns the passage at the last call of a walk, with the site's sizes; NULL: memory ran out. */
static struct passage *passage_of(struct walk *walk)
{
    struct passage *passage;

    HASH_FIND(hh, walk->types->passages, &walk->key, sizeof(walk->key), passage);
    if (passage == NULL && (passage = calloc(1, sizeof(*passage))) != NULL) {
        passage->key = walk->key;
        HASH_ADD(hh, walk->types->passages, key, sizeof(passage->key), passage);
        if (passage->hh.tbl == NULL) {
            free(passage);
            return NULL;
        }
    }
    return passage != NULL && lmm_size_list_add(&passage->sizes, sizes_of(walk->site), NULL)
               ? passage
               : NULL;
}

static bool leaves_question(struct walk *walk)
{
    const struct lmm_size_range sizes = sizes_of(walk->site);

    if (!lmm_call_path_returns_less(&walk->path)) {
        return false;
    }
    struct passage *passage = passage_of(walk);

    walk->failed |= passage == NULL;
    if (passage == NULL || walk->is_first) {
        return lmm_call_path_leaves_question(&walk->path, &sizes, 1);
    }
    walk->path.sizes[walk->path.count - 1] = &passage->sizes;
    return lmm_call_path_leaves_question(&walk->path, passage->sizes.items, passage->sizes.count);
}

/* Returns whether the caller of a call in a file without debug information must be asked. */
static bool asks_blindly(struct walk *walk, struct lmm_fact_place *place, uint32_t frame)
{
    return is_operator(place->function) || lmm_fact_files_returns(place) || is_wrapper(walk, frame);
}

/* Returns whether some call of the path says what the blocks may be. */
static bool has_candidates(const struct lmm_call_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        if (path->places[i]->facts.count > 0) {
            return true;
        }
    }
    return false;
}

/* Sets *ret_next to the file of the next frame outwards, NULL: there is none; and *place, that of the call inside, to the
 * frame's if the file is `mapped`. Returns false when memory ran out. */
static bool look_at_next(const struct walk *walk, uint32_t frame,
                         const struct lmm_mapped_file *mapped, struct lmm_mapped_file **ret_next,
                         struct lmm_fact_place **place)
{
    return lmm_symbols_file_of(walk->types->symbols, walk->model, frame, ret_next) &&
           (*ret_next != mapped ||
            lmm_fact_files_find(walk->types->files, mapped, lmm_model_offset(walk->model, frame),
                                *place, place));
}

/*
 * Returns whether the caller of the call at a frame, a blind place of a program's file, must be asked.
 *
 * Only a file that says more can make a difference: this one has no debug information, and nothing is known so far. So
 * the block must come through all calls of the file to the next one. They are asked from there on inwards: the outer
 * ones are the same in many stacks, and seldom return the block.
 */
static bool asks_beyond_file(struct walk *walk, struct lmm_mapped_file *mapped,
                             struct lmm_fact_place *place, uint32_t frame)
{
    struct lmm_fact_place *places[LMM_CALL_PATH_MAX];
    uint32_t frames[LMM_CALL_PATH_MAX];
    struct lmm_mapped_file *next = mapped;
    size_t count = 0;

    while (next == mapped && place->is_blind) {
        places[count] = place;
        frames[count++] = frame;
        frame = lmm_model_caller(walk->model, frame);
        if (frame == 0 || walk->path.count + count > LMM_CALL_PATH_MAX) {
            return false;
        }
        walk->failed |= !look_at_next(walk, frame, mapped, &next, &place);
        if (walk->failed || next == NULL) {
            return false;
        }
    }
    while (count > 0 && asks_blindly(walk, places[count - 1], frames[count - 1])) {
        count--;
    }
    return count == 0;
}

/* Returns whether the caller of a frame must be asked. */
static bool asks_caller(struct walk *walk, struct lmm_fact_place *place, uint32_t frame,
                        struct lmm_mapped_file *mapped)
{
    const struct lmm_facts *facts = &place->facts;

    if (walk->makes_text) {
        return false;
    }
    if (mapped->is_library) {
        return !walk->is_lost &&
               (is_operator(place->function) || place->maker != LMM_MAKER_MALLOC ||
                lmm_fact_files_returns(place));
    }
    if (is_operator(place->function)) { /* the C++ library is linked statically */
        return true;
    }
    if (place->is_blind) {
        return has_candidates(&walk->path) ? asks_blindly(walk, place, frame)
                                           : asks_beyond_file(walk, mapped, place, frame);
    }
    for (size_t i = 0; i < facts->count; i++) {
        if ((facts->items[i].evidence & (LMM_MODEL_BY_RECORD | LMM_MODEL_BY_NAME)) != 0) {
            return false;
        }
    }
    return leaves_question(walk) || (facts->returns && facts->is_generic) ||
           (facts->count == 0 && (facts->output != 0 || is_wrapper(walk, frame)));
}

/* Takes one frame; returns whether to go on, and sets *ret_good to false when memory ran out. */
static bool take_frame(struct walk *walk, uint32_t frame, bool *ret_good)
{
    struct lmm_mapped_file *mapped = NULL;
    struct lmm_call_path *path = &walk->path;
    const struct lmm_fact_place *inner = path->count == 0 ? NULL : path->places[path->count - 1];

    *ret_good = lmm_symbols_file(walk->types->symbols, walk->model, frame, &mapped);
    if (!*ret_good || mapped == NULL || (walk->is_lost && !mapped->is_library)) {
        return false;
    }
    uint64_t offset = lmm_model_offset(walk->model, frame);
    struct lmm_fact_place *place = NULL;

    *ret_good = lmm_fact_files_find(walk->types->files, mapped, offset, inner, &place);
    walk->key = lmm_hash_u64(lmm_hash_u64(walk->key, mapped->number), offset);
    if (place == NULL) {
        walk->gap = LMM_MODEL_TYPE_NO_FILE;
        walk->lacking = mapped->name;
        return false;
    }
    lmm_call_path_add(path, place);
    walk->makes_text = mapped->is_library &&
                       (walk->is_lost ? prints_text(place->function) : makes_text(place->function));
    if (!is_known(place) && !mapped->is_library) {
        walk->gap = LMM_MODEL_TYPE_NO_DEBUG;
        walk->lacking = mapped->name;
    }
    bool goes_on = asks_caller(walk, place, frame, mapped);

    if (mapped->is_library && !walk->makes_text && (!goes_on || walk->is_lost)) {
        walk->gap = LMM_MODEL_TYPE_LIBRARY;
        walk->lacking = mapped->name;
        walk->is_lost = true;
        return true;
    }
    return goes_on;
}

/* Walks the frames that say what a site's blocks are; returns false when memory ran out. */
static bool walk_site(struct walk *walk, const struct lmm_model_site *site)
{
    bool good = true;

    walk->key = 1;
    walk->gap = LMM_MODEL_TYPE_UNKNOWN;
    for (uint32_t frame = site->stack;
         frame != 0 && walk->path.count < LMM_CALL_PATH_MAX && take_frame(walk, frame, &good);
         frame = lmm_model_caller(walk->model, frame)) {
    }
    return good && !walk->failed;
}

/* ---- Decisions ------------------------------------------------------------------------------- */

static struct lmm_call_path_candidates list_candidates(const struct walk *walk)
{
    struct lmm_call_path_candidates candidates = lmm_call_path_list(&walk->path);

    if (walk->makes_text) {
        struct lmm_candidate *added =
            lmm_array_add(&candidates.items, &candidates.count, sizeof(*candidates.items));

        candidates.failed |= added == NULL;
        if (added != NULL) {
            *added = (struct lmm_candidate) {
                .type = walk->types->byte, .evidence = LMM_MODEL_BY_NAME, .is_array = true};
        }
    }
    return candidates;
}

/* Returns NULL when memory ran out. */
static struct decision *decision_of(struct types *types, const struct walk *walk)
{
    struct decision *decision;

    HASH_FIND(hh, types->decisions, &walk->key, sizeof(walk->key), decision);
    if (decision != NULL) {
        return decision;
    }
    decision = calloc(1, sizeof(*decision));
    if (decision == NULL) {
        return NULL;
    }
    decision->key = walk->key;
    decision->maker = walk->path.maker;
    decision->gap = walk->gap;
    decision->lacking = walk->lacking;
    struct lmm_call_path_candidates candidates = list_candidates(walk);

    decision->candidates = candidates.items;
    decision->candidate_count = candidates.count;
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
static struct decision *add_site(struct types *types, const struct lmm_model *model,
                                 const struct lmm_model_site *site)
{
    struct walk walk = {.types = types, .model = model, .site = site, .lacking = lmm_string_of("")};
    struct decision *decision = walk_site(&walk, site) ? decision_of(types, &walk) : NULL;

    return decision != NULL &&
                   lmm_size_list_add(&decision->sizes, sizes_of(site), &decision->is_open)
               ? decision
               : NULL;
}

/* Adds a site's sizes to the passages of its stack; returns false when memory ran out. */
static bool note_site(struct types *types, const struct lmm_model *model,
                      const struct lmm_model_site *site)
{
    struct walk walk = {.types = types,
                        .model = model,
                        .site = site,
                        .lacking = lmm_string_of(""),
                        .is_first = true};

    return walk_site(&walk, site);
}

/* ---- Opening and closing --------------------------------------------------------------------- */

static void free_passages(struct types *types)
{
    struct passage *passage = types->passages;

    HASH_CLEAR(hh, types->passages); /* the items stay linked to each other */
    while (passage != NULL) {
        struct passage *next = passage->hh.next;

        free(passage->sizes.items);
        free(passage);
        passage = next;
    }
}

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
    free_passages(types);
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
    types->symbols = symbols;
    types->table = lmm_type_table_new();
    types->files = types->table == NULL ? NULL : lmm_fact_files_new(types->table);
    types->byte = types->table == NULL ? NULL : lmm_type_table_keep(types->table, &byte);
    if (types->files == NULL || types->byte == NULL) {
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
    for (size_t i = 0; good && i < model->site_count; i++) {
        good = model->sites[i].stack == 0 || note_site(types, model, &model->sites[i]);
    }
    for (size_t i = 0; good && i < model->site_count; i++) {
        if (model->sites[i].stack != 0) {
            decisions[i] = add_site(types, model, &model->sites[i]);
            good = decisions[i] != NULL;
        }
    }
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
