/* SPDX-License-Identifier: MIT */
/* book: see book.h. */
#include "tests/support/book.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint32_t record_bytes_of(const struct book *book, uint32_t kind)
{
    bool is_v1 = book->header.version == 1;

    switch (kind) {
    case LMM_LEDGER_FAMILIES: return sizeof(struct lmm_ledger_family);
    case LMM_LEDGER_SITES: return sizeof(struct lmm_ledger_site);
    case LMM_LEDGER_ROWS:
        return is_v1
                   ? sizeof(struct lmm_ledger_row_v1)
                   : sizeof(struct lmm_ledger_row_page) + BOOK_ROWS * sizeof(struct lmm_ledger_row);
    case LMM_LEDGER_MODULES: return sizeof(struct lmm_ledger_module);
    case LMM_LEDGER_FRAMES: return sizeof(struct lmm_ledger_frame);
    case LMM_LEDGER_STACKS: return sizeof(uint32_t);
    case LMM_LEDGER_PEAKS:
        return is_v1 ? sizeof(struct lmm_ledger_peak_v1) : sizeof(struct lmm_ledger_peak);
    case LMM_LEDGER_TEMPORARIES_V1: return sizeof(uint64_t);
    case LMM_LEDGER_LEAKS_EVEN:
    case LMM_LEDGER_LEAKS_ODD: return sizeof(struct lmm_ledger_leak);
    case LMM_LEDGER_PAGES_EVEN:
    case LMM_LEDGER_PAGES_ODD: return sizeof(struct lmm_ledger_page_use);
    case LMM_LEDGER_MISMATCHES: return sizeof(struct lmm_ledger_mismatch);
    case LMM_LEDGER_MARKS: return sizeof(struct lmm_ledger_mark);
    default: return 1;
    }
}

static uint32_t capacity_of(uint32_t kind)
{
    switch (kind) {
    case LMM_LEDGER_FAMILIES: return BOOK_FAMILIES;
    case LMM_LEDGER_SITES: return BOOK_SITES;
    case LMM_LEDGER_ROWS: return BOOK_PAGES;
    case LMM_LEDGER_MODULES: return BOOK_MODULES;
    case LMM_LEDGER_FRAMES: return BOOK_FRAMES;
    case LMM_LEDGER_LEAKS_EVEN:
    case LMM_LEDGER_LEAKS_ODD: return BOOK_LEAKS;
    case LMM_LEDGER_PAGES_EVEN:
    case LMM_LEDGER_PAGES_ODD: return BOOK_PAGE_USES;
    case LMM_LEDGER_STACKS:
    case LMM_LEDGER_PEAKS:
    case LMM_LEDGER_TEMPORARIES_V1: return BOOK_SITES;
    default: return BOOK_STRINGS;
    }
}

void book_open(struct book *book, const char *executable, uint32_t pid)
{
    *book = (struct book) {
        .header = {.version = LMM_LEDGER_VERSION,
                   .header_bytes = sizeof(struct lmm_ledger_header),
                   .chunk_bytes = sizeof(struct lmm_ledger_chunk),
                   .state = LMM_LEDGER_RUNNING,
                   .pid = pid,
                   .parent_pid = 1,
                   .system_page_bytes = 4096,
                   .start_time_ns = 1700000000123456789u},
    };
    memcpy(book->header.magic, LMM_LEDGER_MAGIC, sizeof(book->header.magic));
    strncpy(book->header.executable, executable, sizeof(book->header.executable) - 1);
    book_command(book, executable);
    book->view.header = &book->header;
    book->view.chunks = (const struct lmm_ledger_chunk *const *) book->chunks;
}

void book_command(struct book *book, const char *argument)
{
    size_t bytes = strlen(argument) + 1;

    assert(bytes <= sizeof(book->header.command) - book->header.command_bytes);
    memcpy(book->header.command + book->header.command_bytes, argument, bytes);
    book->header.command_bytes += (uint32_t) bytes;
}

void book_close(struct book *book)
{
    for (size_t i = 0; i < BOOK_CHUNKS_MAX; i++) {
        free(book->chunks[i]);
        book->chunks[i] = NULL;
    }
    book->view.chunk_count = 0;
}

static struct lmm_ledger_chunk *last_of(struct book *book, uint32_t kind, uint32_t owner)
{
    for (size_t i = book->view.chunk_count; i-- > 0;) {
        if (book->chunks[i]->kind == kind && book->chunks[i]->owner == owner) {
            return book->chunks[i];
        }
    }
    return NULL;
}

