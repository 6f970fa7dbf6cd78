/* SPDX-License-Identifier: MIT */
/*
 * The order of the loads makes a ledger safe to read while it grows: `used` is loaded from the last
 * span to the first, so sites before stacks before frames before modules, and these before families
 * and strings. A writer publishes in the opposite order, so no record that is read refers to one
 * that is not. For the same reason a chunk's kind is loaded before its other fields: a writer
 * stores it last.
 */
#include "reporter/core/books.h"

#include <errno.h>
#include <lmm/ledger.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/sort.h"

/* A kind of chunk. */
struct lmm_span_kind {
    uint32_t kind;
    uint32_t record_bytes; /* of modules at least; 0: row pages (lmm_books_rows_in()) */
    uint32_t owners;
    bool moves; /* version 1: each owner has one chunk, which a larger one may replace */
};

enum { KINDS = 16 };

/* By version - 1, in the order of the spans; version 1 has fewer. */
static const struct lmm_span_kind kinds[LMM_LEDGER_VERSION][KINDS] = {
    {
        {LMM_LEDGER_STRINGS, 1, 1, false},
        {LMM_LEDGER_FAMILIES, sizeof(struct lmm_ledger_family), 1, false},
        {LMM_LEDGER_MODULES, LMM_LEDGER_MODULE_BYTES_MIN, 1, false},
        {LMM_LEDGER_FRAMES, sizeof(struct lmm_ledger_frame), 1, false},
        {LMM_LEDGER_STACKS, sizeof(uint32_t), 1, false},
        {LMM_LEDGER_SITES, sizeof(struct lmm_ledger_site), 1, false},
        {LMM_LEDGER_ROWS, sizeof(struct lmm_ledger_row_v1), LMM_LEDGER_MAX_OWNERS, true},
        {LMM_LEDGER_TEMPORARIES_V1, sizeof(uint64_t), LMM_LEDGER_MAX_OWNERS, true},
        {LMM_LEDGER_PEAKS, sizeof(struct lmm_ledger_peak_v1), 2, true},
    },
    {
        {LMM_LEDGER_STRINGS, 1, 1, false},
        {LMM_LEDGER_FAMILIES, sizeof(struct lmm_ledger_family), 1, false},
        {LMM_LEDGER_MODULES, LMM_LEDGER_MODULE_BYTES_MIN, 1, false},
        {LMM_LEDGER_FRAMES, sizeof(struct lmm_ledger_frame), 1, false},
        {LMM_LEDGER_GUESSES, sizeof(uint32_t), 1, false},
        {LMM_LEDGER_STACKS, sizeof(uint32_t), 1, false},
        {LMM_LEDGER_SITES, sizeof(struct lmm_ledger_site), 1, false},
        {LMM_LEDGER_ROWS, 0, 1, false},
        {LMM_LEDGER_PEAKS, sizeof(struct lmm_ledger_peak), 1, false},
        {LMM_LEDGER_LEAKS_EVEN, sizeof(struct lmm_ledger_leak), 1, false},
        {LMM_LEDGER_LEAKS_ODD, sizeof(struct lmm_ledger_leak), 1, false},
        {LMM_LEDGER_MARKS, sizeof(struct lmm_ledger_mark), 1, false},
        {LMM_LEDGER_MISMATCHES, sizeof(struct lmm_ledger_mismatch), 1, false},
        {LMM_LEDGER_KEEPERS, sizeof(struct lmm_ledger_keeper), 1, false},
        {LMM_LEDGER_PAGES_EVEN, sizeof(struct lmm_ledger_page_use), 1, false},
        {LMM_LEDGER_PAGES_ODD, sizeof(struct lmm_ledger_page_use), 1, false},
    },
};

/* Returns what the version says of a kind; NULL: it does not know it. */
static const struct lmm_span_kind *kind_of(uint32_t version, uint32_t kind)
{
    for (size_t i = 0; i < KINDS; i++) {
        const struct lmm_span_kind *known = &kinds[version - LMM_LEDGER_VERSION_MIN][i];

        if (known->kind == kind && kind != LMM_LEDGER_UNUSED) {
            return known;
        }
    }
    return NULL;
}

/* Of two chunks of one owner, of a kind that moves, the larger comes first. */
static int compare_spans(const void *left, const void *right)
{
    const struct lmm_span *a = left;
    const struct lmm_span *b = right;

    if (a->known != b->known) {
        return lmm_compare_u64((uintptr_t) a->known, (uintptr_t) b->known);
    }
    if (a->owner != b->owner) {
        return lmm_compare_u64(a->owner, b->owner);
    }
    if (a->known->moves && a->capacity != b->capacity) {
        return lmm_compare_u64(b->capacity, a->capacity);
    }
    return lmm_compare_u64(a->position, b->position);
}

static bool ends(const char *text, size_t bytes)
{
    return memchr(text, '\0', bytes) != NULL;
}

