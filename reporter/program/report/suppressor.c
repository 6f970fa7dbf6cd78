/* SPDX-License-Identifier: MIT */
/* Suppressions are numbers here, index + 1; 0 is none, and the smaller one of two counts. */
#include "reporter/program/report/suppressor.h"

#include <assert.h>
#include <stdlib.h>

#include "reporter/core/hash.h"
#include "reporter/core/model.h"
#include "reporter/core/stack.h"
#include "reporter/program/report/numbers.h"
#include "reporter/program/report/suppress.h"
#include "reporter/program/report/suppress_index.h"

/* What is known of the stack that starts at a frame. */
struct answer {
    bool is_known;
    bool is_of_runtime; /* all calls are in the runtime's libraries, the outermost in the loader */
    uint16_t depth;
    uint32_t suppression; /* by the texts of its calls */
};

struct lmm_suppressor {
    const struct lmm_model *model;
    struct lmm_suppressions *suppressions;
    struct lmm_suppress_index index;
    size_t first_scope; /* the first suppression that is no pattern; they come last */
    bool has_texts_of_user;
    uint32_t unknown[LMM_MODEL_STACK_MAX]; /* frames of one stack, innermost first */
    struct lmm_numbers addresses;          /* the suppression of each, + 1 */
    struct answer answers[];               /* of each frame */
};

/* Returns the first of two suppressions, each of which may be none. */
static uint32_t earlier(uint32_t a, uint32_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

struct search {
    const struct lmm_suppressor *suppressor;
    uint32_t found;
};

static bool look_at_call(void *context, const struct lmm_model_call *call)
{
    struct search *search = context;
    const struct lmm_suppress_index *index = &search->suppressor->index;

    search->found = earlier(search->found, lmm_suppress_index_find(index, call->function));
    search->found = earlier(search->found, lmm_suppress_index_find(index, call->file));
    return call->is_inline; /* the last call of the frame is not inlined */
}

static uint32_t find_for_address(const struct lmm_suppressor *suppressor, uint32_t frame)
{
    const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, frame);
    struct search search = {.suppressor = suppressor};

    if (module != NULL) {
        search.found = lmm_suppress_index_find(&suppressor->index, module->path);
    }
    if (suppressor->has_texts_of_user ||
        (module != NULL && lmm_suppression_is_runtime(module->path))) {
        lmm_stack_walk(suppressor->model, frame, SIZE_MAX, look_at_call, &search);
    }
    return search.found;
}

/* Sets *ret_found to the suppression that fits the calls at a frame's address. */
static bool ask_address(struct lmm_suppressor *suppressor, uint32_t frame, uint32_t *ret_found)
{
    const struct lmm_model_frame *item = &suppressor->model->frames[frame];
    uint64_t key = lmm_hash_u64(lmm_hash_u64(0, item->module), item->address);
    uint32_t *known = lmm_numbers_at(&suppressor->addresses, key);

    if (known == NULL) {
        return false;
    }
    if (*known == 0) {
        *known = find_for_address(suppressor, frame) + 1;
    }
    *ret_found = *known - 1;
    return true;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

/* Fills the answer of a frame from that of its caller (NULL: it has none), which is known. */
static bool answer_frame(struct lmm_suppressor *suppressor, uint32_t frame,
                         const struct answer *caller)
{
    const struct lmm_model_module *module = lmm_model_module_of(suppressor->model, frame);
    struct answer *answer = &suppressor->answers[frame];
    uint32_t found = 0;

    if (!ask_address(suppressor, frame, &found)) {
        return false;
    }
    answer->suppression = earlier(found, caller == NULL ? 0 : caller->suppression);
    answer->depth = (uint16_t) (caller == NULL ? 1 : caller->depth + 1);
    answer->is_of_runtime =
        module != NULL && lmm_suppression_is_runtime(module->path) &&
        (caller == NULL ? lmm_suppression_is_loader(module->path) : caller->is_of_runtime);
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

bool lmm_suppressor_find(struct lmm_suppressor *suppressor, const struct lmm_model_site *site,
                         unsigned classes, struct lmm_suppression **ret_found)
{
    uint32_t stack = site->stack;
    const struct lmm_suppressions *suppressions = suppressor->suppressions;
    uint32_t found = 0;

    (void) classes; /* no suppression has some only */
    if (stack != 0) {
        if (!answer_stack(suppressor, stack)) {
            return false;
        }
        found = suppressor->answers[stack].suppression;
        for (size_t i = suppressor->first_scope; i < suppressions->count; i++) {
            bool fits = fits_scope(suppressor, stack, suppressions->items[i].scope);

            found = earlier(found, fits ? (uint32_t) i + 1 : 0);
        }
    }
    *ret_found = found == 0 ? NULL : &suppressions->items[found - 1];
    return true;
}

/* ---- Making ---------------------------------------------------------------------------------- */

struct lmm_suppressor *lmm_suppressor_new(const struct lmm_model *model,
                                          struct lmm_suppressions *suppressions)
{
    size_t count = (size_t) model->frame_count + 1;
    struct lmm_suppressor *suppressor =
        calloc(1, sizeof(*suppressor) + count * sizeof(suppressor->answers[0]));

    if (suppressor == NULL || !lmm_suppress_index_make(suppressions, &suppressor->index)) {
        free(suppressor);
        return NULL;
    }
    suppressor->model = model;
    suppressor->suppressions = suppressions;
    suppressor->first_scope = suppressions->count;
    for (size_t i = suppressions->count; i-- > 0;) {
        suppressor->has_texts_of_user |= !suppressions->items[i].is_built_in;
        suppressor->first_scope = suppressions->items[i].glob == NULL ? i : suppressor->first_scope;
    }
    return suppressor;
}

void lmm_suppressor_free(struct lmm_suppressor *suppressor)
{
    if (suppressor != NULL) {
        lmm_numbers_free(&suppressor->addresses);
        lmm_suppress_index_free(&suppressor->index);
        free(suppressor);
    }
}
