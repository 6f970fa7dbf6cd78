/* SPDX-License-Identifier: MIT */
/*
 * pprof: a gzipped Profile of profile.proto, for `go tool pprof` and other readers of that format.
 * Each site is a sample: its locations are the frames of its stack, or its one line; its label is
 * the family.
 *
 * Names are escaped as in text reports, because pprof prints them on terminals without escaping.
 * Its numbers are signed, so a figure above INT64_MAX, which only a damaged ledger has, becomes
 * INT64_MAX.
 *
 * Invariants:
 *   I1  ids of locations and functions are not 0; there is one function per name and file, and one
 *       location of a frame per address and module
 *   I2  string 0 is empty, and no string is in the table twice
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <profile.pb-c.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "reporter/core/model.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/base/names.h"
#include "reporter/program/formats/render.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/program/base/array.h"

enum {
    VALUES = 4,
    GZIP_WINDOW_BITS = 15 + 16, /* asks zlib for a gzip header */
    GZIP_MEMORY_LEVEL = 8,
    PACKED_BYTES = 16384,
};

/* A text and its index in the table of strings or of functions. */
struct numbered {
    char *text;
    int64_t number;
};

/* A sample and the arrays that it points to. */
struct item {
    Perftools__Profiles__Sample sample;
    Perftools__Profiles__Label label;
    Perftools__Profiles__Label *labels;
    uint64_t *location_ids;
    int64_t values[VALUES];
};

/* A location and its lines; the pointers to them follow the lines. */
struct location {
    Perftools__Profiles__Location location;
    Perftools__Profiles__Line lines[];
};

