/* SPDX-License-Identifier: MIT */
/*
 * massif: the file that Valgrind's massif writes, which ms_print and massif-visualizer read: a
 * snapshot at the start, one at the peak, and one of now, the last two with a tree of the calls that
 * allocated the bytes, the innermost first.
 *
 * As massif does, a tree leaves out calls below 1 % of its bytes, and gives their sum in one line.
 * Names are escaped as in text reports. A site without a stack is a tree of one call, whose address
 * is unknown.
 *
 * Invariants:
 *   I1  the bytes of a call are the sum of those one level below it, or the blocks were allocated
 *       there: so each snapshot's bytes are the sum of its sites'
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "reporter/core/model.h"
#include "reporter/core/saturate.h"
#include "reporter/core/sink.h"
#include "reporter/core/stack.h"
#include "reporter/core/words.h"
#include "reporter/program/base/array.h"
#include "reporter/program/formats/format.h"

enum {
    LEAST_PERMILLE = 10,
    NS_PER_MS = 1000000,
};

/* A site in a tree, and the frame of its stack at the level that is printed; 0: its stack ends
 * before that level. */
struct leaf {
    const struct lmm_model_site *site;
    uint32_t frame;
    uint64_t bytes;
};

struct tree {
    const struct lmm_model *model;
    struct lmm_sink *sink;
    uint64_t bytes; /* of the whole tree */
};

/* Neighbouring leaves that share their next call. */
struct branch {
    struct leaf *leaves;
    size_t count;
    uint64_t bytes;
};

/* ---- Order ----------------------------------------------------------------------------------- */

/* Compares two frames by the place of their calls, not by their callers. */
static int compare_frames(const struct lmm_model *model, uint32_t left, uint32_t right)
{
    const struct lmm_model_frame *a = &model->frames[left];
    const struct lmm_model_frame *b = &model->frames[right];

    if (left == 0 || right == 0) {
        return (left != 0) - (right != 0);
    }
    if (a->module != b->module) {
        return a->module < b->module ? -1 : 1;
    }
    return (a->address > b->address) - (a->address < b->address);
}

/* By their stacks, the innermost call first; sites without a stack by their number. */
static int compare_leaves(const void *left, const void *right, void *context)
{
    const struct lmm_model *model = context;
    const struct leaf *a = left;
    const struct leaf *b = right;
    uint32_t x = a->site->stack;
    uint32_t y = b->site->stack;
    int order = 0;

    while (order == 0 && (x != 0 || y != 0) && x != y) {
        order = compare_frames(model, x, y);
        x = x == 0 ? 0 : lmm_model_caller(model, x);
        y = y == 0 ? 0 : lmm_model_caller(model, y);
    }
    return order != 0 ? order : (a->site->id > b->site->id) - (a->site->id < b->site->id);
}

static int compare_branches(const void *left, const void *right)
{
    const struct branch *a = left;
    const struct branch *b = right;

    if (a->bytes != b->bytes) {
        return a->bytes > b->bytes ? -1 : 1;
    }
    return (a->leaves > b->leaves) - (a->leaves < b->leaves);
}

/* ---- Trees ----------------------------------------------------------------------------------- */

static bool is_same_call(const struct lmm_model *model, const struct leaf *a, const struct leaf *b)
{
    return a->site->stack != 0 && b->site->stack != 0 &&
           compare_frames(model, a->frame, b->frame) == 0;
}

/* Divides leaves, which are sorted and have a call each, by that call. Returns the branches, to be
 * freed, those with most bytes first; NULL: out of memory. */
static struct branch *divide(const struct tree *tree, struct leaf *leaves, size_t count,
                             size_t *ret_count)
{
    struct branch *branches = NULL;
    struct branch *last = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (last == NULL || !is_same_call(tree->model, &last->leaves[0], &leaves[i])) {
            last = lmm_array_add(&branches, ret_count, sizeof(*branches));
            if (last == NULL) {
                free(branches);
                return NULL;
            }
            last->leaves = &leaves[i];
        }
        last->count++;
        last->bytes = lmm_add_saturated(last->bytes, leaves[i].bytes);
    }
    if (*ret_count > 1) {
        qsort(branches, *ret_count, sizeof(*branches), compare_branches);
    }
    return branches;
}

