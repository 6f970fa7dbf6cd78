/* SPDX-License-Identifier: MIT */
#include "lib/leaks/retained.h"

#include "lib/ground/vm.h"

#include <errno.h>
#include <string.h>

#define READS_ANYTHING __attribute__((no_sanitize("address", "thread")))

/* In this file plane INTERIOR has the blocks that a root leads to. */

/* Blocks have numbers in the order of a depth-first traversal, from 1 on; 0 is the root of all. Arrays
 * are by number, unless they say otherwise. */
struct tree {
    struct lmm_scan *scan;
    const struct lmm_site_groups *groups;
    uint32_t count;
    uint32_t *number_of; /* by slot */
    struct lmm_scan_block *block;
    uintptr_t *next;     /* the address of the word to go on at */
    uint32_t *parent;    /* in the traversal */
    uint32_t *semi;      /* semidominator */
    uint32_t *label;     /* the one with the least semidominator on the compressed path */
    uint32_t *ancestor;  /* the end of that path */
    uint32_t *stack;     /* of the compression */
    uint32_t *dominator; /* the nearest one */
    uint32_t *first_in;  /* where those that lead to it start in `in` */
    uint32_t *in;
    size_t in_count;
    uint64_t *bytes; /* of what it dominates */
    void *in_mapped;
    size_t in_mapped_bytes;
};

/* ---- Roots ----------------------------------------------------------------------------------- */

/* Roots are scanned like blocks; but what they lead to is only noted, not followed. */
static void note_root(struct lmm_scan *scan, uintptr_t word)
{
    struct lmm_graph_block block;

    if (lmm_graph_find(&scan->graph, word, &block)) {
        lmm_graph_set(block.page, LMM_PLANE_INTERIOR, block.slot);
    }
    if (lmm_graph_find_empty_before(&scan->graph, word, &block)) {
        lmm_graph_set(block.page, LMM_PLANE_INTERIOR, block.slot);
    }
}

bool lmm_retainer_init(struct lmm_retainer *retainer)
{
    memset(retainer, 0, sizeof(*retainer));
    return lmm_scan_init(&retainer->scan, false, note_root);
}

void lmm_retainer_end(struct lmm_retainer *retainer)
{
    int saved_errno = errno;

    if (retainer->mapped != NULL) {
        lmm_vm_unmap(retainer->mapped, retainer->mapped_bytes);
    }
    lmm_scan_end(&retainer->scan);
    memset(retainer, 0, sizeof(*retainer));
    errno = saved_errno;
}

READS_ANYTHING void lmm_retainer_root(struct lmm_retainer *retainer, const void *from,
                                      const void *to)
{
    const struct lmm_graph *graph = &retainer->scan.graph;
    const uintptr_t *word = (const uintptr_t *) lmm_round_up((uintptr_t) from, sizeof(uintptr_t));

    for (; (uintptr_t) (word + 1) <= (uintptr_t) to; word++) {
        if (*word - graph->low < graph->span_bytes) {
            note_root(&retainer->scan, *word);
        }
    }
}

void lmm_retainer_root_word(struct lmm_retainer *retainer, uintptr_t word)
{
    note_root(&retainer->scan, word);
}

/* ---- Pointers of a block --------------------------------------------------------------------- */

static struct lmm_graph_block block_at(const struct tree *tree, uint32_t number)
{
    struct lmm_scan_block name = tree->block[number];

    return lmm_graph_block_at(&tree->scan->graph.pages[name.page], name.slot);
}

static uint32_t *number_of(const struct tree *tree, const struct lmm_graph_block *block)
{
    return &tree->number_of[block->page->first + block->slot];
}

/* Whether the words from an address in a block to the end of its system page can be read; tried at the
 * start of whole system pages. */
