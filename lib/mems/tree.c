/* SPDX-License-Identifier: MIT */
#include "lib/mems/tree.h"

#include "lib/ground/panic.h"

#include <string.h>

enum {
    FANOUT = LMM_MEMS_FANOUT,
    ENTRIES_MIN = (FANOUT + 1) / 4,
    LEVELS_MAX = 32, /* of at least 4 entries each, except the root */
};

/* A block's entry for a child: a segment in a leaf, else a block. */
struct entry {
    uintptr_t address;   /* the child's first */
    size_t longest_hole; /* in it */
    void *child;
};

/* Each array has two cache lines; the count shares those of the addresses. A search reads the first
 * or the second array, and then one entry of the third, which is prefetched. */
struct lmm_mems_block {
    unsigned count;
    uintptr_t address[FANOUT];
    _Alignas(LMM_CACHE_LINE_BYTES) size_t longest_hole[FANOUT];
    _Alignas(LMM_CACHE_LINE_BYTES) void *child[FANOUT];
};

/* The path to a leaf, the root first: at each level a block and the entry taken. */
struct path {
    struct step {
        struct lmm_mems_block *block;
        unsigned place;
    } step[LEVELS_MAX];
    unsigned levels;
};

/* ---- One block ------------------------------------------------------------------------------- */

/* Moves count entries within a block or to another. The caller sets the counts. */
static void entries_move(struct lmm_mems_block *to, unsigned to_place,
                         const struct lmm_mems_block *from, unsigned from_place, unsigned count)
{
    memmove(&to->address[to_place], &from->address[from_place], count * sizeof(to->address[0]));
    memmove(&to->longest_hole[to_place], &from->longest_hole[from_place],
            count * sizeof(to->longest_hole[0]));
    memmove(&to->child[to_place], &from->child[from_place], count * sizeof(to->child[0]));
}

static void entry_insert(struct lmm_mems_block *block, unsigned place, struct entry entry)
{
    entries_move(block, place + 1, block, place, block->count - place);
    block->count++;
    block->address[place] = entry.address;
    block->longest_hole[place] = entry.longest_hole;
    block->child[place] = entry.child;
}

static void entry_remove(struct lmm_mems_block *block, unsigned place)
{
    block->count--;
    entries_move(block, place, block, place + 1, block->count - place);
}

static size_t segment_hole(const struct lmm_mems_segment *segment)
{
    return segment->is_process ? 0 : segment->bytes;
}

static struct entry entry_of_segment(struct lmm_mems_segment *segment)
{
    return (struct entry) {segment->address, segment_hole(segment), segment};
}

static struct entry entry_of_block(struct lmm_mems_block *block)
{
    size_t longest_hole = 0;

    for (unsigned i = 0; i < block->count; i++) {
        size_t hole = block->longest_hole[i];
        longest_hole = hole > longest_hole ? hole : longest_hole;
    }
    return (struct entry) {block->address[0], longest_hole, block};
}

/* Updates the entry at place from its child, a block. Returns whether it changed. */
static bool entry_renew(struct lmm_mems_block *block, unsigned place)
{
    struct entry entry = entry_of_block(block->child[place]);

    if (block->address[place] == entry.address &&
        block->longest_hole[place] == entry.longest_hole) {
        return false;
    }
    block->address[place] = entry.address;
    block->longest_hole[place] = entry.longest_hole;
    return true;
}

static void prefetch(const void *array)
{
    __builtin_prefetch(array);
    __builtin_prefetch((const char *) array + LMM_CACHE_LINE_BYTES);
}

/* The last entry that starts at or below address; the first when none does. */
static unsigned place_of(const struct lmm_mems_block *block, uintptr_t address)
{
    unsigned place = 0;

    prefetch(block->child);
    for (unsigned i = 1; i < block->count; i++) {
        place += block->address[i] <= address;
    }
    return place;
}

/* ---- Searching ------------------------------------------------------------------------------- */

struct lmm_mems_segment *lmm_mems_tree_find(const struct lmm_mems_tree *tree, uintptr_t address)
{
    void *child = tree->root;

    if (child == NULL) {
        return NULL;
    }
    for (unsigned level = 0; level < tree->levels; level++) {
        const struct lmm_mems_block *block = child;
        child = block->child[place_of(block, address)];
    }
    struct lmm_mems_segment *segment = child;
    return address >= segment->address && address - segment->address < segment->bytes ? segment
                                                                                      : NULL;
}

/* The first entry with a hole of at least bytes; count when there is none. */
static unsigned place_of_hole(const struct lmm_mems_block *block, size_t bytes)
{
    unsigned place = 0;

    prefetch(block->child);
    while (place < block->count && block->longest_hole[place] < bytes) {
        place++;
    }
    return place;
}

