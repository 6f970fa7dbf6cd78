/* SPDX-License-Identifier: MIT */
/* Suppressions are numbers here, index + 1; 0 is none, and the smaller one of two counts. */
#include "reporter/program/report/suppressor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/array.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppress_frames.h"
#include "reporter/program/report/suppress_index.h"
#include "reporter/program/symbols/wrapper.h"

/* What is known of the stack that starts at a frame. */
struct answer {
    bool is_known;
    bool is_of_runtime; /* all calls are in the runtime's libraries, the outermost in the loader */
    bool
        is_start; /* all calls start the program, or a thread: the user's patterns do not see them */
    uint16_t depth;
    uint32_t suppression; /* by the texts of its calls */
};

/* What is known of an address. */
struct address {
    uint32_t suppression; /* by its texts */
    uint32_t first;       /* these two: its part of `anchored` */
    uint32_t count;
    bool is_start; /* its function starts the program, or a thread */
    bool is_main;
};

/* The globs of a scope, by suppression, and their index. */
struct scope {
    const char **globs;
    struct lmm_suppress_index index;
};

enum { SCOPES = LMM_SUPPRESS_FRAMES + 1, CALLS_MAX = 1024 };

struct lmm_suppressor {
    const struct lmm_model *model;
    struct lmm_suppressions *suppressions;
    struct scope scopes[SCOPES];
    uint32_t *unanchored; /* suppressions of frames that each stack is compared with */
    size_t unanchored_count;
    size_t first_scope; /* the first suppression that is no pattern; they come last */
    bool has_texts_of_user;
    bool has_frames;
    uint32_t unknown[LMM_MODEL_STACK_MAX]; /* frames of one stack, innermost first */
    struct lmm_numbers numbers;            /* by module and address: the index in `addresses` + 1 */
    struct address *addresses;
    size_t address_count;
    uint32_t *anchored; /* suppressions that have a line which fits an address, in their order */
    size_t anchored_count;
    struct lmm_framed_call calls[CALLS_MAX]; /* of one stack */
    size_t call_count;
    struct answer answers[]; /* of each frame */
};

/* Returns the first of two suppressions, each of which may be none. */
static uint32_t earlier(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static uint32_t find_text(const struct lmm_suppressor *suppressor, enum lmm_suppression_scope scope,
                          struct lmm_string text)
{
    return lmm_suppress_index_find(&suppressor->scopes[scope].index, text);
}

struct search {
    struct lmm_suppressor *suppressor;
    struct address *address;
    struct lmm_string module; /* path */
    struct lmm_framed_call call;
    bool good; /* there was memory */
};

/* Whether one of the lines that have the anchor's text fits the call. */
static bool has_line_for(const struct lmm_suppression *item, const struct lmm_framed_call *call)
{
    for (size_t i = 0; i < item->frame_count; i++) {
        if (item->frames[i].glob != NULL && lmm_suppress_frame_fits(&item->frames[i], call)) {
            return true;
        }
    }
    return false;
}

static bool add_anchored(void *context, uint32_t number)
{
    struct search *search = context;
    struct lmm_suppressor *suppressor = search->suppressor;

    if (!has_line_for(&suppressor->suppressions->items[number - 1], &search->call)) {
        return true;
    }
    uint32_t *added =
        lmm_array_add(&suppressor->anchored, &suppressor->anchored_count, sizeof(*added));

    if (added == NULL) {
        search->good = false;
        return false;
    }
    *added = number;
    return true;
}

/* Lists the suppressions of frames that have a line for the call. */
static void look_for_frames(struct search *search)
{
    const struct lmm_suppress_index *index = &search->suppressor->scopes[LMM_SUPPRESS_FRAMES].index;
    const struct lmm_model_call *call = &search->call.call;
    struct lmm_string texts[] = {call->is_named ? call->function : lmm_string_of("\?\?\?"),
                                 call->symbol, call->file, lmm_model_last_component(call->file),
                                 search->module};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && search->good; i++) {
        lmm_suppress_index_each(index, texts[i], add_anchored, search);
    }
}

