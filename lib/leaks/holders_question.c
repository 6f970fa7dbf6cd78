/* SPDX-License-Identifier: MIT */
#include "lib/leaks/holders_question.h"

#include "lib/ground/meta.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/check.h"

#include <errno.h>

/* What a question needs. */
struct asked {
    struct lmm_site_groups groups;
    struct lmm_chain_shapes shapes;
};

static void put_range(struct lmm_answer *answer, const struct lmm_shape_range *range)
{
    lmm_answer_put_number(answer, range->first);
    lmm_answer_put_number(answer, range->last);
    lmm_answer_put_number(answer, range->step);
}

static void put_shape(struct lmm_answer *answer, const struct lmm_shape *shape)
{
    lmm_answer_put_text(answer, "\n");
    lmm_answer_put_number(answer, shape->blocks);
    lmm_answer_put_number(answer, shape->bytes);
    lmm_answer_put_number(answer, (uint64_t) shape->thread);
    lmm_answer_put_number(answer, shape->is_in_register);
    lmm_answer_put_number(answer, shape->length);
    lmm_answer_put_number(answer, shape->count);
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct lmm_shape_link *link = &shape->links[i];
        lmm_answer_put_text(answer, "\n");
        lmm_answer_put_number(answer, link->site);
        lmm_answer_put_number(answer, link->least_bytes);
        lmm_answer_put_number(answer, link->most_bytes);
        lmm_answer_put_number(answer, link->is_inside);
        put_range(answer, &link->from);
        lmm_answer_put_number(answer, link->has_loop);
        put_range(answer, &link->loop);
    }
}

/* Shapes for which there is no room are left out. */
static void put_shapes(struct lmm_answer *answer, const struct lmm_chain_shapes *shapes)
{
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, shapes->blocks);
    lmm_answer_put_number(answer, shapes->bytes);
    lmm_answer_put_number(answer, shapes->shapes);
    for (uint32_t i = 0; i < shapes->count; i++) {
        size_t before = answer->length;
        put_shape(answer, &shapes->list[i]);
        if (answer->length >= LMM_ANSWER_MAX - 1) { /* the end of the line needs one */
            answer->length = before;
            return;
        }
    }
}

void lmm_holders_answer(const char *question, const struct lmm_saved_registers *entry,
                        struct lmm_answer *answer)
{
    struct asked *asked = lmm_meta_map(sizeof(*asked));

    if (asked == NULL) {
        lmm_answer_put_error(answer, ENOMEM, "the check failed");
        return;
    }
    uint32_t site;

    if (!lmm_question_take_groups(&question, &asked->groups, &site) || site == LMM_SITE_NONE) {
        lmm_answer_put_error(answer, EINVAL, "the question is not understood");
    } else {
        int result = lmm_check_find_shapes(&asked->groups, site, entry, &asked->shapes);

        if (result != 0) {
            lmm_answer_put_error(answer, (uint64_t) -result, "the check failed");
        } else {
            put_shapes(answer, &asked->shapes);
        }
    }
    lmm_meta_unmap(asked, sizeof(*asked));
}
