/* SPDX-License-Identifier: MIT */
#include "lib/mems/records.h"

#include "lib/ground/panic.h"
#include "lib/ground/vm.h"

enum { CHUNK_BYTES_MAX = 1 << 20 };

/* The first cache line of each chunk. */
struct chunk {
    struct glthread link;
    size_t bytes;
};

_Static_assert(sizeof(struct chunk) <= LMM_CACHE_LINE_BYTES, "a chunk's head is one line");

void lmm_mems_records_init(struct lmm_mems_records *records, size_t page_bytes, size_t record_bytes)
{
    LMM_CHECK(page_bytes != 0 && page_bytes % LMM_SYSTEM_PAGE_BYTES == 0);
    LMM_CHECK(record_bytes != 0 && record_bytes % LMM_CACHE_LINE_BYTES == 0);
    *records = (struct lmm_mems_records) {.page_bytes = page_bytes, .record_bytes = record_bytes};
    glthread_init(&records->chunks);
}

/* The next chunk is half as long as all so far, within bounds, in whole pages. */
static size_t chunk_bytes(const struct lmm_mems_records *records)
{
    size_t wanted = records->mapped_bytes / 2;
    size_t bounded = wanted < CHUNK_BYTES_MAX ? wanted : CHUNK_BYTES_MAX;
    size_t whole = bounded / records->page_bytes * records->page_bytes;

    return whole != 0 ? whole : records->page_bytes;
}

/* Frees the fresh records of the last chunk, which a new chunk would otherwise make unreachable. */
static void free_fresh(struct lmm_mems_records *records)
{
    while (records->fresh != records->fresh_end) {
        char *record = records->fresh;
        records->fresh += records->record_bytes;
        records->available--;
        lmm_mems_records_give(records, record);
    }
}

static bool map_chunk(struct lmm_mems_records *records, size_t bytes)
{
    struct chunk *chunk = lmm_vm_map(bytes);

    LMM_CHECK(bytes % records->page_bytes == 0);
    if (chunk == NULL) {
        return false;
    }
    free_fresh(records);
    chunk->bytes = bytes;
    glthread_insert_before(&records->chunks, &chunk->link);
    records->mapped_bytes += bytes;
    size_t count = (bytes - LMM_CACHE_LINE_BYTES) / records->record_bytes;
    records->fresh = (char *) chunk + LMM_CACHE_LINE_BYTES;
    records->fresh_end = records->fresh + count * records->record_bytes;
    records->available += count;
    return true;
}

bool lmm_mems_records_reserve(struct lmm_mems_records *records, size_t count)
{
    while (LMM_UNLIKELY(records->available < count)) {
        size_t bytes = chunk_bytes(records);
        /* With little address space a page rather than none. */
        if (!map_chunk(records, bytes) &&
            (bytes == records->page_bytes || !map_chunk(records, records->page_bytes))) {
            return false;
        }
    }
    return true;
}

void *lmm_mems_records_take(struct lmm_mems_records *records)
{
    LMM_CHECK(records->available != 0);
    records->available--;
    void *record = records->free;
    if (record != NULL) {
        records->free = *(void **) record;
        return record;
    }
    record = records->fresh;
    records->fresh += records->record_bytes;
    return record;
}

void lmm_mems_records_give(struct lmm_mems_records *records, void *record)
{
    LMM_CHECK(record != NULL && (uintptr_t) record % LMM_CACHE_LINE_BYTES == 0);
    *(void **) record = records->free;
    records->free = record;
    records->available++;
}

/* Tries each chunk once; returns the bytes that stayed, on the list. */
static size_t unmap_chunks(struct glthread *chunks)
{
    size_t stayed_bytes = 0;
    struct glthread *next;

    for (struct glthread *link = chunks->next; link != chunks; link = next) {
        size_t bytes = GLTHREAD_ENTRY(link, struct chunk, link)->bytes;
        struct glthread *before = link->prev;
        next = link->next;
        glthread_remove(link);
        if (!lmm_vm_unmap(GLTHREAD_ENTRY(link, struct chunk, link), bytes)) {
            glthread_insert_after(before, link);
            stayed_bytes += bytes;
        }
    }
    return stayed_bytes;
}

size_t lmm_mems_records_finish(struct lmm_mems_records *records)
{
    size_t before_bytes;
    size_t stayed_bytes = records->mapped_bytes;

    /* munmap may need a map entry while neighbours are mapped, and succeed after they are not. */
    do {
        before_bytes = stayed_bytes;
        stayed_bytes = unmap_chunks(&records->chunks);
    } while (stayed_bytes != 0 && stayed_bytes != before_bytes);
    lmm_mems_records_init(records, records->page_bytes, records->record_bytes);
    return stayed_bytes;
}
