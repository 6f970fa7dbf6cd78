/* SPDX-License-Identifier: MIT */
/* mismatches: reads the ledger's records of blocks that were freed in another way than they were
 * allocated (match=1). */
#ifndef LMM_REPORTER_MISMATCHES_H
#define LMM_REPORTER_MISMATCHES_H

#include <stddef.h>

struct lmm_books;
struct lmm_model;
struct lmm_model_mismatch;

/* The most that lmm_mismatches_read() will set: room for it is room for so many. */
size_t lmm_mismatches_records(const struct lmm_books *books);

/* Sets the model's mismatches, at most `count`, in room that lives as long as the model. A record without
 * a text is left out; a stack that the model does not have is none. The model has its frames. */
void lmm_mismatches_read(const struct lmm_books *books, struct lmm_model_mismatch *room,
                         size_t count, struct lmm_model *model);

#endif
