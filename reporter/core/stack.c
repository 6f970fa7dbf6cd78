/* SPDX-License-Identifier: MIT */
#include "reporter/core/stack.h"

#include <inttypes.h>
#include <stdio.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/core/words.h"

enum {
    MODULE_MAX =
        LMM_STACK_PLACE_BYTES - 32, /* bytes of a module's name that stand before an offset */
};

/* Returns the call of a frame without names; place: room for its text. */
static struct lmm_model_call unnamed(const struct lmm_model *model, uint32_t frame,
                                     char place[LMM_STACK_PLACE_BYTES])
{
    const struct lmm_model_module *module = lmm_model_module_of(model, frame);
    struct lmm_string name =
        module == NULL ? lmm_string_of("") : lmm_model_last_component(module->path);

    if (name.bytes > 0) {
        snprintf(place, LMM_STACK_PLACE_BYTES, "%.*s+0x%" PRIx64,
                 (int) (name.bytes < MODULE_MAX ? name.bytes : MODULE_MAX), name.text,
                 lmm_model_offset(model, frame));
    } else {
        snprintf(place, LMM_STACK_PLACE_BYTES, "0x%" PRIx64, model->frames[frame].address);
    }
    return (struct lmm_model_call) {
        .function = lmm_string_of(place), .file = lmm_string_of(""), .module = name};
}

size_t lmm_stack_calls(const struct lmm_model *model, uint32_t frame,
                       struct lmm_stack_unnamed *room, const struct lmm_model_call **ret_calls)
{
    size_t count =
        model->namer == NULL ? 0 : model->namer->calls_of(model->namer, model, frame, ret_calls);

    if (count == 0) {
        room->call = unnamed(model, frame, room->place);
        *ret_calls = &room->call;
        count = 1;
    }
    return count;
}

bool lmm_stack_walk(const struct lmm_model *model, uint32_t stack, size_t most, lmm_stack_fn take,
                    void *context)
{
    bool is_guessed = false;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        struct lmm_stack_unnamed room;
        const struct lmm_model_call *calls;
        size_t count = lmm_stack_calls(model, frame, &room, &calls);

        for (size_t i = 0; i < count; i++) {
            struct lmm_model_call taken = calls[i];
            taken.is_guessed = is_guessed;
            if (most-- == 0 || !take(context, &taken)) {
                return false;
            }
        }
        is_guessed |= model->frames[frame].is_guess;
    }
    return true;
}

void lmm_stack_put_call(struct lmm_sink *sink, const struct lmm_model_call *call)
{
    bool has_line = call->line != 0;
    struct lmm_string place = has_line ? call->file : call->module;

    lmm_put_string(sink, call->function);
    if (place.bytes > 0 && (has_line || call->is_named)) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, place);
        if (has_line) {
            lmm_sink_printf(sink, ":%" PRIu32, call->line);
        }
        lmm_sink_puts(sink, ")");
    }
    lmm_sink_puts(sink, call->is_inline ? " [inlined]" : "");
    lmm_sink_puts(sink, call->is_guessed ? " [guessed]" : "");
}
