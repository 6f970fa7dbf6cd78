/* SPDX-License-Identifier: MIT */
#include "lib/books/accounts.h"

#include "lib/books/series.h"
#include "lib/ground/meta.h"
#include "lib/ground/reservoir.h"
#include "lib/ground/system.h"

#include <errno.h>
#include <string.h>

static struct {
    struct lmm_series strings;
    struct lmm_series families;
    struct lmm_series sites;
    struct lmm_series modules;
    struct lmm_series frames;
    struct lmm_series guesses; /* frames, ascending */
    struct lmm_series stacks;  /* by site; only where sites are stacks */
    bool has_slots;            /* a family counts other things than bytes requested */
    uint64_t inherited_blocks; /* alive at the fork that created this process */
    uint32_t last_file;        /* string references, most likely needed again */
    uint32_t last_function;
} ledger = {
    .strings = {.kind = LMM_LEDGER_STRINGS, .record_bytes = 1},
    .families = {.kind = LMM_LEDGER_FAMILIES, .record_bytes = sizeof(struct lmm_ledger_family)},
    .sites = {.kind = LMM_LEDGER_SITES, .record_bytes = sizeof(struct lmm_ledger_site)},
    .modules = {.kind = LMM_LEDGER_MODULES, .record_bytes = sizeof(struct lmm_ledger_module)},
    .frames = {.kind = LMM_LEDGER_FRAMES, .record_bytes = sizeof(struct lmm_ledger_frame)},
    .guesses = {.kind = LMM_LEDGER_GUESSES, .record_bytes = sizeof(uint32_t)},
    .stacks = {.kind = LMM_LEDGER_STACKS, .record_bytes = sizeof(uint32_t)},
};

/* ---- Strings --------------------------------------------------------------------------------- */

static bool add_string_locked(const char *text, uint32_t *ret_reference)
{
    size_t bytes = strlen(text) + 1;

    if (bytes > UINT16_MAX) {
        text = "(name too long)";
        bytes = strlen(text) + 1;
    }
    if (ledger.strings.used > UINT32_MAX / 2) {
        return false;
    }
    char *room = lmm_series_reserve_locked(&ledger.strings, (uint32_t) bytes);
    if (room == NULL) {
        return false;
    }
    memcpy(room, text, bytes);
    *ret_reference = lmm_series_commit_locked(&ledger.strings, (uint32_t) bytes);
    return true;
}

bool lmm_accounts_add_text_locked(const char *text, uint32_t *ret_reference)
{
    if (*text == '\0') {
        *ret_reference = 0; /* the empty string is the first */
        return true;
    }
    return add_string_locked(text, ret_reference);
}

/* As add_string_locked(), but uses the last string again if it is the same. */
static bool share_string_locked(const char *text, uint32_t *last)
{
    const char *same = lmm_series_record(&ledger.strings, *last);

    return strcmp(same, text) == 0 || add_string_locked(text, last);
}

/* ---- Start and end --------------------------------------------------------------------------- */

bool lmm_accounts_start(void)
{
    uint32_t empty;

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = (lmm_chunks_header() != NULL || lmm_chunks_start()) &&
                (ledger.strings.used != 0 || add_string_locked("", &empty));
    if (done) {
        lmm_chunks_publish();
    }
    lmm_lock_release(&lmm_chunks_lock);
    return done;
}

static uint64_t live_blocks_locked(void)
{
    uint64_t blocks = 0;

    for (uint32_t site = 0; site < ledger.sites.used; site++) {
        struct lmm_ledger_row sum = lmm_rows_sum_locked(site);
        blocks += sum.allocated_blocks - sum.freed_blocks;
    }
    return blocks;
}

void lmm_accounts_publish(void)
{
    int saved_errno = errno;

    lmm_lock_acquire(&lmm_chunks_lock);
    if (lmm_chunks_are_pending()) {
        ledger.inherited_blocks = live_blocks_locked();
        lmm_chunks_publish();
    }
    lmm_lock_release(&lmm_chunks_lock);
    errno = saved_errno;
}

void lmm_accounts_end(bool keep)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    lmm_chunks_end(keep || (!LMM_DROP_IN && live_blocks_locked() > ledger.inherited_blocks));
    lmm_lock_release(&lmm_chunks_lock);
}

/* ---- Families and sites ---------------------------------------------------------------------- */

struct lmm_ledger_family *lmm_accounts_add_family(const char *name, size_t size, size_t align,
                                                  size_t stride, uint64_t flags)
{
    uint32_t reference;

    lmm_lock_acquire(&lmm_chunks_lock);
    struct lmm_ledger_family *record = NULL;
    if (add_string_locked(name, &reference)) {
        record = lmm_series_reserve_locked(&ledger.families, 1);
    }
    if (record != NULL) {
        record->name = reference;
        record->align_bytes = (uint32_t) align;
        record->size_bytes = size;
        record->stride_bytes = stride;
        record->flags = flags;
        ledger.has_slots |= (flags & LMM_LEDGER_FAMILY_BYTES) == 0;
        lmm_series_commit_locked(&ledger.families, 1);
    }
    lmm_lock_release(&lmm_chunks_lock);
    return record;
}

