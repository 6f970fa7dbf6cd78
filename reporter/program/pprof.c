/* SPDX-License-Identifier: MIT */
/*
 * pprof: a gzipped Profile of profile.proto, for `go tool pprof` and what else reads that format. A
 * sample per site: its one location is the line, its label the family.
 *
 * Names stand as text reports print them: pprof prints them on terminals without a thought. Its numbers
 * have a sign, so what is above INT64_MAX (damage) becomes that.
 *
 * Invariants:
 *   I1  ids of locations and functions are not 0, and a function is there once per name and file
 *   I2  string 0 is empty, and each string is in the table once
 */
#include <errno.h>
#include <profile.pb-c.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "reporter/model.h"
#include "reporter/program/format.h"
#include "reporter/program/names.h"
#include "reporter/program/render.h"
#include "reporter/sink.h"

enum {
    VALUES = 4,
    GZIP_WINDOW_BITS = 15 + 16, /* zlib's way to ask for a gzip header */
    GZIP_MEMORY_LEVEL = 8,
    PACKED_BYTES = 16384,
};

/* A text and its place in the table of strings, or in that of functions. */
struct numbered {
    char *text;
    int64_t number;
};

/* Everything a sample is made of, so that a site needs one allocation. */
struct item {
    Perftools__Profiles__Sample sample;
    Perftools__Profiles__Label label;
    Perftools__Profiles__Label *labels;
    Perftools__Profiles__Location location;
    Perftools__Profiles__Line line;
    Perftools__Profiles__Line *lines;
    Perftools__Profiles__Function function; /* only where it is the first of its name and file */
    uint64_t location_id;
    int64_t values[VALUES];
};

struct writer {
    Perftools__Profiles__Profile profile;
    Perftools__Profiles__ValueType types[VALUES];
    Perftools__Profiles__ValueType *type_list[VALUES];
    Perftools__Profiles__ValueType period_type;
    Perftools__Profiles__Mapping mapping;
    Perftools__Profiles__Mapping *mapping_list[1];
    struct item *items;
    void *strings; /* trees of struct numbered, by text */
    void *functions;
    size_t string_room;
    bool failed; /* out of memory */
};

/* ---- Tables ---------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct numbered *) a)->text, ((const struct numbered *) b)->text);
}

static void free_entry(void *entry)
{
    free(((struct numbered *) entry)->text);
    free(entry);
}

/*
 * Finds text in a tree, or puts it there with the index `next`. Takes text over, and returns its entry;
 * NULL: out of memory.
 */
static const struct numbered *interned(void **tree, char *text, int64_t next)
{
    struct numbered *entry = malloc(sizeof(*entry));
    struct numbered **found = NULL;

    if (entry != NULL && text != NULL) {
        *entry = (struct numbered){text, next};
        found = tsearch(entry, tree, compare_entries);
    }
    if (found == NULL || *found != entry) {
        free(text);
        free(entry);
    }
    return found == NULL ? NULL : *found;
}

static bool make_string_room(struct writer *writer)
{
    size_t room = writer->string_room == 0 ? 64 : 2 * writer->string_room;
    char **table;

    if (writer->profile.n_string_table < writer->string_room) {
        return true;
    }
    table = reallocarray(writer->profile.string_table, room, sizeof(char *));
    if (table == NULL) {
        return false;
    }
    writer->profile.string_table = table;
    writer->string_room = room;
    return true;
}

/* Returns the index of text, which is taken over, in the table of strings. */
static int64_t string_index(struct writer *writer, char *text)
{
    size_t next = writer->profile.n_string_table;
    const struct numbered *entry;

    if (!make_string_room(writer)) {
        free(text);
        writer->failed = true;
        return 0;
    }
    entry = interned(&writer->strings, text, (int64_t) next);
    if (entry == NULL) {
        writer->failed = true;
        return 0;
    }
    if ((size_t) entry->number == next) {
        writer->profile.string_table[next] = entry->text;
        writer->profile.n_string_table++;
    }
    return entry->number;
}

static int64_t literal(struct writer *writer, const char *text)
{
    return string_index(writer, strdup(text));
}

static int64_t name(struct writer *writer, struct lmm_string string)
{
    return string_index(writer, lmm_name_escaped(string));
}

