/* SPDX-License-Identifier: MIT */
#include "lib/ground/table.h"

#include "lib/ground/meta.h"

struct lmm_table_body lmm_table_empty = {.entry = {{0, 0}}};

static uint32_t check_of(const struct lmm_table *table, const struct lmm_table_entry *entry)
{
    return table->has_checks ? (uint32_t) (entry->rest >> 32) : 0;
}

/* The entry of (key, check), or the empty one where it belongs. */
static struct lmm_table_entry *find(const struct lmm_table *table, struct lmm_table_body *body,
                                    uint64_t key, uint32_t check)
{
    size_t i = lmm_table_start(key, check) & body->mask;

    while (body->entry[i].key != 0 &&
           (body->entry[i].key != key || check_of(table, &body->entry[i]) != check)) {
        i = (i + 1) & body->mask;
    }
    return &body->entry[i];
}

/* Whether so many used entries leave the body as many empty ones as I1 wants. */
static bool has_room(const struct lmm_table_body *body, size_t used)
{
    return 4 * used <= 3 * (body->mask + 1);
}

static size_t bytes_of(size_t entries)
{
    return sizeof(struct lmm_table_body) + entries * sizeof(struct lmm_table_entry);
}

/* Copies the entries of the table into a body that is not published yet. */
static void copy_entries(const struct lmm_table *table, struct lmm_table_body *larger)
{
    const struct lmm_table_body *body = table->body;

    larger->used = body->used;
    for (size_t i = 0; i <= body->mask; i++) {
        const struct lmm_table_entry *entry = &body->entry[i];
        if (entry->key != 0) {
            *find(table, larger, entry->key, check_of(table, entry)) = *entry;
        }
    }
}

bool lmm_table_reserve_locked(struct lmm_table *table)
{
    struct lmm_table_body *old = table->body;
    size_t entries = old == &lmm_table_empty ? table->first_entries : 2 * (old->mask + 1);

    if (has_room(old, old->used + 1)) {
        return true;
    }
    struct lmm_table_body *larger = lmm_meta_zalloc_written(bytes_of(entries));
    if (larger == NULL) {
        return false;
    }
    larger->mask = entries - 1;
    copy_entries(table, larger);
    lmm_store_release(&table->body, larger);
    LMM_CHECK(lmm_table_is_valid_locked(table));
    if (!table->has_readers && old != &lmm_table_empty) {
        lmm_meta_free(&lmm_arena_records, old, bytes_of(old->mask + 1));
    }
    return true;
}

void lmm_table_put_locked(struct lmm_table *table, uint64_t key, uint32_t check, uint64_t value)
{
    struct lmm_table_entry *entry = find(table, table->body, key, check);

    LMM_CHECK(key != 0 && (table->has_checks ? value <= UINT32_MAX : check == 0));
    lmm_store_release(&entry->rest, (uint64_t) check << 32 | value);
    if (entry->key == 0) {
        LMM_CHECK(has_room(table->body, table->body->used + 1));
        table->body->used++;
        lmm_store_release(&entry->key, key);
    }
}

bool lmm_table_is_valid_locked(const struct lmm_table *table)
{
    struct lmm_table_body *body = table->body;
    size_t used = 0;

    for (size_t i = 0; i <= body->mask; i++) {
        const struct lmm_table_entry *entry = &body->entry[i];
        used += entry->key != 0;
        if (entry->key != 0 && find(table, body, entry->key, check_of(table, entry)) != entry) {
            return false; /* I2 or I4: the search ends before the entry */
        }
    }
    return used == body->used && lmm_is_power_of_two(body->mask + 1) && has_room(body, used);
}
