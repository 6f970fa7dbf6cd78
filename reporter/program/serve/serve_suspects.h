/* SPDX-License-Identifier: MIT */
/* serve_suspects: lines of the source whose live bytes grow steadily (change/growth.h), by the figures over time of a live page. Stateless. */
#ifndef LMM_PROGRAM_SERVE_SUSPECTS_H
#define LMM_PROGRAM_SERVE_SUSPECTS_H

#include <stddef.h>

struct lmm_page_moment;
struct lmm_page_suspect;
struct lmm_page_tables;
struct lmm_timeline;

enum { LMM_SUSPECTS_SHOWN = 20 };

/* Sets the suspects, the fastest first, and returns how many there are; there is room for LMM_SUSPECTS_SHOWN. tables: have read the moment's model last.
 * Cost: linear in the timeline. */
size_t lmm_serve_suspects(const struct lmm_page_tables *tables,
                          const struct lmm_page_moment *moment, const struct lmm_timeline *timeline,
                          struct lmm_page_suspect *ret_suspects);

#endif