struct lmm_mems_segment *lmm_mems_tree_first_fit(const struct lmm_mems_tree *tree, size_t bytes)
{
    void *child = tree->root;

    for (unsigned level = 0; level < tree->levels; level++) {
        const struct lmm_mems_block *block = child;
        unsigned place = place_of_hole(block, bytes);
        if (place == block->count) {
            return NULL; /* the root: other blocks have what their entry says */
        }
        child = block->child[place];
    }
    return child;
}

/* The tree is not empty. */
static void path_to(struct path *path, const struct lmm_mems_tree *tree, uintptr_t address)
{
    void *child = tree->root;
    unsigned level = 0;

    do {
        struct lmm_mems_block *block = child;
        prefetch(block->longest_hole);
        path->step[level] = (struct step) {block, place_of(block, address)};
        child = block->child[path->step[level].place];
    } while (++level < tree->levels);
    path->levels = level;
}

static void path_renew(const struct path *path, unsigned level)
{
    while (level-- != 0 && entry_renew(path->step[level].block, path->step[level].place)) {
    }
}

void lmm_mems_tree_refresh(struct lmm_mems_tree *tree, const struct lmm_mems_segment *segment)
{
    struct path path;

    path_to(&path, tree, segment->address);
    struct step leaf = path.step[path.levels - 1];
    LMM_CHECK(leaf.block->child[leaf.place] == segment);
    leaf.block->longest_hole[leaf.place] = segment_hole(segment);
    path_renew(&path, path.levels - 1);
}

/* ---- Inserting ------------------------------------------------------------------------------- */

bool lmm_mems_tree_reserve(struct lmm_mems_tree *tree, unsigned inserts)
{
    /* Each may split a block of every level and add a root, which is a level for the next. */
    return lmm_mems_records_reserve(&tree->blocks, (size_t) inserts * (tree->levels + 2));
}

static struct lmm_mems_block *block_take(struct lmm_mems_tree *tree)
{
    struct lmm_mems_block *block = lmm_mems_records_take(&tree->blocks);

    block->count = 0;
    return block;
}

/* Adds a level: a new root with one entry. */
static void root_add(struct lmm_mems_tree *tree, struct entry entry)
{
    struct lmm_mems_block *root = block_take(tree);

    LMM_CHECK(tree->levels < LEVELS_MAX);
    entry_insert(root, 0, entry);
    tree->root = root;
    tree->levels++;
}

/* Inserts an entry into a full block, whose upper part moves to a new block, which is returned. At
 * the block's end, where more entries are expected, the upper part is as short as is allowed. */
static struct lmm_mems_block *split(struct lmm_mems_tree *tree, struct lmm_mems_block *block,
                                    unsigned place, struct entry entry)
{
    struct lmm_mems_block *upper = block_take(tree);
    unsigned keep = place == FANOUT ? FANOUT + 1 - ENTRIES_MIN : (FANOUT + 1) / 2;

    upper->count = FANOUT - keep;
    entries_move(upper, 0, block, keep, upper->count);
    block->count = keep;
    if (place <= keep) {
        entry_insert(block, place, entry);
    } else {
        entry_insert(upper, place - keep, entry);
    }
    return upper;
}

void lmm_mems_tree_insert(struct lmm_mems_tree *tree, struct lmm_mems_segment *segment)
{
    struct entry entry = entry_of_segment(segment);
    struct path path;

    tree->count++;
    if (tree->root == NULL) {
        root_add(tree, entry);
        return;
    }
    path_to(&path, tree, segment->address);
    unsigned level = path.levels - 1;
    struct step step = path.step[level];
    unsigned place = step.place + (step.block->address[step.place] < segment->address);
    while (step.block->count == FANOUT) {
        entry = entry_of_block(split(tree, step.block, place, entry));
        if (level == 0) {
            root_add(tree, entry_of_block(tree->root));
            entry_insert(tree->root, 1, entry);
            return;
        }
        step = path.step[--level];
        entry_renew(step.block, step.place);
        place = step.place + 1;
    }
    entry_insert(step.block, place, entry);
    path_renew(&path, level);
}

/* ---- Removing -------------------------------------------------------------------------------- */

/* Moves all entries of the block after place into the one at place. */
static void join(struct lmm_mems_tree *tree, struct lmm_mems_block *parent, unsigned place)
{
    struct lmm_mems_block *lower = parent->child[place];
    struct lmm_mems_block *upper = parent->child[place + 1];

    entries_move(lower, lower->count, upper, 0, upper->count);
    lower->count += upper->count;
    lmm_mems_records_give(&tree->blocks, upper);
    entry_remove(parent, place + 1);
    entry_renew(parent, place);
}

