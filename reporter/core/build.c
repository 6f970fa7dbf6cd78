/* SPDX-License-Identifier: MIT */
/* Records are copied and checked here, counters summed in counters.c, and then every figure is
 * defined by model.c. */
#include "reporter/core/build.h"

#include <errno.h>
#include <lmm/ledger.h>
#include <string.h>

#include "reporter/core/books.h"
#include "reporter/core/counters.h"
#include "reporter/core/hash.h"
#include "reporter/core/losses.h"
#include "reporter/core/mismatches.h"
#include "reporter/core/model.h"
#include "reporter/core/model_order.h"
#include "reporter/core/page_uses.h"
#include "reporter/core/require.h"
#include "reporter/core/saturate.h"

enum {
    ROOM_FAMILIES = 8, /* records that other threads may add between sizing and building */
    ROOM_SITES = 64,
    ROOM_MODULES = 8,
    ROOM_FRAMES = 1024,
    ROOM_CHUNKS = 8,
    ROOM_MISMATCHES = 8,
    ROOM_KEEPERS = 128,
    SCRATCH_ALIGN = 16,
};

struct builder {
    unsigned char *scratch;
    size_t scratch_bytes;
    struct lmm_books books;
    struct lmm_model *model;
    struct lmm_model_family *families; /* in the order of the ledger */
    struct lmm_model_module *modules;
    struct lmm_model_frame *frames;
};

_Static_assert((int) LMM_MODEL_BUILD_ID_MAX == (int) LMM_LEDGER_BUILD_ID_MAX, "copied whole");

/* ---- Scratch memory -------------------------------------------------------------------------- */

static size_t rounded(size_t bytes)
{
    return (bytes + SCRATCH_ALIGN - 1) / SCRATCH_ALIGN * SCRATCH_ALIGN;
}

/* Returns zeroed room for count items, or NULL when the scratch memory is used up. */
static void *take(struct builder *builder, size_t count, size_t item_bytes)
{
    size_t bytes;
    void *taken = builder->scratch;

    LMM_REQUIRE((uintptr_t) taken % SCRATCH_ALIGN == 0 && item_bytes > 0);
    if (__builtin_mul_overflow(count, item_bytes, &bytes) || bytes > builder->scratch_bytes ||
        rounded(bytes) > builder->scratch_bytes) {
        return NULL;
    }
    builder->scratch += rounded(bytes);
    builder->scratch_bytes -= rounded(bytes);
    return memset(taken, 0, bytes);
}

static bool align_scratch(struct builder *builder)
{
    size_t skip = rounded((uintptr_t) builder->scratch) - (uintptr_t) builder->scratch;

    if (builder->scratch == NULL || skip > builder->scratch_bytes) {
        return false;
    }
    builder->scratch += skip;
    builder->scratch_bytes = (builder->scratch_bytes - skip) / SCRATCH_ALIGN * SCRATCH_ALIGN;
    return true;
}

