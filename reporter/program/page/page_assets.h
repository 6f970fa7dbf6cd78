/* SPDX-License-Identifier: MIT */
/*
 * page_assets: the parts of LMM's page that are the same for every document: its HTML, its style, and its one script
 * with d3. They are built into the program (reporter/web, cmake/LmmEmbed.cmake).
 *
 * The HTML is a template. Each of these stands alone on a line of it, once, in this order, and a writer puts in its
 * place: LMM:POLICY the Content-Security-Policy, LMM:TITLE the title, LMM:STYLE the style,
 * LMM:DATA the document, LMM:SCRIPT the script.
 */
#ifndef LMM_PROGRAM_PAGE_ASSETS_H
#define LMM_PROGRAM_PAGE_ASSETS_H

#include "reporter/core/utf8.h"

struct lmm_page_assets {
    struct lmm_string template;
    struct lmm_string style;
    struct lmm_string script; /* an ES module; it needs no other file */
    const char *style_hash;   /* these two: of exactly these bytes, "sha256-..." for a policy */
    const char *script_hash;
};

/* What cmake/LmmEmbed.cmake makes; all is empty in a program that is built without the page. */
extern const struct lmm_page_assets lmm_page_embedded;

/* Returns the parts; NULL: this program was built without them. */
const struct lmm_page_assets *lmm_page_assets(void);

/* What to say then: how to have them. */
extern const char lmm_page_assets_missing[];

#endif
