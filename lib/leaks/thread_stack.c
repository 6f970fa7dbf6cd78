/* SPDX-License-Identifier: MIT */
#include "lib/leaks/thread_stack.h"

#include "lib/ground/vm.h"

enum {
    RECORD_BYTES =
        2304, /* of glibc 2.36; later ones are longer, and the words looked for come early */
    RECORD_ALIGN = 64,
    SEARCH_BYTES = 16384, /* from the end of the range */
    STACK_BYTES_MIN = 16384,
};

/* The words that may belong to the record of tp: above it on x86-64, below it on aarch64. */
static void record_words(const struct lmm_range *range, uintptr_t tp, const uintptr_t **ret_from,
                         const uintptr_t **ret_to)
{
#if defined(__x86_64__)
    uintptr_t from = tp;
#else
    uintptr_t from = tp - range->from > RECORD_BYTES ? tp - RECORD_BYTES : range->from;
#endif
    uintptr_t to = range->to - tp > RECORD_BYTES ? tp + RECORD_BYTES : range->to;

    *ret_from = (const uintptr_t *) lmm_round_up(from, sizeof(uintptr_t));
    *ret_to = (const uintptr_t *) (to & ~(uintptr_t) (sizeof(uintptr_t) - 1));
}

static bool are_readable(const void *from, const void *to)
{
    uintptr_t page = (uintptr_t) from & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);

    for (; page < (uintptr_t) to; page += LMM_SYSTEM_PAGE_BYTES) {
        if (!lmm_vm_is_readable(page)) {
            return false;
        }
    }
    return true;
}

static bool is_stack(const struct lmm_range *range, uintptr_t tp, uintptr_t from, uintptr_t bytes)
{
    return from % LMM_SYSTEM_PAGE_BYTES == 0 && bytes % LMM_SYSTEM_PAGE_BYTES == 0 &&
           bytes >= STACK_BYTES_MIN && from < tp && bytes <= range->to && from + bytes > tp &&
           from + bytes <= range->to;
}

bool lmm_thread_stack_find(const struct lmm_range *range, uintptr_t tp,
                           struct lmm_thread_stack *ret_stack)
{
    const uintptr_t *at;
    const uintptr_t *end;

    record_words(range, tp, &at, &end);
    if (!are_readable(at, end)) {
        return false;
    }
    for (; at + 1 < end; at++) {
        if (is_stack(range, tp, at[0], at[1])) {
            ret_stack->from = at[0] < range->from ? range->from : at[0];
            ret_stack->to = at[0] + at[1];
            return true;
        }
    }
    return false;
}

uintptr_t lmm_thread_stack_record(const struct lmm_range *range)
{
#if defined(__x86_64__)
    uintptr_t low = range->to - range->from > SEARCH_BYTES ? range->to - SEARCH_BYTES : range->from;
    uintptr_t at = (range->to - RECORD_ALIGN) & ~(uintptr_t) (RECORD_ALIGN - 1);
    uintptr_t readable = range->to;

    for (; at >= low; at -= RECORD_ALIGN) {
        if (at < readable) {
            readable = at & ~(uintptr_t) (LMM_SYSTEM_PAGE_BYTES - 1);
            if (!lmm_vm_is_readable(readable)) {
                return 0;
            }
        }
        const uintptr_t *words = (const uintptr_t *) at;
        struct lmm_thread_stack stack;
        if (words[0] == at && words[2] == at && lmm_thread_stack_find(range, at, &stack)) {
            return at;
        }
    }
#else
    (void) range;
#endif
    return 0;
}

bool lmm_thread_stack_is_joined(uintptr_t record)
{
#if defined(__x86_64__)
    /* After what the processor's ABI needs (704 bytes) and a list's two pointers, in all versions. */
    enum { THREAD_ID = 720 };

    return *(const int *) (record + THREAD_ID) == -1;
#else
    (void) record;
    return false;
#endif
}

bool lmm_thread_stack_names(const struct lmm_range *range, uintptr_t record, int thread)
{
    const uintptr_t *at;
    const uintptr_t *end;

    record_words(range, record, &at, &end);
    for (const int *word = (const int *) (const void *) at; word < (const int *) (const void *) end;
         word++) {
        if (*word == thread) {
            return true;
        }
    }
    return false;
}

/* The table starts two words before the entry that the thread's record points to. */
uintptr_t lmm_thread_stack_dtv(uintptr_t tp)
{
#if defined(__x86_64__)
    enum { DTV = 1 };
#else
    enum { DTV = 0 };
#endif
    enum { BEFORE_BYTES = 16 };
    uintptr_t dtv = ((const uintptr_t *) tp)[DTV];

    return dtv < BEFORE_BYTES ? 0 : dtv - BEFORE_BYTES;
}