struct writer {
    Perftools__Profiles__Profile profile;
    Perftools__Profiles__ValueType types[VALUES];
    Perftools__Profiles__ValueType *type_list[VALUES];
    Perftools__Profiles__ValueType period_type;
    Perftools__Profiles__Mapping *mappings;
    uint64_t *mapping_ids; /* by a frame's module; 0: no module */
    struct item *items;
    void *strings; /* trees of struct numbered, by text */
    void *functions;
    void *locations;
    bool has_modules;
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
 * Finds text in a tree, or adds it with the index `next`. Takes ownership of text. Returns its
 * entry; NULL: out of memory.
 */
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

/* Returns the index of text in the table of strings; takes ownership of text. */
static int64_t string_index(struct writer *writer, char *text)
{
    size_t next = writer->profile.n_string_table;
    char **table = lmm_array_room(writer->profile.string_table, next, sizeof(char *));
    const struct numbered *entry;

    if (table == NULL) {
        free(text);
        writer->failed = true;
        return 0;
    }
    writer->profile.string_table = table;
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

/* ---- Locations
 * --------------------------------------------------------------------------------- */

static int64_t clamped(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t) value;
}

/* Names a site without a function by its place, for example "(unattributed)", and its family. */
static int64_t function_name(struct writer *writer, const struct lmm_model_site *site)
{
    char *place;
    char *family;
    char *both = NULL;

    if (site->function.bytes > 0 && (site->line != 0 || site->file.bytes > 0)) {
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

/* Makes room for one more in a list of `count` pointers, which has room for the next power of two.
 * Returns the list; NULL: out of memory, and the list is unchanged. */
static void *with_room(struct writer *writer, void *list, size_t count)
{
    list = lmm_array_room(list, count, sizeof(void *));
    writer->failed = writer->failed || list == NULL;
    return list;
}

static bool add_function(struct writer *writer, int64_t name, int64_t filename)
{
    Perftools__Profiles__Profile *profile = &writer->profile;
    Perftools__Profiles__Function *function = calloc(1, sizeof(*function));
    Perftools__Profiles__Function **list =
        with_room(writer, profile->function, profile->n_function);

    profile->function = list != NULL ? list : profile->function;
    if (function == NULL || list == NULL) {
        free(function);
        return false;
    }
    perftools__profiles__function__init(function);
    function->id = profile->n_function + 1;
    function->name = name;
    function->system_name = name;
    function->filename = filename;
    profile->function[profile->n_function++] = function;
    return true;
}

/* Returns the id of a function, which is added if no other has its name and file. */
static uint64_t function_id(struct writer *writer, int64_t name, int64_t filename)
{
    size_t next = writer->profile.n_function + 1;
    const struct numbered *entry;
    char *key = NULL;

    if (asprintf(&key, "%jd %jd", (intmax_t) name, (intmax_t) filename) < 0) {
        key = NULL;
    }
    entry = interned(&writer->functions, key, (int64_t) next);
    if (entry == NULL ||
        ((size_t) entry->number == next && !add_function(writer, name, filename))) {
        writer->failed = true;
        return 0;
    }
    return (uint64_t) entry->number;
}

/* Adds a location without lines that has room for `lines` lines; NULL: out of memory. */
static Perftools__Profiles__Location *add_location(struct writer *writer, size_t lines)
{
    Perftools__Profiles__Profile *profile = &writer->profile;
    struct location *added =
        calloc(1, sizeof(*added) + lines * (sizeof(added->lines[0]) + sizeof(void *)));
    Perftools__Profiles__Location **list =
        with_room(writer, profile->location, profile->n_location);

    profile->location = list != NULL ? list : profile->location;
    if (added == NULL || list == NULL) {
        writer->failed = true;
        free(added);
        return NULL;
    }
    perftools__profiles__location__init(&added->location);
    added->location.id = profile->n_location + 1;
    added->location.line = (void *) &added->lines[lines];
    profile->location[profile->n_location++] = &added->location;
    return &added->location;
}

/* Adds a line to a location made by add_location(), which has room for it. */
static void add_line(Perftools__Profiles__Location *location, uint64_t function_id, uint32_t line)
{
    struct location *of = (struct location *) (void *) location;
    Perftools__Profiles__Line *added = &of->lines[location->n_line];

    assert((void *) &of->lines[location->n_line] < (void *) location->line);
    perftools__profiles__line__init(added);
    added->function_id = function_id;
    added->line = line;
    location->line[location->n_line++] = added;
}

/* Returns the id of the location of a site without a stack. */
static uint64_t place_of(struct writer *writer, const struct lmm_model_site *site)
{
    int64_t function = function_name(writer, site);
    int64_t file = site->line != 0 ? name(writer, site->file) : 0;
    Perftools__Profiles__Location *location = add_location(writer, 1);

    if (location == NULL) {
        return 0;
    }
    location->mapping_id = 1;
    add_line(location, function_id(writer, function, file), site->line);
    return location->id;
}

/* ---- Stacks ---------------------------------------------------------------------------------- */

struct call_lines {
    struct writer *writer;
    Perftools__Profiles__Location *location;
    size_t room;
};

static bool add_call(void *context, const struct lmm_model_call *call)
{
    struct call_lines *lines = context;
    struct writer *writer = lines->writer;
    int64_t file = call->line != 0 ? name(writer, call->file) : 0;

    if (lines->location->n_line == lines->room) {
        return false;
    }
    add_line(lines->location, function_id(writer, name(writer, call->function), file), call->line);
    return !writer->failed;
}

static bool count_call(void *context, const struct lmm_model_call *call)
{
    size_t *count = context;

    ++*count;
    return call->is_inline; /* the call that is not inlined is the frame's last */
}

static bool fill_frame(struct writer *writer, const struct lmm_model *model, uint32_t frame)
{
    size_t count = 0;
    struct call_lines lines = {.writer = writer};

    lmm_stack_walk(model, frame, SIZE_MAX, count_call, &count);
    lines.room = count;
    lines.location = add_location(writer, count);
    if (lines.location == NULL) {
        return false;
    }
    lines.location->address = model->frames[frame].address - 1;
    assert(model->frames[frame].module <= model->module_count);
    lines.location->mapping_id = writer->mapping_ids[model->frames[frame].module];
    lmm_stack_walk(model, frame, count, add_call, &lines);
    return !writer->failed;
}

/* Returns the id of the location of a frame: one for each calling address. */
static uint64_t frame_of(struct writer *writer, const struct lmm_model *model, uint32_t frame)
{
    size_t next = writer->profile.n_location + 1;
    const struct numbered *entry;
    char *key = NULL;

    if (asprintf(&key, "%" PRIu32 " %" PRIx64, model->frames[frame].module,
                 model->frames[frame].address) < 0) {
        key = NULL;
    }
    entry = interned(&writer->locations, key, (int64_t) next);
    if (entry == NULL || ((size_t) entry->number == next && !fill_frame(writer, model, frame))) {
        writer->failed = true;
        return 0;
    }
    return (uint64_t) entry->number;
}

/* ---- Samples --------------------------------------------------------------------------------- */

static void set_locations(struct writer *writer, const struct lmm_model *model,
                          const struct lmm_model_site *site, struct item *item)
{
    size_t depth = site->stack == 0 ? 1 : model->frames[site->stack].depth;

    item->location_ids = calloc(depth, sizeof(uint64_t));
    if (item->location_ids == NULL) {
        writer->failed = true;
        return;
    }
    if (site->stack == 0) {
        item->location_ids[0] = place_of(writer, site);
    }
    for (uint32_t frame = site->stack, i = 0; frame != 0 && !writer->failed;
         frame = lmm_model_caller(model, frame)) {
        item->location_ids[i++] = frame_of(writer, model, frame);
    }
    item->sample.n_location_id = depth;
    item->sample.location_id = item->location_ids;
}

static void add_sample(struct writer *writer, const struct lmm_model *model,
                       const struct lmm_model_site *site, struct item *item)
{
    perftools__profiles__sample__init(&item->sample);
    set_locations(writer, model, site, item);
    perftools__profiles__label__init(&item->label);
    item->label.key = literal(writer, "family");
    item->label.str = name(writer, site->family->name);
    item->labels = &item->label;
    item->values[0] = clamped(site->allocations);
    item->values[1] = clamped(site->allocated_bytes);
    item->values[2] = clamped(site->live_blocks);
    item->values[3] = clamped(site->live_bytes);
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
    /* A period of one byte means that nothing is sampled. */
    set_type(writer, &writer->period_type, "space", "bytes");
    writer->profile.period_type = &writer->period_type;
    writer->profile.period = 1;
}

/* The time of the figures is known only for snapshots and for processes that exited. */
static void set_time(struct writer *writer, const struct lmm_model *model)
{
    uint64_t end = model->end_time_ns != 0 ? model->end_time_ns : model->snapshot_time_ns;

    writer->profile.time_nanos = clamped(model->start_time_ns);
    if (end > model->start_time_ns) {
        writer->profile.duration_nanos = clamped(end - model->start_time_ns);
    }
}

static Perftools__Profiles__Mapping *add_mapping(struct writer *writer, struct lmm_string path)
{
    Perftools__Profiles__Profile *profile = &writer->profile;
    Perftools__Profiles__Mapping *mapping = &writer->mappings[profile->n_mapping];

    perftools__profiles__mapping__init(mapping);
    mapping->id = profile->n_mapping + 1;
    mapping->filename = name(writer, path);
    mapping->has_functions = true;
    mapping->has_filenames = true;
    mapping->has_line_numbers = true;
    mapping->has_inline_frames = writer->has_modules;
    profile->mapping[profile->n_mapping++] = mapping;
    return mapping;
}

static int64_t build_id(struct writer *writer, const struct lmm_model_module *module)
{
    char *text = calloc(module->build_id_bytes + 1, 2);

    for (size_t i = 0; text != NULL && i < module->build_id_bytes; i++) {
        static const char digits[] = "0123456789abcdef";

        text[2 * i] = digits[module->build_id[i] >> 4];
        text[2 * i + 1] = digits[module->build_id[i] & 15];
    }
    return string_index(writer, text);
}

static bool is_executable(const struct lmm_model *model, const struct lmm_model_module *module)
{
    return module->path.bytes == model->executable.bytes &&
           memcmp(module->path.text, model->executable.text, module->path.bytes) == 0;
}

/* Tools expect the executable first; it may be in the list of modules, too. */
static void set_mappings(struct writer *writer, const struct lmm_model *model)
{
    writer->has_modules = model->module_count > 0;
    add_mapping(writer, model->executable);
    for (uint32_t i = 0; i < model->module_count; i++) {
        const struct lmm_model_module *module = &model->modules[i];
        bool is_first = is_executable(model, module) && writer->mappings[0].memory_limit == 0;
        Perftools__Profiles__Mapping *mapping =
            is_first ? &writer->mappings[0] : add_mapping(writer, module->path);

        mapping->memory_start = module->start;
        mapping->memory_limit = module->end;
        mapping->build_id = build_id(writer, module);
        writer->mapping_ids[i + 1] = mapping->id;
    }
}

static bool make_lists(struct writer *writer, size_t sites, size_t modules)
{
    writer->items = calloc(sites + 1, sizeof(struct item));
    writer->mappings = calloc(modules + 1, sizeof(Perftools__Profiles__Mapping));
    writer->mapping_ids = calloc(modules + 1, sizeof(uint64_t));
    writer->profile.sample = calloc(sites + 1, sizeof(Perftools__Profiles__Sample *));
    writer->profile.mapping = calloc(modules + 1, sizeof(Perftools__Profiles__Mapping *));
    return writer->items != NULL && writer->mappings != NULL && writer->mapping_ids != NULL &&
           writer->profile.sample != NULL && writer->profile.mapping != NULL;
}

/* Fills the profile; returns false if memory runs out. */
static bool make_profile(struct writer *writer, const struct lmm_model *model, size_t count)
{
    perftools__profiles__profile__init(&writer->profile);
    if (!make_lists(writer, count, model->module_count)) {
        return false;
    }
    literal(writer, "");
    set_types(writer);
    set_time(writer, model);
    set_mappings(writer, model);
    for (size_t i = 0; i < count && !writer->failed; i++) {
        add_sample(writer, model, &model->sites[i], &writer->items[i]);
    }
    return !writer->failed;
}

static void free_profile(struct writer *writer)
{
    for (size_t i = 0; i < writer->profile.n_sample; i++) {
        free(writer->items[i].location_ids);
    }
    for (size_t i = 0; i < writer->profile.n_location; i++) {
        free(writer->profile.location[i]); /* the start of its struct location */
    }
    for (size_t i = 0; i < writer->profile.n_function; i++) {
        free(writer->profile.function[i]);
    }
    free(writer->items);
    free(writer->mappings);
    free(writer->mapping_ids);
    free(writer->profile.sample);
    free(writer->profile.mapping);
    free(writer->profile.location);
    free(writer->profile.function);
    free(writer->profile.string_table);
    tdestroy(writer->strings, free_entry);
    tdestroy(writer->functions, free_entry);
    tdestroy(writer->locations, free_entry);
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
