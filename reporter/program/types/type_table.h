/* SPDX-License-Identifier: MIT */
/* type_table: descriptions of types (type_info.h), each kept once, so that equal types have one
 * address. */
#ifndef LMM_PROGRAM_TYPE_TABLE_H
#define LMM_PROGRAM_TYPE_TABLE_H

struct lmm_type_info;
struct lmm_type_table;

/* Returns an empty table, to be freed with lmm_type_table_free(); NULL: out of memory. */
struct lmm_type_table *lmm_type_table_new(void);

void lmm_type_table_free(struct lmm_type_table *table);

/* Returns the kept copy of a description, which lives as long as the table; NULL: out of memory. */
const struct lmm_type_info *lmm_type_table_keep(struct lmm_type_table *table,
                                                const struct lmm_type_info *info);

#endif
