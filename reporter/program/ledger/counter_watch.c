/* SPDX-License-Identifier: MIT */
/* Rows are read some pages at a time into one buffer, which stays in the processor's cache, and added
 * up for each site. Sums wrap, and differences of them are right. */
#include "reporter/program/ledger/counter_watch.h"

#include <lmm/ledger.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/books.h"
#include "reporter/core/saturate.h"
#include "reporter/program/base/array.h"
#include "reporter/program/ledger/chunk_watch.h"

enum {
    BUFFER_BYTES = 64 << 10,
};

/* What never changes of a family. */
struct family {
    uint64_t size_bytes;
    bool counts_bytes;
};

/* Sums over the rows of a site: what was allocated less what was freed. */
struct sum {
    uint64_t blocks;
    uint64_t extra; /* slots of blocks beyond the first; of a family that counts bytes: bytes */
};

struct lmm_counter_watch {
    struct lmm_chunk_watch chunks;
    struct family *families;
    size_t family_count;
    uint32_t *site_family; /* by site */
    size_t site_count;     /* of the ledger; the arrays of sites have as many */
    size_t site_room;
    struct sum *sums;
    uint64_t *site_bytes;
    unsigned char *buffer; /* BUFFER_BYTES */
};

/* ---- Records that stay ----------------------------------------------------------------------- */

/* Returns how many records of `bytes` bytes a buffer takes. */
static uint32_t records_at_once(uint32_t bytes, uint32_t left)
{
    uint32_t most = BUFFER_BYTES / bytes;

    return left < most ? left : most;
}

/* Reads records of a chunk into the buffer. */
static bool read_records(struct lmm_counter_watch *watch, const struct lmm_watched_chunk *chunk,
                         uint32_t first, uint32_t count)
{
    return lmm_chunk_watch_read(&watch->chunks,
                                chunk->records + (uint64_t) first * chunk->record_bytes,
                                watch->buffer, (size_t) count * chunk->record_bytes);
}

static bool take_family(struct lmm_counter_watch *watch, const struct lmm_ledger_family *record)
{
    struct family *family =
        lmm_array_add(&watch->families, &watch->family_count, sizeof(*watch->families));

    if (family != NULL) {
        *family =
            (struct family) {record->size_bytes, (record->flags & LMM_LEDGER_FAMILY_BYTES) != 0};
    }
    return family != NULL && watch->family_count <= LMM_LEDGER_MAX_FAMILIES;
}

/* Adds the new families, and the committed bytes of all. */
static bool read_families(struct lmm_counter_watch *watch, struct lmm_watched_chunk *chunk,
                          uint64_t *committed_bytes)
{
    uint32_t used;
    bool good = chunk->record_bytes == sizeof(struct lmm_ledger_family) &&
                lmm_chunk_watch_used(&watch->chunks, chunk, &used);

    for (uint32_t i = 0, count; good && i < used; i += count) {
        const struct lmm_ledger_family *records = (const void *) watch->buffer;

        count = records_at_once(chunk->record_bytes, used - i);
        good = read_records(watch, chunk, i, count);
        for (uint32_t k = 0; k < count && good; k++) {
            *committed_bytes = lmm_add_saturated(*committed_bytes, records[k].committed_bytes);
            if (i + k == chunk->seen) {
                good = take_family(watch, &records[k]);
                chunk->seen++;
            }
        }
    }
    return good;
}

/* Makes room for that many sites. */
static bool reach_sites(struct lmm_counter_watch *watch, size_t count)
{
    size_t room = watch->site_room;
    size_t sums = room;
    size_t bytes = room;

    if (!lmm_array_reach(&watch->site_family, &room, count, sizeof(*watch->site_family)) ||
        !lmm_array_reach(&watch->sums, &sums, count, sizeof(*watch->sums)) ||
        !lmm_array_reach(&watch->site_bytes, &bytes, count, sizeof(*watch->site_bytes))) {
        return false;
    }
    watch->site_room = room;
    return true;
}

