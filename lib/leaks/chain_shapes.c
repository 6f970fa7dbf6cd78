/* SPDX-License-Identifier: MIT */
#include "lib/leaks/chain_shapes.h"

#include "lib/ground/vm.h"

#include <errno.h>

enum {
    NODES_MAX = 1 << 16,
    TABLE_ROOM = 1 << 18, /* of more than twice as many: joined ones are entered again */
    DEPTH_MAX = 64,
    ROOT_GAP = 256, /* between words of one root */
    /* Nodes that are none: */
    TOP = 0,   /* before the words of roots */
    OTHER = 1, /* chains that are not told apart */
    FIRST_NODE = 2,
};

static const uint32_t in_register = UINT32_MAX; /* likewise TOP, of registers */

/* Blocks of a site that are reached in one way. */
struct node {
    uint32_t parent; /* the node before, or TOP or in_register; of a loop that without it */
    uint32_t site;
    uint32_t depth;
    uint32_t same; /* the node that it was joined with, or itself */
    bool is_loop;
    bool is_inside;
    uint64_t links;
    struct lmm_shape_range from;
    uint64_t least_bytes;
    uint64_t most_bytes;
    uint64_t blocks; /* that are asked for, these two */
    uint64_t bytes;
};

struct builder {
    const struct lmm_path *path;
    const struct lmm_site_groups *groups;
    struct node *nodes;
    uint32_t count;
    uint32_t *table; /* by parent, site and is_loop: the newest such node */
    uint32_t *of;    /* by slot: the node of the block */
    void *mapped;
    size_t mapped_bytes;
};

static bool map_arrays(struct builder *builder)
{
    size_t node_bytes = (size_t) NODES_MAX * sizeof(builder->nodes[0]);
    size_t table_bytes = (size_t) TABLE_ROOM * sizeof(builder->table[0]);
    size_t of_bytes = (builder->path->marker.scan.graph.slot_count + 1) * sizeof(builder->of[0]);

    builder->mapped_bytes =
        lmm_round_up(node_bytes + table_bytes + of_bytes, LMM_SYSTEM_PAGE_BYTES);
    builder->mapped = lmm_vm_map(builder->mapped_bytes);
    if (builder->mapped == NULL) {
        return false;
    }
    builder->nodes = builder->mapped;
    builder->table = (uint32_t *) (void *) ((char *) builder->mapped + node_bytes);
    builder->of = builder->table + TABLE_ROOM;
    builder->count = FIRST_NODE;
    return true;
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static bool is_top(uint32_t parent)
{
    return parent == TOP || parent == in_register;
}

/* Returns the entry of a node, which is 0 when there is none. */
static uint32_t *entry_of(const struct builder *builder, uint32_t parent, uint32_t site,
                          bool is_loop)
{
    uint64_t hash =
        ((uint64_t) parent << 21 ^ (uint64_t) site << 1 ^ is_loop) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t) (hash >> 40) % TABLE_ROOM;

    for (;; at = (at + 1) % TABLE_ROOM) {
        const struct node *node = &builder->nodes[builder->table[at]];
        if (builder->table[at] == 0 ||
            (node->parent == parent && node->site == site && node->is_loop == is_loop)) {
            return &builder->table[at];
        }
    }
}

static uint32_t add(struct builder *builder, uint32_t *entry, const struct node *node)
{
    if (builder->count == NODES_MAX || node->depth > DEPTH_MAX) {
        return OTHER;
    }
    builder->nodes[builder->count] = *node;
    *entry = builder->count;
    return builder->count++;
}

/* The node of blocks that the word of a root at address leads to, 0: a register. Words come in ascending order
 * within a range of roots. */
static uint32_t root_of(struct builder *builder, uint32_t site, uintptr_t address)
{
    uint32_t parent = address == 0 ? in_register : TOP;
    uint32_t *entry = entry_of(builder, parent, site, false);
    const struct node *node = &builder->nodes[*entry];

    if (*entry != 0 && address - node->from.last <= ROOT_GAP) {
        return *entry;
    }
    return add(builder, entry, &(struct node) {.parent = parent, .site = site, .depth = 1});
}

/* The node of blocks of a site that blocks of a node hold. Cost: DEPTH_MAX at most. */
static uint32_t child_of(struct builder *builder, uint32_t before, uint32_t site)
{
    uint32_t parent = before;
    bool is_loop = false;

    if (before == OTHER) {
        return OTHER;
    }
    for (uint32_t at = before; !is_top(at); at = builder->nodes[at].parent) {
        const struct node *node = &builder->nodes[at];
        if (node->site == site) {
            if (node->is_loop) {
                return at;
            }
            parent = at;
            is_loop = true;
            break;
        }
    }
    uint32_t *entry = entry_of(builder, parent, site, is_loop);
    const struct node node = {.parent = parent,
                              .site = site,
                              .depth = builder->nodes[parent].depth + 1,
                              .is_loop = is_loop};

    return *entry != 0 ? *entry : add(builder, entry, &node);
}

