/* SPDX-License-Identifier: MIT */
/* A table of places, by file and offset, each with its calls. */
#include "reporter/program/symbols/demangle.h"
#include "reporter/program/symbols/symbols.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/program/base/program.h"
#include "reporter/program/symbols/choice.h"
#include "reporter/program/symbols/mapped_files.h"
#include "reporter/program/symbols/reloads.h"
#include "reporter/program/symbols/rust_name.h"
#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/symbols/texts.h"
#include "reporter/program/symbols/wrapper.h"
#include "reporter/program/symbols/wrapper_list.h"

enum {
    MANGLED_MAX = 16384, /* bytes; a longer name is not demangled */
};

struct place_key {
    const struct lmm_mapped_file *file; /* NULL: unknown */
    uint64_t offset;
    bool is_brief;
};

struct place {
    UT_hash_handle hh;
    struct place_key key;
    size_t count;
    struct lmm_model_call calls[];
};

struct lmm_symbols {
    struct lmm_model_namer namer; /* first: a model points at it */
    bool is_brief;
    struct lmm_text *texts;
    struct lmm_mapped_files *files;
    /* The model that was named last, and its modules' files; others are looked up one by one. Most frames are
     * in many stacks. */
    const struct lmm_model *named;
    struct lmm_mapped_file **modules;
    struct place **frames; /* the places of its frames; NULL: not looked up yet */
    bool *lineless;        /* of its frames: no call of this one and those outwards has a line */
    uint32_t frame_count;
    struct place *places;
    void *companion;
    void (*close_companion)(void *companion);
};

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Returns the stored copy of a text; .text is NULL when memory ran out. */
static struct lmm_string keep(struct lmm_symbols *symbols, const char *text, size_t bytes)
{
    return lmm_texts_keep(&symbols->texts, text, bytes);
}

static struct lmm_string keep_name(struct lmm_symbols *symbols, const char *name)
{
    size_t bytes = strnlen(name, MANGLED_MAX);
    bool mangled = bytes < MANGLED_MAX && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
    char *rust = mangled ? lmm_rust_name_demangle(name) : NULL;
    char *demangled = mangled && rust == NULL ? lmm_demangle(name) : rust;
    const char *best = demangled != NULL ? demangled : name;
    struct lmm_string kept = keep(symbols, best, demangled != NULL ? strlen(best) : bytes);

    free(demangled);
    return kept;
}

/* Stores the text for a function without a name: "libhr.so+0x1f0", or the address alone. */
static struct lmm_string keep_offset(struct lmm_symbols *symbols, const struct place_key *key)
{
    char *text = NULL;
    int length = key->file == NULL || key->file->name.bytes == 0
                     ? asprintf(&text, "0x%" PRIx64, key->offset)
                     : asprintf(&text, "%s+0x%" PRIx64, key->file->name.text, key->offset);
    struct lmm_string kept = {NULL, 0};

    if (length >= 0) {
        kept = keep(symbols, text, (size_t) length);
        free(text);
    }
    return kept;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* Sets whether a call is a wrapper, and of which kind. */
static void set_wrapper(const struct lmm_mapped_file *file, const struct lmm_symbol *symbol,
                        struct lmm_model_call *call)
{
    const char *name = symbol->function;
    struct lmm_string component =
        lmm_wrapper_component(call->is_named ? call->function : lmm_string_of(""));

