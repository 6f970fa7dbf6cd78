/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/type_table.h"

#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/hash.h"
#include "reporter/program/types/type_info.h"

/* Types of one key are a list. */
struct item {
    UT_hash_handle hh;
    uint64_t key;
    struct item *next;
    struct lmm_type_info info;
};

struct lmm_type_table {
    struct item *items;
};

static uint64_t key_of(const struct lmm_type_info *info)
{
    uint64_t key = lmm_hash_string(info->bytes, lmm_string_of(info->name));

    return lmm_hash_u64(lmm_hash_string(key, lmm_string_of(info->file)), info->line);
}

static bool is_equal(const struct lmm_type_info *a, const struct lmm_type_info *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->file, b->file) == 0 && a->line == b->line &&
           a->kind == b->kind && a->bytes == b->bytes && a->tail_offset == b->tail_offset &&
           a->tail_bytes == b->tail_bytes && a->is_cplusplus == b->is_cplusplus &&
           a->is_polymorphic == b->is_polymorphic && a->is_base == b->is_base &&
           a->is_typed_header == b->is_typed_header && a->link_bytes == b->link_bytes &&
           strcmp(a->starts, b->starts) == 0;
}

struct lmm_type_table *lmm_type_table_new(void)
{
    return calloc(1, sizeof(struct lmm_type_table));
}

void lmm_type_table_free(struct lmm_type_table *table)
{
    if (table == NULL) {
        return;
    }
    struct item *first = table->items;

    HASH_CLEAR(hh, table->items); /* the items stay linked to each other */
    while (first != NULL) {
        struct item *item = first;

        first = first->hh.next;
        while (item != NULL) {
            struct item *next = item->next;

            free(item);
            item = next;
        }
    }
    free(table);
}

const struct lmm_type_info *lmm_type_table_keep(struct lmm_type_table *table,
                                                const struct lmm_type_info *info)
{
    uint64_t key = key_of(info);
    struct item *first;
    struct item *item = NULL;

    HASH_FIND(hh, table->items, &key, sizeof(key), first);
    for (item = first; item != NULL && !is_equal(&item->info, info); item = item->next) {
    }
    if (item != NULL) {
        return &item->info;
    }
    item = calloc(1, sizeof(*item));
    if (item == NULL) {
        return NULL;
    }
    item->key = key;
    item->info = *info;
    if (first != NULL) {
        item->next = first->next;
        first->next = item;
        return &item->info;
    }
    HASH_ADD(hh, table->items, key, sizeof(key), item);
    if (item->hh.tbl == NULL) {
        free(item);
        return NULL;
    }
    return &item->info;
}
