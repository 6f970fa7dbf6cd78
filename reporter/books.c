/* SPDX-License-Identifier: MIT */
/*
 * books: see books.h for the contract.
 *
 * The order of the reads is what makes a ledger safe to read while it grows: `used` is loaded from
 * the last span to the first, so sites before families before strings. A writer publishes the other
 * way round, so what is seen never refers to what is not. For the same reason a chunk's kind is
 * loaded before all else of it: a writer stores it last.
 */
#include "reporter/books.h"

#include <errno.h>
#include <lmm/ledger.h>
#include <string.h>

#include "reporter/sort.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Of two chunks of an owner's rows the larger comes first. */
static int compare_spans(const void *left, const void *right)
{
    const struct lmm_span *a = left;
    const struct lmm_span *b = right;

    if (a->kind != b->kind) {
        return compare_numbers(a->kind, b->kind);
    }
    if (a->owner != b->owner) {
        return compare_numbers(a->owner, b->owner);
    }
    if (a->kind == LMM_LEDGER_ROWS && a->capacity != b->capacity) {
        return compare_numbers(b->capacity, a->capacity);
    }
    return compare_numbers(a->position, b->position);
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
    if (header->version != LMM_LEDGER_VERSION) {
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

/* Returns the size of a record of the kind; 0: this version knows no such kind. */
static uint32_t record_bytes_of(uint32_t kind)
{
    switch (kind) {
    case LMM_LEDGER_STRINGS:
        return 1;
    case LMM_LEDGER_FAMILIES:
        return sizeof(struct lmm_ledger_family);
    case LMM_LEDGER_SITES:
        return sizeof(struct lmm_ledger_site);
    case LMM_LEDGER_ROWS:
        return sizeof(struct lmm_ledger_row);
    default:
        return 0;
    }
}

bool lmm_books_is_chunk(const struct lmm_ledger_chunk *chunk)
{
    return chunk != NULL && (uintptr_t) chunk % _Alignof(struct lmm_ledger_chunk) == 0;
}

bool lmm_books_are_chunk_bytes(uint64_t bytes)
{
    return bytes >= sizeof(struct lmm_ledger_chunk) && bytes % sizeof(struct lmm_ledger_chunk) == 0;
}

/* Copies the header of a chunk of a known kind, and checks it by itself. */
static bool copy_chunk(const struct lmm_ledger_chunk *chunk, uint32_t kind, size_t position,
                       struct lmm_span *ret_span)
{
    uint32_t record_bytes = record_bytes_of(kind);
    uint64_t bytes = lmm_load_u64(&chunk->bytes);

    *ret_span = (struct lmm_span){
        .records = (const unsigned char *) (chunk + 1),
        .used = &chunk->used,
        .position = position,
        .kind = kind,
        .owner = lmm_load_u32(&chunk->owner),
        .first = lmm_load_u32(&chunk->first),
        .capacity = lmm_load_u32(&chunk->capacity),
    };
    return record_bytes == lmm_load_u32(&chunk->record_bytes) && lmm_books_are_chunk_bytes(bytes) &&
           (uint64_t) ret_span->capacity * record_bytes <= bytes - sizeof(*chunk) &&
           ret_span->owner < (kind == LMM_LEDGER_ROWS ? (uint32_t) LMM_LEDGER_MAX_OWNERS : 1);
}

/* Copies the chunks of known kinds; others are none of this reader's. */
static bool copy_chunks(const struct lmm_ledger_view *view, struct lmm_span *spans,
                        size_t *ret_count)
{
    size_t count = 0;

    for (size_t i = 0; i < view->chunk_count; i++) {
        if (!lmm_books_is_chunk(view->chunks[i])) {
            return false;
        }
        uint32_t kind = lmm_load_u32_acquire(&view->chunks[i]->kind);

        if (record_bytes_of(kind) == 0) {
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

/* I4 of the ledger: of two chunks of an owner's rows the larger counts. More are damage. */
static bool drop_moved_rows(struct lmm_span *spans, size_t *count)
{
    size_t kept = 0;
    size_t dropped = 0;

    for (size_t i = 0; i < *count; i++) {
        bool moved = spans[i].kind == LMM_LEDGER_ROWS && kept > 0 &&
                     same_series(&spans[kept - 1], &spans[i]);

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

/* I1 of the ledger: the ranges of one kind adjoin, from 0 on; and I4: an owner's rows start at 0. */
static bool ranges_adjoin(const struct lmm_span *spans, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool continues = i > 0 && same_series(&spans[i - 1], &spans[i]);
        uint64_t expected = continues ? (uint64_t) spans[i - 1].first + spans[i - 1].capacity : 0;

        if (spans[i].first != expected || spans[i].capacity > UINT32_MAX - spans[i].first) {
            return false;
        }
    }
    return true;
}

/*
 * Loads how many records each span has, in the order that the file head explains. A span that is
 * not full is the last of its series to hold any, so that indexes have no gaps; but strings never
 * straddle two chunks and may leave a rest unused.
 */
static bool load_counts(struct lmm_span *spans, size_t count)
{
    bool followed = false; /* a later span of the series has records */

    for (size_t i = count; i-- > 0;) {
        struct lmm_span *span = &spans[i];
        bool last = i + 1 == count || !same_series(span, &spans[i + 1]);

        followed = followed && !last;
        bool full = span->kind == LMM_LEDGER_ROWS || (followed && span->kind != LMM_LEDGER_STRINGS);

        span->count = lmm_load_u32_acquire(span->used);
        if (span->count > span->capacity || (full && span->count != span->capacity)) {
            return false;
        }
        followed = followed || span->count > 0;
    }
    return true;
}

bool lmm_books_open(const struct lmm_ledger_view *view, struct lmm_span *spans,
                    struct lmm_books *ret_books)
{
    size_t count = 0;

    if (view->chunk_count > 0 && view->chunks == NULL) {
        return false;
    }
    if (!copy_chunks(view, spans, &count)) {
        return false;
    }
    lmm_sort(spans, count, sizeof(struct lmm_span), compare_spans);
    if (!drop_moved_rows(spans, &count) || !ranges_adjoin(spans, count) ||
        !load_counts(spans, count)) {
        return false;
    }
    *ret_books = (struct lmm_books){view->header, spans, count};
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

/* Returns the STRINGS span that offset lies in, or NULL. They stand first, in order of `first`. */
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
    *ret_string = (struct lmm_string){(const char *) start, (size_t) (end - start)};
    return true;
}