/* Moves one entry from the longer to the shorter of the blocks at place and after it. */
static void level_out(struct lmm_mems_block *parent, unsigned place)
{
    struct lmm_mems_block *lower = parent->child[place];
    struct lmm_mems_block *upper = parent->child[place + 1];

    if (lower->count > upper->count) {
        entries_move(upper, 1, upper, 0, upper->count);
        entries_move(upper, 0, lower, --lower->count, 1);
        upper->count++;
    } else {
        entries_move(lower, lower->count++, upper, 0, 1);
        entry_remove(upper, 0);
    }
    entry_renew(parent, place);
    entry_renew(parent, place + 1);
}

/* Gives the block at place of parent, which lacks an entry, one from a neighbour, or joins them. */
static void mend(struct lmm_mems_tree *tree, struct lmm_mems_block *parent, unsigned place)
{
    unsigned lower_place = place == 0 ? 0 : place - 1;
    const struct lmm_mems_block *lower = parent->child[lower_place];
    const struct lmm_mems_block *upper = parent->child[lower_place + 1];

    if (lower->count + upper->count <= FANOUT) {
        join(tree, parent, lower_place);
    } else {
        level_out(parent, lower_place);
    }
}

/* Removes the root if it has one child block, or no entry. */
static void root_shrink(struct lmm_mems_tree *tree)
{
    struct lmm_mems_block *root = tree->root;

    if (root->count != 0 && (root->count != 1 || tree->levels == 1)) {
        return;
    }
    tree->root = root->count == 0 ? NULL : root->child[0];
    tree->levels--;
    lmm_mems_records_give(&tree->blocks, root);
}

void lmm_mems_tree_remove(struct lmm_mems_tree *tree, const struct lmm_mems_segment *segment)
{
    struct path path;

    path_to(&path, tree, segment->address);
    unsigned level = path.levels - 1;
    LMM_CHECK(path.step[level].block->child[path.step[level].place] == segment);
    entry_remove(path.step[level].block, path.step[level].place);
    while (level != 0 && path.step[level].block->count < ENTRIES_MIN) {
        level--;
        mend(tree, path.step[level].block, path.step[level].place);
    }
    path_renew(&path, level);
    root_shrink(tree);
    tree->count--;
}

/* ---- The whole ------------------------------------------------------------------------------- */

void lmm_mems_tree_init(struct lmm_mems_tree *tree, size_t page_bytes)
{
    *tree = (struct lmm_mems_tree) {.root = NULL};
    lmm_mems_records_init(&tree->blocks, page_bytes, sizeof(struct lmm_mems_block));
}

size_t lmm_mems_tree_finish(struct lmm_mems_tree *tree)
{
    size_t stayed_bytes = lmm_mems_records_finish(&tree->blocks);

    lmm_mems_tree_init(tree, tree->blocks.page_bytes);
    return stayed_bytes;
}

static bool leaf_entry_is_valid(const struct lmm_mems_block *leaf, unsigned place, size_t *count)
{
    const struct lmm_mems_segment *segment = leaf->child[place];

    ++*count;
    return leaf->address[place] == segment->address &&
           leaf->longest_hole[place] == segment_hole(segment) && segment->bytes != 0;
}

/* Checks a block with `levels` levels from it down; *next is the least address that may come. */
static bool block_is_valid(const struct lmm_mems_block *block, unsigned levels, uintptr_t *next,
                           size_t *count)
{
    for (unsigned i = 0; i < block->count; i++) {
        if (levels == 1) {
            if (block->address[i] < *next || !leaf_entry_is_valid(block, i, count)) {
                return false;
            }
            *next = block->address[i] + 1;
            continue;
        }
        struct lmm_mems_block *child = block->child[i];
        struct entry entry = entry_of_block(child);
        if (child->count < ENTRIES_MIN || child->count > FANOUT ||
            block->address[i] != entry.address || block->longest_hole[i] != entry.longest_hole ||
            !block_is_valid(child, levels - 1, next, count)) {
            return false;
        }
    }
    return true;
}

bool lmm_mems_tree_is_valid(const struct lmm_mems_tree *tree)
{
    const struct lmm_mems_block *root = tree->root;
    uintptr_t next = 0;
    size_t count = 0;

    if (root == NULL) {
        return tree->levels == 0 && tree->count == 0;
    }
    return root->count >= (tree->levels == 1 ? 1 : 2) && root->count <= FANOUT &&
           block_is_valid(root, tree->levels, &next, &count) && count == tree->count;
}
