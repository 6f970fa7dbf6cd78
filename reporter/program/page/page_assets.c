/* SPDX-License-Identifier: MIT */
#include "reporter/program/page/page_assets.h"

const char lmm_page_assets_missing[] =
    "this lmm has no HTML page: it was built without d3 (Debian: node-d3), or with LMM_WEB=OFF";

const struct lmm_page_assets *lmm_page_assets(void)
{
    return lmm_page_embedded.script.bytes == 0 ? NULL : &lmm_page_embedded;
}
