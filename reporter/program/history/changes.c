/* SPDX-License-Identifier: MIT */
/* A difference is written as 2 * d, or 2 * -d - 1 where it is below 0, so that small ones are short. */
#include "reporter/program/history/changes.h"

enum {
    BITS = 7,
    MORE = 1 << BITS, /* another byte follows */
    SHIFT_MAX = 63,
};

static unsigned char *put_number(unsigned char *to, uint64_t number)
{
    for (; number >= MORE; number >>= BITS) {
        *to++ = (unsigned char) (number | MORE);
    }
    *to++ = (unsigned char) number;
    return to;
}

static bool get_number(struct lmm_changes *list, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (unsigned shift = 0; list->at < list->end && shift <= SHIFT_MAX; shift += BITS) {
        unsigned char byte = *list->at++;

        number |= (uint64_t) (byte & (MORE - 1)) << shift;
        if (byte < MORE) {
            *ret_number = number;
            return true;
        }
    }
    return false;
}

bool lmm_changes_next(struct lmm_changes *list, struct lmm_change *ret_change)
{
    uint64_t gap = 0;
    uint64_t folded = 0;

    if (!get_number(list, &gap) || !get_number(list, &folded) ||
        gap > (uint64_t) UINT32_MAX - list->next) {
        return false;
    }
    *ret_change = (struct lmm_change) {
        .site = (uint32_t) (list->next + gap),
        .by = (int64_t) (folded >> 1) ^ -(int64_t) (folded & 1),
    };
    list->next = (uint64_t) ret_change->site + 1;
    return true;
}

void lmm_changes_put(struct lmm_changes_writer *writer, struct lmm_change change)
{
    uint64_t sign = change.by < 0 ? UINT64_MAX : 0;

    if (change.by == 0) {
        return;
    }
    writer->at = put_number(writer->at, change.site - writer->next);
    writer->at = put_number(writer->at, ((uint64_t) change.by << 1) ^ sign);
    writer->next = (uint64_t) change.site + 1;
}

size_t lmm_changes_merge(struct lmm_changes first, struct lmm_changes second, unsigned char *to)
{
    struct lmm_changes_writer writer = {to, 0};
    struct lmm_change a = {0, 0};
    struct lmm_change b = {0, 0};
    bool has_a = lmm_changes_next(&first, &a);
    bool has_b = lmm_changes_next(&second, &b);

    while (has_a || has_b) {
        bool takes_a = has_a && (!has_b || a.site <= b.site);
        bool takes_b = has_b && (!has_a || b.site <= a.site);
        struct lmm_change sum = {
            .site = takes_a ? a.site : b.site,
            .by = (int64_t) ((takes_a ? (uint64_t) a.by : 0) + (takes_b ? (uint64_t) b.by : 0)),
        };

        lmm_changes_put(&writer, sum);
        has_a = takes_a ? lmm_changes_next(&first, &a) : has_a;
        has_b = takes_b ? lmm_changes_next(&second, &b) : has_b;
    }
    return (size_t) (writer.at - to);
}