    call->is_new = lmm_wrapper_is_new(component);
    call->is_standard =
        lmm_wrapper_is_cplusplus(name) ||
        (name != NULL && (lmm_rust_name_is_standard(name) || strcmp(name, "_start") == 0)) ||
        lmm_wrapper_is_standard_file(symbol->file) || (file != NULL && file->is_library);
    call->is_wrapper =
        call->is_new || call->is_standard || lmm_wrapper_is_named(component) ||
        lmm_wrapper_is_header(symbol->file) ||
        lmm_wrapper_list_has_function(component.bytes > 0 ? call->function : component) ||
        lmm_wrapper_list_has_path(call->file) ||
        (file != NULL && lmm_wrapper_list_has_path(file->path));
}

/* Fills a call; returns whether there was memory for its texts. */
static bool fill_call(struct lmm_symbols *symbols, const struct place_key *key,
                      const struct lmm_symbol *symbol, struct lmm_model_call *call)
{
    call->is_named = symbol->function != NULL;
    call->function =
        call->is_named ? keep_name(symbols, symbol->function) : keep_offset(symbols, key);
    call->file = symbol->file == NULL ? lmm_string_of("")
                                      : keep(symbols, symbol->file, strlen(symbol->file));
    call->line = symbol->line;
    call->module = key->file == NULL ? lmm_string_of("") : key->file->name;
    call->symbol = lmm_string_of("");
    if (call->is_named && call->function.text != NULL &&
        strcmp(call->function.text, symbol->function) != 0) {
        call->symbol = keep(symbols, symbol->function, strnlen(symbol->function, MANGLED_MAX));
    }
    if (call->function.text != NULL && call->file.text != NULL) {
        set_wrapper(key->file, symbol, call);
    }
    return call->function.text != NULL && call->file.text != NULL && call->symbol.text != NULL;
}

/* Finds the functions at a place, as lmm_symbol_file_find() does. */
static size_t find(struct lmm_symbols *symbols, struct lmm_mapped_file *file,
                   const struct place_key *key, struct lmm_symbol found[LMM_SYMBOL_FILE_CALLS_MAX])
{
    const char *name = NULL;

    if (file == NULL || !lmm_mapped_file_open(symbols->files, file)) {
        return 0;
    }
    if (file->is_library) {
        name = lmm_symbol_file_name(file->symbols, key->offset - 1);
    }
    if (key->is_brief || lmm_wrapper_is_start(name)) {
        found[0] = (struct lmm_symbol) {.function = name};
        return 1;
    }
    size_t count = lmm_symbol_file_find(file->symbols, key->offset - 1, found);

    lmm_mapped_file_tell(symbols->files, file);
    return count;
}

static struct place *make_place(struct lmm_symbols *symbols, struct lmm_mapped_file *file,
                                const struct place_key *key)
{
    struct lmm_symbol found[LMM_SYMBOL_FILE_CALLS_MAX] = {{.line = 0}};
    size_t count = find(symbols, file, key, found);

    count = count == 0 ? 1 : count; /* one call, of which nothing is known */
    struct place *place = calloc(1, sizeof(*place) + count * sizeof(place->calls[0]));

    for (size_t i = 0; place != NULL && i < count; i++) {
        place->calls[i].is_inline = i + 1 < count;
        if (!fill_call(symbols, key, &found[i], &place->calls[i])) {
            free(place);
            return NULL;
        }
    }
    if (place != NULL) {
        place->key = *key;
        place->count = count;
    }
    return place;
}

void lmm_symbols_set_kept(struct lmm_symbols *symbols, const struct lmm_kept_files *kept)
{
    lmm_mapped_files_set_kept(symbols->files, kept);
}

void lmm_symbols_set_brief(struct lmm_symbols *symbols, bool brief)
{
    if (symbols == NULL || symbols->is_brief == brief) {
        return;
    }
    symbols->is_brief = brief;
    for (size_t i = 0; i < symbols->frame_count; i++) {
        symbols->frames[i] = NULL; /* looked up in the other way */
    }
}

/* Returns the file of a module of the model, NULL when memory ran out. */
static struct lmm_mapped_file *file_of(struct lmm_symbols *symbols, const struct lmm_model *model,
                                       const struct lmm_model_module *module)
{
    return model == symbols->named ? symbols->modules[module - model->modules]
                                   : lmm_mapped_files_find(symbols->files, model->pid, module);
}

/* Returns the place of a frame, NULL when memory ran out. is_brief: as lmm_symbols_set_brief(); the libraries'
 * functions that start a program or a thread are always looked up briefly. */
static struct place *find_place(struct lmm_symbols *symbols, const struct lmm_model *model,
                                uint32_t frame, bool is_brief)
{
    const struct lmm_model_module *module = lmm_model_module_of(model, frame);
    struct lmm_mapped_file *file = module == NULL ? NULL : file_of(symbols, model, module);
    struct place_key key;
    struct place *place = NULL;

    if (module != NULL && file == NULL) {
        return NULL;
    }
    memset(&key, 0, sizeof(key)); /* it is compared as bytes */
    key.file = file;
    key.offset = lmm_model_offset(model, frame);
    key.is_brief = is_brief && file != NULL && file->is_library;
    HASH_FIND(hh, symbols->places, &key, sizeof(key), place);
    if (place == NULL) {
        place = make_place(symbols, file, &key);
        if (place == NULL) {
            return NULL;
        }
        HASH_ADD(hh, symbols->places, key, sizeof(key), place);
        if (place->hh.tbl == NULL) {
            free(place);
            return NULL;
        }
    }
    return place;
}

/* A namer's calls_of. */
static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    struct lmm_symbols *symbols = (struct lmm_symbols *) (void *) namer;
    bool is_kept = model == symbols->named && frame < symbols->frame_count;
    struct place *place = is_kept ? symbols->frames[frame] : NULL;

