/* SPDX-License-Identifier: MIT */
#include "lib/preload/arrival.h"

#include "lib/ground/module.h"

#include <gnu/libc-version.h>
#include <link.h>

bool lmm_arrival_is_late(void)
{
    struct lmm_module_facts own;
    struct lmm_module_facts libc;

    if (!lmm_module_find((uintptr_t) &lmm_arrival_is_late, &own) ||
        !lmm_module_find((uintptr_t) &gnu_get_libc_version, &libc)) {
        return false;
    }
    const struct link_map *map = _r_debug.r_map;
    while (map != NULL && !lmm_module_has(&own, map->l_ld) && !lmm_module_has(&libc, map->l_ld)) {
        map = map->l_next;
    }
    return map != NULL && lmm_module_has(&libc, map->l_ld);
}