/* ---- Samples --------------------------------------------------------------------------------- */

static int64_t clamped(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t) value;
}

/* A site without a function is named by its place, such as "(unattributed)", and its family. */
static int64_t function_name(struct writer *writer, const struct lmm_model_site *site)
{
    char *place;
    char *family;
    char *both = NULL;

    if (site->line != 0 && site->function.bytes > 0) {
        return name(writer, site->function);
    }
    place = lmm_name_place(site->file, site->line, lmm_string_of(""));
    family = lmm_name_escaped(site->family->name);
    if (place == NULL || family == NULL || asprintf(&both, "%s %s", place, family) < 0) {
        both = NULL;
    }
    free(place);
    free(family);
    return string_index(writer, both);
}

/* Returns the id of a function; it becomes that of the item when it is the first of its kind. */
static uint64_t function_id(struct writer *writer, const struct lmm_model_site *site,
                            Perftools__Profiles__Function *function)
{
    size_t next = writer->profile.n_function + 1;
    const struct numbered *entry;
    char *key = NULL;

    function->name = function_name(writer, site);
    function->system_name = function->name;
    function->filename = site->line != 0 ? name(writer, site->file) : 0;
    if (asprintf(&key, "%jd %jd", (intmax_t) function->name, (intmax_t) function->filename) < 0) {
        key = NULL;
    }
    entry = interned(&writer->functions, key, (int64_t) next);
    if (entry == NULL) {
        writer->failed = true;
        return 0;
    }
    if ((size_t) entry->number == next) {
        function->id = next;
        writer->profile.function[writer->profile.n_function++] = function;
    }
    return (uint64_t) entry->number;
}

static void add_location(struct writer *writer, const struct lmm_model_site *site,
                         struct item *item)
{
    Perftools__Profiles__Profile *profile = &writer->profile;

    perftools__profiles__function__init(&item->function);
    perftools__profiles__line__init(&item->line);
    item->line.function_id = function_id(writer, site, &item->function);
    item->line.line = site->line;
    item->lines = &item->line;
    perftools__profiles__location__init(&item->location);
    item->location.id = profile->n_location + 1;
    item->location.mapping_id = writer->mapping.id;
    item->location.n_line = 1;
    item->location.line = &item->lines;
    profile->location[profile->n_location++] = &item->location;
}

static void add_sample(struct writer *writer, const struct lmm_model_site *site, struct item *item)
{
    add_location(writer, site, item);
    perftools__profiles__label__init(&item->label);
    item->label.key = literal(writer, "family");
    item->label.str = name(writer, site->family->name);
    item->labels = &item->label;
    item->location_id = item->location.id;
    item->values[0] = clamped(site->allocations);
    item->values[1] = clamped(site->allocated_bytes);
    item->values[2] = clamped(site->live_blocks);
    item->values[3] = clamped(site->live_bytes);
    perftools__profiles__sample__init(&item->sample);
    item->sample.n_location_id = 1;
    item->sample.location_id = &item->location_id;
    item->sample.n_value = VALUES;
    item->sample.value = item->values;
    item->sample.n_label = 1;
    item->sample.label = &item->labels;
    writer->profile.sample[writer->profile.n_sample++] = &item->sample;
}

/* ---- The profile ----------------------------------------------------------------------------- */

static void set_type(struct writer *writer, Perftools__Profiles__ValueType *value_type,
                     const char *type, const char *unit)
{
    perftools__profiles__value_type__init(value_type);
    value_type->type = literal(writer, type);
    value_type->unit = literal(writer, unit);
}

static void set_types(struct writer *writer)
{
    static const char *const types[VALUES][2] = {
        {"alloc_objects", "count"},
        {"alloc_space", "bytes"},
        {"inuse_objects", "count"},
        {"inuse_space", "bytes"},
    };

    for (size_t i = 0; i < VALUES; i++) {
        set_type(writer, &writer->types[i], types[i][0], types[i][1]);
        writer->type_list[i] = &writer->types[i];
    }
    writer->profile.n_sample_type = VALUES;
    writer->profile.sample_type = writer->type_list;
    writer->profile.default_sample_type = literal(writer, "inuse_space");
    /* A period of one byte: each is counted, nothing is sampled. */
    set_type(writer, &writer->period_type, "space", "bytes");
    writer->profile.period_type = &writer->period_type;
    writer->profile.period = 1;
}