    assert(frame > 0 && frame < model->frame_count);
    if (place == NULL) {
        place = find_place(symbols, model, frame, symbols->is_brief);
    }
    if (place == NULL) {
        return 0;
    }
    if (is_kept) {
        symbols->frames[frame] = place;
    }
    *ret_calls = place->calls;
    return place->count;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

bool lmm_symbols_file_of(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                         struct lmm_mapped_file **ret_file)
{
    const struct lmm_model_module *module = lmm_model_module_of(model, frame);

    *ret_file = module == NULL ? NULL : file_of(symbols, model, module);
    return module == NULL || *ret_file != NULL;
}

/* Sets *ret_call to the innermost call of a stack that is not operator new, or else to the innermost
 * call; false: out of memory. The whole stack lies in the libraries, as that of their start does, so nobody looks for the
 * line, for which libdw would decompress all that is known of the C library: a third of a short report's time. */
static bool choose_innermost(struct lmm_symbols *symbols, const struct lmm_model *model,
                             uint32_t stack, const struct lmm_model_call **ret_call)
{
    const struct lmm_model_call *innermost = NULL;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        const struct place *place = find_place(symbols, model, frame, true);

        if (place == NULL) {
            return false;
        }
        innermost = innermost == NULL ? place->calls : innermost;
        for (size_t i = 0; i < place->count; i++) {
            if (!place->calls[i].is_new) {
                *ret_call = &place->calls[i];
                return true;
            }
        }
    }
    *ret_call = innermost;
    return true;
}

/* Sets *ret_frame to the next frame, from this one outwards, that may have a line and is in no library; 0: there is none.
 * Returns false when memory ran out. */
static bool next_with_lines(struct lmm_symbols *symbols, const struct lmm_model *model,
                            uint32_t frame, uint32_t *ret_frame)
{
    bool is_kept = model == symbols->named;
    uint32_t first = frame;

    for (; frame != 0 && !(is_kept && symbols->lineless[frame]);
         frame = lmm_model_caller(model, frame)) {
        struct lmm_mapped_file *file = NULL;

        if (!lmm_symbols_file_of(symbols, model, frame, &file)) {
            return false;
        }
        if (file != NULL && lmm_mapped_file_may_have_lines(symbols->files, file)) {
            *ret_frame = frame;
            return true;
        }
    }
    for (; is_kept && first != frame; first = lmm_model_caller(model, first)) {
        symbols->lineless[first] = true; /* for the other stacks that come through here */
    }
    *ret_frame = 0;
    return true;
}

/* Sets *ret_call to the call that names a site with a stack; false: out of memory. All calls in the
 * libraries are wrappers, so frames there are looked up only when the whole stack lies in them. Once there is a call
 * that is no wrapper, only one with a line is better. */
