/* SPDX-License-Identifier: MIT */
#include "reporter/core/radix_sort.h"

#include <string.h>

enum {
    DIGIT_BITS = 8,
    VALUES = 1 << DIGIT_BITS, /* of a digit, which is a byte */
    KEY_BITS = 64,
};

static unsigned digit_of(uint64_t key, unsigned shift)
{
    return (unsigned) (key >> shift) % VALUES;
}

/* Copies the keys by the order of one digit. */
static void distribute(const struct lmm_sort_key *keys, size_t count, unsigned shift,
                       struct lmm_sort_key *ret_keys)
{
    size_t places[VALUES] = {0}; /* the keys of each value; then where the next one goes */
    size_t place = 0;

    for (size_t i = 0; i < count; i++) {
        places[digit_of(keys[i].key, shift)]++;
    }
    for (unsigned value = 0; value < VALUES; value++) {
        size_t here = places[value];

        places[value] = place;
        place += here;
    }
    for (size_t i = 0; i < count; i++) {
        ret_keys[places[digit_of(keys[i].key, shift)]++] = keys[i];
    }
}

/* From the lowest digit on; digits that all keys share change nothing. */
void lmm_radix_sort(struct lmm_sort_key *keys, size_t count, struct lmm_sort_key *room)
{
    struct lmm_sort_key *from = keys;
    struct lmm_sort_key *to = room;
    uint64_t differing = 0;
    size_t descents = 0;

    for (size_t i = 1; i < count; i++) {
        differing |= keys[i - 1].key ^ keys[i].key;
        descents += keys[i - 1].key > keys[i].key;
    }
    for (unsigned shift = 0; descents > 0 && shift < KEY_BITS; shift += DIGIT_BITS) {
        if (digit_of(differing, shift) != 0) {
            distribute(from, count, shift, to);
            struct lmm_sort_key *sorted = to;

            to = from;
            from = sorted;
        }
    }
    if (from != keys) {
        memcpy(keys, from, count * sizeof(*keys));
    }
}
