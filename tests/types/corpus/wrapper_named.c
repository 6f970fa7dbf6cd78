/* SPDX-License-Identifier: MIT */
/* Wrappers whose names tell that they allocate for their callers. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct route {
    struct route *next;
    char *path;
    int cost, flags;
};

struct router {
    struct route *routes;
    void **slots;
    size_t count;
};

NOT_INLINED static void *xmalloc(size_t size)
{
    void *p = malloc(size);

    if (p == NULL) {
        abort();
    }
    return p;
}

NOT_INLINED static void *xcalloc(size_t count, size_t size)
{
    void *p = calloc(count, size);

    if (p == NULL) {
        abort();
    }
    return p;
}

NOT_INLINED static void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size);

    if (p == NULL) {
        abort();
    }
    return p;
}

NOT_INLINED static char *xstrdup(const char *text)
{
    return strcpy(xmalloc(strlen(text) + 1), text);
}

NOT_INLINED static void add(struct router *router, const char *path)
{
    struct route *route = xmalloc(number(24)); /* type: struct route */

    route->path = xstrdup(path); /* type: char[] */
    route->next = router->routes;
    router->routes = route;
    router->slots =
        xrealloc(router->slots, (router->count + 1) * sizeof(void *)); /* type: void *[] */
    router->slots[router->count++] = route;
}

NOT_INLINED static struct route *spare(void)
{
    return xmalloc(sizeof(struct route)); /* type: struct route */
}

int main(void)
{
    struct router *router = xcalloc(1, sizeof(*router)); /* type: struct router */
    void *data = xmalloc(number(24));                    /* type: none */

    add(router, "/");
    add(router, "/index");
    router->routes->next = xcalloc(1, 24); /* type: struct route */
    keep(router), keep(data);
    keep(spare()); /* type: struct route */
    return 0;
}