/* Returns how many of the branches, which are sorted, have a line of their own. */
static size_t count_shown(const struct tree *tree, const struct branch *branches, size_t count)
{
    size_t shown = 0;

    while (shown < count &&
           lmm_model_permille(branches[shown].bytes, tree->bytes) >= LEAST_PERMILLE) {
        shown++;
    }
    return shown;
}

/* Prints the start of a line: "  n2: 1024 ". */
static void start_line(const struct tree *tree, size_t level, size_t calls, uint64_t bytes)
{
    lmm_sink_pad(tree->sink, level);
    lmm_sink_printf(tree->sink, "n%zu: %" PRIu64 " ", calls, bytes);
}

/* Prints "(hr.c:42)", "(in /usr/lib/libhr.so)" or nothing. */
static void put_call_place(struct lmm_sink *sink, const struct lmm_model_call *call,
                           struct lmm_string module)
{
    if (call->line != 0) {
        lmm_sink_puts(sink, " (");
        lmm_put_string(sink, call->file);
        lmm_sink_printf(sink, ":%" PRIu32 ")", call->line);
    } else if (module.bytes > 0) {
        lmm_sink_puts(sink, " (in ");
        lmm_put_string(sink, module);
        lmm_sink_puts(sink, ")");
    }
}

/* A frame whose calls are printed, each on a line below the one before. */
struct frame_lines {
    const struct tree *tree;
    const struct branch *branch;
    size_t level;
    size_t calls; /* below the last of them */
    uint32_t frame;
};

static bool put_call(void *context, const struct lmm_model_call *call)
{
    struct frame_lines *lines = context;
    const struct tree *tree = lines->tree;
    const struct lmm_model_module *module = lmm_model_module_of(tree->model, lines->frame);

    start_line(tree, lines->level++, call->is_inline ? 1 : lines->calls, lines->branch->bytes);
    lmm_sink_printf(tree->sink, "0x%" PRIX64 ": ", tree->model->frames[lines->frame].address - 1);
    lmm_put_string(tree->sink, call->function);
    put_call_place(tree->sink, call, module == NULL ? lmm_string_of("") : module->path);
    lmm_sink_puts(tree->sink, "\n");
    return call->is_inline; /* the last call of the frame is not inlined */
}

static void put_site(const struct tree *tree, size_t level, const struct leaf *leaf)
{
    const struct lmm_model_site *site = leaf->site;

    start_line(tree, level, 0, leaf->bytes);
    lmm_sink_puts(tree->sink, "0x0: ");
    lmm_put_place(tree->sink, site->file, site->line, site->function);
    lmm_sink_puts(tree->sink, ", ");
    lmm_put_string(tree->sink, site->family->name);
    lmm_sink_puts(tree->sink, "\n");
}

static void put_others(const struct tree *tree, size_t level, const struct branch *branches,
                       size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes = lmm_add_saturated(bytes, branches[i].bytes);
    }
    start_line(tree, level, 0, bytes);
    lmm_sink_printf(tree->sink, "in %zu %s below massif's threshold (1.00%%)\n", count,
                    lmm_plural(count, "place,", "places, all"));
}

static int put_callers(const struct tree *tree, size_t level, const struct branch *branch);

static int put_branches(const struct tree *tree, size_t level, const struct branch *branches,
                        size_t count)
{
    size_t shown = count_shown(tree, branches, count);
    int error = 0;

    for (size_t i = 0; i < shown && error == 0; i++) {
        assert(branches[i].leaves != NULL && branches[i].count > 0);
        if (branches[i].leaves[0].site->stack == 0) {
            put_site(tree, level, &branches[i].leaves[0]);
        } else {
            error = put_callers(tree, level, &branches[i]);
        }
    }
    if (shown < count && error == 0) {
        put_others(tree, level, &branches[shown], count - shown);
    }
    return error;
}

static size_t lines_of(const struct tree *tree, const struct branch *branches, size_t count)
{
    size_t shown = count_shown(tree, branches, count);

    return shown < count ? shown + 1 : count;
}

/* Prints the calls of a branch's frame, and below them its callers. Leaves whose stack ends here
 * come first in the branch. */