struct lmm_ledger_chunk *book_chunk(struct book *book, uint32_t kind, uint32_t owner,
                                    uint32_t capacity)
{
    struct lmm_ledger_chunk *last = last_of(book, kind, owner);
    size_t bytes = sizeof(*last) + (size_t) capacity * record_bytes_of(book, kind);

    bytes = (bytes + sizeof(*last) - 1) / sizeof(*last) * sizeof(*last);
    struct lmm_ledger_chunk *chunk = calloc(1, bytes);

    assert(chunk != NULL && book->view.chunk_count < BOOK_CHUNKS_MAX);
    chunk->kind = kind;
    chunk->record_bytes = record_bytes_of(book, kind);
    chunk->first = last == NULL || kind == LMM_LEDGER_ROWS ? 0 : last->first + last->capacity;
    chunk->capacity = capacity;
    chunk->used = kind == LMM_LEDGER_ROWS && book->header.version == 1 ? capacity : 0;
    chunk->owner = owner;
    chunk->bytes = bytes;
    book->chunks[book->view.chunk_count++] = chunk;
    return chunk;
}

struct lmm_ledger_chunk *book_find(struct book *book, uint32_t kind, unsigned n)
{
    for (size_t i = 0; i < book->view.chunk_count; i++) {
        if (book->chunks[i]->kind == kind && n-- == 0) {
            return book->chunks[i];
        }
    }
    return NULL;
}

/* Returns the chunk in which count more records fit, a new one where need be. */
static struct lmm_ledger_chunk *room_for(struct book *book, uint32_t kind, uint32_t count)
{
    struct lmm_ledger_chunk *last = last_of(book, kind, 0);

    if (last == NULL || last->capacity - last->used < count) {
        last = book_chunk(book, kind, 0, capacity_of(kind));
    }
    return last;
}

static void *record(struct book *book, uint32_t kind, uint32_t owner, uint32_t index)
{
    for (size_t i = 0; i < book->view.chunk_count; i++) {
        struct lmm_ledger_chunk *chunk = book->chunks[i];

        if (chunk->kind == kind && chunk->owner == owner && index >= chunk->first &&
            index - chunk->first < chunk->capacity) {
            return (char *) (chunk + 1) + (size_t) (index - chunk->first) * chunk->record_bytes;
        }
    }
    return NULL;
}

uint32_t book_string(struct book *book, const char *text)
{
    uint32_t bytes = (uint32_t) strlen(text) + 1;
    struct lmm_ledger_chunk *chunk;
    uint32_t offset;

    if (bytes == 1) {
        return 0;
    }
    if (book->view.chunk_count == 0 || last_of(book, LMM_LEDGER_STRINGS, 0) == NULL) {
        book_chunk(book, LMM_LEDGER_STRINGS, 0, BOOK_STRINGS)->used = 1;
    }
    chunk = room_for(book, LMM_LEDGER_STRINGS, bytes);
    offset = chunk->first + chunk->used;
    memcpy((char *) (chunk + 1) + chunk->used, text, bytes);
    chunk->used += bytes;
    return offset;
}

uint32_t book_family(struct book *book, const char *name, uint64_t size, uint32_t align)
{
    uint32_t text = book_string(book, name);
    struct lmm_ledger_chunk *chunk = room_for(book, LMM_LEDGER_FAMILIES, 1);
    uint32_t index = chunk->first + chunk->used++;

    *book_family_at(book, index) = (struct lmm_ledger_family) {
        .name = text,
        .align_bytes = align,
        .size_bytes = size,
        .stride_bytes = (size + align - 1) / align * align,
    };
    return index;
}

uint32_t book_site(struct book *book, uint32_t family, const char *file, uint32_t line,
                   const char *function)
{
    uint32_t file_text = book_string(book, file);
    uint32_t function_text = book_string(book, function);
    struct lmm_ledger_chunk *chunk = room_for(book, LMM_LEDGER_SITES, 1);
    uint32_t index = chunk->first + chunk->used++;

    *book_site_at(book, index) = (struct lmm_ledger_site) {family, line, file_text, function_text};
    return index;
}

struct lmm_ledger_family *book_family_at(struct book *book, uint32_t index)
{
    return record(book, LMM_LEDGER_FAMILIES, 0, index);
}

void book_gauges(struct book *book, uint32_t family, uint64_t pages, uint64_t committed_bytes,
                 uint64_t slots, uint64_t peak_amount)
{
    struct lmm_ledger_family *record = book_family_at(book, family);

    record->pages = pages;
    record->mapped_bytes = pages * 262144;
    record->committed_bytes = committed_bytes;
    record->slots = slots;
    record->peak_amount = peak_amount;
}

struct lmm_ledger_site *book_site_at(struct book *book, uint32_t index)
{
    return record(book, LMM_LEDGER_SITES, 0, index);
}

