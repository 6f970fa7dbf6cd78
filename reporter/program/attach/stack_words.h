/* SPDX-License-Identifier: MIT */
/* stack_words: all words of a stopped thread's stack. Stateless. */
#ifndef LMM_PROGRAM_STACK_WORDS_H
#define LMM_PROGRAM_STACK_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_target_map;
struct lmm_tracee;

/* Calls visit(words, count, arg) for pieces of the stack, from its stack pointer upwards, until all was seen. False: it cannot be read. */
bool lmm_stack_words_visit(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                           uint64_t pointer,
                           void (*visit)(const uint64_t *words, size_t count, void *arg),
                           void *arg);

#endif