static bool can_read(const struct lmm_scan *scan, const struct lmm_graph_page *page, uintptr_t at,
                     uintptr_t end)
{
    if (!lmm_graph_may_read(&scan->graph, page, at)) {
        return false;
    }
    return at % LMM_SYSTEM_PAGE_BYTES != 0 || at + LMM_SYSTEM_PAGE_BYTES > end ||
           !scan->can_probe || lmm_vm_is_readable(at);
}

/* Finds the next pointer of a block from the word at *at on, and the block that it leads to. */
READS_ANYTHING static bool next_pointer(const struct tree *tree,
                                        const struct lmm_graph_block *block, uintptr_t *at,
                                        struct lmm_graph_block *ret_to)
{
    const struct lmm_graph *graph = &tree->scan->graph;
    uintptr_t end = block->start + block->bytes;
    uintptr_t here = lmm_round_up(*at, sizeof(uintptr_t));

    for (; here + sizeof(uintptr_t) <= end; here += sizeof(uintptr_t)) {
        if (!can_read(tree->scan, block->page, here, end)) {
            here |= LMM_SYSTEM_PAGE_BYTES - sizeof(uintptr_t);
            continue;
        }
        uintptr_t word = *(const uintptr_t *) here;
        if (word - graph->low < graph->span_bytes &&
            (lmm_graph_find(graph, word, ret_to) ||
             lmm_graph_find_empty_before(graph, word, ret_to))) {
            *at = here + sizeof(uintptr_t);
            return true;
        }
    }
    *at = end;
    return false;
}

/* Where the words of a block start; its end when it is free of pointers. */
static uintptr_t first_word(const struct tree *tree, const struct lmm_graph_block *block)
{
    uintptr_t from;
    uintptr_t to = block->start;
    bool has_words = !block->page->is_pointer_free;

    if (has_words && tree->scan->has_pointer_free_sites) {
        has_words = lmm_scan_next_stretch(tree->scan, block, &from, &to);
    }
    return has_words ? block->start : block->start + block->bytes;
}

/* ---- The traversal --------------------------------------------------------------------------- */

static uint32_t number_block(struct tree *tree, const struct lmm_graph_block *block,
                             uint32_t parent)
{
    uint32_t number = ++tree->count;
    uint32_t page = (uint32_t) (block->page - tree->scan->graph.pages);

    *number_of(tree, block) = number;
    tree->block[number] = (struct lmm_scan_block) {page, block->slot};
    tree->next[number] = first_word(tree, block);
    tree->parent[number] = parent;
    return number;
}

static void traverse_from(struct tree *tree, const struct lmm_graph_block *root)
{
    uint32_t number = number_block(tree, root, 0);

    while (number != 0) {
        struct lmm_graph_block block = block_at(tree, number);
        struct lmm_graph_block to;
        if (!next_pointer(tree, &block, &tree->next[number], &to)) {
            number = tree->parent[number];
        } else if (*number_of(tree, &to) == 0) {
            number = number_block(tree, &to, number);
        }
    }
}

static void traverse(struct tree *tree)
{
    const struct lmm_graph *graph = &tree->scan->graph;

    for (size_t i = 0; i < graph->page_count; i++) {
        const struct lmm_graph_page *page = &graph->pages[i];
        const uint64_t *rooted = lmm_graph_plane(page, LMM_PLANE_INTERIOR);
        for (size_t j = 0; j < page->words; j++) {
            for (uint64_t left = rooted[j]; left != 0; left &= left - 1) {
                uint32_t slot = (uint32_t) (j * 64 + (size_t) __builtin_ctzll(left));
                struct lmm_graph_block block = lmm_graph_block_at(page, slot);
                if (*number_of(tree, &block) == 0) {
                    traverse_from(tree, &block);
                }
            }
        }
    }
}

