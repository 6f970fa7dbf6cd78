/* SPDX-License-Identifier: MIT */
#include "lib/leaks/leak_classes.h"

#include "lib/ground/vm.h"
#include "lib/leaks/tally.h"

#include <string.h>

enum {
    NONE = 0,
    SITE_MASK = (1 << LMM_SITE_BITS) - 1,
};

#define GROUP_ASKED UINT32_MAX  /* as a parent: a question is open */
#define LEADER_BIT  0x80000000u /* beside a leader's site: it is the head of the group itself */

/* The groups of lost blocks, numbered from 1 on. */
struct groups {
    struct lmm_scan *scan; /* whose group_of and group it uses */
    struct lmm_scan_block *head;
    uint32_t *parent; /* the later group that leads to its head; NONE, or GROUP_ASKED */
    uint32_t count;
    bool is_in_use;                /* the group begun last reached a block, or took one over */
    struct lmm_scan_block current; /* its head */
    void *mapped;
    size_t mapped_bytes;
};

/* ---- Finding groups -------------------------------------------------------------------------- */

static bool is_same(struct lmm_scan_block a, struct lmm_scan_block b)
{
    return a.page == b.page && a.slot == b.slot;
}

static uint32_t *group_of(const struct groups *groups, struct lmm_scan_block block)
{
    return &groups->scan->group_of[groups->scan->graph.pages[block.page].first + block.slot];
}

/* A lost block of an earlier group, or of this one, is met again. */
static void meet(struct groups *groups, struct lmm_scan_block block)
{
    uint32_t current = groups->count + 1;
    uint32_t *met = group_of(groups, block);

    if (*met == current || is_same(block, groups->current)) {
        return;
    }
    if (*met == NONE) {
        *met = current; /* a head that leads to nothing */
    } else if (is_same(groups->head[*met], block)) {
        groups->parent[*met] = current;
    } else if (groups->parent[*met] == NONE) {
        groups->parent[*met] = GROUP_ASKED;
    }
    groups->is_in_use = true;
}

static void reach_or_meet_block(struct lmm_scan *scan, const struct lmm_graph_block *block)
{
    if (lmm_graph_has(block->page, LMM_PLANE_WHITE, block->slot)) {
        lmm_scan_reach(scan, block->page, block->slot);
    } else if (lmm_graph_has(block->page, LMM_PLANE_LOST, block->slot)) {
        uint32_t number = (uint32_t) (block->page - scan->graph.pages);
        meet(scan->arg, (struct lmm_scan_block) {number, block->slot});
    }
}

static void reach_or_meet(struct lmm_scan *scan, uintptr_t word)
{
    struct lmm_graph_block block;

    if (lmm_graph_find(&scan->graph, word, &block)) {
        reach_or_meet_block(scan, &block);
    }
    if (lmm_graph_find_empty_before(&scan->graph, word, &block)) {
        reach_or_meet_block(scan, &block);
    }
}

/* Begins a traversal at a white block, in ascending order. */
static void start_group(struct groups *groups, struct lmm_scan_block head)
{
    struct lmm_scan *scan = groups->scan;
    size_t reached = scan->reached;

    scan->group = groups->count + 1;
    groups->current = head;
    groups->is_in_use = false;
    lmm_scan_reach(scan, &scan->graph.pages[head.page], head.slot);
    *group_of(groups, head) = NONE;
    lmm_scan_run(scan);
    if (groups->is_in_use || scan->reached - reached > 1) {
        groups->head[++groups->count] = head;
        *group_of(groups, head) = groups->count;
    }
}

static void start_in_page(struct groups *groups, size_t number)
{
    const struct lmm_graph_page *page = &groups->scan->graph.pages[number];

    for (size_t i = 0; i < page->words; i++) {
        /* A block that leads to nothing is a head of its own, until it is met; the order is then of no
         * importance. */
        uint64_t leaves = lmm_scan_leaves(groups->scan, page, i, page->bits[i]);
        page->bits[i] &= ~leaves;
        lmm_graph_plane(page, LMM_PLANE_READ)[i] |= leaves;
        while (page->bits[i] != 0) {
            size_t slot = i * 64 + (size_t) __builtin_ctzll(page->bits[i]);
            start_group(groups, (struct lmm_scan_block) {(uint32_t) number, (uint32_t) slot});
        }
    }
}

static bool has_question(const struct groups *groups)
{
    for (uint32_t group = 1; group <= groups->count; group++) {
        if (groups->parent[group] == GROUP_ASKED) {
            return true;
        }
    }
    return false;
}

/* Makes all lost blocks white and unread again, and of no group. */
static void start_again(struct groups *groups)
{
    const struct lmm_graph *graph = &groups->scan->graph;

    lmm_graph_copy_plane(graph, LMM_PLANE_LOST, LMM_PLANE_WHITE);
    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        uint64_t *read = lmm_graph_plane(page, LMM_PLANE_READ);
        for (size_t j = 0; j < page->words; j++) {
            read[j] &= ~page->bits[j];
        }
    }
    memset(groups->scan->group_of, 0, graph->slot_count * sizeof(uint32_t));
}

