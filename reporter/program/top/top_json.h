/* SPDX-License-Identifier: MIT */
/* top_json: what `lmm top --once` shows, as one JSON document (docs/top.schema.json). Stateless. */
#ifndef LMM_PROGRAM_TOP_JSON_H
#define LMM_PROGRAM_TOP_JSON_H

struct lmm_sink;
struct lmm_top;

/* Writes the rows of the view, which is that of lines or of families, in their order. Returns 0 or -errno of the
 * first write that failed. */
int lmm_top_json(const struct lmm_top *top, struct lmm_sink *sink);

#endif
