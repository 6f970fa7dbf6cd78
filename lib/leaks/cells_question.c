/* SPDX-License-Identifier: MIT */
#include "lib/leaks/cells_question.h"

#include "lib/ground/meta.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/page_cells.h"

#include <errno.h>

static bool read_question(const char *question, struct lmm_page_cells *cells)
{
    uint64_t family;

    cells->has_all = *question == '\0';
    while (*question != '\0') {
        if (!lmm_question_take_number(&question, &family) || !lmm_page_cells_want(cells, family)) {
            return false;
        }
    }
    return true;
}

static void put_cells(const struct lmm_page_cells *cells, struct lmm_answer *answer)
{
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, cells->fold);
    lmm_answer_put_number(answer, cells->pages);
    lmm_answer_put_number(answer, cells->left_out);
    for (uint32_t i = 0; i < cells->count; i++) {
        const struct lmm_page_cell *cell = &cells->cells[i];

        lmm_answer_put_text(answer, "\n");
        lmm_answer_put_number(answer, cell->family);
        lmm_answer_put_number(answer, cell->pages);
        lmm_answer_put_number(answer, cell->slots);
        lmm_answer_put_number(answer, cell->live_slots);
    }
    if (answer->length >= sizeof(answer->line) - 1) { /* the end of the line needs one */
        lmm_answer_put_error(answer, E2BIG, "the figures are too long");
    }
}

void lmm_cells_answer(const char *question, struct lmm_answer *answer)
{
    struct lmm_page_cells *cells = lmm_meta_map(sizeof(*cells));

    if (cells == NULL) {
        lmm_answer_put_error(answer, ENOMEM, "the walk failed");
        return;
    }
    if (!read_question(question, cells)) {
        lmm_answer_put_error(answer, EINVAL, "the question is not understood");
    } else {
        int result = lmm_page_cells_run(cells);

        if (result != 0) {
            lmm_answer_put_error(answer, (uint64_t) -result, "the walk failed");
        } else {
            put_cells(cells, answer);
        }
    }
    lmm_meta_unmap(cells, sizeof(*cells));
}
