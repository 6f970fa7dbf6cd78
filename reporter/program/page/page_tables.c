/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_tables.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/core/site_type.h"
#include "reporter/core/words.h"
#include "reporter/program/base/array.h"
#include "reporter/program/report/places.h"

enum {
    GAP_NAME = 256, /* bytes of a name with that of a module in it; longer ones are cut */
};

/* What the sites of a row have in common. */
struct common {
    const struct lmm_model_site *first; /* NULL: the model has none */
    const struct lmm_model_type *type;
    bool has_several; /* types */
    int32_t family;
};

struct reading {
    struct lmm_page_tables *tables;
    const struct lmm_model *model;
    struct lmm_page_walked walked;
    struct common *commons; /* by row */
};

/* Sets *ret_number to the number of a text. */
static bool number(struct lmm_page_tables *tables, struct lmm_string text, uint32_t *ret_number)
{
    return lmm_page_strings_at(&tables->strings, text, ret_number);
}

/* ---- Types ----------------------------------------------------------------------------------- */

/* Numbers what stands in the place of a type's name. */
static bool name_gap(struct lmm_page_tables *tables, struct lmm_string module, uint32_t *ret_number)
{
    char name[GAP_NAME];

    if (module.bytes == 0) {
        return number(tables, lmm_string_of("(no type known)"), ret_number);
    }
    snprintf(name, sizeof(name), "(no type known: %.*s)", (int) module.bytes, module.text);
    return number(tables, lmm_string_of(name), ret_number);
}

/* Makes the row of a type. `type` is one of lmm_site_type(). */
static bool make_type(struct lmm_page_tables *tables, const struct lmm_model_type *type,
                      struct lmm_page_type *ret_row)
{
    enum lmm_model_type_gap gap = lmm_site_type_gap(type);

    *ret_row = (struct lmm_page_type) {.gap = gap};
    if (gap != LMM_MODEL_TYPE_FOUND) {
        struct lmm_string module =
            gap == LMM_MODEL_TYPE_UNKNOWN ? lmm_string_of("") : type->lacking;

        return name_gap(tables, module, &ret_row->name) &&
               number(tables, module, &ret_row->lacking);
    }
    ret_row->line = type->line;
    ret_row->bytes = type->bytes;
    ret_row->evidence = type->evidence;
    ret_row->confidence = type->confidence;
    return number(tables, type->name, &ret_row->name) && number(tables, type->file, &ret_row->file);
}

static uint64_t key_of_type(enum lmm_model_type_gap gap, uint32_t name)
{
    return lmm_hash_u64(lmm_hash_u64(1, (uint64_t) gap), name);
}

/* Sets *ret_index to the row of a type. Numbers of names are exact, so their key is. */
static bool type_at(struct lmm_page_tables *tables, const struct lmm_model_type *type,
                    uint32_t *ret_index)
{
    struct lmm_page_type row;
    uint32_t *at = NULL;

    if (make_type(tables, type, &row)) {
        at = lmm_numbers_at(&tables->type_numbers, key_of_type(row.gap, row.name));
    }
    if (at == NULL) {
        return false;
    }
    if (*at == 0) {
        struct lmm_page_type *item =
            lmm_array_add(&tables->types, &tables->type_count, sizeof(*item));

        if (item == NULL) {
            return false;
        }
        *item = row;
        *at = (uint32_t) tables->type_count;
    } else if (row.confidence < tables->types[*at - 1].confidence) {
        tables->types[*at - 1].confidence = row.confidence;
        tables->types[*at - 1].evidence = row.evidence;
    }
    *ret_index = *at - 1;
    return true;
}

