/* SPDX-License-Identifier: MIT */
/* short_text: compared with what snprintf and strtoull make of the same. */
#include "lib/ground/short_text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 24, GUARD = '#' };

static const uint64_t numbers[] = {0, 7, 10, 99, 4294967296u, UINT64_MAX};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

Test(short_text, joins_as_snprintf_in_any_room)
{
    for (size_t bytes = 1; bytes <= ROOM; bytes++) {
        char expected[ROOM + 1];
        char text[ROOM + 1];
        memset(expected, GUARD, sizeof(expected));
        memset(text, GUARD, sizeof(text));
        int length = snprintf(expected, bytes, "%s%s%s", "/dev/shm", "/", "name.lmm");
        size_t joined = lmm_short_text_join(text, bytes, LMM_TEXTS("/dev/shm", "/", "name.lmm"));
        cr_expect(joined == (size_t) length, "%zu bytes: length %zu", bytes, joined);
        cr_expect(memcmp(text, expected, sizeof(text)) == 0, "%zu bytes: %s", bytes, text);
    }
}

Test(short_text, puts_numbers_as_snprintf_in_any_room)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        for (size_t bytes = 1; bytes <= ROOM; bytes++) {
            char expected[ROOM];
            char buffer[ROOM];
            int length = snprintf(expected, bytes, "a%" PRIu64 "z", numbers[i]);
            struct lmm_short_text text = lmm_short_text_begin(buffer, bytes);
            lmm_short_text_put(&text, "a");
            lmm_short_text_put_number(&text, numbers[i]);
            lmm_short_text_put(&text, "z");
            cr_expect(strcmp(buffer, expected) == 0, "%zu bytes: %s", bytes, buffer);
            cr_expect(text.length == (size_t) length);
            cr_expect(lmm_short_text_is_whole(&text) == ((size_t) length < bytes));
        }
    }
}

Test(short_text, begins_empty)
{
    char buffer[2] = {'x', 'x'};
    struct lmm_short_text text = lmm_short_text_begin(buffer, 1);

    cr_expect(buffer[0] == '\0' && buffer[1] == 'x' && lmm_short_text_is_whole(&text));
    cr_expect(lmm_short_text_join(buffer, 1, LMM_TEXTS("")) == 0);
}

Test(short_text, reads_the_number_at_the_start)
{
    static const char *const texts[] = {"",    "0",   "42", "007 8",  "18446744073709551615",
                                        "12]", "x12", "-1", "4 stat", "4026531836]\n"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t expected = texts[i][0] == '-' ? 0 : strtoull(texts[i], NULL, 10);
        cr_expect(lmm_short_text_number(texts[i]) == expected, "'%s'", texts[i]);
    }
}