/* Returns the number of records of a kind, limited to what the chunks can hold. */
static uint64_t count_records(const struct lmm_ledger_view *view, uint32_t kind,
                              size_t record_bytes)
{
    uint64_t records = 0;

    for (size_t i = 0; view->chunks != NULL && i < view->chunk_count; i++) {
        const struct lmm_ledger_chunk *chunk = view->chunks[i];

        if (lmm_books_is_chunk(chunk) && lmm_load_u32(&chunk->kind) == kind) {
            records +=
                lmm_smaller(lmm_load_u32(&chunk->used), lmm_load_u64(&chunk->bytes) / record_bytes);
        }
    }
    return records;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Each record adds losses of its site, and of the leader's. */
static uint64_t losses_room(uint64_t leaks, uint64_t sites)
{
    return lmm_smaller(2 * leaks, sites);
}

size_t lmm_model_bytes(const struct lmm_ledger_view *view)
{
    uint64_t families =
        count_records(view, LMM_LEDGER_FAMILIES, sizeof(struct lmm_ledger_family)) + ROOM_FAMILIES;
    uint64_t sites =
        count_records(view, LMM_LEDGER_SITES, sizeof(struct lmm_ledger_site)) + ROOM_SITES;
    uint64_t modules = count_records(view, LMM_LEDGER_MODULES, sizeof(struct lmm_ledger_module));
    uint64_t frames = count_records(view, LMM_LEDGER_FRAMES, sizeof(struct lmm_ledger_frame));
    uint64_t leaks =
        larger(count_records(view, LMM_LEDGER_LEAKS_EVEN, sizeof(struct lmm_ledger_leak)),
               count_records(view, LMM_LEDGER_LEAKS_ODD, sizeof(struct lmm_ledger_leak)));

    uint64_t mismatches =
        count_records(view, LMM_LEDGER_MISMATCHES, sizeof(struct lmm_ledger_mismatch)) +
        ROOM_MISMATCHES;
    uint64_t keepers = count_records(view, LMM_LEDGER_KEEPERS, sizeof(struct lmm_ledger_keeper));

    uint64_t page_uses =
        larger(count_records(view, LMM_LEDGER_PAGES_EVEN, sizeof(struct lmm_ledger_page_use)),
               count_records(view, LMM_LEDGER_PAGES_ODD, sizeof(struct lmm_ledger_page_use)));

    families = lmm_smaller(families, LMM_LEDGER_MAX_FAMILIES);
    keepers = keepers == 0 ? 0 : keepers + ROOM_KEEPERS;
    sites = lmm_smaller(sites, LMM_LEDGER_MAX_SITES);
    modules = modules == 0 ? 0 : lmm_smaller(modules + ROOM_MODULES, LMM_LEDGER_MAX_MODULES);
    frames = frames == 0 ? 0 : lmm_smaller(frames + ROOM_FRAMES, LMM_LEDGER_MAX_FRAMES);
    return SCRATCH_ALIGN + rounded(sizeof(struct lmm_model)) +
           rounded((view->chunk_count + ROOM_CHUNKS) * sizeof(struct lmm_span)) +
           rounded((size_t) families * sizeof(struct lmm_model_family)) +
           rounded((size_t) families * sizeof(struct lmm_model_family *)) +
           rounded((size_t) sites * sizeof(struct lmm_model_site)) +
           2 * rounded((size_t) sites * sizeof(struct lmm_sort_key)) +
           rounded((size_t) modules * sizeof(struct lmm_model_module)) +
           rounded((size_t) frames * sizeof(struct lmm_model_frame)) +
           rounded((size_t) leaks * sizeof(struct lmm_model_leak)) +
           rounded((size_t) mismatches * sizeof(struct lmm_model_mismatch)) +
           rounded((size_t) keepers * sizeof(struct lmm_model_keeper)) +
           rounded((size_t) page_uses * sizeof(struct lmm_model_page_use)) +
           rounded((size_t) losses_room(leaks, sites) * sizeof(struct lmm_model_losses)) +
           rounded(LMM_LEDGER_COMMAND_MAX);
}

/* ---- Header ---------------------------------------------------------------------------------- */

static enum lmm_model_process process_of(uint32_t state)
{
    switch (state) {
    case LMM_LEDGER_EXITED: return LMM_MODEL_EXITED;
    case LMM_LEDGER_LOST: return LMM_MODEL_LOST;
    default: return LMM_MODEL_RUNNING;
    }
}

static void read_header(struct lmm_model *model, const struct lmm_ledger_header *header)
{
    model->executable.text = header->executable;
    model->executable.bytes = strnlen(header->executable, sizeof(header->executable));
    model->program = lmm_model_last_component(model->executable);
    if (model->program.bytes == 0) {
        model->program = lmm_string_of("(unknown)");
    }
    model->pid = header->pid;
    model->parent_pid = header->parent_pid;
    model->system_page_bytes = header->system_page_bytes;
    model->lost_errno = lmm_load_u32(&header->lost_errno);
    model->process = process_of(lmm_load_u32(&header->state));
    model->start_time_ns = header->start_time_ns;
    model->end_time_ns = lmm_load_u64(&header->end_time_ns);
    model->snapshot_time_ns = header->snapshot_time_ns;
    model->attach_time_ns = lmm_load_u64(&header->attach_time_ns);
    model->detach_time_ns = lmm_load_u64(&header->detach_time_ns);
    model->sites_merged = lmm_load_u32(&header->sites_merged);
    model->reservoir_bytes = lmm_load_u64(&header->reservoir_bytes);
    model->overhead_bytes = lmm_load_u64(&header->overhead_bytes);
    model->is_drop_in = lmm_load_u32(&header->is_drop_in) != 0;
    model->stack_frames = lmm_load_u32(&header->stack_frames);
}

/* A writer may set the stack after its frames were counted: then there is none here. */
static void read_panic(struct lmm_model *model, const struct lmm_ledger_header *header)
{
    uint32_t stack = lmm_load_u32(&header->panic_stack);

    model->panic.text = header->panic_message;
    model->panic.bytes = (size_t) lmm_smaller(lmm_load_u32_acquire(&header->panic_bytes),
                                              sizeof(header->panic_message));
    model->panic_stack = model->panic.bytes > 0 && stack < model->frame_count ? stack : 0;
}

static void read_exit(struct lmm_model *model, const struct lmm_ledger_header *header)
{
    static const enum lmm_model_exit exits[] = {
        [LMM_LEDGER_EXIT_UNTOLD] = LMM_MODEL_EXIT_UNTOLD,
        [LMM_LEDGER_EXIT_NOT_YET] = LMM_MODEL_EXIT_NOT_YET,
        [LMM_LEDGER_EXIT_NORMAL] = LMM_MODEL_EXIT_NORMAL,
        [LMM_LEDGER_EXIT_QUICK] = LMM_MODEL_EXIT_QUICK,
    };
    uint32_t kind = lmm_load_u32_acquire(&header->exit_kind);

    model->started = lmm_load_u32(&header->started);
    model->exit = kind < sizeof(exits) / sizeof(exits[0]) ? exits[kind] : LMM_MODEL_EXIT_UNTOLD;
    model->exit_status = (int) (lmm_load_u32(&header->exit_status) & 0xff);
}

/* Returns the last component of the first argument. What follows a blank or a colon in it is not typed: a
 * process has changed its title ("sshd: user@pts/0"), and its child has that as its command. */
static struct lmm_string typed_of(const char *command, size_t bytes)
{
    struct lmm_string first = {command, strnlen(command, bytes)};

    for (size_t i = 0; i < first.bytes; i++) {
        if (command[i] == ' ' || command[i] == ':') {
            first.bytes = i;
        }
    }
    return lmm_model_last_component(first);
}

/* Copies the command, with a blank for each NUL between its arguments. */
static bool read_command(struct builder *builder, const struct lmm_ledger_header *header)
{
    size_t bytes = (size_t) lmm_smaller(header->command_bytes, sizeof(header->command));
    char *text = take(builder, bytes, 1);

    if (text == NULL) {
        return false;
    }
    memcpy(text, header->command, bytes);
    builder->model->typed = typed_of(header->command, bytes);
    while (bytes > 0 && text[bytes - 1] == '\0') {
        bytes--;
    }
    for (size_t i = 0; i < bytes; i++) {
        text[i] = text[i] == '\0' ? ' ' : text[i];
    }
    builder->model->command = (struct lmm_string) {text, bytes};
    return true;
}

/* A writer may set a reference after its strings were counted: then there is none here. */
static void read_paths(struct builder *builder, const struct lmm_ledger_header *header)
{
    struct lmm_model *model = builder->model;

    if (!lmm_books_string(&builder->books, lmm_load_u32(&header->other_malloc),
                          &model->other_malloc)) {
        model->other_malloc = lmm_string_of("");
    }
    if (!lmm_books_string(&builder->books, lmm_load_u32(&header->leak_suppressions),
                          &model->leak_suppressions)) {
        model->leak_suppressions = lmm_string_of("");
    }
    if (!lmm_books_string(&builder->books, lmm_load_u32(&header->linked_allocator),
                          &model->linked_allocator)) {
        model->linked_allocator = lmm_string_of("");
    }
}

static int open_books(struct builder *builder, const struct lmm_ledger_view *view)
{
    struct lmm_span *spans = take(builder, view->chunk_count, sizeof(struct lmm_span));

    if (spans == NULL) {
        return -ENOSPC;
    }
    return lmm_books_open(view, spans, &builder->books) ? 0 : -EINVAL;
}

/* ---- Records --------------------------------------------------------------------------------- */

/* Returns the name without the " (...)" at its end; all of it when there is none. */
static struct lmm_string name_of_type(struct lmm_string name)
{
    for (size_t i = name.bytes; i-- > 1;) {
        if (name.text[i] == '(' && name.text[i - 1] == ' ') {
            return (struct lmm_string) {name.text, i - 1};
        }
    }
    return name;
}

static bool read_family(const struct builder *builder, const struct lmm_ledger_family *record,
                        struct lmm_model_family *family)
{
    family->size_bytes = lmm_load_u64(&record->size_bytes);
    family->align_bytes = lmm_load_u32(&record->align_bytes);
    family->stride_bytes = lmm_load_u64(&record->stride_bytes);
    family->limit_bytes = lmm_load_u64(&record->limit_bytes);
    family->pages = lmm_load_u64(&record->pages);
    family->mapped_bytes = lmm_load_u64(&record->mapped_bytes);
    family->committed_bytes = lmm_load_u64(&record->committed_bytes);
    family->slots = lmm_load_u64(&record->slots);
    family->run_free_slots = lmm_load_u64(&record->run_free_slots);
    family->longest_run_slots = lmm_load_u64(&record->longest_run_slots);
    uint64_t flags = lmm_load_u64(&record->flags);
    family->counts_bytes = (flags & LMM_LEDGER_FAMILY_BYTES) != 0;
    family->is_namesake = (flags & LMM_LEDGER_FAMILY_NAMESAKE) != 0;
    family->peak_bytes = lmm_multiply_saturated(lmm_load_u64(&record->peak_amount),
                                                family->counts_bytes ? 1 : family->size_bytes);
    if (!lmm_books_string(&builder->books, lmm_load_u32(&record->name), &family->name)) {
        return false;
    }
    family->type = family->is_namesake ? name_of_type(family->name) : family->name;
    return family->size_bytes > 0 && family->stride_bytes > 0 &&
           (family->counts_bytes || family->stride_bytes >= family->size_bytes) &&
           family->align_bytes > 0 && (family->align_bytes & (family->align_bytes - 1)) == 0;
}

static bool read_site(const struct builder *builder, const struct lmm_ledger_site *record,
                      struct lmm_model_site *site)
{
    uint32_t family = lmm_load_u32(&record->family);

    if (family >= builder->model->family_count) {
        return false;
    }
    site->family = &builder->families[family];
    site->line = lmm_load_u32(&record->line);
    return lmm_books_string(&builder->books, lmm_load_u32(&record->file), &site->file) &&
           lmm_books_string(&builder->books, lmm_load_u32(&record->function), &site->function);
}

static void read_file(const struct lmm_ledger_module *record, struct lmm_model_module *module)
{
    module->has_file = lmm_load_u32(&record->has_file) != 0;
    module->file_device = lmm_load_u64(&record->file_device);
    module->file_inode = lmm_load_u64(&record->file_inode);
    module->file_bytes = lmm_load_u64(&record->file_bytes);
    module->file_changed_ns = record->file_changed_ns;
}

static bool read_module(const struct builder *builder, const struct lmm_span *span, uint32_t i,
                        struct lmm_model_module *module)
{
    const struct lmm_ledger_module *record =
        (const void *) (span->records + (size_t) i * span->record_bytes);

    if (span->record_bytes >= sizeof(*record)) {
        read_file(record, module);
    }
    module->start = lmm_load_u64(&record->start);
    module->end = lmm_load_u64(&record->end);
    module->bias = lmm_load_u64(&record->bias);
    module->is_gone = lmm_load_u32(&record->gone) != 0;
    module->build_id_bytes = lmm_load_u32(&record->build_id_bytes);
    if (module->build_id_bytes > sizeof(module->build_id) || module->end < module->start ||
        !lmm_books_string(&builder->books, lmm_load_u32(&record->path), &module->path)) {
        return false;
    }
    memcpy(module->build_id, record->build_id, module->build_id_bytes);
    module->key = lmm_hash_string(0, lmm_model_last_component(module->path));
    return true;
}

/* A frame's caller has a lower number, so it was read before. Number 0 is no frame. */
static bool read_frame(const struct builder *builder, const struct lmm_ledger_frame *record,
                       uint32_t number, struct lmm_model_frame *frame)
{
    const struct lmm_model *model = builder->model;

    if (number == 0) {
        return true;
    }
    frame->address = lmm_load_u64(&record->address);
    frame->caller = lmm_load_u32(&record->caller);
    frame->module = lmm_load_u32(&record->module);
    if (frame->caller >= number || frame->module > model->module_count) {
        return false;
    }
    const struct lmm_model_frame *caller = &builder->frames[frame->caller];
    uint64_t key = frame->module == 0 ? 0 : builder->modules[frame->module - 1].key;

    frame->depth = caller->depth + 1;
    frame->key = lmm_hash_u64(lmm_hash_u64(caller->key, key), lmm_model_offset(model, number));
    return frame->depth <= LMM_MODEL_STACK_MAX;
}

/* A writer may add a frame and its guess after the frames were counted. */
static void read_guess(const struct builder *builder, const uint32_t *record)
{
    uint32_t frame = lmm_load_u32(record);

    if (frame < builder->model->frame_count) {
        builder->frames[frame].is_guess = true;
    }
}

/* A writer may set a site's stack after the frames were counted: then the site has no stack
 * here. */
static void read_stack(const struct builder *builder, const uint32_t *record,
                       struct lmm_model_site *site)
{
    uint32_t stack = lmm_load_u32(record);

    site->stack = stack < builder->model->frame_count ? stack : 0;
    site->stack_key = site->stack == 0 ? 0 : builder->frames[site->stack].key;
}

/* The last record is the last mark. */
static bool read_mark(const struct builder *builder, const struct lmm_ledger_mark *record,
                      uint32_t index)
{
    struct lmm_model_mark *mark = &builder->model->mark;

    mark->number = index + 1;
    mark->time_ns = lmm_load_u64(&record->time_ns);
    return lmm_books_string(&builder->books, lmm_load_u32(&record->text), &mark->text);
}

static bool read_keeper(const struct lmm_ledger_keeper *record, struct lmm_model_keeper *keeper)
{
    keeper->bytes = lmm_load_u64(&record->bytes);
    keeper->site = lmm_load_u32(&record->site);
    return keeper->site < LMM_LEDGER_MAX_SITES;
}

static bool read_record(const struct builder *builder, const struct lmm_span *span, uint32_t i)
{
    const void *records = span->records;
    uint32_t index = span->first + i;
    struct lmm_model *model = builder->model;

    switch (span->kind) {
    case LMM_LEDGER_FAMILIES:
        model->families[index] = &builder->families[index];
        builder->families[index].number = index;
        return read_family(builder, (const struct lmm_ledger_family *) records + i,
                           &builder->families[index]);
    case LMM_LEDGER_MODULES: return read_module(builder, span, i, &builder->modules[index]);
    case LMM_LEDGER_FRAMES:
        return read_frame(builder, (const struct lmm_ledger_frame *) records + i, index,
                          &builder->frames[index]);
    case LMM_LEDGER_GUESSES: read_guess(builder, (const uint32_t *) records + i); return true;
    case LMM_LEDGER_STACKS:
        if (index < model->site_count) {
            read_stack(builder, (const uint32_t *) records + i, &model->sites[index]);
        }
        return true;
    case LMM_LEDGER_SITES:
        model->sites[index].id = index;
        return read_site(builder, (const struct lmm_ledger_site *) records + i,
                         &model->sites[index]);
    case LMM_LEDGER_MARKS:
        return read_mark(builder, (const struct lmm_ledger_mark *) records + i, index);
    case LMM_LEDGER_KEEPERS:
        return read_keeper((const struct lmm_ledger_keeper *) records + i, &model->keepers[index]);
    default: return true; /* counters.c reads the counters */
    }
}

static int take_records(struct builder *builder)
{
    struct lmm_model *model = builder->model;
    uint64_t families = lmm_books_count(&builder->books, LMM_LEDGER_FAMILIES);
    uint64_t sites = lmm_books_count(&builder->books, LMM_LEDGER_SITES);
    uint64_t modules = lmm_books_count(&builder->books, LMM_LEDGER_MODULES);
    uint64_t frames = lmm_books_count(&builder->books, LMM_LEDGER_FRAMES);

    if (families > LMM_LEDGER_MAX_FAMILIES || sites > LMM_LEDGER_MAX_SITES ||
        modules > LMM_LEDGER_MAX_MODULES || frames > LMM_LEDGER_MAX_FRAMES) {
        return -EINVAL;
    }
    model->family_count = (size_t) families;
    model->site_count = (size_t) sites;
    model->module_count = (uint32_t) modules;
    model->frame_count = (uint32_t) frames;
    builder->families = take(builder, model->family_count, sizeof(struct lmm_model_family));
    model->families = take(builder, model->family_count, sizeof(struct lmm_model_family *));
    model->sites = take(builder, model->site_count, sizeof(struct lmm_model_site));
    builder->modules = take(builder, model->module_count, sizeof(struct lmm_model_module));
    builder->frames = take(builder, model->frame_count, sizeof(struct lmm_model_frame));
    model->keeper_count = (size_t) lmm_books_count(&builder->books, LMM_LEDGER_KEEPERS);
    model->keepers = take(builder, model->keeper_count, sizeof(struct lmm_model_keeper));
    model->modules = builder->modules;
    model->frames = builder->frames;
    return builder->families == NULL || model->families == NULL || model->sites == NULL ||
                   model->modules == NULL || model->frames == NULL || model->keepers == NULL
               ? -ENOSPC
               : 0;
}

static int read_losses(struct builder *builder)
{
    struct lmm_losses_room room = {.leak_count = lmm_losses_records(&builder->books)};

    room.loss_count = (size_t) losses_room(room.leak_count, builder->model->site_count);
    room.leaks = take(builder, room.leak_count, sizeof(*room.leaks));
    room.losses = take(builder, room.loss_count, sizeof(*room.losses));
    return room.leaks == NULL || room.losses == NULL
               ? -ENOSPC
               : lmm_losses_read(&builder->books, &room, builder->model);
}

static int read_page_uses(struct builder *builder)
{
    size_t count = lmm_page_uses_records(&builder->books);
    struct lmm_model_page_use *room = take(builder, count, sizeof(*room));

    return room == NULL ? -ENOSPC
                        : lmm_page_uses_read(&builder->books, room, count, builder->model);
}

static int read_mismatches(struct builder *builder)
{
    size_t count = lmm_mismatches_records(&builder->books);
    struct lmm_model_mismatch *room = take(builder, count, sizeof(*room));

    if (room == NULL) {
        return -ENOSPC;
    }
    lmm_mismatches_read(&builder->books, room, count, builder->model);
    return 0;
}

/* In the order of the spans a record comes after those that it refers to. */
static int read_records(struct builder *builder)
{
    int error = take_records(builder);

    for (size_t i = 0; error == 0 && i < builder->books.span_count; i++) {
        const struct lmm_span *span = &builder->books.spans[i];

        for (uint32_t k = 0; error == 0 && k < span->count; k++) {
            error = read_record(builder, span, k) ? 0 : -EINVAL;
        }
    }
    return error;
}

static int order_rows(struct builder *builder)
{
    size_t count = builder->model->site_count;
    struct lmm_sort_key *keys = take(builder, count, sizeof(*keys));
    struct lmm_sort_key *room = take(builder, count, sizeof(*room));

    if (keys == NULL || room == NULL) {
        return -ENOSPC;
    }
    lmm_model_order(builder->model, keys, room);
    return 0;
}

int lmm_model_build(const struct lmm_ledger_view *view, void *scratch, size_t scratch_bytes,
                    struct lmm_model **ret_model)
{
    struct builder builder = {.scratch = scratch, .scratch_bytes = scratch_bytes};
    int error;

    error = view == NULL ? -EINVAL : lmm_books_check_header(view->header);
    if (error != 0) {
        return error == -ENOTSUP ? -ENOTSUP : -EINVAL;
    }
    if (!align_scratch(&builder)) {
        return -ENOSPC;
    }
    builder.model = take(&builder, 1, sizeof(struct lmm_model));
    if (builder.model == NULL) {
        return -ENOSPC;
    }
    read_header(builder.model, view->header);
    error = read_command(&builder, view->header) ? open_books(&builder, view) : -ENOSPC;
    if (error == 0) {
        read_paths(&builder, view->header);
    }
    error = error != 0 ? error : read_records(&builder);
    error = error != 0 ? error : read_losses(&builder);
    error = error != 0 ? error : read_page_uses(&builder);
    error = error != 0 ? error : read_mismatches(&builder);
    if (error != 0) {
        return error;
    }
    read_panic(builder.model, view->header);
    read_exit(builder.model, view->header);
    lmm_counters_read(&builder.books, builder.model);
    lmm_model_define(builder.model, builder.families);
    error = order_rows(&builder);
    if (error != 0) {
        return error;
    }
    LMM_REQUIRE(lmm_model_is_valid(builder.model));
    *ret_model = builder.model;
    return 0;
}
