/* SPDX-License-Identifier: MIT */
/* serve_metrics: /metrics: the metrics of all processes (docs/http-api.md, "Metrics"). Stateless. */
#ifndef LMM_PROGRAM_SERVE_METRICS_H
#define LMM_PROGRAM_SERVE_METRICS_H

#include <stdbool.h>

struct lmm_answer;
struct lmm_observer;

/* Returns the text; NULL: out of memory. openmetrics: which of the two formats its type names; the text is valid in both. sites: also the
 * metrics of sites. */
struct lmm_answer *lmm_serve_metrics(const struct lmm_observer *observer, bool openmetrics,
                                     bool sites);

#endif
