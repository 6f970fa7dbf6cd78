/* SPDX-License-Identifier: MIT */
/*
 * pprof: a gzipped Profile of profile.proto, for `go tool pprof` and other readers of that format.
 * Each site is a sample: its locations are the frames of its stack, or its one line; its labels are
 * the family and, where it is known, the type.
 *
 * Names are escaped as in text reports, because pprof prints them on terminals without escaping.
 * Its numbers are signed, so a figure above INT64_MAX, which only a damaged ledger has, becomes
 * INT64_MAX.
 */
#include <assert.h>
#include <errno.h>
#include <profile.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/formats/pprof_tables.h"
#include "reporter/program/base/names.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"

enum {
    VALUES = 7,
    LABELS = 2,
    GZIP_WINDOW_BITS = 15 + 16, /* asks zlib for a gzip header */
    GZIP_MEMORY_LEVEL = 8,
    PACKED_BYTES = 16384,
};

/* A sample and the arrays that it points to. */
struct item {
    Perftools__Profiles__Sample sample;
    Perftools__Profiles__Label label[LABELS];
    Perftools__Profiles__Label *labels[LABELS];
    uint64_t *location_ids;
    int64_t values[VALUES];
};

struct writer {
    Perftools__Profiles__ValueType types[VALUES];
    Perftools__Profiles__ValueType *type_list[VALUES];
    Perftools__Profiles__ValueType period_type;
    Perftools__Profiles__Mapping *mappings;
    uint64_t *mapping_ids; /* by a frame's module; 0: no module */
    struct item *items;
    struct lmm_pprof_tables tables;
    bool has_modules;
};

/* ---- Locations ------------------------------------------------------------------------------- */

static int64_t literal(struct writer *writer, const char *text)
{
    return lmm_pprof_string(&writer->tables, strdup(text));
}

static int64_t name(struct writer *writer, struct lmm_string string)
{
    return lmm_pprof_string(&writer->tables, lmm_name_escaped(string));
}

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
    return lmm_pprof_string(&writer->tables, both);
}

static uint64_t place_of(struct writer *writer, const struct lmm_model_site *site)
{
    int64_t function = function_name(writer, site);
    int64_t file = site->line != 0 ? name(writer, site->file) : 0;
    Perftools__Profiles__Location *location = lmm_pprof_add_location(&writer->tables, 1);

    if (location == NULL) {
        return 0;
    }
    location->mapping_id = 1;
    lmm_pprof_add_line(location, lmm_pprof_function(&writer->tables, function, file), site->line);
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
    lmm_pprof_add_line(lines->location,
                       lmm_pprof_function(&writer->tables, name(writer, call->function), file),
                       call->line);
    return !writer->tables.failed;
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
    lines.location = lmm_pprof_add_location(&writer->tables, count);
    if (lines.location == NULL) {
        return false;
    }
    lines.location->address = model->frames[frame].address - 1;
    assert(model->frames[frame].module <= model->module_count);
    lines.location->mapping_id = writer->mapping_ids[model->frames[frame].module];
    lmm_stack_walk(model, frame, count, add_call, &lines);
    return !writer->tables.failed;
}

/* Returns the id of the location of a frame: one for each calling address. */
static uint64_t frame_of(struct writer *writer, const struct lmm_model *model, uint32_t frame)
{
    uint64_t id =
        lmm_pprof_frame(&writer->tables, model->frames[frame].module, model->frames[frame].address);

    if (id > writer->tables.profile.n_location && !fill_frame(writer, model, frame)) {
        writer->tables.failed = true;
        return 0;
    }
    return id;
}

/* ---- Samples --------------------------------------------------------------------------------- */

static void set_locations(struct writer *writer, const struct lmm_model *model,
                          const struct lmm_model_site *site, struct item *item)
{
    size_t depth = site->stack == 0 ? 1 : model->frames[site->stack].depth;

    item->location_ids = calloc(depth, sizeof(uint64_t));
    if (item->location_ids == NULL) {
        writer->tables.failed = true;
        return;
    }
    if (site->stack == 0) {
        item->location_ids[0] = place_of(writer, site);
    }
    for (uint32_t frame = site->stack, i = 0; frame != 0 && !writer->tables.failed;
         frame = lmm_model_caller(model, frame)) {
        item->location_ids[i++] = frame_of(writer, model, frame);
    }
    item->sample.n_location_id = depth;
    item->sample.location_id = item->location_ids;
}

static void add_label(struct writer *writer, struct item *item, const char *key,
                      struct lmm_string value)
{
    Perftools__Profiles__Label *label = &item->label[item->sample.n_label];

    assert(item->sample.n_label < LABELS);
    perftools__profiles__label__init(label);
    label->key = literal(writer, key);
    label->str = name(writer, value);
    item->labels[item->sample.n_label++] = label;
    item->sample.label = item->labels;
}

