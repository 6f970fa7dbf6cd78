/* SPDX-License-Identifier: MIT */
#include "reporter/program/attach/stack_words.h"

#include "reporter/program/attach/target_map.h"
#include "reporter/program/attach/tracee.h"

enum { BYTES_MAX = 64 << 20 /* of a thread's stack, that are looked at */ };

bool lmm_stack_words_visit(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                           uint64_t pointer,
                           void (*visit)(const uint64_t *words, size_t count, void *arg), void *arg)
{
    static uint64_t words[8192];
    uint64_t at = pointer & ~UINT64_C(7);
    const struct lmm_mapping *stack = lmm_target_map_find(map, at);
    uint64_t end = stack == NULL ? at : stack->to;

    end = end - at > (uint64_t) BYTES_MAX ? at + BYTES_MAX : end;
    while (at < end) {
        size_t bytes = end - at < sizeof(words) ? (size_t) (end - at) : sizeof(words);

        if (!lmm_tracee_read(tracee, at, words, bytes)) {
            return false;
        }
        visit(words, bytes / sizeof(words[0]), arg);
        at += bytes;
    }
    return true;
}
