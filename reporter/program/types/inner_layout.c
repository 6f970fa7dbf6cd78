/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/inner_layout.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/types/type_name.h"
#include "reporter/program/types/type_walk.h"

enum {
    DEPTH_MAX = 8,
    OUTERMOST = -1,
};

/* A struct in another one. */
struct node {
    Dwarf_Die type;
    struct lmm_layout layout;
    int parent;     /* its index, less than the node's own; or OUTERMOST */
    size_t field;   /* of the parent */
    uint64_t times; /* how many there are next to each other */
    int depth;
    uint64_t bytes; /* after a change */
};

struct nodes {
    struct node *list;
    size_t count;
    bool has_failed;
};

/* ---- Structs in a struct --------------------------------------------------------------------- */

/* Turns what keeps the element of a container's node as bytes into the type of the element. */
static bool take_element(Dwarf_Die *type)
{
    static const char *const names[] = {"__aligned_membuf<", "__aligned_buffer<"};
    const char *name = dwarf_diename(type);
    Dwarf_Die element;

    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0 && lmm_type_argument(type, &element) &&
            lmm_type_bytes(&element) == lmm_type_bytes(type)) {
            return lmm_type_strip(&element, type);
        }
    }
    return false;
}

/* Sets *ret_node to the struct, or the array of structs, that a field is; returns false for other fields. */
static bool read_node(const struct lmm_field *field, struct node *ret_node)
{
    struct node node = {.times = 1};
    Dwarf_Die type = field->type;
    uint64_t count;

    if (field->kind == LMM_FIELD_BITS || field->kind == LMM_FIELD_VTABLE ||
        field->kind == LMM_FIELD_TAIL ||
        (field->kind == LMM_FIELD_BASE && field->data_bytes != field->bytes)) {
        return false;
    }
    if (lmm_type_elements(&type, &type, &count)) {
        node.times = count;
    }
    if (!lmm_type_strip(&type, &type) || !lmm_type_is_record(&type)) {
        return false;
    }
    take_element(&type);
    if (!lmm_layout_read(&type, &node.layout)) {
        return false;
    }
    node.type = type;
    if (node.times == 0 || field->bytes / node.times != node.layout.bytes) {
        lmm_layout_free(&node.layout);
        return false;
    }
    *ret_node = node;
    return true;
}

static void add_nodes(struct nodes *nodes, const struct lmm_layout *layout, int parent, int depth)
{
    for (size_t i = 0; i < layout->count && nodes->count < LMM_INNER_MAX; i++) {
        struct node node;

        if (!read_node(&layout->fields[i], &node)) {
            continue;
        }
        struct node *added = lmm_array_add(&nodes->list, &nodes->count, sizeof(*added));

        if (added == NULL) {
            lmm_layout_free(&node.layout);
            nodes->has_failed = true;
            return;
        }
        node.parent = parent;
        node.field = i;
        node.depth = depth;
        *added = node;
    }
}