/* Adds the new sites. */
static bool read_sites(struct lmm_counter_watch *watch, struct lmm_watched_chunk *chunk)
{
    uint32_t used;
    bool good = chunk->record_bytes == sizeof(struct lmm_ledger_site) &&
                lmm_chunk_watch_used(&watch->chunks, chunk, &used) && used >= chunk->seen &&
                watch->site_count + (used - chunk->seen) <= LMM_LEDGER_MAX_SITES &&
                reach_sites(watch, watch->site_count + (used - chunk->seen));

    for (uint32_t count; good && chunk->seen < used; chunk->seen += count) {
        const struct lmm_ledger_site *records = (const void *) watch->buffer;

        count = records_at_once(chunk->record_bytes, used - chunk->seen);
        good = read_records(watch, chunk, chunk->seen, count);
        for (uint32_t k = 0; k < count && good; k++) {
            watch->site_family[watch->site_count++] = records[k].family;
        }
    }
    return good;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Adds the rows of a page. Rows of sites that are newer than the last one that was read are left for
 * the next reading. */
static bool add_page(struct lmm_counter_watch *watch, const struct lmm_ledger_row_page *page,
                     uint32_t room, uint64_t *allocations)
{
    uint64_t allocated = 0;

    if (page->rows > room || page->first_site > LMM_LEDGER_MAX_SITES) {
        return false;
    }
    size_t left = lmm_subtract_saturated(watch->site_count, page->first_site);
    size_t rows = page->rows < left ? page->rows : left;

    for (size_t k = 0; k < rows; k++) {
        const struct lmm_ledger_row *row = &page->row[k];
        struct sum *sum = &watch->sums[page->first_site + k];

        sum->blocks += row->allocated_blocks - row->freed_blocks;
        sum->extra += row->allocated_extra - row->freed_extra;
        allocated += row->allocated_blocks;
    }
    *allocations += allocated;
    return true;
}

static bool add_rows(struct lmm_counter_watch *watch, const struct lmm_watched_chunk *chunk,
                     uint64_t *allocations)
{
    uint32_t room = lmm_books_rows_in(chunk->record_bytes);
    uint32_t used;
    bool good = room > 0 && chunk->record_bytes <= BUFFER_BYTES &&
                lmm_chunk_watch_used(&watch->chunks, chunk, &used);

    for (uint32_t i = 0, count; good && i < used; i += count) {
        count = records_at_once(chunk->record_bytes, used - i);
        good = read_records(watch, chunk, i, count);
        for (uint32_t k = 0; k < count && good; k++) {
            const void *page = watch->buffer + (size_t) k * chunk->record_bytes;

            good = add_page(watch, page, room, allocations);
        }
    }
    return good;
}

/* The live bytes of a site, as model.c defines them. A difference below 0 is that of a reading which
 * is not of one moment. */
static uint64_t bytes_of(const struct family *family, const struct sum *sum)
{
    bool has_blocks = (int64_t) sum->blocks > 0;
    uint64_t extra = (int64_t) sum->extra > 0 ? sum->extra : 0;

    if (!has_blocks || family->counts_bytes) {
        return has_blocks ? extra : 0;
    }
    return lmm_multiply_saturated(lmm_add_saturated(sum->blocks, extra), family->size_bytes);
}

static bool define_sites(struct lmm_counter_watch *watch, struct lmm_counter_reading *reading)
{
    for (size_t i = 0; i < watch->site_count; i++) {
        const struct sum *sum = &watch->sums[i];

        if (watch->site_family[i] >= watch->family_count) {
            return false;
        }
        watch->site_bytes[i] = bytes_of(&watch->families[watch->site_family[i]], sum);
        if ((int64_t) sum->blocks > 0) {
            reading->live_blocks = lmm_add_saturated(reading->live_blocks, sum->blocks);
        }
    }
    return true;
}

/* ---- A reading ------------------------------------------------------------------------------- */

/* Sites before families: a site's family is in the ledger before it. */
static bool read_chunks(struct lmm_counter_watch *watch, uint32_t kind,
                        struct lmm_counter_reading *reading)
{
    bool good = true;

    for (size_t i = 0; i < watch->chunks.count && good; i++) {
        struct lmm_watched_chunk *chunk = &watch->chunks.chunks[i];

        if (chunk->kind != kind) {
            continue;
        }
        switch (kind) {
        case LMM_LEDGER_SITES: good = read_sites(watch, chunk); break;
        case LMM_LEDGER_FAMILIES:
            good = read_families(watch, chunk, &reading->committed_bytes);
            break;
        default: good = add_rows(watch, chunk, &reading->allocations); break;
        }
    }
    return good;
}

/* Reads what changes of the header. */
static bool read_header(struct lmm_counter_watch *watch)
{
    struct lmm_ledger_header *header = &watch->chunks.file.header;
    size_t from = offsetof(struct lmm_ledger_header, started);
    uint64_t end;

    return lmm_chunk_watch_read(&watch->chunks, offsetof(struct lmm_ledger_header, state),
                                &header->state, sizeof(header->state)) &&
           lmm_chunk_watch_read(&watch->chunks, offsetof(struct lmm_ledger_header, file_bytes),
                                &end, sizeof(end)) &&
           lmm_chunk_watch_read(&watch->chunks, from, (unsigned char *) header + from,
                                sizeof(*header) - from) &&
           lmm_chunk_watch_look(&watch->chunks, end);
}

bool lmm_counter_watch_read(struct lmm_counter_watch *watch,
                            struct lmm_counter_reading *ret_reading)
{
    struct lmm_counter_reading reading = {.live_blocks = 0};

    if (!read_header(watch) || !read_chunks(watch, LMM_LEDGER_SITES, &reading) ||
        !read_chunks(watch, LMM_LEDGER_FAMILIES, &reading)) {
        return false;
    }
    if (watch->site_count > 0) {
        memset(watch->sums, 0, watch->site_count * sizeof(*watch->sums));
    }
    if (!read_chunks(watch, LMM_LEDGER_ROWS, &reading) || !define_sites(watch, &reading)) {
        return false;
    }
    reading.site_bytes = watch->site_bytes;
    reading.site_count = watch->site_count;
    *ret_reading = reading;
    return true;
}

const struct lmm_ledger_header *lmm_counter_watch_header(const struct lmm_counter_watch *watch)
{
    return &watch->chunks.file.header;
}

bool lmm_counter_watch_mark(struct lmm_counter_watch *watch, struct lmm_counter_mark *ret_mark)
{
    for (size_t i = 0; i < watch->chunks.count; i++) {
        struct lmm_watched_chunk *chunk = &watch->chunks.chunks[i];
        struct lmm_ledger_mark record;
        uint32_t used;

        if (chunk->kind != LMM_LEDGER_MARKS || chunk->record_bytes != sizeof(record) ||
            !lmm_chunk_watch_used(&watch->chunks, chunk, &used) || chunk->seen >= used) {
            continue;
        }
        if (!lmm_chunk_watch_read(&watch->chunks,
                                  chunk->records + (uint64_t) chunk->seen * sizeof(record), &record,
                                  sizeof(record))) {
            return false;
        }
        chunk->seen++;
        ret_mark->time_ns = record.time_ns;
        if (!lmm_chunk_watch_string(&watch->chunks, record.text, ret_mark->text,
                                    sizeof(ret_mark->text))) {
            ret_mark->text[0] = '\0';
        }
        return true;
    }
    return false;
}

bool lmm_counter_watch_is_file(const struct lmm_counter_watch *watch, uint64_t device,
                               uint64_t inode)
{
    return watch->chunks.file.device == device && watch->chunks.file.inode == inode;
}

enum lmm_process_state lmm_counter_watch_state(const struct lmm_counter_watch *watch)
{
    const struct lmm_ledger_file *file = &watch->chunks.file;

    return lmm_process_state(&file->header, file->device, file->inode);
}

struct lmm_counter_watch *lmm_counter_watch_open(const char *path)
{
    const uint32_t kinds = 1U << LMM_LEDGER_STRINGS | 1U << LMM_LEDGER_FAMILIES |
                           1U << LMM_LEDGER_SITES | 1U << LMM_LEDGER_ROWS | 1U << LMM_LEDGER_MARKS;
    struct lmm_counter_watch *watch = calloc(1, sizeof(*watch));

    if (watch != NULL && !lmm_chunk_watch_open(path, kinds, &watch->chunks)) {
        free(watch);
        return NULL;
    }
    if (watch != NULL) {
        watch->buffer = malloc(BUFFER_BYTES);
    }
    if (watch != NULL &&
        (watch->buffer == NULL || watch->chunks.file.header.version != LMM_LEDGER_VERSION)) {
        lmm_counter_watch_close(watch);
        return NULL;
    }
    return watch;
}

void lmm_counter_watch_close(struct lmm_counter_watch *watch)
{
    if (watch != NULL) {
        lmm_chunk_watch_close(&watch->chunks);
        free(watch->buffer);
        free(watch->families);
        free(watch->site_family);
        free(watch->sums);
        free(watch->site_bytes);
        free(watch);
    }
}
