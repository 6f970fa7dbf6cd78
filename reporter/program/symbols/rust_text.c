/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/rust_text.h"

#include <stdlib.h>
#include <string.h>

enum {
    IDENTIFIER_MAX = 128, /* characters of one that is not ASCII */
    HASH_DIGITS = 16,
    HASH_KINDS_MIN = 5, /* different digits of a hash; a C++ name may end like one by chance */
};

/* ---- Text ------------------------------------------------------------------------------------ */

bool lmm_rust_text_put(struct lmm_rust_text *text, const char *bytes, size_t count)
{
    if (count > LMM_RUST_TEXT_MAX - text->count) {
        return false;
    }
    if (text->bytes == NULL || text->count + count >= text->room) {
        size_t room = 2 * (text->count + count) + 64;
        char *larger = realloc(text->bytes, room);

        if (larger == NULL) {
            return false;
        }
        text->bytes = larger;
        text->room = room;
    }
    if (count > 0) {
        memcpy(text->bytes + text->count, bytes, count);
    }
    text->count += count;
    text->bytes[text->count] = '\0';
    return true;
}

size_t lmm_rust_text_encode(uint32_t character, char *ret_bytes)
{
    unsigned char *bytes = (unsigned char *) ret_bytes;

    if (character < 0x80) {
        bytes[0] = (unsigned char) character;
        return 1;
    }
    if (character < 0x800) {
        bytes[0] = (unsigned char) (0xc0 | character >> 6);
        bytes[1] = (unsigned char) (0x80 | (character & 0x3f));
        return 2;
    }
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) {
        bytes[0] = '?';
        return 1;
    }
    size_t count = character < 0x10000 ? 3 : 4;

    for (size_t i = count; i-- > 1;) {
        bytes[i] = (unsigned char) (0x80 | (character & 0x3f));
        character >>= 6;
    }
    bytes[0] = (unsigned char) ((count == 3 ? 0xe0 : 0xf0) | character);
    return count;
}

/* ---- Punycode -------------------------------------------------------------------------------- */

/* RFC 3492, section 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t points, bool is_first)
{
    uint32_t k = 0;

    delta = is_first ? delta / 700 : delta / 2;
    delta += delta / points;
    while (delta > 35 * 26 / 2) {
        delta /= 35;
        k += 36;
    }
    return k + 36 * delta / (delta + 38);
}

/* Decodes one number of the digits at *at; false: they are not valid. */
static bool decode(const char **at, const char *end, uint32_t bias, uint64_t *sum)
{
    uint64_t weight = 1;

    for (uint32_t k = 36;; k += 36) {
        uint32_t threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        char digit = *at < end ? *(*at)++ : '\0';
        uint32_t value = digit >= 'a' && digit <= 'z'   ? (uint32_t) (digit - 'a')
                         : digit >= '0' && digit <= '9' ? (uint32_t) (26 + digit - '0')
                                                        : 36;

        if (value == 36 || weight > UINT32_MAX) {
            return false;
        }
        *sum += value * weight;
        if (*sum > UINT32_MAX) {
            return false;
        }
        if (value < threshold) {
            return true;
        }
        weight *= 36 - threshold;
    }
}

/* Inserts the characters that the digits say. RFC 3492, section 6.2. */
static bool insert(const char *at, const char *end, uint32_t *characters, size_t *count)
{
    uint64_t place = 0;
    uint64_t character = 0x80;
    uint32_t bias = 72;
    bool is_first = true;

    while (at < end) {
        uint64_t before = place;

        if (*count == IDENTIFIER_MAX || !decode(&at, end, bias, &place)) {
            return false;
        }
        bias = adapt((uint32_t) (place - before), (uint32_t) *count + 1, is_first);
        is_first = false;
        character += place / (*count + 1);
        place %= *count + 1;
        if (character > 0x10ffff) {
            return false;
        }
        memmove(&characters[place + 1], &characters[place],
                (*count - place) * sizeof(characters[0]));
        characters[place++] = (uint32_t) character;
        (*count)++;
    }
    return true;
}

bool lmm_rust_text_put_punycode(struct lmm_rust_text *text, const char *bytes, size_t count)
{
    uint32_t characters[IDENTIFIER_MAX + 1];
    const char *delimiter = count == 0 ? NULL : memrchr(bytes, '_', count);
    const char *digits = delimiter == NULL ? bytes : delimiter + 1;
    size_t length = delimiter == NULL ? 0 : (size_t) (delimiter - bytes);

    if (length > IDENTIFIER_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        characters[i] = (unsigned char) bytes[i];
    }
    bool good = insert(digits, bytes + count, characters, &length);

    for (size_t i = 0; i < length && good; i++) {
        char encoded[4];

        good = lmm_rust_text_put(text, encoded, lmm_rust_text_encode(characters[i], encoded));
    }
    return good;
}