/* Calls visit for each pointer between two blocks. */
static void for_each_pointer(struct tree *tree,
                             void (*visit)(struct tree *tree, uint32_t from, uint32_t to))
{
    for (uint32_t number = 1; number <= tree->count; number++) {
        struct lmm_graph_block block = block_at(tree, number);
        struct lmm_graph_block to;
        for (uintptr_t at = first_word(tree, &block); next_pointer(tree, &block, &at, &to);) {
            visit(tree, number, *number_of(tree, &to));
        }
    }
}

static void count_in(struct tree *tree, uint32_t from, uint32_t to)
{
    (void) from;
    tree->first_in[to]++;
    tree->in_count++;
}

/* From the end of each block's part downwards. The memory is at rest, else a part might be full. */
static void fill_in(struct tree *tree, uint32_t from, uint32_t to)
{
    if (tree->first_in[to] > 0) {
        tree->in[--tree->first_in[to]] = from;
    }
}

/* Lists by block those that lead to it. */
static bool list_pointers(struct tree *tree)
{
    for_each_pointer(tree, count_in);
    if (tree->in_count >= UINT32_MAX) {
        errno = ENOMEM;
        return false;
    }
    tree->in_mapped_bytes =
        lmm_round_up((tree->in_count + 1) * sizeof(tree->in[0]), LMM_SYSTEM_PAGE_BYTES);
    tree->in_mapped = lmm_vm_map(tree->in_mapped_bytes);
    if (tree->in_mapped == NULL) {
        return false;
    }
    tree->in = tree->in_mapped;
    for (uint32_t number = 1; number <= tree->count + 1; number++) {
        tree->first_in[number] += tree->first_in[number - 1];
    }
    for_each_pointer(tree, fill_in);
    return true;
}

/* ---- Dominators ------------------------------------------------------------------------------ */

/* The block with the least semidominator on the path from `number` up to the last one below `last`.
 * Compresses that path. */
static uint32_t evaluate(struct tree *tree, uint32_t number, uint32_t last)
{
    uint32_t depth = 0;

    while (tree->ancestor[number] >= last) {
        tree->stack[depth++] = number;
        number = tree->ancestor[number];
    }
    uint32_t best = tree->label[number];
    uint32_t end = tree->ancestor[number];
    while (depth > 0) {
        number = tree->stack[--depth];
        tree->ancestor[number] = end;
        if (tree->semi[best] < tree->semi[tree->label[number]]) {
            tree->label[number] = best;
        } else {
            best = tree->label[number];
        }
    }
    return best;
}

static bool is_rooted(const struct tree *tree, uint32_t number)
{
    struct lmm_scan_block name = tree->block[number];

    return lmm_graph_has(&tree->scan->graph.pages[name.page], LMM_PLANE_INTERIOR, name.slot);
}

static void find_semidominators(struct tree *tree)
{
    for (uint32_t number = 1; number <= tree->count; number++) {
        tree->label[number] = number;
        tree->semi[number] = number;
        tree->ancestor[number] = tree->parent[number];
    }
    for (uint32_t number = tree->count; number > 0; number--) {
        uint32_t least = is_rooted(tree, number) ? 0 : tree->parent[number];
        for (uint32_t i = tree->first_in[number]; i < tree->first_in[number + 1]; i++) {
            uint32_t semi = tree->semi[evaluate(tree, tree->in[i], number + 1)];
            least = semi < least ? semi : least;
        }
        tree->semi[number] = least;
    }
}

static void find_dominators(struct tree *tree)
{
    for (uint32_t number = 1; number <= tree->count; number++) {
        uint32_t dominator = tree->parent[number];
        while (dominator > tree->semi[number]) {
            dominator = tree->dominator[dominator];
        }
        tree->dominator[number] = dominator;
    }
}

/* ---- Sums ------------------------------------------------------------------------------------ */

static uint32_t site_of(const struct tree *tree, uint32_t number)
{
    struct lmm_scan_block name = tree->block[number];

    uint32_t tag = lmm_load_relaxed(&tree->scan->graph.pages[name.page].tags[name.slot]);

    return lmm_site_group(tree->groups, lmm_tag_site(tag));
}

