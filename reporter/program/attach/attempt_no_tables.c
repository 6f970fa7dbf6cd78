/* SPDX-License-Identifier: MIT */
/* attempt_no_tables: what stands in the place of attempt_tables.c on AArch64, where the first instruction of nearly every function can be moved. */
#include "reporter/program/attach/attempt.h"
#include "reporter/program/ledger/ledger_file.h"

bool lmm_attempt_choose_tables(struct lmm_attempt *attempt, const char *name, const char *obstacle)
{
    return lmm_reason_set(attempt->reason, "its %s cannot be led to LMM: %s", name, obstacle);
}

enum lmm_attempt_result lmm_attempt_collect_words(struct lmm_attempt *attempt)
{
    (void) attempt;
    return LMM_ATTEMPT_REFUSED;
}
