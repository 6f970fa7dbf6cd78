/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_strings.h"

#include <stdlib.h>
#include <string.h>

#include "reporter/core/compare.h"
#include "reporter/core/hash.h"
#include "reporter/program/base/array.h"

static const char ellipsis[] = "...";

/* Returns how many bytes of a long text stay, whole characters of it. */
static size_t cut(struct lmm_string text)
{
    size_t most = LMM_PAGE_STRING_MAX - strlen(ellipsis);
    size_t bytes = 0;

    for (;;) {
        uint32_t character = 0;
        size_t length = lmm_utf8_decode(text.text + bytes, text.bytes - bytes, &character);

        length = length == 0 ? 1 : length;
        if (bytes + length > most) {
            return bytes;
        }
        bytes += length;
    }
}

/* Returns room for a text, in the last chunk or in a new one; NULL: out of memory. */
static char *room_for(struct lmm_page_strings *strings, size_t bytes)
{
    if (strings->chunk_count == 0 || strings->chunk_used + bytes > LMM_PAGE_CHUNK) {
        char *chunk = malloc(LMM_PAGE_CHUNK);
        char **place = chunk == NULL
                           ? NULL
                           : lmm_array_add(&strings->chunks, &strings->chunk_count, sizeof(*place));

        if (place == NULL) {
            free(chunk);
            return NULL;
        }
        *place = chunk;
        strings->chunk_used = 0;
    }
    return strings->chunks[strings->chunk_count - 1] + strings->chunk_used;
}

static bool add(struct lmm_page_strings *strings, struct lmm_string text)
{
    char *room = room_for(strings, text.bytes);
    struct lmm_string *item =
        room == NULL ? NULL : lmm_array_add(&strings->items, &strings->count, sizeof(*item));

    if (item == NULL) {
        return false;
    }
    if (text.bytes > 0) {
        memcpy(room, text.text, text.bytes);
    }
    *item = (struct lmm_string) {room, text.bytes};
    strings->chunk_used += text.bytes;
    strings->bytes += text.bytes;
    return true;
}

/* The same for a text of at most LMM_PAGE_STRING_MAX bytes. */
static bool at(struct lmm_page_strings *strings, struct lmm_string text, uint32_t *ret_number)
{
    uint64_t key = lmm_hash_string(1, text);
    uint32_t *number = lmm_numbers_at(&strings->numbers, key);

    while (number != NULL && *number != 0 &&
           lmm_compare_strings(strings->items[*number - 1], text) != 0) {
        key = lmm_hash_u64(key, 0); /* another text with this key */
        number = lmm_numbers_at(&strings->numbers, key);
    }
    if (number == NULL) {
        return false;
    }
    if (*number == 0 && strings->bytes + text.bytes > LMM_PAGE_STRINGS_MAX) {
        *ret_number = 0;
        return true;
    }
    if (*number == 0) {
        if (!add(strings, text)) {
            return false;
        }
        *number = (uint32_t) strings->count;
    }
    *ret_number = *number - 1;
    return true;
}

bool lmm_page_strings_at(struct lmm_page_strings *strings, struct lmm_string text,
                         uint32_t *ret_number)
{
    char shorter[LMM_PAGE_STRING_MAX];

    if (strings->count == 0 && !at(strings, (struct lmm_string) {"", 0}, ret_number)) {
        return false;
    }
    if (text.bytes > LMM_PAGE_STRING_MAX) {
        size_t bytes = cut(text);

        memcpy(shorter, text.text, bytes);
        memcpy(shorter + bytes, ellipsis, strlen(ellipsis));
        text = (struct lmm_string) {shorter, bytes + strlen(ellipsis)};
    }
    return at(strings, text, ret_number);
}

uint32_t lmm_page_strings_find(const struct lmm_page_strings *strings, struct lmm_string text)
{
    uint64_t key = lmm_hash_string(1, text);
    uint32_t number = lmm_numbers_find(&strings->numbers, key);

    while (number != 0 && lmm_compare_strings(strings->items[number - 1], text) != 0) {
        key = lmm_hash_u64(key, 0);
        number = lmm_numbers_find(&strings->numbers, key);
    }
    return number == 0 ? 0 : number - 1;
}

void lmm_page_strings_free(struct lmm_page_strings *strings)
{
    for (size_t i = 0; i < strings->chunk_count; i++) {
        free(strings->chunks[i]);
    }
    free(strings->chunks);
    free(strings->items);
    lmm_numbers_free(&strings->numbers);
    *strings = (struct lmm_page_strings) {.items = NULL};
}
