/* SPDX-License-Identifier: MIT */
/* page_hints: the hints of a diet, and the layouts of its structs, in a page's document. Stateless. */
#ifndef LMM_PROGRAM_PAGE_HINTS_H
#define LMM_PROGRAM_PAGE_HINTS_H

struct lmm_diet;
struct lmm_json;
struct lmm_page_tables;

enum {
    LMM_PAGE_HINTS_MAX = 100,
    LMM_PAGE_LAYOUTS_MAX = 50,
    LMM_PAGE_FIELDS_MAX = 500, /* of a layout */
};

/* Add the arrays "hints" and "layouts". diet: of a model that the tables have read; NULL: they are empty. */
void lmm_page_put_hints(struct lmm_json *json, const struct lmm_page_tables *tables,
                        const struct lmm_diet *diet);
void lmm_page_put_layouts(struct lmm_json *json, const struct lmm_page_tables *tables,
                          const struct lmm_diet *diet);

#endif
