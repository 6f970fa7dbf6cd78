/* SPDX-License-Identifier: MIT */
/* Open addressing; an entry stands at its key, or after it, with no free entry between. */
#include "reporter/program/report/numbers.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    ROOM_FIRST = 64,
};

static struct lmm_numbers_entry *entry_of(const struct lmm_numbers *numbers, uint64_t key)
{
    size_t at = (size_t) key & (numbers->room - 1);

    while (numbers->entries[at].key != 0 && numbers->entries[at].key != key) {
        at = (at + 1) & (numbers->room - 1);
    }
    return &numbers->entries[at];
}

static bool grow(struct lmm_numbers *numbers)
{
    struct lmm_numbers larger = {.count = numbers->count};

    larger.room = numbers->room == 0 ? ROOM_FIRST : numbers->room * 2;
    larger.entries = calloc(larger.room, sizeof(*larger.entries));
    if (larger.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < numbers->room; i++) {
        if (numbers->entries[i].key != 0) {
            *entry_of(&larger, numbers->entries[i].key) = numbers->entries[i];
        }
    }
    free(numbers->entries);
    *numbers = larger;
    return true;
}

uint32_t *lmm_numbers_at(struct lmm_numbers *numbers, uint64_t key)
{
    assert(key != 0);
    if (numbers->count + 1 > numbers->room / 4 * 3 && !grow(numbers)) {
        return NULL;
    }
    struct lmm_numbers_entry *entry = entry_of(numbers, key);

    if (entry->key == 0) {
        entry->key = key;
        numbers->count++;
    }
    assert(numbers->count < numbers->room); /* I1: a search ends */
    return &entry->value;
}

uint32_t lmm_numbers_find(const struct lmm_numbers *numbers, uint64_t key)
{
    assert(key != 0);
    return numbers->room == 0 ? 0 : entry_of(numbers, key)->value;
}

void lmm_numbers_free(struct lmm_numbers *numbers)
{
    free(numbers->entries);
    *numbers = (struct lmm_numbers) {.entries = NULL};
}
