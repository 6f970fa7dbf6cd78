/* SPDX-License-Identifier: MIT */
#include "reporter/program/formats/pprof_tables.h"

#include <assert.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"

/* A text and its index in the table of strings, of functions or of locations. */
struct numbered {
    char *text;
    int64_t number;
};

/* A location and its lines; the pointers to them follow the lines. */
struct location {
    Perftools__Profiles__Location location;
    Perftools__Profiles__Line lines[];
};

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct numbered *) a)->text, ((const struct numbered *) b)->text);
}

static void free_entry(void *entry)
{
    free(((struct numbered *) entry)->text);
    free(entry);
}

/* Finds text in a tree, or adds it with the index `next`. Takes ownership of text. Returns its
 * entry; NULL: out of memory. */
static const struct numbered *interned(void **tree, char *text, int64_t next)
{
    struct numbered *entry = malloc(sizeof(*entry));
    struct numbered **found = NULL;

    if (entry != NULL && text != NULL) {
        *entry = (struct numbered) {text, next};
        found = tsearch(entry, tree, compare_entries);
    }
    if (found == NULL || *found != entry) {
        free(text);
        free(entry);
    }
    return found == NULL ? NULL : *found;
}

int64_t lmm_pprof_string(struct lmm_pprof_tables *tables, char *text)
{
    Perftools__Profiles__Profile *profile = &tables->profile;
    int64_t next = (int64_t) profile->n_string_table;
    char **added = lmm_array_add(&profile->string_table, &profile->n_string_table, sizeof(*added));
    const struct numbered *entry = NULL;

    if (added == NULL) {
        free(text);
    } else {
        entry = interned(&tables->strings, text, next);
        *added = entry == NULL ? NULL : entry->text;
        profile->n_string_table -= entry == NULL || entry->number != next; /* it is not new */
    }
    tables->failed = tables->failed || entry == NULL;
    return entry == NULL ? 0 : entry->number;
}

static bool add_function(struct lmm_pprof_tables *tables, int64_t name, int64_t filename)
{
    Perftools__Profiles__Profile *profile = &tables->profile;
    Perftools__Profiles__Function *function = calloc(1, sizeof(*function));
    Perftools__Profiles__Function **added =
        lmm_array_add(&profile->function, &profile->n_function, sizeof(void *));

    if (function == NULL || added == NULL) {
        profile->n_function -= added != NULL;
        free(function);
        return false;
    }
    perftools__profiles__function__init(function);
    function->id = profile->n_function;
    function->name = name;
    function->system_name = name;
    function->filename = filename;
    *added = function;
    return true;
}

uint64_t lmm_pprof_function(struct lmm_pprof_tables *tables, int64_t name, int64_t filename)
{
    size_t next = tables->profile.n_function + 1;
    const struct numbered *entry;
    char *key = NULL;

    if (asprintf(&key, "%jd %jd", (intmax_t) name, (intmax_t) filename) < 0) {
        key = NULL;
    }
    entry = interned(&tables->functions, key, (int64_t) next);
    if (entry == NULL ||
        ((size_t) entry->number == next && !add_function(tables, name, filename))) {
        tables->failed = true;
        return 0;
    }
    return (uint64_t) entry->number;
}

Perftools__Profiles__Location *lmm_pprof_add_location(struct lmm_pprof_tables *tables, size_t lines)
{
    Perftools__Profiles__Profile *profile = &tables->profile;
    struct location *made =
        calloc(1, sizeof(*made) + lines * (sizeof(made->lines[0]) + sizeof(void *)));
    Perftools__Profiles__Location **added =
        lmm_array_add(&profile->location, &profile->n_location, sizeof(void *));

    if (made == NULL || added == NULL) {
        tables->failed = true;
        profile->n_location -= added != NULL;
        free(made);
        return NULL;
    }
    perftools__profiles__location__init(&made->location);
    made->location.id = profile->n_location;
    made->location.line = (void *) &made->lines[lines];
    *added = &made->location;
    return *added;
}

void lmm_pprof_add_line(Perftools__Profiles__Location *location, uint64_t function_id,
                        uint32_t line)
{
    struct location *of = (struct location *) (void *) location;
    Perftools__Profiles__Line *added = &of->lines[location->n_line];

    assert((void *) &of->lines[location->n_line] < (void *) location->line);
    perftools__profiles__line__init(added);
    added->function_id = function_id;
    added->line = line;
    location->line[location->n_line++] = added;
}

uint64_t lmm_pprof_frame(struct lmm_pprof_tables *tables, uint32_t module, uint64_t address)
{
    const struct numbered *entry;
    char *key = NULL;

    if (asprintf(&key, "%" PRIu32 " %" PRIx64, module, address) < 0) {
        key = NULL;
    }
    entry = interned(&tables->frames, key, (int64_t) tables->profile.n_location + 1);
    tables->failed = tables->failed || entry == NULL;
    return entry == NULL ? 0 : (uint64_t) entry->number;
}

void lmm_pprof_tables_free(struct lmm_pprof_tables *tables)
{
    Perftools__Profiles__Profile *profile = &tables->profile;

    for (size_t i = 0; i < profile->n_location; i++) {
        free(profile->location[i]); /* the start of its struct location */
    }
    for (size_t i = 0; i < profile->n_function; i++) {
        free(profile->function[i]);
    }
    free(profile->location);
    free(profile->function);
    free(profile->string_table);
    tdestroy(tables->strings, free_entry);
    tdestroy(tables->functions, free_entry);
    tdestroy(tables->frames, free_entry);
}
