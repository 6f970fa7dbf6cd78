/* SPDX-License-Identifier: MIT */
/* serve_page: the page itself, without a document: it asks the server for that. Stateless. */
#ifndef LMM_PROGRAM_SERVE_PAGE_H
#define LMM_PROGRAM_SERVE_PAGE_H

struct lmm_answer;

/* Returns the page, with a policy of its own; NULL: out of memory. Without the page in this program a text that says so. */
struct lmm_answer *lmm_serve_page(void);

#endif