/* ---- What is known of a node ----------------------------------------------------------------- */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static void widen(struct lmm_shape_range *range, uint64_t value, bool is_first)
{
    if (is_first) {
        *range = (struct lmm_shape_range) {value, value, 0};
        return;
    }
    uint64_t distance = value > range->first ? value - range->first : range->first - value;
    range->step = common_divisor(range->step, distance);
    range->first = value < range->first ? value : range->first;
    range->last = value > range->last ? value : range->last;
}

static void note(struct node *node, const struct lmm_path_step *step, uint64_t bytes)
{
    widen(&node->from, step->is_root ? step->from : step->offset, node->links == 0);
    node->least_bytes = node->links == 0 || bytes < node->least_bytes ? bytes : node->least_bytes;
    node->most_bytes = bytes > node->most_bytes ? bytes : node->most_bytes;
    node->is_inside = node->is_inside || step->to_offset != 0;
    node->links++;
}

/* Takes a block that a pointer led to; the one before it was taken earlier. */
static void take_block(struct builder *builder, const struct lmm_graph_block *block,
                       uint32_t wanted, struct lmm_chain_shapes *sums)
{
    uint32_t tag = lmm_load_relaxed(&block->page->tags[block->slot]);
    uint32_t site = lmm_site_group(builder->groups, lmm_tag_site(tag));
    uint64_t bytes = lmm_graph_counted_bytes(block);
    struct lmm_path_step step;
    struct lmm_graph_block before;

    if (!lmm_path_step_to(builder->path, *block, &step, &before)) {
        return;
    }
    uint32_t number = step.is_root
                          ? root_of(builder, site, step.from)
                          : child_of(builder, builder->of[before.page->first + before.slot], site);
    struct node *node = &builder->nodes[number];

    builder->of[block->page->first + block->slot] = number;
    note(node, &step, bytes);
    if (site == wanted) {
        node->blocks++;
        node->bytes += bytes;
        sums->blocks++;
        sums->bytes += bytes;
    }
}

/* ---- Loops ----------------------------------------------------------------------------------- */

static void merge(struct node *into, const struct node *node)
{
    into->blocks += node->blocks;
    into->bytes += node->bytes;
    into->is_inside = into->is_inside || node->is_inside;
    into->least_bytes =
        node->least_bytes < into->least_bytes ? node->least_bytes : into->least_bytes;
    into->most_bytes = node->most_bytes > into->most_bytes ? node->most_bytes : into->most_bytes;
    into->from.step = common_divisor(into->from.step, node->from.step);
    widen(&into->from, node->from.first, false);
    widen(&into->from, node->from.last, false);
}

/* What the first block of a loop holds is counted as what the others of it hold. Nodes come after their parents. */
static void join_what_loops_hold(struct builder *builder)
{
    for (uint32_t i = FIRST_NODE; i < builder->count; i++) {
        struct node *node = &builder->nodes[i];
        uint32_t parent = is_top(node->parent) ? node->parent : builder->nodes[node->parent].same;
        node->same = i;
        if (!is_top(parent) && !node->is_loop) {
            uint32_t loop = *entry_of(builder, parent, builder->nodes[parent].site, true);
            parent = loop != 0 ? loop : parent;
        }
        if (parent == node->parent) {
            continue;
        }
        uint32_t *entry = entry_of(builder, parent, node->site, node->is_loop);
        if (*entry == 0) {
            node->parent = parent;
            *entry = i;
        } else {
            merge(&builder->nodes[*entry], node);
            node->same = *entry;
            node->blocks = 0;
        }
    }
}

/* Counts the first blocks of loops as those that come after them, and the shapes. */
static void join_first_blocks(struct builder *builder, struct lmm_chain_shapes *sums)
{
    for (uint32_t i = FIRST_NODE; i < builder->count; i++) {
        struct node *node = &builder->nodes[i];
        struct node *first = node->is_loop ? &builder->nodes[node->parent] : NULL;
        if (first != NULL && node->blocks != 0) {
            node->blocks += first->blocks;
            node->bytes += first->bytes;
            first->blocks = 0;
        }
    }
    for (uint32_t i = FIRST_NODE; i < builder->count; i++) {
        sums->shapes += builder->nodes[i].blocks != 0;
    }
}

/* ---- The largest ones ------------------------------------------------------------------------ */

static bool is_less(const struct node *a, const struct node *b)
{
    return a->bytes != b->bytes ? a->bytes < b->bytes : a->blocks < b->blocks;
}

