/* SPDX-License-Identifier: MIT */
#include "reporter/core/losses.h"

#include <errno.h>
#include <lmm/ledger.h>

#include "reporter/core/books.h"
#include "reporter/core/compare.h"
#include "reporter/core/model.h"
#include "reporter/core/require.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sort.h"

enum { TRIES = 100 };

_Static_assert((int) LMM_MODEL_EXAMPLES == (int) LMM_LEDGER_LEAK_EXAMPLES, "all are copied");
_Static_assert(sizeof(struct lmm_model_leak) <= LMM_SORT_ITEM_MAX, "leaks are sorted in place");

size_t lmm_losses_records(const struct lmm_books *books)
{
    uint64_t even = lmm_books_count(books, LMM_LEDGER_LEAKS_EVEN);
    uint64_t odd = lmm_books_count(books, LMM_LEDGER_LEAKS_ODD);

    return (size_t) (even > odd ? even : odd);
}

/* ---- Records --------------------------------------------------------------------------------- */

static void copy_facts(const struct lmm_ledger_check *from, struct lmm_model_check *to)
{
    uint32_t flags = lmm_load_u32(&from->flags);

    *to = (struct lmm_model_check) {
        .is_there = true,
        .is_at_exit = (flags & LMM_LEDGER_CHECK_AT_EXIT) != 0,
        .is_stopped = (flags & LMM_LEDGER_CHECK_STOPPED) != 0,
        .is_unaligned = (flags & LMM_LEDGER_CHECK_UNALIGNED) != 0,
        .is_confirmed = (flags & LMM_LEDGER_CHECK_TWICE) != 0,
        .failure = lmm_load_u32(&from->failure),
        .mark = lmm_load_u32(&from->mark),
        .threads = lmm_load_u32(&from->threads),
        .threads_unseen = lmm_load_u32(&from->threads_unseen),
        .roots_unread = lmm_load_u64(&from->roots_unread),
        .scanned_bytes = lmm_load_u64(&from->scanned_bytes),
        .time_ns = lmm_load_u64(&from->time_ns),
        .pause_ns = lmm_load_u64(&from->pause_ns),
        .scan_ns = lmm_load_u64(&from->scan_ns),
        .leak_count = lmm_load_u32(&from->leaks),
    };
}

/* Copies a record as it is; the class is still the ledger's number. */
static void copy_leak(const struct lmm_ledger_leak *from, struct lmm_model_leak *to)
{
    to->site = lmm_load_u32(&from->site);
    to->leader = lmm_load_u32(&from->leader);
    to->kind = (enum lmm_model_class) lmm_load_u32(&from->kind);
    to->example_count = lmm_load_u32(&from->examples);
    to->amount.blocks = lmm_load_u64(&from->blocks);
    to->amount.bytes = lmm_load_u64(&from->bytes);
    for (size_t i = 0; i < LMM_MODEL_EXAMPLES; i++) {
        to->examples[i] = lmm_load_u64(&from->example[i]);
    }
}

static void copy_leaks(const struct lmm_books *books, uint64_t turn, size_t count,
                       struct lmm_model_leak *leaks)
{
    uint32_t kind = turn == 0 ? LMM_LEDGER_LEAKS_EVEN : LMM_LEDGER_LEAKS_ODD;

    for (size_t i = 0; i < books->span_count; i++) {
        const struct lmm_span *span = &books->spans[i];
        const struct lmm_ledger_leak *records = (const void *) span->records;

        for (uint32_t k = 0; span->kind == kind && k < span->count && span->first + k < count;
             k++) {
            copy_leak(&records[k], &leaks[span->first + k]);
        }
    }
}

/* Copies the valid turn. A check that changes meanwhile is none. */
static int copy_turn(const struct lmm_books *books, const struct lmm_losses_room *room,
                     struct lmm_model_check *check)
{
    const struct lmm_ledger_header *header = books->header;

