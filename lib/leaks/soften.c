/* SPDX-License-Identifier: MIT */
#include "lib/leaks/soften.h"

static bool is_lost(const struct lmm_ledger_leak *leak)
{
    return leak->kind == LMM_LEDGER_LEAK_DEFINITE || leak->kind == LMM_LEDGER_LEAK_INDIRECT ||
           leak->kind == LMM_LEDGER_LEAK_POSSIBLE;
}

static bool by_site(const struct lmm_ledger_leak *a, const struct lmm_ledger_leak *b)
{
    return a->site < b->site;
}

static bool by_bytes(const struct lmm_ledger_leak *a, const struct lmm_ledger_leak *b)
{
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->site < b->site;
}

/* Shell's sort: libc's qsort may allocate. */
static void sort(struct lmm_ledger_leak *leaks, size_t count,
                 bool (*before)(const struct lmm_ledger_leak *a, const struct lmm_ledger_leak *b))
{
    size_t step = 1;

    while (step < count / 3) {
        step = 3 * step + 1;
    }
    for (; step > 0; step /= 3) {
        for (size_t i = step; i < count; i++) {
            struct lmm_ledger_leak moved = leaks[i];
            size_t at = i;
            for (; at >= step && before(&moved, &leaks[at - step]); at -= step) {
                leaks[at] = leaks[at - step];
            }
            leaks[at] = moved;
        }
    }
}

/* The examples of the first stay in front. */
static void join(struct lmm_ledger_leak *into, const struct lmm_ledger_leak *leak)
{
    into->blocks += leak->blocks;
    into->bytes += leak->bytes;
    for (uint32_t i = 0; i < leak->examples && into->examples < LMM_LEDGER_LEAK_EXAMPLES; i++) {
        into->example[into->examples++] = leak->example[i];
    }
}

void lmm_soften(struct lmm_ledger_leak *leaks, size_t *count)
{
    size_t lost = 0;
    size_t kept = 0;

    while (lost < *count && is_lost(&leaks[lost])) {
        leaks[lost].kind = LMM_LEDGER_LEAK_POSSIBLE;
        leaks[lost].leader = leaks[lost].site;
        lost++;
    }
    sort(leaks, lost, by_site);
    for (size_t i = 0; i < lost; i++) {
        if (kept != 0 && leaks[kept - 1].site == leaks[i].site) {
            join(&leaks[kept - 1], &leaks[i]);
        } else {
            leaks[kept++] = leaks[i];
        }
    }
    sort(leaks, kept, by_bytes);
    for (size_t i = lost; i < *count; i++) {
        leaks[kept++] = leaks[i];
    }
    *count = kept;
}