static void add_sample(struct writer *writer, const struct lmm_model *model,
                       const struct lmm_model_site *site, struct item *item)
{
    struct lmm_string type = lmm_site_type_name(model, site);

    perftools__profiles__sample__init(&item->sample);
    set_locations(writer, model, site, item);
    add_label(writer, item, "family", site->family->name);
    if (type.bytes > 0) {
        add_label(writer, item, "type", type);
    }
    item->values[0] = clamped(site->allocations);
    item->values[1] = clamped(site->allocated_bytes);
    item->values[2] = clamped(site->live_blocks);
    item->values[3] = clamped(site->live_bytes);
    item->values[4] = clamped(site->peak_blocks);
    item->values[5] = clamped(site->peak_bytes);
    item->values[6] = clamped(site->temporaries);
    item->sample.n_value = VALUES;
    item->sample.value = item->values;
    writer->tables.profile.sample[writer->tables.profile.n_sample++] = &item->sample;
}

/* ---- The profile ----------------------------------------------------------------------------- */

static void set_type(struct writer *writer, Perftools__Profiles__ValueType *value_type,
                     const char *type, const char *unit)
{
    perftools__profiles__value_type__init(value_type);
    value_type->type = literal(writer, type);
    value_type->unit = literal(writer, unit);
}

static void set_types(struct writer *writer, enum lmm_export measure)
{
    static const char *const shown[] = {
        [LMM_EXPORT_USUAL] = "inuse_space",
        [LMM_EXPORT_LIVE] = "inuse_space",
        [LMM_EXPORT_PEAK] = "peak_space",
        [LMM_EXPORT_ALLOCATED] = "alloc_space",
        [LMM_EXPORT_TEMPORARY] = "temporary_objects",
    };
    static const char *const types[VALUES][2] = {
        {"alloc_objects", "count"},     {"alloc_space", "bytes"},  {"inuse_objects", "count"},
        {"inuse_space", "bytes"},       {"peak_objects", "count"}, {"peak_space", "bytes"},
        {"temporary_objects", "count"},
    };

    for (size_t i = 0; i < VALUES; i++) {
        set_type(writer, &writer->types[i], types[i][0], types[i][1]);
        writer->type_list[i] = &writer->types[i];
    }
    writer->tables.profile.n_sample_type = VALUES;
    writer->tables.profile.sample_type = writer->type_list;
    writer->tables.profile.default_sample_type = literal(writer, shown[measure]);
    /* A period of one byte means that nothing is sampled. */
    set_type(writer, &writer->period_type, "space", "bytes");
    writer->tables.profile.period_type = &writer->period_type;
    writer->tables.profile.period = 1;
}

/* The time of the figures is known only for snapshots and for processes that exited. */
static void set_time(struct writer *writer, const struct lmm_model *model)
{
    uint64_t end = model->end_time_ns != 0 ? model->end_time_ns : model->snapshot_time_ns;

    writer->tables.profile.time_nanos = clamped(model->start_time_ns);
    if (end > model->start_time_ns) {
        writer->tables.profile.duration_nanos = clamped(end - model->start_time_ns);
    }
}

static Perftools__Profiles__Mapping *add_mapping(struct writer *writer, struct lmm_string path)
{
    Perftools__Profiles__Profile *profile = &writer->tables.profile;
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
    return lmm_pprof_string(&writer->tables, text);
}

/* Tools expect the executable first; it may be in the list of modules, too. */
static void set_mappings(struct writer *writer, const struct lmm_model *model)
{
    writer->has_modules = model->module_count > 0;
    add_mapping(writer, model->executable);
    for (uint32_t i = 0; i < model->module_count; i++) {
        const struct lmm_model_module *module = &model->modules[i];
        bool is_first = writer->mappings[0].memory_limit == 0 &&
                        lmm_compare_strings(module->path, model->executable) == 0;
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
    writer->tables.profile.sample = calloc(sites + 1, sizeof(Perftools__Profiles__Sample *));
    writer->tables.profile.mapping = calloc(modules + 1, sizeof(Perftools__Profiles__Mapping *));
    return writer->items != NULL && writer->mappings != NULL && writer->mapping_ids != NULL &&
           writer->tables.profile.sample != NULL && writer->tables.profile.mapping != NULL;
}

/* Fills the profile; returns false if memory runs out. */
static bool make_profile(struct writer *writer, const struct lmm_model *model, size_t count,
                         enum lmm_export measure)
{
    perftools__profiles__profile__init(&writer->tables.profile);
    if (!make_lists(writer, count, model->module_count)) {
        return false;
    }
    literal(writer, "");
    set_types(writer, measure);
    set_time(writer, model);
    set_mappings(writer, model);
    for (size_t i = 0; i < count && !writer->tables.failed; i++) {
        add_sample(writer, model, &model->sites[i], &writer->items[i]);
    }
    return !writer->tables.failed;
}

static void free_profile(struct writer *writer)
{
    for (size_t i = 0; i < writer->tables.profile.n_sample; i++) {
        free(writer->items[i].location_ids);
    }
    free(writer->items);
    free(writer->mappings);
    free(writer->mapping_ids);
    free(writer->tables.profile.sample);
    free(writer->tables.profile.mapping);
    lmm_pprof_tables_free(&writer->tables);
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
    struct writer writer = {.has_modules = false};
    bool made = make_profile(&writer, model, lmm_sites_shown(model, options, model->site_count),
                             options->measure);
    int error = made ? put_profile(sink, &writer.tables.profile) : -ENOMEM;

    free_profile(&writer);
    return error;
}