/* Version 1: the owner's rows move to a larger chunk where need be. */
static void *row_v1(struct book *book, uint32_t owner, uint32_t site)
{
    void *row = record(book, LMM_LEDGER_ROWS, owner, site);

    if (row == NULL) {
        struct lmm_ledger_chunk *old = last_of(book, LMM_LEDGER_ROWS, owner);
        uint32_t capacity = (site / BOOK_ROWS + 1) * BOOK_ROWS;
        struct lmm_ledger_chunk *chunk = book_chunk(book, LMM_LEDGER_ROWS, owner, capacity);

        if (old != NULL) {
            memcpy(chunk + 1, old + 1, (size_t) old->capacity * old->record_bytes);
            old->kind = LMM_LEDGER_UNUSED;
        }
        row = record(book, LMM_LEDGER_ROWS, owner, site);
    }
    return row;
}

static struct lmm_ledger_row_page *page_in(struct lmm_ledger_chunk *chunk, uint32_t i)
{
    return (void *) ((char *) (chunk + 1) + (size_t) i * chunk->record_bytes);
}

static struct lmm_ledger_row_page *find_page(struct book *book, uint32_t owner, uint32_t first)
{
    for (size_t i = 0; i < book->view.chunk_count; i++) {
        struct lmm_ledger_chunk *chunk = book->chunks[i];

        for (uint32_t k = 0; chunk->kind == LMM_LEDGER_ROWS && k < chunk->used; k++) {
            if (page_in(chunk, k)->owner == owner && page_in(chunk, k)->first_site == first) {
                return page_in(chunk, k);
            }
        }
    }
    return NULL;
}

struct lmm_ledger_row *book_row(struct book *book, uint32_t owner, uint32_t site)
{
    uint32_t first = site / BOOK_ROWS * BOOK_ROWS;

    if (book->header.version == 1) {
        return row_v1(book, owner, site);
    }
    struct lmm_ledger_row_page *page = find_page(book, owner, first);

    if (page == NULL) {
        struct lmm_ledger_chunk *chunk = room_for(book, LMM_LEDGER_ROWS, 1);

        page = page_in(chunk, chunk->used++);
        page->owner = owner;
        page->first_site = first;
        page->rows = BOOK_ROWS;
    }
    return &page->row[site - first];
}

void book_count(struct book *book, uint32_t owner, uint32_t site, uint64_t allocated,
                uint64_t freed)
{
    struct lmm_ledger_row *row = book_row(book, owner, site);

    row->allocated_blocks += allocated;
    row->freed_blocks += freed;
}

/* ---- Of the drop-in -------------------------------------------------------------------------- */

static uint32_t add(struct book *book, uint32_t kind, const void *bytes)
{
    struct lmm_ledger_chunk *chunk = room_for(book, kind, 1);
    uint32_t index = chunk->first + chunk->used++;

    memcpy(record(book, kind, 0, index), bytes, chunk->record_bytes);
    return index;
}

uint32_t book_module(struct book *book, const char *path, uint64_t start, uint64_t bytes)
{
    struct lmm_ledger_module module = {
        .start = start,
        .end = start + bytes,
        .bias = start,
        .path = book_string(book, path),
        .build_id_bytes = 4,
        .build_id = {0xab, 0xcd, 0x01, (unsigned char) (start >> 12)},
    };

    return add(book, LMM_LEDGER_MODULES, &module) + 1;
}

uint32_t book_frame(struct book *book, uint64_t address, uint32_t caller, uint32_t module)
{
    static const struct lmm_ledger_frame none;
    struct lmm_ledger_frame frame = {address, caller, module};

    if (book_find(book, LMM_LEDGER_FRAMES, 0) == NULL) {
        add(book, LMM_LEDGER_FRAMES, &none);
    }
    return add(book, LMM_LEDGER_FRAMES, &frame);
}

void book_stack(struct book *book, uint32_t site, uint32_t frame)
{
    static const uint32_t none;

    while (record(book, LMM_LEDGER_STACKS, 0, site) == NULL ||
           last_of(book, LMM_LEDGER_STACKS, 0)->first + last_of(book, LMM_LEDGER_STACKS, 0)->used <=
               site) {
        add(book, LMM_LEDGER_STACKS, &none);
    }
    *(uint32_t *) record(book, LMM_LEDGER_STACKS, 0, site) = frame;
}

/* The record of a site in the one chunk of a kind and owner. */
static void *owned(struct book *book, uint32_t kind, uint32_t owner, uint32_t site)
{
    struct lmm_ledger_chunk *chunk = last_of(book, kind, owner);

    if (chunk == NULL) {
        chunk = book_chunk(book, kind, owner, BOOK_SITES);
    }
    assert(site < chunk->capacity);
    chunk->used = site + 1 > chunk->used ? site + 1 : chunk->used;
    return record(book, kind, owner, site);
}