static bool is_named(const struct lmm_model_call *call, const char *name)
{
    return call->is_named && call->function.bytes == strlen(name) &&
           memcmp(call->function.text, name, call->function.bytes) == 0;
}

static bool is_start(const struct lmm_model_call *call)
{
    char name[64];

    if (!call->is_named || call->function.bytes >= sizeof(name)) {
        return false;
    }
    memcpy(name, call->function.text, call->function.bytes);
    name[call->function.bytes] = '\0';
    return lmm_wrapper_is_start(name) || strcmp(name, "_start") == 0;
}

static bool look_at_call(void *context, const struct lmm_model_call *call)
{
    struct search *search = context;
    struct address *address = search->address;
    const struct lmm_suppressor *suppressor = search->suppressor;

    address->suppression =
        earlier(address->suppression, find_text(suppressor, LMM_SUPPRESS_TEXTS, call->function));
    address->suppression =
        earlier(address->suppression, find_text(suppressor, LMM_SUPPRESS_TEXTS, call->file));
    address->is_main |= is_named(call, "main");
    address->is_start |= is_start(call);
    search->call = (struct lmm_framed_call) {*call, search->module};
    if (suppressor->has_frames) {
        look_for_frames(search);
    }
    return call->is_inline && search->good; /* the last call of the frame is not inlined */
}

static int compare_numbers(const void *left, const void *right)
{
    return lmm_compare_u64(*(const uint32_t *) left, *(const uint32_t *) right);
}

/* Sorts what was added for an address, each suppression once. */
static void sort_anchored(struct lmm_suppressor *suppressor, struct address *address)
{
    size_t count = suppressor->anchored_count - address->first;
    uint32_t *numbers = count == 0 ? NULL : &suppressor->anchored[address->first];

    if (count > 0) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
    }
    for (size_t i = 0; i < count; i++) {
        if (address->count == 0 || numbers[address->count - 1] != numbers[i]) {
            numbers[address->count++] = numbers[i];
        }
    }
    suppressor->anchored_count = address->first + address->count;
}

/* Finds what is to know of the address of a frame; false: out of memory. */
static bool find_address(struct lmm_suppressor *suppressor, uint32_t frame, struct address *address)
{
    const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, frame);
    bool has_names = suppressor->has_texts_of_user || suppressor->has_frames;
    struct search search = {.suppressor = suppressor, .address = address, .good = true};

    *address = (struct address) {.first = (uint32_t) suppressor->anchored_count};
    if (module != NULL) {
        search.module = module->path;
        address->suppression = find_text(suppressor, LMM_SUPPRESS_TEXTS, module->path);
    }
    if (has_names || (module != NULL && lmm_suppression_is_runtime(module->path))) {
        lmm_stack_walk(suppressor->model, frame, SIZE_MAX, look_at_call, &search);
    }
    sort_anchored(suppressor, address);
    return search.good;
}

/* Returns what is known of a frame's address, until the next call; NULL: out of memory. */
static const struct address *ask_address(struct lmm_suppressor *suppressor, uint32_t frame)
{
    const struct lmm_model_frame *item = &suppressor->model->frames[frame];
    uint64_t key = lmm_hash_u64(lmm_hash_u64(0, item->module), item->address);
    uint32_t *number = lmm_numbers_at(&suppressor->numbers, key);
    struct address found;

    if (number == NULL) {
        return NULL;
    }
    if (*number == 0) {
        if (!find_address(suppressor, frame, &found)) {
            return NULL;
        }
        struct address *added =
            lmm_array_add(&suppressor->addresses, &suppressor->address_count, sizeof(*added));

        if (added == NULL) {
            return NULL;
        }
        *added = found;
        *number = (uint32_t) suppressor->address_count;
    }
    return &suppressor->addresses[*number - 1];
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* Fills the answer of a frame from that of its caller (NULL: it has none), which is known. */
static bool answer_frame(struct lmm_suppressor *suppressor, uint32_t frame,
                         const struct answer *caller)
{
    const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, frame);
    struct answer *answer = &suppressor->answers[frame];
    const struct address *address = ask_address(suppressor, frame);

    if (address == NULL) {
        return false;
    }
    answer->is_start = address->is_start && (caller == NULL || caller->is_start);
    if (answer->is_start) {
        answer->suppression = 0;
    } else {
        bool sees_caller = caller != NULL && !address->is_main;

        answer->suppression = earlier(address->suppression, sees_caller ? caller->suppression : 0);
    }
    answer->depth = (uint16_t) (caller == NULL ? 1 : caller->depth + 1);
    answer->is_of_runtime = /* mostly the caller is not */
        module != NULL &&
        (caller == NULL ? lmm_suppression_is_loader(module->path) : caller->is_of_runtime) &&
        lmm_suppression_is_runtime(module->path);
    answer->is_known = true;
    return true;
}

