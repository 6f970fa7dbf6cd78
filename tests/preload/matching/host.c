/* SPDX-License-Identifier: MIT */
/*
 * host PLUGIN [OTHER]: a C program that loads one module, frees its block with free, and lets it delete a
 * block of malloc; or that loads two, and lets each delete the other's block.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct plugin {
    void *(*make)(void);
    void (*release)(void *p);
};

static struct plugin load(const char *path)
{
    struct plugin plugin;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (module == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    *(void **) &plugin.make = dlsym(module, "plugin_make");
    *(void **) &plugin.release = dlsym(module, "plugin_release");
    return plugin;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    struct plugin plugin = load(argv[1]);
    if (argc == 2) {
        free(plugin.make());
        plugin.release(malloc(48));
        return 0;
    }
    struct plugin other = load(argv[2]);
    other.release(plugin.make());
    plugin.release(other.make());
    return 0;
}