static bool choose(struct lmm_symbols *symbols, const struct lmm_model *model,
                   const struct lmm_model_site *site, const struct lmm_model_call **ret_call)
{
    struct lmm_choice choice = {.own = NULL};
    struct lmm_mapped_file *lineless = NULL; /* of the call choice.plain */

    for (uint32_t frame = site->stack; frame != 0 && choice.own == NULL;
         frame = lmm_model_caller(model, frame)) {
        const struct lmm_model_call *calls = NULL;
        struct lmm_mapped_file *file = NULL;
        bool has_plain = choice.plain != NULL;

        if (has_plain && !next_with_lines(symbols, model, frame, &frame)) {
            return false;
        }
        if (frame == 0) {
            break;
        }
        if (!lmm_symbols_file_of(symbols, model, frame, &file)) {
            return false;
        }
        if (file != NULL && file->is_library) {
            continue;
        }
        size_t count = calls_of(&symbols->namer, model, frame, &calls);

        if (count == 0) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            lmm_choice_look(&choice, &calls[i]);
        }
        lineless = choice.plain != NULL && !has_plain ? file : lineless;
    }
    *ret_call = lmm_choice_best(&choice);
    if (choice.own == NULL && lineless != NULL) {
        lineless->lineless_bytes += site->live_bytes + site->peak_bytes;
    }
    return *ret_call != NULL || choose_innermost(symbols, model, site->stack, ret_call);
}

static void name_site(struct lmm_model_site *site, const struct lmm_model_call *call)
{
    site->file = call->line != 0 ? call->file : call->is_named ? call->module : call->function;
    site->line = call->line;
    site->module = call->module;
    site->function = call->is_named ? call->function : lmm_string_of("");
}

/* Looks up the files of all modules of the model, and merges equal stacks. */
static bool take_modules(struct lmm_symbols *symbols, struct lmm_model *model)
{
    struct lmm_mapped_file **modules =
        calloc((size_t) model->module_count + 1, sizeof(struct lmm_mapped_file *));
    uint32_t *numbers = calloc((size_t) model->module_count + 1, sizeof(*numbers));
    struct place **frames = calloc((size_t) model->frame_count + 1, sizeof(struct place *));
    bool *lineless = calloc((size_t) model->frame_count + 1, sizeof(*lineless));
    bool done = modules != NULL && numbers != NULL && frames != NULL && lineless != NULL;

    for (uint32_t i = 0; done && i < model->module_count; i++) {
        modules[i] = lmm_mapped_files_find(symbols->files, model->pid, &model->modules[i]);
        done = modules[i] != NULL;
        numbers[i] = done ? modules[i]->number : 0;
    }
    done = done && lmm_reloads_merge(model, numbers);
    free(numbers);
    free(symbols->modules);
    free(symbols->frames);
    free(symbols->lineless);
    symbols->modules = modules;
    symbols->frames = frames;
    symbols->lineless = lineless;
    symbols->frame_count = frames == NULL ? 0 : model->frame_count;
    symbols->named = done ? model : NULL;
    return done;
}

bool lmm_symbols_name_sites(struct lmm_symbols *symbols, struct lmm_model *model)
{
    assert(symbols != NULL);
    model->namer = &symbols->namer;
    bool named = take_modules(symbols, model);

    for (size_t i = 0; i < model->site_count && named; i++) {
        const struct lmm_model_call *call = NULL;

        if (model->sites[i].stack != 0) {
            named = choose(symbols, model, &model->sites[i], &call);
            if (named) {
                name_site(&model->sites[i], call);
            }
        }
    }
    return named;
}

bool lmm_symbols_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model)
{
    if (model->frame_count <= 1) {
        return true;
    }
    if (*symbols == NULL) {
        *symbols = lmm_symbols_open(flags);
    }
    return *symbols != NULL && lmm_symbols_name_sites(*symbols, model);
}

bool lmm_symbols_file(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                      struct lmm_mapped_file **ret_file)
{
    if (!lmm_symbols_file_of(symbols, model, frame, ret_file)) {
        return false;
    }
    if (*ret_file != NULL) {
        lmm_mapped_file_open(symbols->files, *ret_file);
    }
    return true;
}

void lmm_symbols_set_companion(struct lmm_symbols *symbols, void *companion,
                               void (*close)(void *companion))
{
    assert(symbols->companion == NULL);
    symbols->companion = companion;
    symbols->close_companion = close;
}

void *lmm_symbols_companion(const struct lmm_symbols *symbols)
{
    return symbols->companion;
}

