/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/key_sort.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"

enum {
    DIGITS = sizeof(uint64_t),
    VALUES = 256, /* of a digit, which is a byte */
};

/* How many keys have each value of each digit. */
struct counts {
    size_t of[DIGITS][VALUES];
};

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned) (key >> (digit * 8)) % VALUES;
}

static void count_digits(const struct lmm_sort_key *keys, size_t count, struct counts *counts)
{
    memset(counts, 0, sizeof(*counts));
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            counts->of[digit][digit_of(keys[i].key, digit)]++;
        }
    }
}

/* Copies the keys by the order of one digit; counts become the places of the values. */
static void distribute(const struct lmm_sort_key *keys, size_t count, unsigned digit,
                       size_t counts[VALUES], struct lmm_sort_key *ret_keys)
{
    size_t place = 0;

    for (unsigned value = 0; value < VALUES; value++) {
        size_t here = counts[value];
        counts[value] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++) {
        ret_keys[counts[digit_of(keys[i].key, digit)]++] = keys[i];
    }
}

static bool is_sorted(const struct lmm_sort_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (keys[i - 1].key > keys[i].key) {
            return false;
        }
    }
    return true;
}

/* From the lowest digit on; digits that all keys share change nothing. */
bool lmm_key_sort(struct lmm_sort_key *keys, size_t count)
{
    struct lmm_sort_key *from = keys;
    struct lmm_sort_key *to;
    struct counts counts;

    if (is_sorted(keys, count)) {
        return true;
    }
    struct lmm_sort_key *room = lmm_array_room(count, sizeof(*room));

    if (room == NULL) {
        return false;
    }
    to = room;
    count_digits(keys, count, &counts);
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        if (counts.of[digit][digit_of(keys[0].key, digit)] != count) {
            distribute(from, count, digit, counts.of[digit], to);
            struct lmm_sort_key *sorted = to;
            to = from;
            from = sorted;
        }
    }
    if (from != keys) {
        memcpy(keys, from, count * sizeof(*keys));
    }
    free(room);
    return true;
}

void *lmm_key_sort_items(const void *items, size_t count, size_t item_bytes,
                         uint64_t (*key_of)(const void *item))
{
    struct lmm_sort_key *keys = lmm_array_room(count, sizeof(*keys));
    unsigned char *sorted = lmm_array_room(count, item_bytes);
    const unsigned char *from = items;
    bool good = keys != NULL && sorted != NULL;

    for (size_t i = 0; good && i < count; i++) {
        keys[i] = (struct lmm_sort_key) {key_of(from + i * item_bytes), i};
    }
    good = good && lmm_key_sort(keys, count);
    for (size_t i = 0; good && i < count; i++) {
        memcpy(sorted + i * item_bytes, from + keys[i].index * item_bytes, item_bytes);
    }
    free(keys);
    if (!good) {
        free(sorted);
        return NULL;
    }
    return sorted;
}
