/* SPDX-License-Identifier: MIT */
#include "reporter/core/hint.h"

#include "reporter/core/json_writer.h"

static const char *const words[] = {"layout", "slack",   "tiny",   "embed",
                                    "growth", "foreign", "sparse", "trim"};

_Static_assert(sizeof(words) / sizeof(words[0]) == LMM_HINT_KINDS, "each kind has a word");

const char *lmm_hint_word(enum lmm_hint_kind kind)
{
    return words[kind];
}

const char *lmm_hint_confidence(const struct lmm_hint *hint)
{
    return hint->confidence == LMM_MODEL_CERTAIN ? "certain" : "likely";
}

static void put_hint(struct lmm_json *json, const struct lmm_hint *hint)
{
    lmm_json_begin_object(json, NULL, LMM_JSON_ONE_LINE);
    lmm_json_text(json, "kind", lmm_hint_word(hint->kind));
    lmm_json_u64(json, "saves_bytes", hint->saves_bytes);
    lmm_json_text(json, "type", hint->type);
    lmm_json_u64(json, "before_bytes", hint->before_bytes);
    lmm_json_u64(json, "after_bytes", hint->after_bytes);
    lmm_json_u64(json, "blocks", hint->blocks);
    lmm_json_u64(json, "share_permille", hint->share_permille);
    lmm_json_text(json, "confidence", lmm_hint_confidence(hint));
    lmm_json_string(json, "file", hint->file);
    lmm_json_u64(json, "line", hint->line);
    lmm_json_string(json, "function", hint->function);
    lmm_json_text(json, "text", hint->text);
    lmm_json_end_object(json);
}

void lmm_json_hints(struct lmm_json *json, const struct lmm_hints *hints, size_t most)
{
    lmm_json_begin_array(json, "hints", LMM_JSON_LINES);
    for (size_t i = 0; i < hints->count && i < most; i++) {
        put_hint(json, &hints->items[i]);
    }
    lmm_json_end_array(json);
}

void lmm_json_process_hints(struct lmm_json *json, const struct lmm_hints *hints, size_t most)
{
    if (hints == NULL) {
        return;
    }
    lmm_json_text(json, "hints_at", hints->are_at_peak ? "peak" : "live");
    lmm_json_hints(json, hints, most);
    lmm_json_u64(json, "hints_left_out", hints->count > most ? hints->count - most : 0);
}
