/* SPDX-License-Identifier: MIT */
#include "reporter/core/site_type.h"

#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/json_writer.h"

static const struct lmm_model_type unknown = {.gap = LMM_MODEL_TYPE_UNKNOWN};

/* ---- Types ----------------------------------------------------------------------------------- */

/* Returns the type that the program registered: that of a family. Structs with a flexible array are "T[]". */
static struct lmm_model_type registered(const struct lmm_model_family *family)
{
    struct lmm_string name = family->type.bytes > 0 ? family->type : family->name;
    struct lmm_string element = name;

    if (family->counts_bytes && name.bytes > 2 &&
        memcmp(name.text + name.bytes - 2, "[]", 2) == 0) {
        element.bytes -= 2;
    }
    return (struct lmm_model_type) {
        .name = name,
        .confidence = LMM_MODEL_CERTAIN,
        .evidence = LMM_MODEL_BY_RECORD,
        .gap = LMM_MODEL_TYPE_FOUND,
        .element = element,
        .bytes = family->size_bytes,
    };
}

bool lmm_site_type(const struct lmm_model *model, const struct lmm_model_site *site,
                   struct lmm_model_type *ret_type)
{
    bool is_registered = site->type == NULL && !model->is_drop_in && site->stack == 0 &&
                         site->family->size_bytes > 0; /* no family of a row of several */

    if (site->type != NULL) {
        *ret_type = *site->type;
    } else {
        *ret_type = is_registered ? registered(site->family) : unknown;
    }
    return site->type != NULL || is_registered;
}

bool lmm_site_type_is_known(const struct lmm_model_type *type)
{
    return type->confidence >= LMM_MODEL_LIKELY && type->name.bytes > 0;
}

enum lmm_model_type_gap lmm_site_type_gap(const struct lmm_model_type *type)
{
    bool lacks = type->gap > LMM_MODEL_TYPE_UNKNOWN && type->lacking.bytes > 0;

    if (lmm_site_type_is_known(type)) {
        return LMM_MODEL_TYPE_FOUND;
    }
    return lacks ? type->gap : LMM_MODEL_TYPE_UNKNOWN;
}

const char *lmm_site_type_lack(const struct lmm_model_type *type)
{
    switch (lmm_site_type_gap(type)) {
    case LMM_MODEL_TYPE_NO_DEBUG: return "no debug information";
    case LMM_MODEL_TYPE_NO_FILE: return "the file is missing";
    case LMM_MODEL_TYPE_LIBRARY: return "its own blocks";
    default: return NULL;
    }
}

struct lmm_string lmm_site_type_name(const struct lmm_model *model,
                                     const struct lmm_model_site *site)
{
    struct lmm_model_type type;

    lmm_site_type(model, site, &type);
    return lmm_site_type_is_known(&type) ? type.name : (struct lmm_string) {"", 0};
}

struct lmm_string lmm_site_type_bare(struct lmm_string name)
{
    static const char *const words[] = {"struct ", "union ", "enum ", "class "};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t bytes = strlen(words[i]);

        if (name.bytes > bytes && memcmp(name.text, words[i], bytes) == 0) {
            return (struct lmm_string) {name.text + bytes, name.bytes - bytes};
        }
    }
    return name;
}

struct lmm_string lmm_site_type_last(struct lmm_string name)
{
    size_t start = 0;
    int depth = 0; /* of brackets */

    for (size_t i = 0; i < name.bytes; i++) {
        char byte = name.text[i];

        depth += (byte == '<' || byte == '(') - (byte == '>' || byte == ')');
        if (depth == 0 && byte == ':' && i + 1 < name.bytes && name.text[i + 1] == ':') {
            start = i + 2;
        }
    }
    return (struct lmm_string) {name.text + start, name.bytes - start};
}

int lmm_site_type_compare(const struct lmm_model_type *a, const struct lmm_model_type *b)
{
    enum lmm_model_type_gap gap = lmm_site_type_gap(a);
    int order = lmm_compare_u64(gap, lmm_site_type_gap(b));

    if (order != 0 || gap == LMM_MODEL_TYPE_UNKNOWN) {
        return order;
    }
    return gap == LMM_MODEL_TYPE_FOUND ? lmm_compare_strings(a->name, b->name)
                                       : lmm_compare_strings(a->lacking, b->lacking);
}

const struct lmm_model_type *lmm_site_type_common(const struct lmm_model_type *a,
                                                  const struct lmm_model_type *b)
{
    if (a == b || a == NULL || b == NULL) {
        return a == b ? a : NULL;
    }
    bool are_one = lmm_site_type_compare(a, b) == 0 && lmm_compare_strings(a->name, b->name) == 0;

    if (!are_one) {
        return NULL;
    }
    return b->confidence < a->confidence ? b : a;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

void lmm_json_evidence(struct lmm_json *json, const char *key, unsigned evidence)
{
    static const char *const words[] = {"record", "name",   "object",   "source", "variable",
                                        "store",  "return", "argument", "size"};

    lmm_json_begin_array(json, key, LMM_JSON_ONE_LINE);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((evidence & 1u << i) != 0) {
            lmm_json_text(json, NULL, words[i]);
        }
    }
    lmm_json_end_array(json);
}

const char *lmm_site_type_confidence_word(enum lmm_model_confidence confidence)
{
    static const char *const words[] = {"none", "guess", "likely", "certain"};

    return words[confidence];
}

const char *lmm_site_type_gap_word(enum lmm_model_type_gap gap)
{
    static const char *const words[] = {"", "unknown", "no debug information", "file missing",
                                        "library"};

    return words[gap];
}

static void put_type(struct lmm_json *json, const struct lmm_model_type *type)
{
    lmm_json_begin_object(json, "type", LMM_JSON_ONE_LINE);
    lmm_json_string(json, "name", type->name);
    lmm_json_string(json, "element", type->element);
    lmm_json_u64(json, "bytes", type->bytes);
    if (type->header_bytes > 0) {
        lmm_json_u64(json, "header_bytes", type->header_bytes);
    }
    lmm_json_text(json, "confidence", lmm_site_type_confidence_word(type->confidence));
    lmm_json_evidence(json, "evidence", type->evidence);
    lmm_json_string(json, "file", type->file);
    lmm_json_u64(json, "line", type->line);
    lmm_json_text(json, "gap", lmm_site_type_gap_word(lmm_site_type_gap(type)));
    lmm_json_string(json, "lacking", type->lacking);
    lmm_json_end_object(json);
}

void lmm_json_type(struct lmm_json *json, const struct lmm_model *model,
                   const struct lmm_model_site *site)
{
    const struct lmm_model_site *largest = site->lines == NULL ? NULL : site->lines->largest;
    struct lmm_model_type type;

    if (lmm_site_type(model, site, &type)) {
        put_type(json, &type);
    } else {
        lmm_json_null(json, "type");
    }
    if (largest != NULL) {
        lmm_json_u64(json, "lines", site->lines->count);
        lmm_json_begin_object(json, "largest_at", LMM_JSON_ONE_LINE);
        lmm_json_string(json, "file", largest->file);
        lmm_json_u64(json, "line", largest->line);
        lmm_json_string(json, "function", largest->function);
        lmm_json_end_object(json);
    }
}