int lmm_books_check_header(const struct lmm_ledger_header *header)
{
    if (header == NULL || (uintptr_t) header % _Alignof(struct lmm_ledger_header) != 0 ||
        memcmp(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic)) != 0) {
        return -EINVAL;
    }
    if (header->version < LMM_LEDGER_VERSION_MIN || header->version > LMM_LEDGER_VERSION) {
        return -ENOTSUP;
    }
    uint32_t state = lmm_load_u32(&header->state);
    bool sound = header->header_bytes == sizeof(*header) &&
                 header->chunk_bytes == sizeof(struct lmm_ledger_chunk) &&
                 state >= LMM_LEDGER_RUNNING && state <= LMM_LEDGER_LOST &&
                 header->command_bytes <= sizeof(header->command) &&
                 ends(header->boot_id, sizeof(header->boot_id)) &&
                 ends(header->executable, sizeof(header->executable));

    return sound ? 0 : -EBADMSG;
}

bool lmm_books_is_chunk(const struct lmm_ledger_chunk *chunk)
{
    return chunk != NULL && (uintptr_t) chunk % _Alignof(struct lmm_ledger_chunk) == 0;
}

bool lmm_books_are_chunk_bytes(uint64_t bytes)
{
    return bytes >= sizeof(struct lmm_ledger_chunk) && bytes % sizeof(struct lmm_ledger_chunk) == 0;
}

uint32_t lmm_books_rows_in(uint32_t record_bytes)
{
    const uint32_t head = sizeof(struct lmm_ledger_row_page);
    const uint32_t row = sizeof(struct lmm_ledger_row);

    return record_bytes > head && (record_bytes - head) % row == 0 ? (record_bytes - head) / row
                                                                   : 0;
}

static bool is_record_size(const struct lmm_span_kind *kind, uint32_t record_bytes)
{
    if (kind->record_bytes == 0) {
        return lmm_books_rows_in(record_bytes) != 0;
    }
    return record_bytes == kind->record_bytes ||
           (kind->kind == LMM_LEDGER_MODULES && record_bytes > kind->record_bytes &&
            record_bytes % _Alignof(struct lmm_ledger_module) == 0);
}

static bool copy_chunk(const struct lmm_ledger_chunk *chunk, const struct lmm_span_kind *kind,
                       size_t position, struct lmm_span *ret_span)
{
    uint64_t bytes = lmm_load_u64(&chunk->bytes);

    *ret_span = (struct lmm_span) {
        .records = (const unsigned char *) (chunk + 1),
        .used = &chunk->used,
        .position = position,
        .known = kind,
        .kind = kind->kind,
        .record_bytes = lmm_load_u32(&chunk->record_bytes),
        .owner = lmm_load_u32(&chunk->owner),
        .first = kind->record_bytes == 0 ? 0 : lmm_load_u32(&chunk->first),
        .capacity = lmm_load_u32(&chunk->capacity),
    };
    return is_record_size(kind, ret_span->record_bytes) && lmm_books_are_chunk_bytes(bytes) &&
           (uint64_t) ret_span->capacity * ret_span->record_bytes <= bytes - sizeof(*chunk) &&
           ret_span->owner < kind->owners;
}

/* Copies the chunks of known kinds, and skips others. */
static bool copy_chunks(const struct lmm_ledger_view *view, uint32_t version,
                        struct lmm_span *spans, size_t *ret_count)
{
    size_t count = 0;

    for (size_t i = 0; i < view->chunk_count; i++) {
        if (!lmm_books_is_chunk(view->chunks[i])) {
            return false;
        }
        const struct lmm_span_kind *kind =
            kind_of(version, lmm_load_u32_acquire(&view->chunks[i]->kind));

        if (kind == NULL) {
            continue;
        }
        if (!copy_chunk(view->chunks[i], kind, i, &spans[count++])) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}

static bool same_series(const struct lmm_span *a, const struct lmm_span *b)
{
    return a->kind == b->kind && a->owner == b->owner;
}

/* Version 1: of two chunks of one owner, of a kind that moves, the larger is valid; a process died
 * while it moved records. More than two are damage. */
static bool drop_moved(struct lmm_span *spans, size_t *count)
{
    size_t kept = 0;
    size_t dropped = 0;

    for (size_t i = 0; i < *count; i++) {
        bool moved = spans[i].known->moves && kept > 0 && same_series(&spans[kept - 1], &spans[i]);

        dropped = moved ? dropped + 1 : 0;
        if (dropped > 1 || (moved && spans[i].first != 0)) {
            return false;
        }
        if (!moved) {
            spans[kept++] = spans[i];
        }
    }
    *count = kept;
    return true;
}

/* I1 of ledger.h: the ranges of one kind other than row pages adjoin, from 0 on; so a chunk that
 * moves starts at 0. */
static bool ranges_adjoin(const struct lmm_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool continues = i > 0 && same_series(&spans[i - 1], &spans[i]);
        uint64_t expected = continues ? (uint64_t) spans[i - 1].first + spans[i - 1].capacity : 0;

        if (spans[i].known->record_bytes == 0) {
            continue;
        }
        if (spans[i].first != expected || spans[i].capacity > UINT32_MAX - spans[i].first) {
            return false;
        }
    }
    return true;
}

