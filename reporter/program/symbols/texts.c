/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/texts.h"

#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct lmm_text {
    UT_hash_handle hh;
    size_t bytes;
    char bytes_of[];
};

struct lmm_string lmm_texts_keep(struct lmm_text **texts, const char *text, size_t bytes)
{
    struct lmm_text *kept;

    HASH_FIND(hh, *texts, text, bytes, kept);
    if (kept != NULL) {
        return (struct lmm_string) {kept->bytes_of, kept->bytes};
    }
    kept = calloc(1, sizeof(*kept) + bytes + 1);
    if (kept != NULL) {
        kept->bytes = bytes;
        memcpy(kept->bytes_of, text, bytes);
        HASH_ADD(hh, *texts, bytes_of, bytes, kept);
    }
    if (kept == NULL || kept->hh.tbl == NULL) {
        free(kept);
        return (struct lmm_string) {NULL, 0};
    }
    return (struct lmm_string) {kept->bytes_of, kept->bytes};
}

void lmm_texts_free(struct lmm_text *texts)
{
    struct lmm_text *text = texts;

    HASH_CLEAR(hh, texts); /* the items stay linked to each other */
    while (text != NULL) {
        struct lmm_text *next = text->hh.next;

        free(text);
        text = next;
    }
}