/* Lists the structs in a struct, then those in them, and so on. */
static void list_nodes(struct nodes *nodes, const struct lmm_layout *layout)
{
    add_nodes(nodes, layout, OUTERMOST, 0);
    for (size_t i = 0; i < nodes->count && !nodes->has_failed; i++) {
        if (nodes->list[i].depth < DEPTH_MAX) {
            const struct lmm_layout inner = nodes->list[i].layout; /* the list may move */

            add_nodes(nodes, &inner, (int) i, nodes->list[i].depth + 1);
        }
    }
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Sets *ret_size to that of a struct when the nodes in it have their new sizes; returns false when it is
 * not known. */
static bool resize(const struct nodes *nodes, int parent, const struct lmm_layout *layout,
                   struct lmm_field_change *changes, struct lmm_layout_size *ret_size)
{
    for (size_t i = 0; i < layout->count; i++) {
        changes[i] = (struct lmm_field_change) {.bytes = LMM_FIELD_SAME};
    }
    for (size_t i = 0; i < nodes->count; i++) {
        const struct node *node = &nodes->list[i];

        if (node->parent == parent && node->bytes != node->layout.bytes) {
            changes[node->field] = (struct lmm_field_change) {
                .bytes = node->bytes * node->times,
                .align = layout->fields[node->field].align,
            };
        }
    }
    return lmm_layout_resize(layout, changes, ret_size);
}

/* Sets *ret_size to that of the outermost struct when those of one type are smaller, the innermost first; returns
 * false when it is not known. */
static bool shrink(struct nodes *nodes, const struct lmm_layout *outermost,
                   const struct node *smaller, struct lmm_field_change *changes,
                   struct lmm_layout_size *ret_size)
{
    struct lmm_layout_size size;

    for (size_t i = nodes->count; i-- > 0;) {
        struct node *node = &nodes->list[i];

        node->bytes = node->layout.bytes;
        if (node->type.addr == smaller->type.addr) {
            node->bytes = node->layout.order_bytes;
        } else if (resize(nodes, (int) i, &node->layout, changes, &size)) {
            node->bytes = size.bytes;
        }
    }
    return resize(nodes, OUTERMOST, outermost, changes, ret_size) &&
           ret_size->bytes < outermost->bytes;
}

static bool is_standard(const Dwarf_Die *type)
{
    char name[LMM_TYPE_NAME_MAX];

    lmm_type_whole_name(type, name);
    return lmm_type_name_is_standard(name);
}

static bool is_listed(const struct lmm_inners *inners, const struct node *node)
{
    for (size_t i = 0; i < inners->count; i++) {
        if (inners->list[i].type.addr == node->type.addr) {
            return true;
        }
    }
    return false;
}

/* Adds a node's type if it is smaller in another order; returns false when memory ran out. */
static bool add_inner(struct nodes *nodes, const struct lmm_layout *layout, const struct node *node,
                      struct lmm_field_change *changes, struct lmm_inners *inners)
{
    struct lmm_layout_size after;

    if (node->layout.state != LMM_LAYOUT_BETTER || is_listed(inners, node) ||
        is_standard(&node->type) || !shrink(nodes, layout, node, changes, &after)) {
        return true;
    }
    struct lmm_inner *added = lmm_array_add(&inners->list, &inners->count, sizeof(*added));

    if (added == NULL) {
        return false;
    }
    added->type = node->type;
    added->after = after;
    return lmm_layout_read(&node->type, &added->layout);
}

/* Returns the most fields that one of the structs has. */
static size_t most_fields(const struct nodes *nodes, const struct lmm_layout *layout)
{
    size_t most = layout->count;

    for (size_t i = 0; i < nodes->count; i++) {
        most = nodes->list[i].layout.count > most ? nodes->list[i].layout.count : most;
    }
    return most;
}

static bool has_better(const struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->list[i].layout.state == LMM_LAYOUT_BETTER) {
            return true;
        }
    }
    return false;
}

static void free_nodes(struct nodes *nodes)
{
    for (size_t i = 0; i < nodes->count; i++) {
        lmm_layout_free(&nodes->list[i].layout);
    }
    free(nodes->list);
}

bool lmm_inners_read(const struct lmm_layout *layout, struct lmm_inners *ret_inners)
{
    struct nodes nodes = {.list = NULL};
    struct lmm_inners inners = {.list = NULL};
    struct lmm_field_change *changes = NULL;

    list_nodes(&nodes, layout);
    bool done = !nodes.has_failed;

    if (done && has_better(&nodes)) {
        changes = calloc(most_fields(&nodes, layout), sizeof(*changes));
        done = changes != NULL;
    }
    for (size_t i = 0; done && changes != NULL && i < nodes.count; i++) {
        done = add_inner(&nodes, layout, &nodes.list[i], changes, &inners);
    }
    free(changes);
    free_nodes(&nodes);
    if (!done) {
        lmm_inners_free(&inners);
        return false;
    }
    *ret_inners = inners;
    return true;
}

void lmm_inners_free(struct lmm_inners *inners)
{
    for (size_t i = 0; i < inners->count; i++) {
        lmm_layout_free(&inners->list[i].layout);
    }
    free(inners->list);
    *inners = (struct lmm_inners) {.list = NULL};
}
