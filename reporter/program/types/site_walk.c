/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/site_walk.h"

#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/hash.h"
#include "reporter/program/symbols/demangle.h"
#include "reporter/program/symbols/mapped_files.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/fact_files.h"
#include "reporter/program/types/generics.h"

enum {
    FAR = UINT8_MAX,
};

_Static_assert((int) LMM_CALL_PATH_MAX < (int) FAR, "a path is shorter");

/* The sizes of all sites whose stacks come through a call whose function returns less than it allocates, and agree up
 * to there. */
struct passage {
    UT_hash_handle hh;
    uint64_t key;
    struct lmm_size_list sizes;
};

/* A frame of the model; most are in many stacks. */
struct frame {
    struct lmm_mapped_file *file; /* NULL: none */
    struct lmm_fact_place *place; /* NULL: not looked for yet, or the file cannot be used */
    bool makes_text;              /* by the name of the place's function */
    bool prints_text;
    uint8_t
        to_next; /* calls outwards to the first in another file; FAR: too many, or there is none */
};

struct lmm_site_walker {
    struct lmm_symbols *symbols;
    struct lmm_fact_files *files;
    struct passage *passages;
    const struct lmm_model *model;
    struct frame *frames; /* of the model, by their numbers */
};

struct walk {
    struct lmm_site_walker *walker;
    struct lmm_site_walk *found;
    const struct lmm_model_site *site;
    bool is_first; /* it only adds its sizes to the passages */
    bool failed;   /* out of memory */
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

/* ---- Frames ---------------------------------------------------------------------------------- */

/* Sets how far the next file is; that of the caller was set before. */
static void set_distance(struct frame *frames, uint32_t number, uint32_t caller)
{
    struct frame *frame = &frames[number];
    uint8_t beyond = frames[caller].to_next;

    if (caller == 0 || frames[caller].file == NULL) {
        frame->to_next = FAR;
    } else if (frames[caller].file != frame->file) {
        frame->to_next = 1;
    } else {
        frame->to_next = beyond < LMM_CALL_PATH_MAX ? beyond + 1 : FAR;
    }
}

bool lmm_site_walker_take(struct lmm_site_walker *walker, const struct lmm_model *model)
{
    free(walker->frames);
    walker->model = model;
    walker->frames = calloc((size_t) model->frame_count + 1, sizeof(*walker->frames));
    for (uint32_t i = 1; walker->frames != NULL && i < model->frame_count; i++) {
        if (!lmm_symbols_file_of(walker->symbols, model, i, &walker->frames[i].file)) {
            return false;
        }
        set_distance(walker->frames, i, lmm_model_caller(model, i));
    }
    return walker->frames != NULL;
}

/* Looks for the place of a frame, which is in a file. inner: that of the call inside, NULL: none. Returns false when
 * memory ran out. */
static bool find_place(struct lmm_site_walker *walker, uint32_t number,
                       const struct lmm_fact_place *inner)
{
    struct frame *frame = &walker->frames[number];
    struct lmm_mapped_file *opened;

    if (frame->place != NULL) {
        return true;
    }
    if (!lmm_symbols_file(walker->symbols, walker->model, number, &opened) ||
        !lmm_fact_files_find(walker->files, opened, lmm_model_offset(walker->model, number), inner,
                             &frame->place)) {
        return false;
    }
    if (frame->place != NULL && opened->is_library) {
        frame->prints_text = prints_text(frame->place->function);
        frame->makes_text = frame->prints_text || makes_text(frame->place->function);
    }
    return true;
}

/* ---- Who is asked next ----------------------------------------------------------------------- */

static bool is_operator(const char *function)
{
    return lmm_fact_maker(function) != LMM_MAKER_MALLOC;
}

/* Returns whether the function that makes a call is known to allocate for its caller. */
static bool is_wrapper(const struct lmm_model *model, uint32_t frame)
{
    const struct lmm_model_call *calls = NULL;
    size_t count = model->namer->calls_of(model->namer, model, frame, &calls);

    return count > 0 && calls[count - 1].is_wrapper;
}

static struct lmm_size_range sizes_of(const struct lmm_model_site *site)
{
    return (struct lmm_size_range) {site->smallest_bytes, site->largest_bytes};
}

/* Returns the passage at the last call of a walk, with the site's sizes; NULL: memory ran out. */
static struct passage *passage_of(struct walk *walk)
{
    struct lmm_site_walker *walker = walk->walker;
    uint64_t key = walk->found->key;
    struct passage *passage;

