/* SPDX-License-Identifier: MIT */
/*
 * statement_fuzz: libFuzzer gives any bytes as a source file to the scanner of statements; the first
 * byte chooses the line and the name of the allocator.
 *
 *   ninja -C build/dev lmm_statement_fuzz
 *   build/dev/tests/fuzz/statement_fuzz -max_total_time=3600 -max_len=32768 NEW SEEDS
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/types/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINES = 32,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"malloc", "operator new(unsigned long)",
                                        "a::calloc<T>(int)", NULL};
    struct lmm_statement_hint hints[LMM_STATEMENT_HINTS_MAX];

    if (size == 0) {
        return 0;
    }
    size_t count = lmm_statement_find((const char *) data + 1, size - 1, data[0] % LINES,
                                      names[data[0] / LINES % (sizeof(names) / sizeof(names[0]))],
                                      size % 3, hints);

    for (size_t i = 0; i < count; i++) {
        bool is_text = memchr(hints[i].text, '\0', sizeof(hints[i].text)) != NULL;

        if (!is_text || (hints[i].text[0] == '\0') != (hints[i].kind == LMM_STATEMENT_RETURNED) ||
            (i > 0 && hints[i].kind < hints[i - 1].kind)) {
            abort();
        }
    }
    return 0;
}
