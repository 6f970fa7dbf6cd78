/* SPDX-License-Identifier: MIT */
/* Loads a plugin (plugin.c) some times, each time at another place, and then runs a command. With -DGONE the plugin is
 * removed before it allocates. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef void *(*entry_fn)(size_t n);

static void load(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    entry_fn entry = plugin == NULL ? NULL : (entry_fn) dlsym(plugin, "entry");
    Dl_info info;

    if (entry == NULL || dladdr((void *) entry, &info) == 0) {
        abort();
    }
#ifdef GONE
    unlink(path);
#endif
    entry(10);
    dlclose(plugin);
    mmap(info.dli_fbase, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

int main(int argc, char **argv)
{
    int times = argc > 2 ? atoi(argv[2]) : 0;

    for (int i = 0; i < times; i++) {
        load(argv[1]);
    }
    return argc > 3 ? system(argv[3]) : 0;
}
