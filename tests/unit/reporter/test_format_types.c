/* SPDX-License-Identifier: MIT */
/* Types in the formats for programs: how many of them OpenMetrics names. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/core/model.h"
#include "reporter/core/sink.h"
#include "reporter/program/formats/format.h"
#include "tests/support/output.h"

enum { SITES = LMM_OPENMETRICS_TYPES + 20 };

/* Prints a model of sites with one block each, those of the largest ids first. Sites 20 and up have
 * a type each, in this order; sites 0 to 19 have those of 20 to 39. */
static const char *printed(bool is_drop_in)
{
    static const struct lmm_model_family malloc_48 = {.name = {"malloc-48", 9}, .size_bytes = 48};
    static struct lmm_model_site sites[2 * SITES];
    static struct lmm_model_type types[SITES];
    static char names[SITES][16];
    static struct output output;
    struct lmm_format_options options = {.sites = true};
    struct lmm_model model = {
        .sites = sites, .site_count = SITES + 20, .is_drop_in = is_drop_in, .pid = 7};
    struct lmm_sink sink;

    for (uint32_t i = 0; i < model.site_count; i++) {
        uint32_t id = (uint32_t) model.site_count - 1 - i;
        uint32_t type = id < 20 ? id : id - 20;

        snprintf(names[type], sizeof(names[0]), "type-%u", (unsigned) type);
        types[type] = (struct lmm_model_type) {.name = lmm_string_of(names[type]),
                                               .confidence = LMM_MODEL_LIKELY};
        sites[i] = (struct lmm_model_site) {.family = &malloc_48,
                                            .id = id,
                                            .line = id + 1,
                                            .stack = is_drop_in ? 1 : 0,
                                            .allocations = 1,
                                            .live_blocks = 1,
                                            .type = &types[type]};
    }
    output.used = 0;
    lmm_sink_init(&sink, output_take, &output);
    cr_assert_eq(lmm_openmetrics_render(&model, &sink, &options), 0);
    cr_assert_lt(output.used, sizeof(output.bytes));
    output.bytes[output.used] = '\0';
    return (const char *) output.bytes;
}

static bool has(const char *text, unsigned line, const char *type)
{
    char wanted[256];

    snprintf(wanted, sizeof(wanted),
             "lmm_site_live_blocks{pid=\"7\",program=\"\",family=\"malloc-48\",file=\"\","
             "line=\"%u\",function=\"\"%s%s%s} 1\n",
             line, type == NULL ? "" : ",type=\"", type == NULL ? "" : type,
             type == NULL ? "" : "\"");
    return strstr(text, wanted) != NULL;
}

/* Those of the first sites of the ledger, whatever the sites hold now: so series stay the same. */
Test(format_types, the_first_types_are_named)
{
    const char *text = printed(true);

    cr_expect(has(text, 1, "type-0"));
    cr_expect(has(text, 21, "type-0"));
    cr_expect(has(text, LMM_OPENMETRICS_TYPES + 20, "type-199"));
    cr_expect(has(text, LMM_OPENMETRICS_TYPES + 21, "other"));
    cr_expect(has(text, SITES + 20, "other"));
}

Test(format_types, a_registered_type_is_the_family)
{
    cr_expect(has(printed(false), 1, NULL));
}
