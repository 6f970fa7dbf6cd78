/* SPDX-License-Identifier: MIT */
#include "lib/preload/arrival.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>

bool lmm_arrival_is_late(void)
{
    struct dl_find_object own;
    struct dl_find_object libc;

    if (_dl_find_object((void *) &lmm_arrival_is_late, &own) != 0 ||
        _dl_find_object((void *) &gnu_get_libc_version, &libc) != 0) {
        return false;
    }
    for (const struct link_map *map = own.dlfo_link_map; map != NULL; map = map->l_prev) {
        if (map == libc.dlfo_link_map) {
            return true;
        }
    }
    return false;
}