    for (int tries = 0; books->version != 1 && tries < TRIES; tries++) {
        uint64_t count = lmm_load_u64_acquire(&header->check_count);
        uint64_t turn = count % 2;
        uint32_t kind = turn == 0 ? LMM_LEDGER_LEAKS_EVEN : LMM_LEDGER_LEAKS_ODD;

        if (count == 0) {
            return 0;
        }
        copy_facts(&header->check[turn], check);
        bool has_records = check->leak_count <= lmm_books_count(books, kind);
        bool has_room = check->leak_count <= room->leak_count;

        if (has_records && has_room) {
            copy_leaks(books, turn, check->leak_count, room->leaks);
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (lmm_load_u64(&header->check_count) == count) {
            return !has_records ? -EINVAL : has_room ? 0 : -ENOSPC;
        }
    }
    *check = (struct lmm_model_check) {.is_there = false};
    return 0;
}

/* Checks a record, and makes its class the model's. */
static bool define_leak(struct lmm_model_leak *leak)
{
    static const enum lmm_model_class classes[] = {
        [LMM_LEDGER_LEAK_DEFINITE] = LMM_MODEL_DEFINITE,
        [LMM_LEDGER_LEAK_INDIRECT] = LMM_MODEL_INDIRECT,
        [LMM_LEDGER_LEAK_POSSIBLE] = LMM_MODEL_POSSIBLE,
        [LMM_LEDGER_LEAK_REACHABLE] = LMM_MODEL_REACHABLE,
        [LMM_LEDGER_LEAK_IGNORED] = LMM_MODEL_IGNORED,
    };
    uint32_t kind = (uint32_t) leak->kind;

    if (kind < LMM_LEDGER_LEAK_DEFINITE || kind > LMM_LEDGER_LEAK_IGNORED) {
        return false;
    }
    leak->kind = classes[kind];
    return leak->site < LMM_LEDGER_MAX_SITES && leak->leader < LMM_LEDGER_MAX_SITES &&
           leak->example_count <= LMM_MODEL_EXAMPLES &&
           (leak->kind == LMM_MODEL_INDIRECT || leak->leader == leak->site);
}

static int compare_leaks(const void *left, const void *right)
{
    const struct lmm_model_leak *a = left;
    const struct lmm_model_leak *b = right;
    int order = lmm_compare_u64(a->site, b->site);

    order = order != 0 ? order : lmm_compare_u64(a->kind, b->kind);
    return order != 0 ? order : lmm_compare_u64(a->leader, b->leader);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static void add(struct lmm_model_amount *sum, const struct lmm_model_amount *amount)
{
    sum->blocks = lmm_add_saturated(sum->blocks, amount->blocks);
    sum->bytes = lmm_add_saturated(sum->bytes, amount->bytes);
}

/* Returns the losses of a site, new ones if it has none; NULL: the model has no such site. */
static struct lmm_model_losses *losses_of(const struct lmm_losses_room *room, size_t *used,
                                          struct lmm_model *model, uint32_t id)
{
    struct lmm_model_site *site = id < model->site_count ? &model->sites[id] : NULL;

    if (site == NULL) {
        return NULL;
    }
    if (site->losses == NULL) {
        LMM_REQUIRE(*used < room->loss_count);
        site->losses = &room->losses[(*used)++];
    }
    return &room->losses[site->losses - room->losses];
}

static void add_leak(const struct lmm_losses_room *room, size_t *used, struct lmm_model *model,
                     const struct lmm_model_leak *leak)
{
    struct lmm_model_losses *own = losses_of(room, used, model, leak->site);
    struct lmm_model_losses *leader =
        leak->kind == LMM_MODEL_INDIRECT ? losses_of(room, used, model, leak->leader) : NULL;

    add(&model->check.of[leak->kind], &leak->amount);
    if (own != NULL) {
        add(&own->of[leak->kind], &leak->amount);
        own->leaks = own->leaks == NULL ? leak : own->leaks;
        own->leak_count++;
    }
    if (leader != NULL) {
        add(&leader->hanging, &leak->amount);
    }
}

int lmm_losses_read(const struct lmm_books *books, const struct lmm_losses_room *room,
                    struct lmm_model *model)
{
    struct lmm_model_check *check = &model->check;
    int error = copy_turn(books, room, check);
    size_t used = 0;

    if (error != 0 || (check->failure != 0 && check->leak_count != 0)) {
        return error != 0 ? error : -EINVAL;
    }
    for (size_t i = 0; i < check->leak_count; i++) {
        if (!define_leak(&room->leaks[i])) {
            return -EINVAL;
        }
    }
    lmm_sort(room->leaks, check->leak_count, sizeof(struct lmm_model_leak), compare_leaks);
    check->leaks = room->leaks;
    for (size_t i = 0; i < check->leak_count; i++) {
        add_leak(room, &used, model, &room->leaks[i]);
    }
    return 0;
}
