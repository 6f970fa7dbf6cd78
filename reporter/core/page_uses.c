/* SPDX-License-Identifier: MIT */
#include "reporter/core/page_uses.h"

#include <errno.h>
#include <lmm/ledger.h>

#include "reporter/core/books.h"
#include "reporter/core/model.h"

enum { TRIES = 100 };

size_t lmm_page_uses_records(const struct lmm_books *books)
{
    uint64_t even = lmm_books_count(books, LMM_LEDGER_PAGES_EVEN);
    uint64_t odd = lmm_books_count(books, LMM_LEDGER_PAGES_ODD);

    return (size_t) (even > odd ? even : odd);
}

static void copy_walk(const struct lmm_ledger_page_walk *from, struct lmm_model_page_walk *to)
{
    *to = (struct lmm_model_page_walk) {
        .is_there = true,
        .is_at_exit = (lmm_load_u32(&from->flags) & LMM_LEDGER_PAGES_AT_EXIT) != 0,
        .failure = lmm_load_u32(&from->failure),
        .time_ns = lmm_load_u64(&from->time_ns),
        .committed_bytes = lmm_load_u64(&from->committed_bytes),
        .held_bytes = lmm_load_u64(&from->held_bytes),
        .live_bytes = lmm_load_u64(&from->live_bytes),
        .sparse_bytes = lmm_load_u64(&from->sparse_bytes),
        .returnable_bytes = lmm_load_u64(&from->returnable_bytes),
        .use_count = lmm_load_u32(&from->records),
    };
}

static struct lmm_model_page_use copy_use(const struct lmm_ledger_page_use *from)
{
    return (struct lmm_model_page_use) {
        .site = lmm_load_u32(&from->site),
        .blocks = lmm_load_u64(&from->blocks),
        .live_bytes = lmm_load_u64(&from->live_bytes),
        .held_bytes = lmm_load_u64(&from->held_bytes),
        .sparse_blocks = lmm_load_u64(&from->sparse_blocks),
        .sparse_live_bytes = lmm_load_u64(&from->sparse_live_bytes),
        .sparse_bytes = lmm_load_u64(&from->sparse_bytes),
    };
}

static void copy_uses(const struct lmm_books *books, uint32_t kind, size_t count,
                      struct lmm_model_page_use *uses)
{
    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const struct lmm_ledger_page_use *records = (const void *) span->records;
        size_t left = span->kind != kind || span->first >= count ? 0 : count - span->first;

        for (uint32_t k = 0; k < span->count && k < left; k++) {
            uses[span->first + k] = copy_use(&records[k]);
        }
    }
}

/* Copies the valid turn. A walk that changes meanwhile is none. */
static int copy_turn(const struct lmm_books *books, struct lmm_model_page_use *room, size_t count,
                     struct lmm_model_page_walk *walk)
{
    const struct lmm_ledger_header *header = books->header;

    for (int tries = 0; books->version != 1 && tries < TRIES; tries++) {
        uint64_t number = lmm_load_u64_acquire(&header->page_walk_count);
        uint32_t kind = number % 2 == 0 ? LMM_LEDGER_PAGES_EVEN : LMM_LEDGER_PAGES_ODD;

        if (number == 0) {
            return 0;
        }
        copy_walk(&header->page_walk[number % 2], walk);
        bool has_records = walk->use_count <= lmm_books_count(books, kind);
        bool has_room = walk->use_count <= count;

        if (has_records && has_room) {
            copy_uses(books, kind, walk->use_count, room);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (lmm_load_u64(&header->page_walk_count) == number) {
            return !has_records ? -EINVAL : has_room ? 0 : -ENOSPC;
        }
    }
    *walk = (struct lmm_model_page_walk) {.is_there = false};
    return 0;
}

int lmm_page_uses_read(const struct lmm_books *books, struct lmm_model_page_use *room, size_t count,
                       struct lmm_model *model)
{
    struct lmm_model_page_walk *walk = &model->page_walk;
    int error = copy_turn(books, room, count, walk);

    if (error != 0) {
        return error;
    }
    walk->uses = room;
    if (!lmm_model_page_walk_is_valid(walk)) {
        return -EINVAL;
    }
    for (size_t i = 0; i < walk->use_count; i++) {
        uint32_t site = room[i].site;

        if (site >= LMM_LEDGER_MAX_SITES) {
            return -EINVAL;
        }
        if (site < model->site_count) {
            model->sites[site].page_use = &room[i];
        }
    }
    return 0;
}