/* Fills the answers of all frames of a stack. */
static bool answer_stack(struct lmm_suppressor *suppressor, uint32_t stack)
{
    uint32_t *unknown = suppressor->unknown;
    size_t count = 0;
    uint32_t frame = stack;

    while (frame != 0 && !suppressor->answers[frame].is_known) {
        assert(count < LMM_MODEL_STACK_MAX);
        unknown[count++] = frame;
        frame = lmm_model_caller(suppressor->model, frame);
    }
    while (count-- > 0) {
        const struct answer *caller = frame == 0 ? NULL : &suppressor->answers[frame];

        frame = unknown[count];
        if (!answer_frame(suppressor, frame, caller)) {
            return false;
        }
    }
    return true;
}

static bool is_in_loader(const struct lmm_suppressor *suppressor, uint32_t stack)
{
    const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, stack);

    return module != NULL && lmm_suppression_is_loader(module->path);
}

/*
 * Returns whether all calls of a stack are in the runtime's libraries and the outermost is in the
 * loader, which initialises libraries before the program starts. Not a stack that was cut: its
 * missing calls may be the program's. Not a stack that starts with a thread: the thread's start
 * function may be missing, because a compiler may make its last call a jump.
 */
static bool is_of_runtime(const struct lmm_suppressor *suppressor, uint32_t stack)
{
    const struct answer *answer = &suppressor->answers[stack];

    return answer->is_of_runtime && answer->depth < suppressor->model->stack_frames;
}

static bool fits_scope(const struct lmm_suppressor *suppressor, uint32_t stack,
                       enum lmm_suppression_scope scope)
{
    switch (scope) {
    case LMM_SUPPRESS_LOADER: return is_in_loader(suppressor, stack);
    case LMM_SUPPRESS_RUNTIME: return is_of_runtime(suppressor, stack);
    case LMM_SUPPRESS_TEXTS:
    default: return false;
    }
}

/* ---- Frames ---------------------------------------------------------------------------------- */

struct gathering {
    struct lmm_suppressor *suppressor;
    struct lmm_string module;
};

static bool gather_call(void *context, const struct lmm_model_call *call)
{
    struct gathering *gathering = context;
    struct lmm_suppressor *suppressor = gathering->suppressor;

    if (suppressor->call_count < CALLS_MAX) {
        suppressor->calls[suppressor->call_count++] =
            (struct lmm_framed_call) {*call, gathering->module};
    }
    return call->is_inline;
}

/* Gathers the calls of a stack, up to main or the function of the thread. */
static void gather_calls(struct lmm_suppressor *suppressor, uint32_t stack)
{
    bool is_main = false;

    suppressor->call_count = 0;
    for (uint32_t frame = stack; frame != 0 && !is_main && !suppressor->answers[frame].is_start;
         frame = lmm_model_caller(suppressor->model, frame)) {
        const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, frame);
        struct gathering gathering = {suppressor, {"", 0}};

        if (module != NULL) {
            gathering.module = module->path;
        }
        lmm_stack_walk(suppressor->model, frame, SIZE_MAX, gather_call, &gathering);
        is_main = ask_address(suppressor, frame)->is_main; /* it is known */
    }
}