void lmm_accounts_drop_family(void)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    lmm_series_drop_locked(&ledger.families);
    lmm_lock_release(&lmm_chunks_lock);
}

void lmm_accounts_note_memory(void)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    lmm_store_relaxed(&header->reservoir_bytes, lmm_reservoir_kept_bytes());
    lmm_store_relaxed(&header->overhead_bytes, lmm_meta_mapped_bytes());
}

/* The memory of LMM's own records changes with each page. */
void lmm_accounts_count_page(struct lmm_ledger_family *record, int64_t sign, size_t bytes,
                             size_t slots)
{
    LMM_CHECK(record != NULL && (sign == 1 || sign == -1));
    lmm_fetch_add_relaxed(&record->pages, (uint64_t) sign);
    lmm_fetch_add_relaxed(&record->mapped_bytes, (uint64_t) (sign * (int64_t) bytes));
    lmm_fetch_add_relaxed(&record->slots, (uint64_t) (sign * (int64_t) slots));
    lmm_accounts_note_memory();
}

void lmm_accounts_count_committed(struct lmm_ledger_family *record, int64_t bytes)
{
    if (bytes != 0) { /* mostly the memory is used again */
        lmm_fetch_add_relaxed(&record->committed_bytes, (uint64_t) bytes);
    }
}

/* Adds a site whose strings have been added. */
static bool add_site_locked(const struct lmm_ledger_site *site, uint32_t *ret_id)
{
    struct lmm_ledger_site *record = lmm_rows_reach_locked(ledger.sites.used + 1)
                                         ? lmm_series_reserve_locked(&ledger.sites, 1)
                                         : NULL;

    if (record == NULL) {
        return false;
    }
    *record = *site;
    *ret_id = lmm_series_commit_locked(&ledger.sites, 1);
    return true;
}

bool lmm_accounts_add_site(uint32_t family, uint32_t line, const char *file, const char *function,
                           uint32_t *ret_id)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = share_string_locked(file, &ledger.last_file) &&
                share_string_locked(function, &ledger.last_function);
    if (done) {
        struct lmm_ledger_site site = {family, line, ledger.last_file, ledger.last_function};
        done = add_site_locked(&site, ret_id);
    }
    lmm_lock_release(&lmm_chunks_lock);
    return done;
}

/* ---- Modules, frames and stacks -------------------------------------------------------------- */

/* Room for the stack of the site that comes next; sites before it that have none get 0. */
static bool reach_stacks_locked(void)
{
    return lmm_series_reach_locked(&ledger.stacks, ledger.sites.used) &&
           lmm_series_reserve_locked(&ledger.stacks, 1) != NULL;
}

bool lmm_accounts_add_stack_site(uint32_t family, uint32_t frame, uint32_t *ret_id)
{
    struct lmm_ledger_site site = {.family = family};
    uint32_t index;

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = reach_stacks_locked() && add_site_locked(&site, ret_id) &&
                lmm_series_add_locked(&ledger.stacks, &frame, &index);
    lmm_lock_release(&lmm_chunks_lock);
    return done;
}

uint32_t lmm_accounts_add_frame(uint64_t address, uint32_t caller, uint32_t module)
{
    const struct lmm_ledger_frame none = {0};
    const struct lmm_ledger_frame frame = {address, caller, module};
    uint32_t number = 0;

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done =
        ledger.frames.used < LMM_LEDGER_MAX_FRAMES &&
        (ledger.frames.used != 0 || lmm_series_add_locked(&ledger.frames, &none, &number)) &&
        lmm_series_add_locked(&ledger.frames, &frame, &number);
    lmm_lock_release(&lmm_chunks_lock);
    if (!done) {
        errno = ENOMEM;
        return 0;
    }
    return number;
}

void lmm_accounts_note_guess(uint32_t frame)
{
    uint32_t index;

    lmm_lock_acquire(&lmm_chunks_lock);
    lmm_series_add_locked(&ledger.guesses, &frame, &index);
    lmm_lock_release(&lmm_chunks_lock);
}

bool lmm_accounts_add_module(const struct lmm_ledger_module *module, const char *path,
                             uint32_t *ret_number)
{
    struct lmm_ledger_module record = *module;

    lmm_lock_acquire(&lmm_chunks_lock);
    bool done = ledger.modules.used < LMM_LEDGER_MAX_MODULES &&
                add_string_locked(path, &record.path) &&
                lmm_series_add_locked(&ledger.modules, &record, ret_number);
    lmm_lock_release(&lmm_chunks_lock);
    if (!done) {
        errno = ENOMEM;
    }
    return done;
}

struct lmm_ledger_module *lmm_accounts_module(uint32_t number)
{
    return lmm_series_record(&ledger.modules, number);
}

