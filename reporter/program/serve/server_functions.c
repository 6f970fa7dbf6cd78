/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/server_functions.h"

#include <assert.h>
#include <stddef.h>

#include "reporter/program/base/late_module.h"

static const struct lmm_server_functions *functions; /* NULL: not loaded */

bool lmm_server_functions_load(void)
{
    if (functions == NULL) {
        functions = &lmm_server_functions != NULL
                        ? &lmm_server_functions
                        : lmm_late_module_open("liblmm_server.so", "lmm_server_functions");
    }
    return functions != NULL;
}

const struct lmm_microhttpd *lmm_microhttpd(void)
{
    assert(functions != NULL);
    return &functions->microhttpd;
}

const struct lmm_sqlite *lmm_sqlite(void)
{
    assert(functions != NULL);
    return &functions->sqlite;
}
