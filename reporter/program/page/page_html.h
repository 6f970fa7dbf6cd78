/* SPDX-License-Identifier: MIT */
/*
 * page_html: a page as one HTML file that needs nothing else: no request leaves it, and its Content-Security-Policy
 * forbids them. The document is compressed, and base64, so no text of the observed process is read
 * as HTML; the title is the only other one, and is escaped. Stateless.
 */
#ifndef LMM_PROGRAM_PAGE_HTML_H
#define LMM_PROGRAM_PAGE_HTML_H

struct lmm_page_data;
struct lmm_sink;

/* Writes the file and flushes the sink. lmm_page_assets() must have something. Returns 0, -ENOMEM, or -errno of the
 * first write that failed. */
int lmm_page_html_write(const struct lmm_page_data *data, struct lmm_sink *sink);

/* The same without a document and a policy: for a server, which sends these two otherwise. */
int lmm_page_html_live(struct lmm_sink *sink);

#endif
