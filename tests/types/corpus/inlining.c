/* SPDX-License-Identifier: MIT */
/* Constructors that are inlined, some at several places. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct symbol {
    const char *name;
    struct symbol *next;
    int kind, line;
};

struct scope {
    struct symbol *symbols;
    struct scope *parent;
};

static inline __attribute__((always_inline)) void *zeroed(size_t size)
{
    void *p = malloc(size); /* type: struct symbol | struct scope */

    memset(p, 0, size);
    return p;
}

static inline __attribute__((always_inline)) struct symbol *new_symbol(const char *name)
{
    struct symbol *symbol = zeroed(sizeof(*symbol)); /* type: struct symbol */

    symbol->name = name;
    return symbol;
}

static inline __attribute__((always_inline)) struct scope *new_scope(struct scope *parent)
{
    struct scope *scope = malloc(sizeof(struct scope)); /* type: struct scope */

    scope->parent = parent;
    scope->symbols = new_symbol("first");
    return scope;
}

NOT_INLINED static struct scope *nest(struct scope *parent)
{
    struct scope *scope = new_scope(parent);

    scope->symbols->next = new_symbol("second");
    return scope;
}

int main(void)
{
    struct scope *global = new_scope(NULL);
    struct scope *inner = nest(global);
    struct scope *last = zeroed(sizeof(*last)); /* type: struct scope */

    last->parent = inner;
    keep(last), keep(global), keep(inner);
    return 0;
}
