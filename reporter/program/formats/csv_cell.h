/* SPDX-License-Identifier: MIT */
/*
 * csv_cell: names in comma-separated values, as RFC 4180 quotes them. No byte of a name is changed, even if
 * a spreadsheet would read the name as a formula; only for a terminal names are escaped, as in text reports.
 * Stateless.
 */
#ifndef LMM_PROGRAM_CSV_CELL_H
#define LMM_PROGRAM_CSV_CELL_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_sink;

/* Puts a name, without a comma. Errors are the sink's; -ENOMEM, too. */
void lmm_csv_put_name(struct lmm_sink *sink, struct lmm_string name, bool is_for_terminal);

#endif
