/* SPDX-License-Identifier: MIT */
/* scan_start: the start and the end of a scan, and its invariants (scan.h). */
#include "lib/leaks/scan.h"

#include "lib/books/accounts.h"
#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

bool lmm_scan_has_marked_site(unsigned mark)
{
    uint32_t sites = lmm_accounts_site_count();

    for (uint32_t id = 0; id < sites; id++) {
        if ((lmm_site_marks(id) & mark) != 0) {
            return true;
        }
    }
    return false;
}

static bool map_notes(struct lmm_scan *scan)
{
    size_t words = scan->graph.page_count / 64 + 1;
    size_t group_words = words / 64 + 1;

    scan->mapped_bytes =
        lmm_round_up((words + group_words) * sizeof(uint64_t), LMM_SYSTEM_PAGE_BYTES);
    scan->noted = lmm_vm_map(scan->mapped_bytes);
    scan->noted_groups = scan->noted + words;
    return scan->noted != NULL;
}

/* Of spans what is read at all is known later. */
static void use_pages_first(const struct lmm_graph *graph)
{
    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        if (page->kind != LMM_PAGE_SPAN && !page->is_pointer_free) {
            lmm_scan_use_first(page->base, page->base + page->bytes);
        }
    }
}

static void set_words(struct lmm_scan *scan)
{
    uintptr_t low = scan->graph.low;
    uintptr_t span_bytes = scan->graph.span_bytes;
    uint32_t bias = (uint32_t) (low >> 32) ^ 0x80000000u;
    uint32_t limit = (uint32_t) ((low + span_bytes) >> 32) + 1 - bias;

    scan->words = (struct lmm_words) {.high_bias = {bias, bias, bias, bias},
                                      .high_limit = {limit, limit, limit, limit},
                                      .low = low,
                                      .span_bytes = span_bytes};
}

bool lmm_scan_init(struct lmm_scan *scan, bool unaligned, lmm_scan_other *other)
{
    uintptr_t word = 0;

    memset(scan, 0, sizeof(*scan));
    scan->other = other;
    scan->unaligned = unaligned;
    if (!lmm_graph_init(&scan->graph)) {
        return false;
    }
    if (!map_notes(scan)) {
        lmm_graph_end(&scan->graph);
        return false;
    }
    set_words(scan);
    scan->can_probe = lmm_vm_is_readable((uintptr_t) &word);
    scan->has_pointer_free_sites = lmm_scan_has_marked_site(LMM_SITE_POINTER_FREE);
    use_pages_first(&scan->graph);
    return true;
}

void lmm_scan_learn(struct lmm_scan *scan, const struct lmm_ranges *ranges,
                    const struct lmm_present *present)
{
    lmm_readable_end(&scan->readable);
    lmm_readable_init(&scan->readable, &scan->graph, ranges, present);
}

void lmm_scan_end(struct lmm_scan *scan)
{
    int saved_errno = errno;

    lmm_readable_end(&scan->readable);

    if (scan->noted != NULL) {
        lmm_vm_unmap(scan->noted, scan->mapped_bytes);
    }
    lmm_graph_end(&scan->graph);
    memset(scan, 0, sizeof(*scan));
    errno = saved_errno;
}

bool lmm_scan_is_valid(const struct lmm_scan *scan)
{
    for (size_t i = 0; i < scan->graph.page_count; i++) {
        const struct lmm_graph_page *page = &scan->graph.pages[i];
        const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
        const uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);
        for (size_t j = 0; j < page->words; j++) {
            uint64_t white = page->bits[j];
            bool waits = !page->is_pointer_free && (starts[j] & ~white & ~read[j]) != 0;
            if (waits || ((white | read[j]) & ~starts[j]) != 0 || (white & read[j]) != 0) {
                return false;
            }
        }
    }
    return scan->ring_count == 0 && scan->noted_count == 0;
}