/*
 * Loads the number of records of each span, in the order that the file head explains. All spans of
 * a series are full up to the last one with records, so that indexes have no gaps; except those of
 * strings: no string lies in two chunks, so the end of a chunk may be unused; and of row pages,
 * which have no index. In version 1 all rows of a chunk are in use.
 */
static bool load_counts(struct lmm_span *spans, size_t count)
{
    bool followed = false; /* a later span of the series has records */

    for (size_t i = count; i-- > 0;) {
        struct lmm_span *span = &spans[i];
        bool last = i + 1 == count || !same_series(span, &spans[i + 1]);

        followed = followed && !last;
        bool is_page = span->known->record_bytes == 0;
        bool full = (span->kind == LMM_LEDGER_ROWS && !is_page) ||
                    (followed && span->kind != LMM_LEDGER_STRINGS && !is_page);

        span->count = lmm_load_u32_acquire(span->used);
        if (span->count > span->capacity || (full && span->count != span->capacity)) {
            return false;
        }
        followed = followed || span->count > 0;
    }
    return true;
}

/* Sets *run to the rows of a row page; false: they are not within its record. */
static bool read_page(const struct lmm_span *span, uint32_t record, struct lmm_row_run *run)
{
    const struct lmm_ledger_row_page *page =
        (const void *) (span->records + (size_t) record * span->record_bytes);

    run->rows = (const unsigned char *) page->row;
    run->row_bytes = sizeof(struct lmm_ledger_row);
    run->first_site = lmm_load_u32(&page->first_site);
    run->count = lmm_load_u32(&page->rows);
    return run->count <= lmm_books_rows_in(span->record_bytes) &&
           run->first_site <= LMM_LEDGER_MAX_SITES;
}

/* I4. */
static bool are_pages_sound(const struct lmm_span *spans, size_t count)
{
    struct lmm_row_run run;

    for (size_t i = 0; i < count; i++) {
        for (uint32_t k = 0; spans[i].known->record_bytes == 0 && k < spans[i].count; k++) {
            if (!read_page(&spans[i], k, &run)) {
                return false;
            }
        }
    }
    return true;
}

bool lmm_books_next_rows(const struct lmm_books *books, struct lmm_row_run *run)
{
    for (; run->span < books->span_count; run->span++, run->record = 0) {
        const struct lmm_span *span = &books->spans[run->span];

        if (span->kind == LMM_LEDGER_ROWS && span->known->record_bytes != 0 && run->record == 0) {
            run->rows = span->records;
            run->row_bytes = span->record_bytes;
            run->first_site = span->first;
            run->count = span->count;
            run->record = 1;
            return true;
        }
        while (span->known->record_bytes == 0 && run->record < span->capacity &&
               run->record < lmm_load_u32_acquire(span->used)) {
            if (read_page(span, run->record++, run)) {
                return true;
            }
        }
    }
    return false;
}

bool lmm_books_open(const struct lmm_ledger_view *view, struct lmm_span *spans,
                    struct lmm_books *ret_books)
{
    size_t count = 0;
    uint32_t version = lmm_load_u32(&view->header->version);

    if ((view->chunk_count > 0 && view->chunks == NULL) || version < LMM_LEDGER_VERSION_MIN ||
        version > LMM_LEDGER_VERSION) {
        return false;
    }
    if (!copy_chunks(view, version, spans, &count)) {
        return false;
    }
    lmm_sort(spans, count, sizeof(struct lmm_span), compare_spans);
    if (!drop_moved(spans, &count) || !ranges_adjoin(spans, count) || !load_counts(spans, count) ||
        !are_pages_sound(spans, count)) {
        return false;
    }
    *ret_books = (struct lmm_books) {view->header, version, spans, count};
    return true;
}

uint64_t lmm_books_count(const struct lmm_books *books, uint32_t kind)
{
    uint64_t records = 0;

    for (size_t i = 0; i < books->span_count; i++) {
        records += books->spans[i].kind == kind ? books->spans[i].count : 0;
    }
    return records;
}

/* Returns the STRINGS span that offset lies in, or NULL. STRINGS spans are the first ones, in order
 * of `first`. */
static const struct lmm_span *string_span(const struct lmm_books *books, uint32_t offset)
{
    size_t low = 0;
    size_t high = books->span_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct lmm_span *span = &books->spans[middle];

        if (span->kind != LMM_LEDGER_STRINGS || offset < span->first) {
            high = middle;
        } else if (offset - span->first >= span->capacity) {
            low = middle + 1;
        } else {
            return offset - span->first < span->count ? span : NULL;
        }
    }
    return NULL;
}

bool lmm_books_string(const struct lmm_books *books, uint32_t offset, struct lmm_string *ret_string)
{
    const struct lmm_span *span = string_span(books, offset);

    if (offset == 0) {
        *ret_string = lmm_string_of("");
        return true;
    }
    if (span == NULL) {
        return false;
    }
    const unsigned char *start = span->records + (offset - span->first);
    const unsigned char *end = memchr(start, '\0', span->count - (offset - span->first));

    if (end == NULL) {
        return false;
    }
    *ret_string = (struct lmm_string) {(const char *) start, (size_t) (end - start)};
    return true;
}
