/* SPDX-License-Identifier: MIT */
/* top_model: see top_model.h. */
#include "tests/support/top_model.h"

#include <assert.h>

void made_open(struct made *made)
{
    *made =
        (struct made) {.model = {.program = lmm_string_of("demo"), .pid = 4711, .settled = true}};
    made->model.families = made->families;
    made->model.sites = made->site;
}

struct lmm_model_family *made_family(struct made *made, const char *name, uint64_t size)
{
    struct lmm_model_family *family = &made->family[made->model.family_count];

    assert(made->model.family_count < MADE_MAX);
    made->families[made->model.family_count++] = family;
    family->name = lmm_string_of(name);
    family->size_bytes = size;
    return family;
}

struct lmm_model_site *made_site(struct made *made, const struct lmm_model_family *family,
                                 const char *file, uint32_t line, const char *function)
{
    struct lmm_model_site *site = &made->site[made->model.site_count];

    assert(made->model.site_count < MADE_MAX);
    *site = (struct lmm_model_site) {
        .family = family,
        .file = lmm_string_of(file),
        .function = lmm_string_of(function),
        .line = line,
        .id = (uint32_t) made->model.site_count++,
    };
    return site;
}
