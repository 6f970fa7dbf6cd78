/* SPDX-License-Identifier: MIT */
/* serve_rows: the documents lmm-rows and lmm-history (docs/http-api.md), made of a live page. Stateless. */
#ifndef LMM_PROGRAM_SERVE_ROWS_H
#define LMM_PROGRAM_SERVE_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct lmm_answer;
struct lmm_live_page;
struct lmm_timeline;

enum lmm_serve_rows { LMM_ROWS_TYPES, LMM_ROWS_LINES, LMM_ROWS_LEAKS };

/* Return the document; NULL: out of memory. id: of the process. most: rows, at most. */
struct lmm_answer *lmm_serve_rows(const struct lmm_live_page *page, const char *id,
                                  enum lmm_serve_rows kind, size_t most);

/* since_ms: points and marks from that time on, since the start of the process. */
struct lmm_answer *lmm_serve_history(const struct lmm_live_page *page, const char *id,
                                     const struct lmm_timeline *timeline, uint64_t since_ms);

#endif