/* The second pass: the heads that are left, in descending order. A head keeps its number. */
static void settle_questions(struct groups *groups)
{
    struct lmm_scan *scan = groups->scan;

    start_again(groups);
    scan->other = lmm_scan_reach_any;
    scan->tells_known = false;
    for (uint32_t group = groups->count; group > 0; group--) {
        if (groups->parent[group] == NONE || groups->parent[group] == GROUP_ASKED) {
            groups->parent[group] = NONE;
            scan->group = group;
            lmm_scan_reach(scan, &scan->graph.pages[groups->head[group].page],
                           groups->head[group].slot);
            lmm_scan_run(scan);
        }
    }
}

static size_t count_lost(const struct lmm_graph *graph)
{
    size_t lost = 0;

    for (size_t i = 0; i < graph->page_count; i++) {
        const uint64_t *bits = lmm_graph_plane(&graph->pages[i], LMM_PLANE_LOST);
        for (size_t j = 0; j < graph->pages[i].words; j++) {
            lost += (size_t) __builtin_popcountll(bits[j]);
        }
    }
    return lost;
}

static bool map_groups(struct groups *groups, size_t lost)
{
    size_t slots = groups->scan->graph.slot_count;
    size_t head_bytes = (lost + 1) * sizeof(groups->head[0]);
    size_t parent_bytes = (lost + 1) * sizeof(groups->parent[0]);

    groups->mapped_bytes = lmm_round_up(head_bytes + parent_bytes + (slots + 1) * sizeof(uint32_t),
                                        LMM_SYSTEM_PAGE_BYTES);
    groups->mapped = lmm_vm_map(groups->mapped_bytes);
    if (groups->mapped == NULL) {
        return false;
    }
    lmm_vm_prefer_large_pages(groups->mapped, groups->mapped_bytes);
    groups->head = groups->mapped;
    groups->parent = (uint32_t *) (void *) ((char *) groups->mapped + head_bytes);
    groups->scan->group_of = (uint32_t *) (void *) ((char *) groups->parent + parent_bytes);
    return true;
}

