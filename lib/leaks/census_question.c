/* SPDX-License-Identifier: MIT */
#include "lib/leaks/census_question.h"

#include "lib/ground/meta.h"
#include "lib/leaks/agent_text.h"
#include "lib/leaks/census.h"

#include <errno.h>

static bool read_fields(const char **question, struct lmm_census *census)
{
    uint64_t count;
    uint64_t bit;
    uint64_t bits;
    uint64_t kind;

    if (!lmm_question_take_number(question, &count) || count > LMM_CENSUS_FIELDS_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!lmm_question_take_number(question, &bit) ||
            !lmm_question_take_number(question, &bits) ||
            !lmm_question_take_number(question, &kind) ||
            !lmm_census_add_field(census, bit, bits, kind)) {
            return false;
        }
    }
    return true;
}

static bool read_sites(const char **question, struct lmm_census *census)
{
    uint64_t site;

    while (**question != '\0') {
        if (!lmm_question_take_number(question, &site) || !lmm_census_add_site(census, site)) {
            return false;
        }
    }
    return true;
}

static bool read_question(const char *question, struct lmm_census *census)
{
    uint64_t bytes;
    uint64_t has_arrays;

    if (!lmm_question_take_number(&question, &bytes) || bytes == 0 ||
        bytes > LMM_CENSUS_ELEMENT_MAX || !lmm_question_take_number(&question, &has_arrays) ||
        has_arrays > 1) {
        return false;
    }
    census->element_bytes = (uint32_t) bytes;
    census->has_arrays = has_arrays != 0;
    return read_fields(&question, census) && read_sites(&question, census);
}

static void put_findings(const struct lmm_census *census, struct lmm_answer *answer)
{
    lmm_answer_put_text(answer, "ok");
    lmm_answer_put_number(answer, census->blocks);
    lmm_answer_put_number(answer, census->elements);
    lmm_answer_put_number(answer, census->skipped);
    for (uint32_t i = 0; i < census->field_count; i++) {
        const struct lmm_census_field *field = &census->fields[i];

        lmm_answer_put_text(answer, "\n");
        lmm_answer_put_number(answer, field->zeros);
        lmm_answer_put_number(answer, field->sames);
        lmm_answer_put_number(answer, field->first);
        lmm_answer_put_number(answer, field->least);
        lmm_answer_put_number(answer, field->most);
    }
}

void lmm_census_answer(const char *question, struct lmm_answer *answer)
{
    struct lmm_census *census = lmm_meta_map(sizeof(*census));

    if (census == NULL) {
        lmm_answer_put_error(answer, ENOMEM, "the census failed");
        return;
    }
    if (!read_question(question, census)) {
        lmm_answer_put_error(answer, EINVAL, "the question is not understood");
    } else {
        int result = lmm_census_run(census);

        if (result != 0) {
            lmm_answer_put_error(answer, (uint64_t) -result, "the census failed");
        } else {
            put_findings(census, answer);
        }
    }
    lmm_meta_unmap(census, sizeof(*census));
}
