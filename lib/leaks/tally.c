/* SPDX-License-Identifier: MIT */
#include "lib/leaks/tally.h"

#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

enum { FIRST_CAPACITY = 1 << 10 };

static size_t mapped_bytes(const struct lmm_tally *tally)
{
    return lmm_round_up(tally->capacity * sizeof(tally->entries[0]), LMM_SYSTEM_PAGE_BYTES);
}

bool lmm_tally_init(struct lmm_tally *tally)
{
    *tally = (struct lmm_tally) {.capacity = FIRST_CAPACITY};
    tally->entries = lmm_vm_map(mapped_bytes(tally));
    tally->last = tally->entries;
    return tally->entries != NULL;
}

void lmm_tally_end(struct lmm_tally *tally)
{
    int saved_errno = errno;

    if (tally->entries != NULL) {
        lmm_vm_unmap(tally->entries, mapped_bytes(tally));
    }
    *tally = (struct lmm_tally) {0};
    errno = saved_errno;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

/* The entry of that key, or the one where it belongs. */
static struct lmm_tally_entry *find(const struct lmm_tally *tally, uint32_t site, uint32_t leader,
                                    uint32_t kind)
{
    size_t i = lmm_hash(((uint64_t) site << 32 | leader) * 8 + kind);

    for (;; i++) {
        struct lmm_tally_entry *entry = &tally->entries[i & (tally->capacity - 1)];
        if (entry->leak.blocks == 0 || lmm_tally_entry_is(entry, site, leader, kind)) {
            return entry;
        }
    }
}

static bool grow(struct lmm_tally *tally)
{
    struct lmm_tally larger = {.capacity = tally->capacity * 2, .used = tally->used};

    larger.entries = lmm_vm_map(mapped_bytes(&larger));
    if (larger.entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < tally->capacity; i++) {
        const struct lmm_ledger_leak *leak = &tally->entries[i].leak;
        if (leak->blocks != 0) {
            *find(&larger, leak->site, leak->leader, leak->kind) = tally->entries[i];
        }
    }
    larger.last = larger.entries;
    lmm_tally_end(tally);
    *tally = larger;
    return true;
}

/* Takes a block as an example, the block being longer than the last one, or there being room. */
static LMM_NOINLINE void keep_example(struct lmm_tally_entry *entry, uintptr_t address,
                                      size_t bytes)
{
    struct lmm_ledger_leak *leak = &entry->leak;
    size_t place = leak->examples;

    if (place < LMM_LEDGER_LEAK_EXAMPLES) {
        leak->examples++;
    } else {
        place = LMM_LEDGER_LEAK_EXAMPLES - 1;
    }
    for (; place > 0 && entry->example_bytes[place - 1] < bytes; place--) {
        leak->example[place] = leak->example[place - 1];
        entry->example_bytes[place] = entry->example_bytes[place - 1];
    }
    leak->example[place] = address;
    entry->example_bytes[place] = bytes;
}

/* The entry of that key, added if it is new; NULL with errno ENOMEM. */
static LMM_NOINLINE struct lmm_tally_entry *enter(struct lmm_tally *tally, uint32_t site,
                                                  uint32_t leader, uint32_t kind)
{
    struct lmm_tally_entry *entry = find(tally, site, leader, kind);

    if (entry->leak.blocks == 0) {
        if (tally->used >= tally->capacity / 2) {
            if (!grow(tally)) {
                return NULL;
            }
            entry = find(tally, site, leader, kind);
        }
        entry->leak.site = site;
        entry->leak.leader = leader;
        entry->leak.kind = kind;
        tally->used++;
    }
    tally->last = entry;
    return entry;
}

bool lmm_tally_enter(struct lmm_tally *tally, uint32_t site, uint32_t leader, uint32_t kind,
                     uintptr_t address, size_t bytes)
{
    struct lmm_tally_entry *entry = enter(tally, site, leader, kind);

    if (entry == NULL) {
        return false;
    }
    entry->leak.blocks++;
    entry->leak.bytes += bytes;
    if (!lmm_tally_has_better(entry, bytes)) {
        keep_example(entry, address, bytes);
    }
    return true;
}

/* ---- Sorting --------------------------------------------------------------------------------- */

static bool precedes(const struct lmm_ledger_leak *a, const struct lmm_ledger_leak *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind;
    }
    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes;
    }
    return a->site != b->site ? a->site < b->site : a->leader < b->leader;
}

/* Lets the element at `i` sink in a heap of `count` whose root is the last one in order. */
static void sink(struct lmm_ledger_leak *leaks, size_t i, size_t count)
{
    struct lmm_ledger_leak sinking = leaks[i];

    for (size_t child; (child = 2 * i + 1) < count; i = child) {
        if (child + 1 < count && precedes(&leaks[child], &leaks[child + 1])) {
            child++;
        }
        if (!precedes(&sinking, &leaks[child])) {
            break;
        }
        leaks[i] = leaks[child];
    }
    leaks[i] = sinking;
}

/* Heapsort: qsort() may allocate. */
static void sort(struct lmm_ledger_leak *leaks, size_t count)
{
    for (size_t i = count / 2; i-- > 0;) {
        sink(leaks, i, count);
    }
    for (size_t end = count; end-- > 1;) {
        struct lmm_ledger_leak last = leaks[0];
        leaks[0] = leaks[end];
        leaks[end] = last;
        sink(leaks, 0, end);
    }
}

struct lmm_ledger_leak *lmm_tally_take(struct lmm_tally *tally, size_t *ret_count,
                                       size_t *ret_mapped_bytes)
{
    /* The sums move to the front of the same memory: each to a place before its entry's end. */
    struct lmm_ledger_leak *leaks = (struct lmm_ledger_leak *) (void *) tally->entries;
    size_t count = 0;

    for (size_t i = 0; i < tally->capacity; i++) {
        struct lmm_ledger_leak leak;
        memcpy(&leak, &tally->entries[i].leak, sizeof(leak));
        if (leak.blocks != 0) {
            memcpy(&leaks[count++], &leak, sizeof(leak));
        }
    }
    sort(leaks, count);
    *ret_count = count;
    *ret_mapped_bytes = mapped_bytes(tally);
    *tally = (struct lmm_tally) {0};
    return leaks;
}