static bool find_groups(struct groups *groups)
{
    struct lmm_scan *scan = groups->scan;

    if (!map_groups(groups, count_lost(&scan->graph))) {
        return false;
    }
    scan->arg = groups;
    scan->other = reach_or_meet;
    scan->tells_known = true;
    for (size_t i = 0; i < scan->graph.page_count; i++) {
        start_in_page(groups, i);
    }
    LMM_CHECK(lmm_scan_is_valid(scan));
    if (has_question(groups)) {
        settle_questions(groups);
        LMM_CHECK(lmm_scan_is_valid(scan));
    }
    return true;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static uint32_t site_of(const struct lmm_graph_page *page, size_t slot)
{
    return lmm_tag_site(lmm_load_relaxed(&page->tags[slot]));
}

/* Replaces each parent by the site of the group's leader, with LEADER_BIT where that is its own head.
 * A parent has a higher number. */
static void name_leaders(struct groups *groups)
{
    for (uint32_t group = groups->count; group > 0; group--) {
        uint32_t parent = groups->parent[group];
        struct lmm_scan_block head = groups->head[group];
        groups->parent[group] =
            parent == NONE ? site_of(&groups->scan->graph.pages[head.page], head.slot) | LEADER_BIT
                           : groups->parent[parent] & SITE_MASK;
    }
}

struct summing {
    const struct groups *groups;
    const struct lmm_since_filter *filter;
    struct lmm_tally *tally;
    const struct lmm_graph_page *page;
    size_t word; /* of the planes: slots 64 x word on */
};

/* The bytes that the block in the slot counts as. */
static size_t counted_bytes(const struct lmm_graph_page *page, size_t slot)
{
    if (page->kind == LMM_PAGE_SLOTS) {
        uint32_t slack = lmm_tag_slack(lmm_load_relaxed(&page->tags[slot]));
        return page->block_bytes != 0 ? page->block_bytes : page->stride - slack;
    }
    struct lmm_graph_block block = lmm_graph_block_at(page, (uint32_t) slot);
    return lmm_graph_counted_bytes(&block);
}

/* Whether the 64 words are equal. */
static bool are_equal(const uint32_t *words)
{
    uint32_t differences = 0;

    for (size_t i = 0; i < 64; i++) {
        differences |= words[i] ^ words[0];
    }
    return differences == 0;
}

/* Adds 64 blocks at once, where all is equal. False: nothing was added. */
static bool add_64(const struct summing *summing, uint32_t kind)
{
    const struct groups *groups = summing->groups;
    const struct lmm_graph_page *page = summing->page;
    size_t slot = summing->word * 64;

    if (page->kind != LMM_PAGE_SLOTS || !are_equal(page->tags + slot)) {
        return false;
    }
    uint32_t site = site_of(page, slot);
    uint32_t leader = site;
    if (kind == LMM_LEDGER_LEAK_DEFINITE && groups->count != 0) {
        const uint32_t *group = groups->scan->group_of + page->first + slot;
        uint32_t number = (uint32_t) (page - groups->scan->graph.pages);
        if (!are_equal(group) || (*group != NONE && groups->head[*group].page == number &&
                                  groups->head[*group].slot / 64 == summing->word)) {
            return false;
        }
        kind = *group == NONE ? LMM_LEDGER_LEAK_DEFINITE : LMM_LEDGER_LEAK_INDIRECT;
        leader = *group == NONE ? site : groups->parent[*group] & SITE_MASK;
    }
    return lmm_tally_add_many(summing->tally, site, leader, kind, counted_bytes(page, slot), 64);
}

/* Adds a lost block. */
static bool add_lost(const struct summing *summing, size_t slot)
{
    const struct groups *groups = summing->groups;
    const struct lmm_graph_page *page = summing->page;
    uint32_t number = (uint32_t) (page - groups->scan->graph.pages);
    uint32_t group = groups->scan->group_of[page->first + slot];
    uint32_t site = site_of(page, slot);
    uint32_t leader = groups->parent[group];
    bool is_leader = group == NONE || ((leader & LEADER_BIT) != 0 &&
                                       is_same(groups->head[group],
                                               (struct lmm_scan_block) {number, (uint32_t) slot}));

    return lmm_tally_add(summing->tally, site, is_leader ? site : leader & SITE_MASK,
                         is_leader ? LMM_LEDGER_LEAK_DEFINITE : LMM_LEDGER_LEAK_INDIRECT,
                         page->base + slot * page->stride, counted_bytes(page, slot));
}

/* Adds the blocks of a word that have their bit set and are of that kind; DEFINITE: that are lost. */
static bool add_bits(const struct summing *summing, uint64_t bits, uint32_t kind)
{
    const struct lmm_graph_page *page = summing->page;
    bool done = true;

    if (bits == UINT64_MAX && add_64(summing, kind)) {
        return true;
    }
    for (; bits != 0 && done; bits &= bits - 1) {
        size_t slot = summing->word * 64 + (size_t) __builtin_ctzll(bits);
        uint32_t site = site_of(page, slot);
        done = kind == LMM_LEDGER_LEAK_DEFINITE
                   ? add_lost(summing, slot)
                   : lmm_tally_add(summing->tally, site, site, kind,
                                   page->base + slot * page->stride, counted_bytes(page, slot));
    }
    return done;
}

static bool add_page(struct summing *summing, const struct lmm_graph_page *page)
{
    const uint64_t *starts = lmm_graph_plane(page, LMM_PLANE_STARTS);
    const uint64_t *unheld = lmm_graph_plane(page, LMM_PLANE_UNHELD);
    const uint64_t *unignored = lmm_graph_plane(page, LMM_PLANE_UNIGNORED);
    const uint64_t *lost = lmm_graph_plane(page, LMM_PLANE_LOST);
    const struct lmm_since_filter *filter = summing->filter;
    const uint64_t *old = lmm_since_bits(filter == NULL ? NULL : filter->mark, page);
    bool done = true;

    summing->page = page;
    for (size_t i = 0; i < page->words && done; i++) {
        uint64_t wanted = lmm_since_wanted(filter, old, i);

        summing->word = i;
        uint64_t held = starts[i] & ~unheld[i];
        uint64_t ignored = unheld[i] & ~unignored[i];
        uint64_t possible = unignored[i] & ~lost[i];
        done = add_bits(summing, held & wanted, LMM_LEDGER_LEAK_REACHABLE) &&
               add_bits(summing, ignored & wanted, LMM_LEDGER_LEAK_IGNORED) &&
               add_bits(summing, possible & wanted, LMM_LEDGER_LEAK_POSSIBLE) &&
               add_bits(summing, lost[i] & wanted, LMM_LEDGER_LEAK_DEFINITE);
    }
    return done;
}

static bool sum_up(const struct groups *groups, const struct lmm_since_filter *filter,
                   struct lmm_classes *ret_classes)
{
    struct lmm_tally tally;
    struct summing summing = {.groups = groups, .filter = filter, .tally = &tally};
    const struct lmm_graph *graph = &groups->scan->graph;
    bool done = lmm_tally_init(&tally);

    for (size_t i = 0; i < graph->page_count && done; i++) {
        done = add_page(&summing, &graph->pages[i]);
    }
    if (!done) {
        lmm_tally_end(&tally);
        return false;
    }
    ret_classes->leaks = lmm_tally_take(&tally, &ret_classes->count, &ret_classes->mapped_bytes);
    return true;
}

bool lmm_classes_tally(struct lmm_marker *marker, const struct lmm_since_filter *filter,
                       struct lmm_classes *ret_classes)
{
    struct groups groups = {.scan = &marker->scan};

    if (!find_groups(&groups)) {
        return false;
    }
    name_leaders(&groups);
    bool done = sum_up(&groups, filter, ret_classes);
    marker->scan.group_of = NULL;
    lmm_vm_unmap(groups.mapped, groups.mapped_bytes);
    return done;
}

void lmm_classes_end(struct lmm_classes *classes)
{
    if (classes->leaks != NULL) {
        lmm_vm_unmap(classes->leaks, classes->mapped_bytes);
    }
    *classes = (struct lmm_classes) {0};
}
