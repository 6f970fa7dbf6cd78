/* SPDX-License-Identifier: MIT */
/*
 * losses: reads the last leak check of a ledger, the class of each live block by site. The records
 * are checked like all others: a site, leader, class or number of examples that cannot be is damage.
 *
 * Locks: none are taken. The valid one of the two turns is read between two loads of the number of
 * checks, and again when that has changed. When it changes during each try, the model has no check.
 */
#ifndef LMM_REPORTER_LOSSES_H
#define LMM_REPORTER_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_books;
struct lmm_model;
struct lmm_model_leak;
struct lmm_model_losses;

/* Room for the records of a check, and for the losses of their sites: at most two for each record. */
struct lmm_losses_room {
    struct lmm_model_leak *leaks;
    size_t leak_count;
    struct lmm_model_losses *losses; /* all zero */
    size_t loss_count;
};

/* Returns how many records the larger turn has. */
size_t lmm_losses_records(const struct lmm_books *books);

/* Reads the check into the model, whose sites are in the order of their ids. Records of sites that
 * the model does not have, because they are newer, count in the check's figures only. Returns 0;
 * -EINVAL when the ledger is damaged; -ENOSPC when there is too little room. */
int lmm_losses_read(const struct lmm_books *books, const struct lmm_losses_room *room,
                    struct lmm_model *model);

#endif
