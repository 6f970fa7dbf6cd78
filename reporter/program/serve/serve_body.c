/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_body.h"

#include <string.h>

#include "reporter/core/utf8.h"
#include "reporter/program/serve/serve_route.h"

enum {
    MEMBERS_MAX = 16,
    KEY_MAX = 32,
};

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static bool take(const char **at, char character)
{
    skip_blanks(at);
    if (**at != character) {
        return false;
    }
    (*at)++;
    return true;
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* Reads four hexadecimal digits. */
static bool take_hex(const char **at, uint32_t *ret_unit)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        char digit = **at;
        const char *found;

        digit = digit >= 'A' && digit <= 'F' ? (char) (digit - 'A' + 'a') : digit;
        found = digit == '\0' ? NULL : strchr(digits, digit);
        if (found == NULL) {
            return false;
        }
        unit = unit << 4 | (uint32_t) (found - digits);
        (*at)++;
    }
    *ret_unit = unit;
    return true;
}

/* Reads what stands after a backslash and a u, and perhaps a second half. */
static bool take_escaped(const char **at, uint32_t *ret_character)
{
    uint32_t first;
    uint32_t second;

    if (!take_hex(at, &first) || (first >= 0xdc00 && first <= 0xdfff)) {
        return false;
    }
    if (first < 0xd800 || first > 0xdbff) {
        *ret_character = first;
        return true;
    }
    if ((*at)[0] != '\\' || (*at)[1] != 'u') {
        return false;
    }
    *at += 2;
    if (!take_hex(at, &second) || second < 0xdc00 || second > 0xdfff) {
        return false;
    }
    *ret_character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    return true;
}

/* Reads a character of a string. */
static bool take_character(const char **at, uint32_t *ret_character)
{
    size_t length;

    if (**at == '\\') {
        char letter = (*at)[1];

        if (letter == 'u') {
            *at += 2;
            return take_escaped(at, ret_character);
        }
        if (letter != '"' && letter != '\\' && letter != '/') {
            return false; /* the others are control characters */
        }
        *ret_character = (unsigned char) letter;
        *at += 2;
        return true;
    }
    length = lmm_utf8_decode(*at, strlen(*at), ret_character);
    *at += length;
    return length > 0;
}

static size_t encode(uint32_t character, char to[4])
{
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

    if (length == 1) {
        to[0] = (char) character;
        return 1;
    }
    for (size_t i = length - 1; i > 0; i--) {
        to[i] = (char) (0x80 | (character & 0x3f));
        character >>= 6;
    }
    to[0] = (char) ((0xf00U >> length & 0xff) | character);
    return length;
}

/* Reads a string into `to`, of that room. */
static bool take_string(const char **at, char *to, size_t room)
{
    size_t used = 0;

    if (!take(at, '"')) {
        return false;
    }
    while (**at != '"') {
        uint32_t character;
        char bytes[4];
        size_t length;

        if (**at == '\0' || !take_character(at, &character) || lmm_utf8_steers(character)) {
            return false;
        }
        length = encode(character, bytes);
        if (used + length >= room) {
            return false;
        }
        memcpy(to + used, bytes, length);
        used += length;
    }
    (*at)++;
    to[used] = '\0';
    return true;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool take_flag(const char **at, bool *flag)
{
    skip_blanks(at);
    if (strncmp(*at, "true", 4) == 0) {
        *at += 4;
        *flag = true;
        return true;
    }
    if (strncmp(*at, "false", 5) == 0) {
        *at += 5;
        *flag = false;
        return true;
    }
    return false;
}

static bool take_number(const char **at, uint64_t most, uint64_t *number)
{
    size_t digits;
    bool good;

    skip_blanks(at);
    digits = strspn(*at, "0123456789");
    good = lmm_decimal_parse(*at, digits, most, number);
    *at += digits;
    return good;
}

static bool take_value(const char **at, const struct lmm_body_member *member)
{
    if (member->text != NULL) {
        return take_string(at, member->text, member->text_room);
    }
    return member->flag != NULL ? take_flag(at, member->flag)
                                : take_number(at, member->most, member->number);
}

static bool take_member(const char **at, const struct lmm_body_member *members, size_t count,
                        unsigned *given)
{
    char key[KEY_MAX];
    size_t i = 0;

    if (!take_string(at, key, sizeof(key)) || !take(at, ':')) {
        return false;
    }
    while (i < count && strcmp(members[i].key, key) != 0) {
        i++;
    }
    if (i == count || (*given & 1U << i) != 0) {
        return false;
    }
    *given |= 1U << i;
    return take_value(at, &members[i]);
}

bool lmm_body_read(const char *text, const struct lmm_body_member *members, size_t count)
{
    const char *at = text;
    unsigned given = 0;

    skip_blanks(&at);
    if (*at == '\0') {
        return true;
    }
    if (count > MEMBERS_MAX || !take(&at, '{')) {
        return false;
    }
    if (!take(&at, '}')) {
        do {
            if (!take_member(&at, members, count, &given)) {
                return false;
            }
        } while (take(&at, ','));
        if (!take(&at, '}')) {
            return false;
        }
    }
    skip_blanks(&at);
    return *at == '\0';
}
