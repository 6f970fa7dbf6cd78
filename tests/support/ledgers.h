/* SPDX-License-Identifier: MIT */
/* ledgers: hand-made ledgers, by name, for the tests of formats and differences. */
#ifndef LMM_TESTS_FORMATS_LEDGERS_H
#define LMM_TESTS_FORMATS_LEDGERS_H

#include "tests/support/book.h"

struct ledger {
    const char *name;
    void (*make)(struct book *book);
};

/* Returns the ledger of that name; exits when there is none. */
const struct ledger *ledger_named(const char *name);

#endif