static int put_callers(const struct tree *tree, size_t level, const struct branch *branch)
{
    struct frame_lines lines = {
        .tree = tree, .branch = branch, .level = level, .frame = branch->leaves[0].frame};
    size_t ending = 0;
    size_t count = 0;

    for (size_t i = 0; i < branch->count; i++) {
        branch->leaves[i].frame = lmm_model_caller(tree->model, branch->leaves[i].frame);
        ending += branch->leaves[i].frame == 0;
    }
    struct branch *callers = divide(tree, branch->leaves + ending, branch->count - ending, &count);

    if (callers == NULL && ending < branch->count) {
        return -ENOMEM;
    }
    lines.calls = lines_of(tree, callers, count);
    lmm_stack_walk(tree->model, lines.frame, SIZE_MAX, put_call, &lines);
    int error = put_branches(tree, lines.level, callers, count);

    free(callers);
    return error;
}

static int put_tree(const struct tree *tree, struct leaf *leaves, size_t count)
{
    size_t branch_count = 0;
    struct branch *branches = divide(tree, leaves, count, &branch_count);

    if (branches == NULL && count > 0) {
        return -ENOMEM;
    }
    start_line(tree, 0, lines_of(tree, branches, branch_count), tree->bytes);
    lmm_sink_puts(tree->sink, "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n");
    int error = put_branches(tree, 1, branches, branch_count);

    free(branches);
    return error;
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static void put_snapshot(struct lmm_sink *sink, unsigned number, uint64_t time_ms, uint64_t bytes,
                         const char *tree)
{
    lmm_sink_printf(sink,
                    "#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
                    "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
                    number, time_ms, bytes, tree);
}

/* Fills the leaves with the sites whose measure is not 0, sorted. */
static size_t choose_leaves(const struct lmm_model *model, size_t sites, enum lmm_export measure,
                            struct leaf *leaves, uint64_t *ret_bytes)
{
    size_t count = 0;

    *ret_bytes = 0;
    for (size_t i = 0; i < sites; i++) {
        uint64_t bytes = lmm_export_of(measure, &model->sites[i]);

        if (bytes > 0) {
            leaves[count++] = (struct leaf) {&model->sites[i], model->sites[i].stack, bytes};
            *ret_bytes = lmm_add_saturated(*ret_bytes, bytes);
        }
    }
    qsort_r(leaves, count, sizeof(*leaves), compare_leaves, (void *) (uintptr_t) model);
    return count;
}

static uint64_t ms_since_start(const struct lmm_model *model, uint64_t time_ns)
{
    return time_ns > model->start_time_ns ? (time_ns - model->start_time_ns) / NS_PER_MS : 0;
}

/* The time of now is known only for snapshots and for processes that exited; else it is the peak's
 * time. */
static int put_snapshots(const struct lmm_model *model, struct lmm_sink *sink, size_t sites,
                         struct leaf *leaves)
{
    uint64_t end_ns = model->end_time_ns != 0 ? model->end_time_ns : model->snapshot_time_ns;
    uint64_t peak_ms = ms_since_start(model, model->peak_time_ns);
    uint64_t now_ms = ms_since_start(model, end_ns);
    struct tree tree = {.model = model, .sink = sink};
    size_t count = choose_leaves(model, sites, LMM_EXPORT_PEAK, leaves, &tree.bytes);
    unsigned number = 0;
    int error = 0;

    put_snapshot(sink, number++, 0, 0, "empty");
    if (count > 0) {
        put_snapshot(sink, number++, peak_ms, tree.bytes, "peak");
        error = put_tree(&tree, leaves, count);
    }
    if (error == 0) {
        count = choose_leaves(model, sites, LMM_EXPORT_LIVE, leaves, &tree.bytes);
        put_snapshot(sink, number, now_ms > peak_ms ? now_ms : peak_ms, tree.bytes, "detailed");
        error = put_tree(&tree, leaves, count);
    }
    return error;
}

int lmm_massif_render(const struct lmm_model *model, struct lmm_sink *sink,
                      const struct lmm_format_options *options)
{
    size_t sites = lmm_sites_shown(model, options, model->site_count);
    struct leaf *leaves = calloc(sites + 1, sizeof(*leaves));

    if (leaves == NULL) {
        return -ENOMEM;
    }
    lmm_sink_puts(sink, "desc: (none)\ncmd: ");
    lmm_put_string(sink, model->command.bytes > 0 ? model->command : model->program);
    lmm_sink_puts(sink, "\ntime_unit: ms\n");
    int error = put_snapshots(model, sink, sites, leaves);

    free(leaves);
    return error != 0 ? error : lmm_sink_flush(sink);
}