/* ---- Names of the older scheme --------------------------------------------------------------- */

struct part {
    const char *bytes;
    size_t count;
};

/* Takes a part, a number and as many bytes, off *at. */
static bool take_part(const char **at, struct part *part)
{
    size_t count = 0;

    while (**at >= '0' && **at <= '9' && count < LMM_RUST_TEXT_MAX) {
        count = count * 10 + (size_t) (*(*at)++ - '0');
    }
    *part = (struct part) {*at, count};
    if (count == 0 || strnlen(*at, count) < count) {
        return false;
    }
    *at += count;
    return true;
}

static bool is_hash(struct part part)
{
    static const char digits[] = "0123456789abcdef";
    unsigned seen = 0;

    if (part.count != HASH_DIGITS + 1 || part.bytes[0] != 'h') {
        return false;
    }
    for (size_t i = 1; i < part.count; i++) {
        const char *digit = strchr(digits, part.bytes[i]);

        if (digit == NULL) {
            return false;
        }
        seen |= 1U << (digit - digits);
    }
    return __builtin_popcount(seen) >= HASH_KINDS_MIN;
}

/* Puts the character for the escape at the start of text, "$LT$". Returns the escape's bytes; 0:
 * there is none. */
static size_t put_escape(struct lmm_rust_text *text, const char *bytes, size_t count)
{
    static const struct {
        const char *escape;
        const char *means;
    } escapes[] = {{"$SP$", "@"}, {"$BP$", "*"}, {"$RF$", "&"}, {"$LT$", "<"},
                   {"$GT$", ">"}, {"$LP$", "("}, {"$RP$", ")"}, {"$C$", ","}};

    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        size_t length = strlen(escapes[i].escape);

        if (count >= length && memcmp(bytes, escapes[i].escape, length) == 0) {
            return lmm_rust_text_put(text, escapes[i].means, 1) ? length : 0;
        }
    }
    if (count < 4 || bytes[1] != 'u') {
        return 0;
    }
    char *end;
    char encoded[4];
    unsigned long character = strtoul(bytes + 2, &end, 16);
    size_t length = (size_t) (end - bytes) + 1;
    bool is_one = *end == '$' && length <= count && length <= 9 && character >= ' ';

    return is_one && lmm_rust_text_put(text, encoded,
                                       lmm_rust_text_encode((uint32_t) character, encoded))
               ? length
               : 0;
}

static bool put_part(struct lmm_rust_text *text, struct part part)
{
    bool starts_escaped = part.count > 1 && part.bytes[0] == '_' && part.bytes[1] == '$';

    for (size_t i = starts_escaped; i < part.count;) {
        const char *at = part.bytes + i;
        size_t left = part.count - i;
        size_t taken = 1;
        bool good = true;

        if (*at == '$') {
            taken = put_escape(text, at, left);
            good = taken > 0;
        } else if (*at == '.' && left > 1 && at[1] == '.') {
            taken = 2;
            good = lmm_rust_text_put(text, "::", 2);
        } else {
            good = lmm_rust_text_put(text, at, 1);
        }
        if (!good) {
            return false;
        }
        i += taken;
    }
    return true;
}

/* Counts the parts of a name up to its "E"; 0: it is not a name of this scheme. */
static size_t count_parts(const char *name)
{
    struct part part = {NULL, 0};
    size_t count = 0;

    while (*name != 'E') {
        if (!take_part(&name, &part)) {
            return 0;
        }
        count++;
    }
    return count > 1 && is_hash(part) && strchr(".$", name[1]) != NULL ? count : 0;
}

char *lmm_rust_text_of_old_name(const char *name)
{
    struct lmm_rust_text text = {.bytes = NULL};
    struct part part;
    bool good = true;

    if (strncmp(name, "_ZN", 3) != 0) {
        return NULL;
    }
    name += strlen("_ZN");
    size_t count = count_parts(name);

    for (size_t i = 0; i + 1 < count && good; i++) { /* the last one is the hash */
        good = (i == 0 || lmm_rust_text_put(&text, "::", 2)) && take_part(&name, &part) &&
               put_part(&text, part);
    }
    if (!good) {
        free(text.bytes);
        return NULL;
    }
    return text.bytes;
}