void book_peak(struct book *book, uint32_t turn, uint32_t site, uint64_t blocks, uint64_t bytes)
{
    if (book->header.version == 1) {
        *(struct lmm_ledger_peak_v1 *) owned(book, LMM_LEDGER_PEAKS, turn, site) =
            (struct lmm_ledger_peak_v1) {blocks, bytes};
        return;
    }
    struct lmm_ledger_peak *peak = owned(book, LMM_LEDGER_PEAKS, 0, site);

    peak->blocks[turn] = blocks;
    peak->bytes[turn] = bytes;
}

uint64_t *book_temporaries(struct book *book, uint32_t owner, uint32_t site)
{
    return book->header.version == 1 ? owned(book, LMM_LEDGER_TEMPORARIES_V1, owner, site)
                                     : &book_row(book, owner, site)->temporaries;
}

static uint32_t leaks_of(uint32_t turn)
{
    return turn == 0 ? LMM_LEDGER_LEAKS_EVEN : LMM_LEDGER_LEAKS_ODD;
}

void book_check(struct book *book, uint32_t turn, struct lmm_ledger_check check)
{
    struct lmm_ledger_chunk *last = last_of(book, leaks_of(turn), 0);

    check.leaks = last == NULL ? 0 : last->first + last->used;
    book->header.check[turn] = check;
    book->header.check_count += 1 + (book->header.check_count % 2 == turn);
    book->header.check_count += book->header.check_count % 2 != turn;
}

void book_leak(struct book *book, uint32_t turn, enum lmm_ledger_leak_kind kind, uint32_t site,
               uint32_t leader, uint64_t blocks, uint64_t bytes)
{
    struct lmm_ledger_leak leak = {
        .site = site,
        .leader = leader,
        .kind = kind,
        .examples = 1,
        .blocks = blocks,
        .bytes = bytes,
        .example = {bytes},
    };

    add(book, leaks_of(turn), &leak);
}

static uint32_t page_uses_of(uint32_t turn)
{
    return turn == 0 ? LMM_LEDGER_PAGES_EVEN : LMM_LEDGER_PAGES_ODD;
}

void book_page_walk(struct book *book, uint32_t turn, struct lmm_ledger_page_walk walk)
{
    struct lmm_ledger_chunk *last = last_of(book, page_uses_of(turn), 0);

    walk.records = last == NULL ? 0 : last->first + last->used;
    book->header.page_walk[turn] = walk;
    book->header.page_walk_count = 2 + turn;
}

void book_page_use(struct book *book, uint32_t turn, struct lmm_ledger_page_use use)
{
    add(book, page_uses_of(turn), &use);
}

void book_make_sound(struct book *book)
{
    book_make_sound_of(book, LMM_LEDGER_VERSION);
}

void book_make_sound_of(struct book *book, uint32_t version)
{
    book_open(book, "/usr/bin/hr", 42);
    book->header.version = version;
    uint32_t emp = book_family(book, "emp_t", 36, 4);
    uint32_t student = book_family(book, "student_t", 33, 16);

    for (uint32_t line = 1; line <= 5; line++) {
        book_site(book, line % 2 == 0 ? student : emp, "a/rather/long/path/to/hr.c", line, "hire");
    }
    for (uint32_t site = 0; site < 5; site++) {
        book_count(book, 0, site, 10, 4);
        book_count(book, 1, site, 5, 0);
        book_count(book, 7, site, 0, site);
    }
    book_family_at(book, emp)->committed_bytes = 8192;
    if (version != 1) {
        for (uint32_t site = 0; site < 5; site++) {
            book_leak(book, 1, LMM_LEDGER_LEAK_REACHABLE, site, site, 1, 36);
        }
        book_leak(book, 1, LMM_LEDGER_LEAK_DEFINITE, 1, 1, 2, 72);
        book_leak(book, 1, LMM_LEDGER_LEAK_INDIRECT, 0, 1, 3, 99);
        book_check(book, 1, (struct lmm_ledger_check) {.threads = 1});
        for (uint32_t site = 0; site < 5; site++) {
            book_page_use(book, 1,
                          (struct lmm_ledger_page_use) {.site = site,
                                                        .blocks = 4,
                                                        .live_bytes = 144,
                                                        .held_bytes = 8192,
                                                        .sparse_blocks = 2,
                                                        .sparse_live_bytes = 72,
                                                        .sparse_bytes = 4096});
        }
        book_page_walk(
            book, 1,
            (struct lmm_ledger_page_walk) {
                .time_ns = 7, .held_bytes = 40960, .live_bytes = 720, .sparse_bytes = 20480});
    }
}