/* Returns the suppression if it fits the stack and comes before `found`; else found. */
static uint32_t try_frames(struct lmm_suppressor *suppressor, uint32_t stack, unsigned classes,
                           uint32_t number, uint32_t found)
{
    const struct lmm_suppression *item = &suppressor->suppressions->items[number - 1];
    bool has_class = classes == 0 || item->classes == 0 || (item->classes & classes) != 0;

    if (!has_class || (found != 0 && found <= number)) {
        return found;
    }
    if (suppressor->call_count == 0) {
        gather_calls(suppressor, stack);
    }
    return lmm_suppress_frames_fit(item, suppressor->calls, suppressor->call_count) ? number
                                                                                    : found;
}

/* Returns the first suppression of frames that fits a stack, if it comes before `found`; else
 * found. Only those are tried that have a line which fits an address of the stack. */
static uint32_t find_frames(struct lmm_suppressor *suppressor, uint32_t stack, unsigned classes,
                            uint32_t found)
{
    suppressor->call_count = 0;
    for (size_t i = 0; i < suppressor->unanchored_count; i++) {
        found = try_frames(suppressor, stack, classes, suppressor->unanchored[i], found);
    }
    for (uint32_t frame = stack; frame != 0 && !suppressor->answers[frame].is_start;
         frame = lmm_model_caller(suppressor->model, frame)) {
        const struct address *address = ask_address(suppressor, frame);

        for (uint32_t i = 0; i < address->count; i++) {
            uint32_t number = suppressor->anchored[address->first + i];

            if (found != 0 && found <= number) {
                break;
            }
            found = try_frames(suppressor, stack, classes, number, found);
        }
    }
    return found;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* Returns the suppression of the type that debug information has of a site's blocks; 0: none. */
static uint32_t find_type(const struct lmm_suppressor *suppressor,
                          const struct lmm_model_site *site)
{
    const struct lmm_model_type *type = site->type;

    if (type == NULL || !lmm_site_type_is_known(type)) {
        return 0;
    }
    struct lmm_string names[] = {type->name, lmm_site_type_bare(type->name), type->element,
                                 lmm_site_type_bare(type->element)};
    uint32_t found = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        found = earlier(found, find_text(suppressor, LMM_SUPPRESS_TYPE, names[i]));
    }
    return found;
}

/* Returns the suppression of the line, or of the type, of a site; of one without a stack also by the
 * texts of its place. */
static bool find_site(const struct lmm_suppressor *suppressor, const struct lmm_model_site *site,
                      uint32_t *ret_found)
{
    uint32_t found = find_text(suppressor, LMM_SUPPRESS_TYPE, site->family->name);
    char *place = NULL;

    found = earlier(found, find_text(suppressor, LMM_SUPPRESS_TYPE, site->family->type));
    found = earlier(found, find_type(suppressor, site));
    if (site->stack == 0) {
        found = earlier(found, find_text(suppressor, LMM_SUPPRESS_TEXTS, site->function));
        found = earlier(found, find_text(suppressor, LMM_SUPPRESS_TEXTS, site->file));
    }
    if (suppressor->scopes[LMM_SUPPRESS_SITE].index.sizes != 0) {
        int length =
            asprintf(&place, "/%.*s:%" PRIu32, (int) site->file.bytes, site->file.text, site->line);

        if (length < 0) {
            return false;
        }
        found = earlier(found, find_text(suppressor, LMM_SUPPRESS_SITE,
                                         (struct lmm_string) {place, (size_t) length}));
        free(place);
    }
    *ret_found = found;
    return true;
}

static bool find_stack(struct lmm_suppressor *suppressor, uint32_t stack, unsigned classes,
                       uint32_t *found)
{
    const struct lmm_suppressions *suppressions = suppressor->suppressions;

    if (!answer_stack(suppressor, stack)) {
        return false;
    }
    *found = earlier(*found, suppressor->answers[stack].suppression);
    if (suppressor->has_frames) {
        *found = find_frames(suppressor, stack, classes, *found);
    }
    for (size_t i = suppressor->first_scope; i < suppressions->count; i++) {
        bool fits = fits_scope(suppressor, stack, suppressions->items[i].scope);

        *found = earlier(*found, fits ? (uint32_t) i + 1 : 0);
    }
    return true;
}

