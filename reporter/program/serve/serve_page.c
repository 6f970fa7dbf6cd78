/* SPDX-License-Identifier: MIT */
#include "reporter/program/serve/serve_page.h"

#include <stddef.h>
#include <stdio.h>

#include "reporter/core/sink.h"
#include "reporter/program/page/page_assets.h"
#include "reporter/program/page/page_html.h"
#include "reporter/program/serve/serve_answer.h"

/* Returns the policy: the page's own script and style, by their hashes, and questions to this server. */
static const char *policy_of(const struct lmm_page_assets *assets)
{
    static char policy[512];

    snprintf(
        policy, sizeof(policy),
        "default-src 'none'; script-src '%s'; style-src '%s'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        assets->script_hash, assets->style_hash);
    return policy;
}

struct lmm_answer *lmm_serve_page(void)
{
    const struct lmm_page_assets *assets = lmm_page_assets();
    struct lmm_answer *answer = lmm_answer_new(200, assets == NULL ? "text/plain; charset=utf-8"
                                                                   : "text/html; charset=utf-8");
    struct lmm_sink sink;
    int error;

    if (answer == NULL) {
        return NULL;
    }
    lmm_answer_sink(answer, &sink);
    if (assets == NULL) {
        lmm_sink_puts(&sink, lmm_page_assets_missing);
        lmm_sink_puts(&sink, "\n");
        error = lmm_sink_flush(&sink);
    } else {
        answer->policy = policy_of(assets);
        error = lmm_page_html_live(&sink);
    }
    return lmm_answer_done(answer, error);
}