/* Keeps the numbers of the largest, by insertion. */
static uint32_t choose(const struct builder *builder, uint32_t numbers[LMM_SHAPES_MAX])
{
    const struct node *nodes = builder->nodes;
    uint32_t count = 0;

    for (uint32_t i = FIRST_NODE; i < builder->count; i++) {
        uint32_t at = count < LMM_SHAPES_MAX ? count : LMM_SHAPES_MAX - 1;
        bool is_full = count == LMM_SHAPES_MAX;
        if (nodes[i].blocks == 0 || (is_full && !is_less(&nodes[numbers[at]], &nodes[i]))) {
            continue;
        }
        for (; at > 0 && is_less(&nodes[numbers[at - 1]], &nodes[i]); at--) {
            numbers[at] = numbers[at - 1];
        }
        numbers[at] = i;
        count += !is_full;
    }
    return count;
}

static struct lmm_shape_link link_of(const struct node *node, const struct node *loop)
{
    struct lmm_shape_link link = {
        .site = node->site,
        .has_loop = loop != NULL,
        .is_inside = node->is_inside || (loop != NULL && loop->is_inside),
        .from = node->from,
        .least_bytes = node->least_bytes,
        .most_bytes = node->most_bytes,
    };

    if (loop != NULL) {
        link.loop = loop->from;
        link.least_bytes =
            loop->least_bytes < link.least_bytes ? loop->least_bytes : link.least_bytes;
        link.most_bytes = loop->most_bytes > link.most_bytes ? loop->most_bytes : link.most_bytes;
    }
    return link;
}

/* Writes the shape that ends at a node. */
static void tell(const struct builder *builder, uint32_t number, struct lmm_shape *shape)
{
    uint32_t ways[DEPTH_MAX]; /* from the last on */
    uint32_t length = 0;

    for (uint32_t at = number; !is_top(at) && length < DEPTH_MAX;) {
        ways[length++] = at;
        at = builder->nodes[at].is_loop ? builder->nodes[builder->nodes[at].parent].parent
                                        : builder->nodes[at].parent;
    }
    uint32_t count = length < LMM_SHAPE_LINKS ? length : (uint32_t) LMM_SHAPE_LINKS;
    *shape = (struct lmm_shape) {
        .blocks = builder->nodes[number].blocks,
        .bytes = builder->nodes[number].bytes,
        .length = length,
        .count = count,
    };
    for (uint32_t i = 0; i < count; i++) {
        bool is_late = i >= count / 2;
        const struct node *node = &builder->nodes[ways[is_late ? count - 1 - i : length - 1 - i]];
        shape->links[i] =
            node->is_loop ? link_of(&builder->nodes[node->parent], node) : link_of(node, NULL);
    }
}

bool lmm_chain_shapes_of_path(const struct lmm_path *path, const struct lmm_site_groups *groups,
                              uint32_t site, struct lmm_chain_shapes *ret_shapes)
{
    struct builder builder = {.path = path, .groups = groups};
    uint32_t numbers[LMM_SHAPES_MAX] = {0};

    *ret_shapes = (struct lmm_chain_shapes) {.count = 0};
    if (!map_arrays(&builder)) {
        return false;
    }
    for (size_t i = 0; i < path->tail; i++) {
        const struct lmm_scan_block *name = &path->queue[i];
        struct lmm_graph_block block =
            lmm_graph_block_at(&path->marker.scan.graph.pages[name->page], name->slot);
        take_block(&builder, &block, site, ret_shapes);
    }
    join_what_loops_hold(&builder);
    join_first_blocks(&builder, ret_shapes);
    ret_shapes->count = choose(&builder, numbers);
    for (uint32_t i = 0; i < ret_shapes->count; i++) {
        tell(&builder, numbers[i], &ret_shapes->list[i]);
    }
    lmm_vm_unmap(builder.mapped, builder.mapped_bytes);
    return true;
}

int lmm_chain_shapes_find(const struct lmm_roots *roots, const struct lmm_marker_settings *settings,
                          const struct lmm_site_groups *groups, uint32_t site,
                          struct lmm_chain_shapes *ret_shapes)
{
    struct lmm_path path;

    if (!lmm_chain_follow(roots, settings, &path)) {
        return -ENOMEM;
    }
    bool done = lmm_chain_shapes_of_path(&path, groups, site, ret_shapes);
    for (uint32_t i = 0; i < ret_shapes->count; i++) {
        struct lmm_shape *shape = &ret_shapes->list[i];
        shape->thread =
            lmm_chain_thread_of(roots, shape->links[0].from.first, &shape->is_in_register);
    }
    lmm_path_end(&path);
    return done ? 0 : -ENOMEM;
}
