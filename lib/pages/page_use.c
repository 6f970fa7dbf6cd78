/* SPDX-License-Identifier: MIT */
#include "lib/pages/page_use.h"

#include "lib/pages/family.h"
#include "lib/pages/memory.h"
#include "lib/pages/run.h"

/* ---- One system page ------------------------------------------------------------------------- */

static void add_piece(struct lmm_page_use *use, uint32_t site, uint32_t bytes, uint32_t blocks)
{
    struct lmm_page_use_piece *last = use->count == 0 ? NULL : &use->pieces[use->count - 1];

    use->bytes += bytes;
    if (last != NULL && last->site == site) {
        last->bytes += bytes;
        last->blocks += blocks;
        return;
    }
    LMM_CHECK(use->count < LMM_SYSTEM_PAGE_BYTES);
    use->pieces[use->count++] = (struct lmm_page_use_piece) {site, bytes, blocks};
}

static void give_share(struct lmm_page_use *use, const struct lmm_page_use_piece *piece,
                       uint32_t share, bool is_sparse)
{
    if (piece->site >= use->site_count) {
        return;
    }
    struct lmm_ledger_page_use *site = &use->sites[piece->site];

    site->live_bytes += piece->bytes;
    site->held_bytes += share;
    if (is_sparse) {
        site->sparse_blocks += piece->blocks;
        site->sparse_live_bytes += piece->bytes;
        site->sparse_bytes += share;
    }
}

/* Divides the system page among the sites of its pieces. Returns whether it is sparse. */
static bool end_system_page(struct lmm_page_use *use)
{
    bool is_sparse = use->count != 0 && use->bytes < LMM_PAGE_USE_SPARSE;
    uint32_t left = LMM_SYSTEM_PAGE_BYTES;

    for (uint32_t i = 0; i < use->count; i++) {
        const struct lmm_page_use_piece *piece = &use->pieces[i];
        uint32_t share = i + 1 == use->count
                             ? left
                             : (uint32_t) LMM_SYSTEM_PAGE_BYTES * piece->bytes / use->bytes;
        give_share(use, piece, share, is_sparse);
        left -= share;
    }
    if (use->count != 0) {
        use->totals.live_bytes += use->bytes;
        use->totals.held_bytes += LMM_SYSTEM_PAGE_BYTES;
        use->totals.sparse_bytes += is_sparse ? LMM_SYSTEM_PAGE_BYTES : 0;
    }
    use->count = 0;
    use->bytes = 0;
    return is_sparse;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* Counts the bytes [start, end) of the page, a block. */
static void add_bytes(struct lmm_page_use *use, uint32_t site, size_t start, size_t end)
{
    bool is_told = false; /* a sparse system page has counted the block */

    for (size_t from = start, to; from < end; from = to) {
        size_t at = from / LMM_SYSTEM_PAGE_BYTES;
        size_t page_end = (at + 1) * LMM_SYSTEM_PAGE_BYTES;
        to = end < page_end ? end : page_end;
        if (at != use->at) {
            bool was_sparse = end_system_page(use);
            is_told |= was_sparse && from != start;
            use->at = at;
        }
        add_piece(use, site, (uint32_t) (to - from), !is_told);
    }
}

/* Counts the system pages of the kernel pages that the slots of a block reach. */
static void hold(struct lmm_page_use *use, size_t from, size_t end)
{
    size_t first = lmm_memory_kernel_start(from / LMM_SYSTEM_PAGE_BYTES);
    size_t after = lmm_memory_kernel_end((end - 1) / LMM_SYSTEM_PAGE_BYTES + 1);

    first = first > use->free_from ? first : use->free_from;
    use->held += after > first ? after - first : 0;
    use->free_from = after > use->free_from ? after : use->free_from;
}

static void add_block(struct lmm_page_use *use, const struct lmm_page *page,
                      const struct lmm_extent *extent)
{
    uint32_t site = lmm_tag_site(extent->tag);
    size_t from = extent->slot * page->stride;
    size_t room = extent->length * page->stride;
    size_t bytes =
        (size_t) lmm_family_bytes(lmm_families_at(page->family), extent->tag, extent->used);

    bytes = bytes == 0 ? 1 : bytes;
    hold(use, from, from + room);
    add_bytes(use, site, from, from + (bytes < room ? bytes : room));
    if (site < use->site_count) {
        use->sites[site].blocks++;
    }
}

/* ---- Pages ----------------------------------------------------------------------------------- */

/* The system pages of a page that would stay if it were trimmed now: of a span all, while it lives. */
static size_t held_bytes(const struct lmm_page_use *use, const struct lmm_page *page,
                         size_t committed_bytes)
{
    size_t bytes = use->held * LMM_SYSTEM_PAGE_BYTES;

    return bytes > committed_bytes || (page->kind == LMM_PAGE_SPAN && bytes != 0) ? committed_bytes
                                                                                  : bytes;
}

void lmm_page_use_init(struct lmm_page_use *use, struct lmm_ledger_page_use *sites,
                       uint32_t site_count)
{
    use->sites = sites;
    use->site_count = site_count;
    use->totals = (struct lmm_ledger_page_walk) {0};
}

void lmm_page_use_add(struct lmm_page_use *use, const struct lmm_page *page)
{
    const struct lmm_runs *runs = &lmm_families_at(page->family)->runs;
    size_t committed_bytes = lmm_memory_committed_bytes(page);
    size_t end = lmm_run_extents_end(page);

    use->at = 0;
    use->held = 0;
    use->free_from = 0;
    use->count = 0;
    use->bytes = 0;
    for (size_t slot = 0; slot < end;) {
        struct lmm_extent extent = lmm_run_extent_locked(runs, page, slot);
        if (lmm_tag_state(extent.tag) == LMM_TAG_LIVE) {
            add_block(use, page, &extent);
        }
        slot += extent.length;
    }
    end_system_page(use);
    use->totals.committed_bytes += committed_bytes;
    use->totals.returnable_bytes += committed_bytes - held_bytes(use, page, committed_bytes);
}

/* ---- Invariants ------------------------------------------------------------------------------ */

bool lmm_page_use_is_valid(const struct lmm_page_use *use)
{
    const struct lmm_ledger_page_walk *totals = &use->totals;
    uint64_t live = 0;
    uint64_t held = 0;
    uint64_t sparse = 0;

    for (uint32_t i = 0; i < use->site_count; i++) {
        const struct lmm_ledger_page_use *site = &use->sites[i];
        if (site->sparse_blocks > site->blocks || site->sparse_live_bytes > site->live_bytes ||
            site->sparse_bytes > site->held_bytes) {
            return false;
        }
        live += site->live_bytes;
        held += site->held_bytes;
        sparse += site->sparse_bytes;
    }
    return live <= totals->live_bytes && held <= totals->held_bytes &&
           sparse <= totals->sparse_bytes && totals->sparse_bytes <= totals->held_bytes &&
           totals->held_bytes % LMM_SYSTEM_PAGE_BYTES == 0;
}