    HASH_FIND(hh, walker->passages, &key, sizeof(key), passage);
    if (passage == NULL && (passage = calloc(1, sizeof(*passage))) != NULL) {
        passage->key = key;
        HASH_ADD(hh, walker->passages, key, sizeof(passage->key), passage);
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
    struct lmm_call_path *path = &walk->found->path;

    if (!lmm_call_path_returns_less(path)) {
        return false;
    }
    struct passage *passage = passage_of(walk);

    walk->found->has_passage = true;
    walk->failed |= passage == NULL;
    if (passage == NULL || walk->is_first) {
        return lmm_call_path_leaves_question(path, &sizes, 1);
    }
    path->sizes[path->count - 1] = &passage->sizes;
    return lmm_call_path_leaves_question(path, passage->sizes.items, passage->sizes.count);
}

/* Returns whether the caller of a call in a file without debug information must be asked. */
static bool asks_blindly(const struct walk *walk, uint32_t frame)
{
    struct lmm_fact_place *place = walk->walker->frames[frame].place;

    return is_operator(place->function) || lmm_fact_files_returns(place) ||
           is_wrapper(walk->walker->model, frame);
}

/*
 * Returns whether the caller of the call at a frame, a blind place of a program's file, must be asked.
 *
 * Only another file can make a difference: this one has no debug information, and nothing is known so far. So the block
 * must come through all calls of the file to the next one. They are asked from there on inwards: the outer ones are the
 * same in many stacks, and seldom return the block.
 */
static bool asks_beyond_file(struct walk *walk, uint32_t frame)
{
    struct lmm_site_walker *walker = walk->walker;
    size_t count = walker->frames[frame].to_next;
    uint32_t numbers[LMM_CALL_PATH_MAX];

    if (walk->found->path.count + count > LMM_CALL_PATH_MAX) {
        return false;
    }
    numbers[0] = frame;
    for (size_t i = 1; i < count; i++) {
        numbers[i] = lmm_model_caller(walker->model, numbers[i - 1]);
        if (!find_place(walker, numbers[i], walker->frames[numbers[i - 1]].place)) {
            walk->failed = true;
            return false;
        }
    }
    while (count > 0 && asks_blindly(walk, numbers[count - 1])) {
        count--;
    }
    return count == 0;
}

/* Returns whether the caller of a frame must be asked. */
static bool asks_caller(struct walk *walk, uint32_t frame)
{
    const struct lmm_site_walk *found = walk->found;
    const struct lmm_mapped_file *file = walk->walker->frames[frame].file;
    struct lmm_fact_place *place = walk->walker->frames[frame].place;
    const struct lmm_facts *facts = &place->facts;

    if (found->makes_text) {
        return false;
    }
    if (file->is_library) {
        return !found->is_lost &&
               (is_operator(place->function) || lmm_fact_files_maker(place) != LMM_MAKER_MALLOC ||
                lmm_fact_files_returns(place));
    }
    if (is_operator(place->function)) { /* the C++ library is linked statically */
        return true;
    }
    if (facts->is_blind) {
        return lmm_call_path_has_facts(&found->path) ? asks_blindly(walk, frame)
                                                     : asks_beyond_file(walk, frame);
    }
    for (size_t i = 0; i < facts->count; i++) {
        if ((facts->items[i].evidence & (LMM_MODEL_BY_RECORD | LMM_MODEL_BY_NAME)) != 0) {
            return false;
        }
    }
    return leaves_question(walk) || (facts->returns && facts->is_generic) ||
           (facts->count == 0 && (facts->output != 0 || is_wrapper(walk->walker->model, frame)));
}

/* ---- The walk -------------------------------------------------------------------------------- */

static bool is_known(const struct lmm_fact_place *place)
{
    return place->facts.count > 0 || place->facts.has_debug;
}

static void set_gap(struct lmm_site_walk *found, enum lmm_model_type_gap gap,
                    const struct lmm_mapped_file *file)
{
    found->gap = gap;
    found->lacking = file->name;
}

/* Takes one frame; returns whether to go on. */
static bool take_frame(struct walk *walk, uint32_t number)
{
    const struct frame *frame = &walk->walker->frames[number];
    const struct lmm_mapped_file *file = frame->file;
    struct lmm_site_walk *found = walk->found;
    struct lmm_call_path *path = &found->path;

    if (file == NULL || (found->is_lost && !file->is_library)) {
        return false;
    }
    if (!find_place(walk->walker, number,
                    path->count == 0 ? NULL : path->places[path->count - 1])) {
        walk->failed = true;
        return false;
    }
    found->key = lmm_hash_u64(lmm_hash_u64(found->key, file->number),
                              lmm_model_offset(walk->walker->model, number));
    if (frame->place == NULL) {
        set_gap(found, LMM_MODEL_TYPE_NO_FILE, file);
        return false;
    }
    lmm_call_path_add(path, frame->place);
    found->makes_text = found->is_lost ? frame->prints_text : frame->makes_text;
    if (!is_known(frame->place) && !file->is_library) {
        set_gap(found, LMM_MODEL_TYPE_NO_DEBUG, file);
    }
    bool goes_on = asks_caller(walk, number);

    if (file->is_library && !found->makes_text && (!goes_on || found->is_lost)) {
        set_gap(found, LMM_MODEL_TYPE_LIBRARY, file);
        found->is_lost = true;
        return true;
    }
    return goes_on;
}

static bool walk_site(struct lmm_site_walker *walker, const struct lmm_model_site *site,
                      bool is_first, struct lmm_site_walk *ret_walk)
{
    struct walk walk = {.walker = walker, .found = ret_walk, .site = site, .is_first = is_first};

    *ret_walk = (struct lmm_site_walk) {
        .key = 1, .gap = LMM_MODEL_TYPE_UNKNOWN, .lacking = lmm_string_of("")};
    for (uint32_t frame = site->stack;
         frame != 0 && ret_walk->path.count < LMM_CALL_PATH_MAX && take_frame(&walk, frame);
         frame = lmm_model_caller(walker->model, frame)) {
    }
    return !walk.failed;
}

bool lmm_site_walk_note(struct lmm_site_walker *walker, const struct lmm_model_site *site,
                        struct lmm_site_walk *ret_walk)
{
    return walk_site(walker, site, true, ret_walk);
}

bool lmm_site_walk_again(struct lmm_site_walker *walker, const struct lmm_model_site *site,
                         struct lmm_site_walk *ret_walk)
{
    return walk_site(walker, site, false, ret_walk);
}

/* ---- Opening and closing --------------------------------------------------------------------- */

struct lmm_site_walker *lmm_site_walker_new(struct lmm_symbols *symbols,
                                            struct lmm_fact_files *files)
{
    struct lmm_site_walker *walker = calloc(1, sizeof(*walker));

    if (walker != NULL) {
        walker->symbols = symbols;
        walker->files = files;
    }
    return walker;
}

void lmm_site_walker_free(struct lmm_site_walker *walker)
{
    if (walker == NULL) {
        return;
    }
    struct passage *passage = walker->passages;

    HASH_CLEAR(hh, walker->passages); /* the items stay linked to each other */
    while (passage != NULL) {
        struct passage *next = passage->hh.next;

        free(passage->sizes.items);
        free(passage);
        passage = next;
    }
    free(walker->frames);
    free(walker);
}