/* Sums up what each block dominates, and lists by block those whose nearest dominator it is: the first
 * one in `label`, the next one in `ancestor`. */
static void sum_up_blocks(struct tree *tree)
{
    memset(tree->label, 0, (tree->count + (size_t) 1) * sizeof(tree->label[0]));
    for (uint32_t number = tree->count; number > 0; number--) {
        struct lmm_graph_block block = block_at(tree, number);
        uint32_t dominator = tree->dominator[number];
        tree->bytes[number] += lmm_graph_counted_bytes(&block);
        tree->bytes[dominator] += tree->bytes[number];
        tree->ancestor[number] = tree->label[dominator];
        tree->label[dominator] = number;
    }
}

/* Adds what a block dominates to its site's sum, unless a block that dominates it is of that site, too:
 * `open` counts, by site, the blocks on the way down to the current one. */
static void sum_up_sites(struct tree *tree, uint64_t *bytes, uint32_t *open)
{
    uint32_t number = tree->label[0];

    while (number != 0) {
        uint32_t site = site_of(tree, number);
        if (open[site]++ == 0) {
            bytes[site] += tree->bytes[number];
        }
        if (tree->label[number] != 0) {
            number = tree->label[number];
            continue;
        }
        open[site]--;
        while (number != 0 && tree->ancestor[number] == 0) {
            number = tree->dominator[number];
            if (number != 0) {
                open[site_of(tree, number)]--;
            }
        }
        number = tree->ancestor[number];
    }
}

static void *take(char **at, size_t count, size_t size)
{
    void *part = *at;

    *at += lmm_round_up(count * size, sizeof(uint64_t));
    return part;
}

/* Lays the arrays out from *at on, which is moved to their end. */
static uint32_t *lay_out(struct lmm_retainer *retainer, struct tree *tree, char **at)
{
    size_t count = retainer->scan.graph.block_count + 2;

    retainer->bytes = take(at, LMM_RETAINED_SITES, sizeof(uint64_t));
    tree->next = take(at, count, sizeof(uintptr_t));
    tree->bytes = take(at, count, sizeof(uint64_t));
    tree->block = take(at, count, sizeof(struct lmm_scan_block));
    tree->number_of = take(at, retainer->scan.graph.slot_count + 1, sizeof(uint32_t));
    tree->parent = take(at, count, sizeof(uint32_t));
    tree->semi = take(at, count, sizeof(uint32_t));
    tree->label = take(at, count, sizeof(uint32_t));
    tree->ancestor = take(at, count, sizeof(uint32_t));
    tree->stack = take(at, count, sizeof(uint32_t));
    tree->dominator = take(at, count, sizeof(uint32_t));
    tree->first_in = take(at, count, sizeof(uint32_t));
    return take(at, LMM_RETAINED_SITES, sizeof(uint32_t));
}

bool lmm_retainer_run(struct lmm_retainer *retainer)
{
    struct tree tree = {.scan = &retainer->scan, .groups = retainer->groups};
    char *at = NULL;

    lay_out(retainer, &tree, &at);
    retainer->mapped_bytes = lmm_round_up((size_t) (uintptr_t) at, LMM_SYSTEM_PAGE_BYTES);
    retainer->mapped = lmm_vm_map(retainer->mapped_bytes);
    if (retainer->mapped == NULL) {
        return false;
    }
    at = retainer->mapped;
    uint32_t *open = lay_out(retainer, &tree, &at);
    traverse(&tree);
    if (!list_pointers(&tree)) {
        return false;
    }
    find_semidominators(&tree);
    find_dominators(&tree);
    sum_up_blocks(&tree);
    sum_up_sites(&tree, retainer->bytes, open);
    lmm_vm_unmap(tree.in_mapped, tree.in_mapped_bytes);
    retainer->blocks = tree.count;
    return true;
}