/* The moment of the figures is known of snapshots, and of processes that ended in good order. */
static void set_time(struct writer *writer, const struct lmm_model *model)
{
    uint64_t end = model->end_time_ns != 0 ? model->end_time_ns : model->snapshot_time_ns;

    writer->profile.time_nanos = clamped(model->start_time_ns);
    if (end > model->start_time_ns) {
        writer->profile.duration_nanos = clamped(end - model->start_time_ns);
    }
}

static void set_mapping(struct writer *writer, const struct lmm_model *model)
{
    perftools__profiles__mapping__init(&writer->mapping);
    writer->mapping.id = 1;
    writer->mapping.filename = name(writer, model->executable);
    writer->mapping.has_functions = true;
    writer->mapping.has_filenames = true;
    writer->mapping.has_line_numbers = true;
    writer->mapping_list[0] = &writer->mapping;
    writer->profile.n_mapping = 1;
    writer->profile.mapping = writer->mapping_list;
}

static bool make_lists(struct writer *writer, size_t count)
{
    writer->items = calloc(count + 1, sizeof(struct item));
    writer->profile.sample = calloc(count + 1, sizeof(Perftools__Profiles__Sample *));
    writer->profile.location = calloc(count + 1, sizeof(Perftools__Profiles__Location *));
    writer->profile.function = calloc(count + 1, sizeof(Perftools__Profiles__Function *));
    return writer->items != NULL && writer->profile.sample != NULL &&
           writer->profile.location != NULL && writer->profile.function != NULL;
}

/* Fills the profile; returns false when memory ran out. */
static bool make_profile(struct writer *writer, const struct lmm_model *model, size_t count)
{
    perftools__profiles__profile__init(&writer->profile);
    if (!make_lists(writer, count)) {
        return false;
    }
    literal(writer, "");
    set_types(writer);
    set_time(writer, model);
    set_mapping(writer, model);
    for (size_t i = 0; i < count && !writer->failed; i++) {
        add_sample(writer, &model->sites[i], &writer->items[i]);
    }
    return !writer->failed;
}

static void free_profile(struct writer *writer)
{
    free(writer->items);
    free(writer->profile.sample);
    free(writer->profile.location);
    free(writer->profile.function);
    free(writer->profile.string_table);
    tdestroy(writer->strings, free_entry);
    tdestroy(writer->functions, free_entry);
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static int put_compressed(struct lmm_sink *sink, z_stream *stream)
{
    unsigned char packed[PACKED_BYTES];
    int status;

    do {
        stream->next_out = packed;
        stream->avail_out = sizeof(packed);
        status = deflate(stream, Z_FINISH);
        lmm_sink_write(sink, (const char *) packed, sizeof(packed) - stream->avail_out);
    } while (status == Z_OK && sink->error == 0);
    return status == Z_STREAM_END || sink->error != 0 ? lmm_sink_flush(sink) : -EIO;
}

static int put_gzipped(struct lmm_sink *sink, unsigned char *data, size_t bytes)
{
    z_stream stream = {.next_in = data, .avail_in = (uInt) bytes};
    int error;

    if (bytes > UINT32_MAX) {
        return -EFBIG;
    }
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
                     GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        return -ENOMEM;
    }
    error = put_compressed(sink, &stream);
    deflateEnd(&stream);
    return error;
}

static int put_profile(struct lmm_sink *sink, const Perftools__Profiles__Profile *profile)
{
    size_t bytes = perftools__profiles__profile__get_packed_size(profile);
    unsigned char *data = malloc(bytes + 1);
    int error;

    if (data == NULL) {
        return -ENOMEM;
    }
    perftools__profiles__profile__pack(profile, data);
    error = put_gzipped(sink, data, bytes);
    free(data);
    return error;
}

int lmm_pprof_render(const struct lmm_model *model, struct lmm_sink *sink,
                     const struct lmm_format_options *options)
{
    struct writer writer = {.failed = false};
    bool made = make_profile(&writer, model, lmm_sites_shown(model, options, model->site_count));
    int error = made ? put_profile(sink, &writer.profile) : -ENOMEM;

    free_profile(&writer);
    return error;
}