/* The gaps found so far, most bytes first. */
struct gaps {
    struct lmm_symbols_gap *items;
    size_t count;
    size_t most;
};

static void look_for_gap(void *context, const struct lmm_mapped_file *file)
{
    struct gaps *gaps = context;
    bool is_absent =
        file->symbols != NULL && lmm_symbol_file_gap(file->symbols) == LMM_DEBUG_GAP_ABSENT;
    size_t at = gaps->count;

    if (file->lineless_bytes == 0 || file->path.bytes == 0 || file->path.text[0] != '/' ||
        !(is_absent || file->is_missing)) {
        return;
    }
    while (at > 0 && gaps->items[at - 1].bytes < file->lineless_bytes) {
        at--;
    }
    gaps->count += gaps->count < gaps->most;
    for (size_t i = gaps->count; i-- > at + 1;) {
        gaps->items[i] = gaps->items[i - 1];
    }
    if (at < gaps->count) {
        gaps->items[at] = (struct lmm_symbols_gap) {file->path, is_absent, file->lineless_bytes};
    }
}

size_t lmm_symbols_gaps(const struct lmm_symbols *symbols, struct lmm_symbols_gap *ret_gaps,
                        size_t most)
{
    struct gaps gaps = {.items = ret_gaps, .most = most};

    lmm_mapped_files_walk(symbols->files, look_for_gap, &gaps);
    return gaps.count;
}

/* Continues the key of the outer frames with the calls of a frame; 0: out of memory. */
static uint64_t add_calls(struct lmm_symbols *symbols, const struct lmm_model *model,
                          uint32_t frame, uint64_t key)
{
    const struct lmm_model_call *calls = NULL;
    size_t count = calls_of(&symbols->namer, model, frame, &calls);

    if (count == 0) {
        return 0;
    }
    while (count-- > 0) {
        key = lmm_hash_string(key, calls[count].function);
        key = lmm_hash_string(key, calls[count].file);
        key = lmm_hash_u64(key, calls[count].line);
    }
    return key;
}

bool lmm_symbols_key_sites(struct lmm_symbols *symbols, struct lmm_model *model)
{
    uint64_t *keys = calloc((size_t) model->frame_count + 1, sizeof(*keys)); /* of no frame: 0 */
    bool made = keys != NULL;

    assert(model->namer == &symbols->namer);
    for (uint32_t frame = 1; made && frame < model->frame_count; frame++) {
        keys[frame] = add_calls(symbols, model, frame, keys[lmm_model_caller(model, frame)]);
        made = keys[frame] != 0;
    }
    for (size_t i = 0; made && i < model->site_count; i++) {
        model->sites[i].stack_key = keys[model->sites[i].stack];
    }
    free(keys);
    return made;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

struct lmm_symbols *lmm_symbols_open(unsigned flags)
{
    struct lmm_symbols *symbols = calloc(1, sizeof(*symbols));

    if (symbols == NULL) {
        return NULL;
    }
    lmm_wrapper_list_read();
    symbols->namer.calls_of = calls_of;
    symbols->files = lmm_mapped_files_new((flags & LMM_SYMBOLS_QUIET) == 0);
    if (symbols->files == NULL) {
        free(symbols);
        return NULL;
    }
    if ((flags & LMM_SYMBOLS_DEBUGINFOD) == 0) {
        unsetenv("DEBUGINFOD_URLS");
    }
    return symbols;
}

static void free_places(struct lmm_symbols *symbols)
{
    struct place *place = symbols->places;

    HASH_CLEAR(hh, symbols->places); /* the items stay linked to each other */
    while (place != NULL) {
        struct place *next = place->hh.next;

        free(place);
        place = next;
    }
}

void lmm_symbols_close(struct lmm_symbols *symbols)
{
    if (symbols == NULL) {
        return;
    }
    if (symbols->companion != NULL) {
        symbols->close_companion(symbols->companion);
    }
    free_places(symbols);
    lmm_mapped_files_free(symbols->files);
    free(symbols->modules);
    free(symbols->frames);
    free(symbols->lineless);
    lmm_texts_free(symbols->texts);
    free(symbols);
}
