/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/nearest.h"

#include <stdio.h>
#include <string.h>

enum {
    BYTES_FOR_A_CHANGE = 3, /* a word of so many bytes may have one wrong */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Returns how many changes make b of a, two strings of less than LMM_NEAREST_BYTES each. */
static size_t distance_of(struct lmm_string a, struct lmm_string b)
{
    size_t rows[3][LMM_NEAREST_BYTES + 1]; /* by the length of the start of a, modulo 3 */

    for (size_t k = 0; k <= b.bytes; k++) {
        rows[0][k] = k;
    }
    for (size_t i = 1; i <= a.bytes; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];

        row[0] = i;
        for (size_t k = 1; k <= b.bytes; k++) {
            bool same = a.text[i - 1] == b.text[k - 1];

            row[k] = least(least(above[k], row[k - 1]) + 1, above[k - 1] + !same);
            if (i > 1 && k > 1 && a.text[i - 1] == b.text[k - 2] &&
                a.text[i - 2] == b.text[k - 1]) {
                row[k] = least(row[k], rows[(i - 2) % 3][k - 2] + 1);
            }
        }
    }
    return rows[a.bytes % 3][b.bytes];
}

void lmm_nearest_look(struct lmm_nearest *nearest, struct lmm_string candidate)
{
    struct lmm_string word = lmm_string_of(nearest->word);
    size_t most = (word.bytes + BYTES_FOR_A_CHANGE - 1) / BYTES_FOR_A_CHANGE;

    if (candidate.bytes == 0 || candidate.bytes >= LMM_NEAREST_BYTES ||
        word.bytes >= LMM_NEAREST_BYTES) {
        return;
    }
    size_t distance = distance_of(word, candidate);

    if (distance <= most && distance < candidate.bytes &&
        (nearest->best[0] == '\0' || distance < nearest->distance)) {
        memcpy(nearest->best, candidate.text, candidate.bytes);
        nearest->best[candidate.bytes] = '\0';
        nearest->distance = distance;
    }
}

void lmm_nearest_look_text(struct lmm_nearest *nearest, const char *candidate)
{
    lmm_nearest_look(nearest, lmm_string_of(candidate));
}

const char *lmm_nearest_hint(struct lmm_nearest *nearest, const char *instead)
{
    if (nearest->best[0] == '\0') {
        return instead;
    }
    snprintf(nearest->hint, sizeof(nearest->hint), " (did you mean '%s'?)", nearest->best);
    return nearest->hint;
}
