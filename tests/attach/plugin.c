/* SPDX-License-Identifier: MIT */
/* A module that tables.c loads: its constructor allocates and frees, and it frees blocks of others. */
#include <stdlib.h>
#include <string.h>

static void *kept;

void (*plugin_release)(void *p) = free; /* the loader writes it */

__attribute__((constructor)) static void start(void)
{
    void *volatile block = malloc(100);

    free(block);
    kept = malloc(200);
}

void *plugin_exchange(void *block);

/* Takes a block, and gives one. */
void *plugin_exchange(void *block)
{
    void *given = kept == NULL ? strdup("plugin") : kept;

    kept = NULL;
    plugin_release(block);
    return given;
}