int32_t lmm_page_tables_type(const struct lmm_page_tables *tables, struct lmm_string name)
{
    uint32_t text = lmm_page_strings_find(&tables->strings, name);
    uint32_t found = text == 0 ? 0
                               : lmm_numbers_find(&tables->type_numbers,
                                                  key_of_type(LMM_MODEL_TYPE_FOUND, text));

    return (int32_t) found - 1;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static bool is_same_line(const struct lmm_page_line *a, const struct lmm_page_line *b)
{
    return a->function == b->function && a->file == b->file && a->line == b->line &&
           a->of_family == b->of_family && a->has_stacks == b->has_stacks;
}

static uint64_t key_of_line(const struct lmm_page_line *line)
{
    uint64_t key = lmm_hash_u64(1, (uint64_t) line->function << 32 | line->file);

    return lmm_hash_u64(key, (uint64_t) line->line << 32 | line->of_family);
}

static bool make_line(struct lmm_page_tables *tables, const struct lmm_model *model,
                      const struct lmm_model_site *site, struct lmm_page_line *ret_line)
{
    struct lmm_string none = {"", 0};

    *ret_line =
        (struct lmm_page_line) {.line = site->line, .id = site->id, .has_stacks = site->stack != 0};
    return number(tables, site->function, &ret_line->function) &&
           number(tables, site->file, &ret_line->file) &&
           number(tables, lmm_places_module(model, site), &ret_line->module) &&
           number(tables, site->stack != 0 ? none : site->family->name, &ret_line->of_family);
}

static bool line_at(struct lmm_page_tables *tables, const struct lmm_page_line *line,
                    uint32_t *ret_index)
{
    uint64_t key = key_of_line(line);
    uint32_t *at = lmm_numbers_at(&tables->line_numbers, key);

    while (at != NULL && *at != 0 && !is_same_line(&tables->lines[*at - 1], line)) {
        key = lmm_hash_u64(key, 0); /* another line with this key */
        at = lmm_numbers_at(&tables->line_numbers, key);
    }
    if (at == NULL) {
        return false;
    }
    if (*at == 0) {
        struct lmm_page_line *item =
            lmm_array_add(&tables->lines, &tables->line_count, sizeof(*item));

        if (item == NULL) {
            return false;
        }
        *item = *line;
        *at = (uint32_t) tables->line_count;
    }
    *ret_index = *at - 1;
    return true;
}

int32_t lmm_page_tables_line(const struct lmm_page_tables *tables, struct lmm_string file,
                             uint32_t line, struct lmm_string function)
{
    uint32_t text = lmm_page_strings_find(&tables->strings, file);
    uint32_t name = lmm_page_strings_find(&tables->strings, function);

    for (size_t i = 0; i < tables->line_count && text != 0; i++) {
        const struct lmm_page_line *row = &tables->lines[i];

        if (row->file == text && row->line == line &&
            (function.bytes == 0 || row->function == name)) {
            return (int32_t) i;
        }
    }
    return LMM_PAGE_NONE;
}

/* ---- Families -------------------------------------------------------------------------------- */

/* Names of families are unlike in a model. */
static uint64_t key_of_family(const struct lmm_model_family *family)
{
    return lmm_hash_u64(lmm_hash_string(1, family->name), family->size_bytes);
}

static bool add_family(struct lmm_page_tables *tables, struct lmm_string name, uint64_t bytes)
{
    struct lmm_page_family row = {.bytes = bytes};
    struct lmm_page_family *item = NULL;

    if (number(tables, name, &row.name)) {
        item = lmm_array_add(&tables->families, &tables->family_count, sizeof(*item));
    }
    if (item != NULL) {
        *item = row;
    }
    return item != NULL;
}

/* Adds the row of a family, or lets it have that of those without room. */
static bool read_family(struct lmm_page_tables *tables, const struct lmm_model_family *family)
{
    uint32_t *at = lmm_numbers_at(&tables->family_numbers, key_of_family(family));

    if (at == NULL || *at != 0) {
        return at != NULL;
    }
    if (tables->family_count < LMM_PAGE_FAMILIES_MAX) {
        bool added = add_family(tables, family->name, family->size_bytes);

        *at = (uint32_t) tables->family_count;
        return added;
    }
    if (!tables->has_other_family) {
        if (!add_family(tables, lmm_string_of("(further families)"), 0)) {
            return false;
        }
        tables->has_other_family = true;
        tables->other_family = (uint32_t) tables->family_count - 1;
    }
    *at = tables->other_family + 1;
    return true;
}

static bool read_families(struct lmm_page_tables *tables, const struct lmm_model *model)
{
    bool good = true;

    for (size_t i = 0; i < model->family_count && good; i++) {
        const struct lmm_model_family *family = model->families[i];

        good = (family->allocations == 0 && family->frees == 0) || read_family(tables, family);
    }
    return good;
}

uint32_t lmm_page_tables_family(const struct lmm_page_tables *tables,
                                const struct lmm_model_family *family)
{
    uint32_t found = lmm_numbers_find(&tables->family_numbers, key_of_family(family));

    assert(found != 0);
    return found - 1;
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* The key of a stack at its line. Two rows with one key, which is as unlikely as 1 in 2^64, are one. */
static uint64_t key_of_site(const struct lmm_model_site *site)
{
    uint64_t key = lmm_hash_u64(site->stack != 0, site->line);

    key = lmm_hash_string(lmm_hash_string(key, site->file), site->function);
    return site->stack != 0 ? lmm_hash_u64(key, site->stack_key)
                            : lmm_hash_string(key, site->family->name);
}

static bool push_site(struct lmm_page_tables *tables, const struct lmm_page_site *row)
{
    struct lmm_page_site *item = lmm_array_add(&tables->sites, &tables->site_count, sizeof(*item));

    if (item != NULL) {
        *item = *row;
        item->changed = tables->reading;
    }
    return item != NULL;
}

static bool add_site(struct reading *reading, const struct lmm_model_site *site)
{
    struct lmm_page_tables *tables = reading->tables;
    struct lmm_page_site row = {.frame = LMM_PAGE_NONE, .family = LMM_PAGE_NONE};
    struct lmm_page_line line;
    bool good = make_line(tables, reading->model, site, &line) && line_at(tables, &line, &row.line);

    if (good && site->stack != 0) {
        good = lmm_page_calls_at(&tables->calls, &tables->strings, &reading->walked, reading->model,
                                 site->stack, &row.frame);
    }
    return good && push_site(tables, &row);
}

/* Adds the row of the sites that have no room. */
static bool add_other(struct lmm_page_tables *tables)
{
    struct lmm_page_site row = {.frame = LMM_PAGE_NONE, .family = LMM_PAGE_NONE};
    struct lmm_page_line line = {.id = 0};
    bool good = number(tables, lmm_string_of("(further stacks)"), &line.file) &&
                line_at(tables, &line, &row.line) && push_site(tables, &row);

    if (good) {
        tables->has_other = true;
        tables->other = (uint32_t) tables->site_count - 1;
    }
    return good;
}

/* Sets the row of a site, which may be new. */
static bool read_site(struct reading *reading, size_t index)
{
    struct lmm_page_tables *tables = reading->tables;
    const struct lmm_model_site *site = &reading->model->sites[index];
    uint32_t *at = lmm_numbers_at(&tables->site_numbers, key_of_site(site));
    bool good = at != NULL && read_family(tables, site->family);

    if (good && *at == 0 && tables->site_count < LMM_PAGE_SITES_MAX) {
        good = add_site(reading, site);
        *at = (uint32_t) tables->site_count;
    } else if (good && *at == 0) {
        good = tables->has_other || add_other(tables);
        *at = tables->other + 1;
    }
    if (good) {
        struct lmm_page_line *line = &tables->lines[tables->sites[*at - 1].line];

        tables->rows[index] = *at - 1;
        line->id = site->id < line->id ? site->id : line->id;
    }
    return good;
}

/* ---- Which sites have rows ------------------------------------------------------------------- */

struct weight {
    double share; /* of all that the page shows */
    uint32_t index;
};

static double part(uint64_t bytes, uint64_t of)
{
    return of == 0 ? 0 : (double) bytes / (double) of;
}

static int compare_weights(const void *left, const void *right)
{
    const struct weight *a = left;
    const struct weight *b = right;

    return a->share != b->share ? (a->share < b->share) - (a->share > b->share)
                                : lmm_compare_u64(a->index, b->index);
}

/* Returns the sites in the order in which they get rows, to be freed; NULL: out of memory. */
static struct weight *weigh(const struct lmm_model *model)
{
    struct weight *weights = calloc(model->site_count + 1, sizeof(*weights));

    for (size_t i = 0; i < model->site_count && weights != NULL; i++) {
        const struct lmm_model_site *site = &model->sites[i];

        weights[i].index = (uint32_t) i;
        weights[i].share = part(site->live_bytes, model->total.live_bytes) +
                           part(site->peak_bytes, model->peak_bytes) +
                           part(site->allocations, model->total.allocations) +
                           part(site->temporaries, model->temporaries);
        if (site->losses != NULL) {
            weights[i].share += part(site->losses->of[LMM_MODEL_DEFINITE].bytes,
                                     model->check.of[LMM_MODEL_DEFINITE].bytes);
        }
    }
    if (weights != NULL && model->site_count > LMM_PAGE_SITES_MAX) {
        qsort(weights, model->site_count, sizeof(*weights), compare_weights);
    }
    return weights;
}

static bool read_sites(struct reading *reading)
{
    struct lmm_page_tables *tables = reading->tables;
    struct weight *weights = weigh(reading->model);
    bool good = weights != NULL;

    free(tables->rows);
    tables->row_count = reading->model->site_count;
    tables->rows = calloc(tables->row_count + 1, sizeof(*tables->rows));
    good = good && tables->rows != NULL;
    for (size_t i = 0; i < tables->row_count && good; i++) {
        good = read_site(reading, weights[i].index);
    }
    free(weights);
    return good;
}

/* ---- What their sites have in common ----------------------------------------------------------- */

static void join(const struct reading *reading, size_t index)
{
    const struct lmm_model_site *site = &reading->model->sites[index];
    struct common *common = &reading->commons[reading->tables->rows[index]];
    int32_t family = (int32_t) lmm_page_tables_family(reading->tables, site->family);

    if (common->first == NULL) {
        *common = (struct common) {.first = site, .type = site->type, .family = family};
        return;
    }
    common->has_several |= common->type != NULL &&
                           (common->type = lmm_site_type_common(common->type, site->type)) == NULL;
    common->family = common->family == family ? family : LMM_PAGE_NONE;
}

static bool set_common(const struct reading *reading, size_t row)
{
    static const struct lmm_model_type unknown = {.gap = LMM_MODEL_TYPE_UNKNOWN};
    const struct common *common = &reading->commons[row];
    struct lmm_page_site *site = &reading->tables->sites[row];
    bool is_other = reading->tables->has_other && row == reading->tables->other;
    struct lmm_model_type type = unknown;
    uint32_t index;

    if (!is_other && common->type != NULL) {
        type = *common->type;
    } else if (!is_other && !common->has_several) {
        lmm_site_type(reading->model, common->first, &type);
    }
    if (!type_at(reading->tables, &type, &index)) {
        return false;
    }
    if (site->type != index || site->family != common->family) {
        site->type = index;
        site->family = common->family;
        site->changed = reading->tables->reading;
    }
    return true;
}

static bool read_commons(struct reading *reading)
{
    size_t count = reading->tables->site_count;
    bool good;

    reading->commons = calloc(count + 1, sizeof(*reading->commons));
    good = reading->commons != NULL;
    for (size_t i = 0; i < reading->model->site_count && good; i++) {
        join(reading, i);
    }
    for (size_t i = 0; i < count && good; i++) {
        good = reading->commons[i].first == NULL || set_common(reading, i);
    }
    free(reading->commons);
    return good;
}

/* ---- The whole ------------------------------------------------------------------------------- */

struct lmm_page_tables *lmm_page_tables_new(void)
{
    return calloc(1, sizeof(struct lmm_page_tables));
}

bool lmm_page_tables_read(struct lmm_page_tables *tables, const struct lmm_model *model)
{
    struct reading reading = {.tables = tables, .model = model};
    uint32_t empty;

    tables->reading++;
    bool good = number(tables, (struct lmm_string) {"", 0}, &empty) &&
                read_families(tables, model) && read_sites(&reading) && read_commons(&reading);

    free(reading.walked.rows);
    return good;
}

struct lmm_page_counts lmm_page_tables_count(const struct lmm_page_tables *tables)
{
    return (struct lmm_page_counts) {
        .strings = tables->strings.count,
        .types = tables->type_count,
        .lines = tables->line_count,
        .calls = tables->calls.count,
        .frames = tables->calls.frame_count,
        .families = tables->family_count,
        .sites = tables->site_count,
    };
}

void lmm_page_tables_free(struct lmm_page_tables *tables)
{
    if (tables == NULL) {
        return;
    }
    lmm_page_strings_free(&tables->strings);
    lmm_page_calls_free(&tables->calls);
    lmm_numbers_free(&tables->type_numbers);
    lmm_numbers_free(&tables->line_numbers);
    lmm_numbers_free(&tables->family_numbers);
    lmm_numbers_free(&tables->site_numbers);
    free(tables->types);
    free(tables->lines);
    free(tables->families);
    free(tables->sites);
    free(tables->rows);
    free(tables);
}
