/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/site_word.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/program/base/nearest.h"
#include "reporter/program/base/program.h"
#include "reporter/program/report/places.h"
#include "reporter/program/symbols/wrapper.h"

/* A word taken apart. */
struct wanted {
    enum { FUNCTION, FILE_LINE, IDENTITY, ADDRESS } kind;
    struct lmm_string name; /* of the function or file */
    uint64_t number;        /* line, id or address */
};

static bool parse_number(const char *text, int base, uint64_t *ret_number)
{
    char *end = NULL;
    bool is_digit = strchr("0123456789abcdefABCDEF", *text) != NULL && *text != '\0';
    unsigned long long number = 0;

    errno = 0;
    if (is_digit) {
        number = strtoull(text, &end, base);
    }
    if (!is_digit || errno != 0 || *end != '\0') {
        return false;
    }
    *ret_number = number;
    return true;
}

static struct wanted wanted_of(const char *word)
{
    struct wanted wanted = {.kind = FUNCTION, .name = lmm_string_of(word)};
    const char *colon = strrchr(word, ':');

    if (word[0] == '#' && parse_number(word + 1, 10, &wanted.number)) {
        wanted.kind = IDENTITY;
    } else if (strncmp(word, "0x", 2) == 0 && parse_number(word + 2, 16, &wanted.number)) {
        wanted.kind = ADDRESS;
    } else if (colon != NULL && colon > word && parse_number(colon + 1, 10, &wanted.number)) {
        wanted.kind = FILE_LINE;
        wanted.name.bytes = (size_t) (colon - word);
    }
    return wanted;
}

/* ---- Matching -------------------------------------------------------------------------------- */

static bool equals(struct lmm_string a, struct lmm_string b)
{
    return lmm_compare_strings(a, b) == 0;
}

/* Returns whether name is a path, or its last components. */
static bool ends_path(struct lmm_string path, struct lmm_string name)
{
    size_t before = path.bytes - name.bytes;

    if (name.bytes == 0 || name.bytes > path.bytes) {
        return false;
    }
    struct lmm_string end = {path.text + before, name.bytes};

    return equals(end, name) && (before == 0 || path.text[before - 1] == '/');
}

static bool names_function(struct lmm_string function, struct lmm_string name)
{
    struct lmm_string component = lmm_wrapper_component(function);
    size_t before = component.text == NULL ? 0 : (size_t) (component.text - function.text);
    struct lmm_string plain = {function.text, before + component.bytes};

    return function.bytes > 0 &&
           (equals(function, name) || equals(component, name) || equals(plain, name));
}

static bool goes_through(const struct lmm_model *model, uint32_t stack, uint64_t address)
{
    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        if (model->frames[frame].address == address ||
            model->frames[frame].address == address + 1) {
            return true;
        }
    }
    return false;
}

static bool fits(const struct wanted *wanted, const struct lmm_model *model,
                 const struct lmm_model_site *site)
{
    switch (wanted->kind) {
    case FILE_LINE: return site->line == wanted->number && ends_path(site->file, wanted->name);
    case ADDRESS: return goes_through(model, site->stack, wanted->number);
    case IDENTITY: return site->id == wanted->number;
    default:
        return names_function(site->function, wanted->name) ||
               (site->line == 0 && equals(site->file, wanted->name));
    }
}

/* ---- Keeping --------------------------------------------------------------------------------- */

/* Returns which sites stay, by index, to be freed; NULL: out of memory. */
static bool *choose(const struct wanted *wanted, const struct lmm_model *model)
{
    struct lmm_places places = {.of = NULL};
    bool *stays = calloc(model->site_count + 1, sizeof(*stays));
    uint32_t place = 0;

    if (stays == NULL || !lmm_places_make(model, LMM_BY_LINE, &places)) {
        free(stays);
        return NULL;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        stays[i] = fits(wanted, model, &model->sites[i]);
        place = stays[i] ? places.of[i] : place;
    }
    for (size_t i = 0; wanted->kind == IDENTITY && place != 0 && i < model->site_count; i++) {
        stays[i] = places.of[i] == place;
    }
    lmm_places_free(&places);
    return stays;
}

size_t lmm_site_word_keep(const char *word, struct lmm_model *model)
{
    struct wanted wanted = wanted_of(word);
    bool *stays = choose(&wanted, model);
    size_t kept = 0;

    if (stays == NULL) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i < model->site_count; i++) {
        if (stays[i]) {
            model->sites[kept++] = model->sites[i];
        }
    }
    assert(kept <= model->site_count);
    model->site_count = kept;
    free(stays);
    return kept;
}

/* Compares the word with the ways to name a site. */
static void look_at(struct lmm_nearest *nearest, const struct lmm_model_site *site)
{
    struct lmm_string file = lmm_model_last_component(site->file);
    char text[LMM_NEAREST_BYTES + 16];

    lmm_nearest_look(nearest, lmm_wrapper_component(site->function));
    lmm_nearest_look(nearest, site->function);
    if (site->line != 0 && file.bytes < LMM_NEAREST_BYTES) {
        snprintf(text, sizeof(text), "%.*s:%" PRIu32, (int) file.bytes, file.text, site->line);
        lmm_nearest_look_text(nearest, text);
    }
}

bool lmm_site_word_apply(const char *word, struct lmm_model *model)
{
    struct lmm_nearest nearest = {.word = word};

    for (size_t i = 0; i < model->site_count; i++) {
        look_at(&nearest, &model->sites[i]);
    }
    size_t kept = lmm_site_word_keep(word, model);

    if (kept == SIZE_MAX) {
        lmm_complain("out of memory");
    } else if (kept == 0) {
        lmm_complain("no site '%s'%s", word, lmm_nearest_hint(&nearest, ""));
    }
    return kept != SIZE_MAX && kept > 0;
}