const char *lmm_accounts_module_path(uint32_t number)
{
    return lmm_series_record(&ledger.strings, lmm_accounts_module(number)->path);
}

uint32_t lmm_accounts_site_stack(uint32_t id)
{
    const uint32_t *stack =
        id < lmm_series_count(&ledger.stacks) ? lmm_series_record(&ledger.stacks, id) : NULL;

    return stack == NULL ? 0 : *stack;
}

const struct lmm_ledger_frame *lmm_accounts_frame(uint32_t number)
{
    return lmm_series_record(&ledger.frames, number);
}

uint32_t lmm_accounts_module_count(void)
{
    return lmm_series_count(&ledger.modules);
}

void lmm_accounts_note_attach(void)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    lmm_store_relaxed(&header->detach_time_ns, UINT64_C(0));
    lmm_store_release(&header->attach_time_ns, lmm_system_time_ns());
}

void lmm_accounts_note_detach(void)
{
    lmm_store_release(&lmm_chunks_header()->detach_time_ns, lmm_system_time_ns());
}

void lmm_accounts_note_drop_in(uint32_t stack_frames)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    header->stack_frames = stack_frames;
    header->is_drop_in = 1;
}

/* The field is written after the string, so that a reader finds it. */
static void note_text(uint32_t *field, const char *text)
{
    uint32_t reference;

    lmm_lock_acquire(&lmm_chunks_lock);
    if (add_string_locked(text, &reference)) {
        lmm_store_release(field, reference);
    }
    lmm_lock_release(&lmm_chunks_lock);
}

void lmm_accounts_note_other_malloc(const char *path)
{
    note_text(&lmm_chunks_header()->other_malloc, path);
}

void lmm_accounts_note_linked_allocator(const char *path)
{
    note_text(&lmm_chunks_header()->linked_allocator, path);
}

void lmm_accounts_note_suppressions(const char *lines)
{
    note_text(&lmm_chunks_header()->leak_suppressions, lines);
}

void lmm_accounts_note_panic(const char *message)
{
    struct lmm_ledger_header *header = lmm_chunks_header();
    size_t bytes = strnlen(message, sizeof(header->panic_message));

    lmm_store_relaxed(&header->panic_stack, UINT32_C(0)); /* of a panic that the program survived */
    memcpy(header->panic_message, message, bytes);
    lmm_store_release(&header->panic_bytes, (uint32_t) bytes);
}

void lmm_accounts_note_panic_stack(uint32_t frame)
{
    lmm_store_release(&lmm_chunks_header()->panic_stack, frame);
}

void lmm_accounts_count_started(void)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    if (header != NULL) {
        lmm_fetch_add_relaxed(&header->started, UINT32_C(1));
    }
}

void lmm_accounts_tell_exits(void)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    if (header != NULL) {
        lmm_store_release(&header->exit_kind, (uint32_t) LMM_LEDGER_EXIT_NOT_YET);
    }
}

void lmm_accounts_note_exit(enum lmm_ledger_exit kind, int status)
{
    struct lmm_ledger_header *header = lmm_chunks_header();

    if (header != NULL && header->pid == (uint32_t) lmm_system_getpid()) {
        lmm_store_relaxed(&header->exit_status, (uint32_t) status);
        lmm_store_release(&header->exit_kind, (uint32_t) kind);
    }
}

static uint64_t bytes_at_site(uint32_t site, uint64_t blocks, uint64_t extra)
{
    const struct lmm_ledger_family *family =
        lmm_series_record(&ledger.families, lmm_accounts_site_family(site));

    return (family->flags & LMM_LEDGER_FAMILY_BYTES) != 0 ? extra
                                                          : (blocks + extra) * family->size_bytes;
}

uint64_t lmm_accounts_take_peak(uint64_t bytes)
{
    lmm_lock_acquire(&lmm_chunks_lock);
    uint64_t recorded = lmm_rows_take_peak_locked(ledger.sites.used, bytes,
                                                  ledger.has_slots ? bytes_at_site : NULL);
    lmm_lock_release(&lmm_chunks_lock);
    return recorded;
}

struct lmm_site_facts lmm_accounts_site_facts(uint32_t id)
{
    const struct lmm_ledger_site *record = lmm_series_record(&ledger.sites, id);

    return (struct lmm_site_facts) {
        .family = record->family,
        .line = record->line,
        .file = lmm_series_record(&ledger.strings, record->file),
        .function = lmm_series_record(&ledger.strings, record->function),
    };
}

uint32_t lmm_accounts_site_family(uint32_t id)
{
    return ((const struct lmm_ledger_site *) lmm_series_record(&ledger.sites, id))->family;
}

uint32_t lmm_accounts_site_count(void)
{
    return lmm_series_count(&ledger.sites);
}

uint32_t lmm_accounts_family_count(void)
{
    return lmm_series_count(&ledger.families);
}