bool lmm_suppressor_find(struct lmm_suppressor *suppressor, const struct lmm_model_site *site,
                         unsigned classes, struct lmm_suppression **ret_found)
{
    uint32_t found = 0;

    if (!find_site(suppressor, site, &found) ||
        (site->stack != 0 && !find_stack(suppressor, site->stack, classes, &found))) {
        return false;
    }
    *ret_found = found == 0 ? NULL : &suppressor->suppressions->items[found - 1];
    return true;
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Returns the globs of one scope by the index of their suppression, NULL for others; to be freed.
 * NULL: out of memory. */
static const char **globs_of(const struct lmm_suppressions *suppressions,
                             enum lmm_suppression_scope scope)
{
    const char **globs = calloc(suppressions->count + 1, sizeof(const char *));

    for (size_t i = 0; i < suppressions->count && globs != NULL; i++) {
        const struct lmm_suppression *item = &suppressions->items[i];

        globs[i] = item->scope == scope ? item->glob : NULL;
    }
    return globs;
}

/* Makes the index of each scope. */
static bool make_indexes(struct lmm_suppressor *suppressor)
{
    const struct lmm_suppressions *suppressions = suppressor->suppressions;

    for (size_t i = 0; i < SCOPES; i++) {
        struct scope *scope = &suppressor->scopes[i];

        scope->globs = i == LMM_SUPPRESS_FRAMES
                           ? lmm_suppress_frames_anchors(suppressions)
                           : globs_of(suppressions, (enum lmm_suppression_scope) i);
        if (scope->globs == NULL ||
            !lmm_suppress_index_make(scope->globs, suppressions->count, &scope->index)) {
            return false;
        }
    }
    return true;
}

/* Lists the suppressions of frames that no text points to. */
static bool list_unanchored(struct lmm_suppressor *suppressor)
{
    const struct lmm_suppressions *suppressions = suppressor->suppressions;

    suppressor->unanchored = calloc(suppressions->count + 1, sizeof(*suppressor->unanchored));
    for (size_t i = 0; i < suppressions->count && suppressor->unanchored != NULL; i++) {
        bool has_frames = suppressions->items[i].scope == LMM_SUPPRESS_FRAMES;

        suppressor->has_frames |= has_frames;
        if (has_frames && suppressor->scopes[LMM_SUPPRESS_FRAMES].globs[i] == NULL) {
            suppressor->unanchored[suppressor->unanchored_count++] = (uint32_t) i + 1;
        }
    }
    return suppressor->unanchored != NULL;
}

struct lmm_suppressor *lmm_suppressor_new(const struct lmm_model *model,
                                          struct lmm_suppressions *suppressions)
{
    size_t count = (size_t) model->frame_count + 1;
    struct lmm_suppressor *suppressor =
        calloc(1, sizeof(*suppressor) + count * sizeof(suppressor->answers[0]));

    if (suppressor == NULL) {
        return NULL;
    }
    suppressor->model = model;
    suppressor->suppressions = suppressions;
    if (!make_indexes(suppressor) || !list_unanchored(suppressor)) {
        lmm_suppressor_free(suppressor);
        return NULL;
    }
    suppressor->first_scope = suppressions->count;
    for (size_t i = suppressions->count; i-- > 0;) {
        const struct lmm_suppression *item = &suppressions->items[i];

        suppressor->has_texts_of_user |= !item->is_built_in && item->scope == LMM_SUPPRESS_TEXTS;
        suppressor->first_scope = item->scope > LMM_SUPPRESS_FRAMES ? i : suppressor->first_scope;
    }
    return suppressor;
}

void lmm_suppressor_free(struct lmm_suppressor *suppressor)
{
    if (suppressor == NULL) {
        return;
    }
    for (size_t i = 0; i < SCOPES; i++) {
        lmm_suppress_index_free(&suppressor->scopes[i].index);
        free((void *) suppressor->scopes[i].globs);
    }
    lmm_numbers_free(&suppressor->numbers);
    free(suppressor->addresses);
    free(suppressor->anchored);
    free(suppressor->unanchored);
    free(suppressor);
}
