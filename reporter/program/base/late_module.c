/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/late_module.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#include "reporter/program/base/private_file.h"
#include "reporter/program/base/program.h"

const void *lmm_late_module_open(const char *name, const char *table)
{
    char *path = lmm_private_file_find(name);

    if (path == NULL) {
        return NULL;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const void *found = module == NULL ? NULL : dlsym(module, table);

    if (found == NULL) {
        lmm_complain("cannot load a part of lmm: %s", dlerror());
    }
    free(path);
    return found;
}
