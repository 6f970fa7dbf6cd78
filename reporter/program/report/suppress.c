/* SPDX-License-Identifier: MIT */
#include "reporter/program/report/suppress.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/array.h"
#include "reporter/program/base/glob.h"
#include "reporter/program/symbols/wrapper.h"

/* ---- Patterns -------------------------------------------------------------------------------- */

bool lmm_suppression_fits(const struct lmm_suppression *suppression, struct lmm_string text)
{
    return suppression->glob != NULL && lmm_glob_fits(suppression->glob, text);
}

void lmm_suppression_join_stars(char *text)
{
    char *end = text;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '*' || end == text || end[-1] != '*') {
            *end++ = *at;
        }
    }
    *end = '\0';
}

char *lmm_suppression_glob(const char *pattern)
{
    bool at_start = *pattern == '^';
    const char *start = pattern + at_start;
    size_t bytes = strlen(start);
    bool at_end = bytes > 0 && start[bytes - 1] == '$';
    char *glob = NULL;
    int length = asprintf(&glob, "%s%.*s%s", at_start ? "" : "*", (int) (bytes - at_end), start,
                          at_end ? "" : "*");

    if (length < 0) {
        return NULL;
    }
    lmm_suppression_join_stars(glob);
    return glob;
}

/* Returns the glob for "FILE:LINE": places are matched as "/path/FILE:LINE". */
static char *glob_of_site(const char *pattern)
{
    char *glob = NULL;

    if (asprintf(&glob, "*/%s", *pattern == '/' ? pattern + 1 : pattern) < 0) {
        return NULL;
    }
    lmm_suppression_join_stars(glob);
    return glob;
}

/* ---- Items ----------------------------------------------------------------------------------- */

bool lmm_suppressions_add_scoped(struct lmm_suppressions *suppressions,
                                 enum lmm_suppression_scope scope, const char *pattern)
{
    struct lmm_suppression *item =
        lmm_array_add(&suppressions->items, &suppressions->count, sizeof(*item));

    assert(pattern != NULL && scope <= LMM_SUPPRESS_SITE);
    if (item == NULL) {
        return false;
    }
    item->scope = scope;
    item->pattern = strdup(pattern);
    if (item->pattern != NULL) {
        lmm_suppression_join_stars(item->pattern); /* a report shows it */
    }
    item->glob = scope == LMM_SUPPRESS_SITE ? glob_of_site(pattern) : lmm_suppression_glob(pattern);
    if (item->pattern == NULL || item->glob == NULL) {
        free(item->pattern);
        free(item->glob);
        suppressions->count--;
        return false;
    }
    return true;
}

bool lmm_suppressions_add(struct lmm_suppressions *suppressions, const char *pattern)
{
    return lmm_suppressions_add_scoped(suppressions, LMM_SUPPRESS_TEXTS, pattern);
}

const char *lmm_suppression_prefix(const struct lmm_suppression *suppression)
{
    if (suppression->is_built_in) {
        return "built in: ";
    }
    switch (suppression->scope) {
    case LMM_SUPPRESS_TYPE: return "type:";
    case LMM_SUPPRESS_SITE: return "site:";
    case LMM_SUPPRESS_FRAMES: return "";
    default: return "leak:";
    }
}

const char *lmm_suppression_kind(const struct lmm_suppression *suppression)
{
    if (suppression->is_built_in) {
        return "built-in";
    }
    switch (suppression->scope) {
    case LMM_SUPPRESS_TYPE: return "type";
    case LMM_SUPPRESS_SITE: return "site";
    case LMM_SUPPRESS_FRAMES: return "valgrind";
    default: return "leak";
    }
}

bool lmm_suppression_is_used(const struct lmm_suppression *suppression)
{
    return suppression->blocks > 0 || suppression->checked.blocks > 0;
}

/* ---- Built in -------------------------------------------------------------------------------- */

bool lmm_suppressions_add_built_in(struct lmm_suppressions *suppressions)
{
    static const struct {
        enum lmm_suppression_scope scope;
        const char *glob;
        const char *words;
    } items[] = {
        /* Debug files have __GI_ before the name. */
        {LMM_SUPPRESS_TEXTS, "*_IO_file_doallocate", "stdio buffers"},
        /* Kept with the stacks of ended threads for new threads. */
        {LMM_SUPPRESS_TEXTS, "*_dl_allocate_tls*", "thread-local storage"},
        {LMM_SUPPRESS_LOADER, NULL, "data of the dynamic loader"},
        {LMM_SUPPRESS_RUNTIME, NULL, "data of the C and C++ runtime, before main"},
    };

    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        struct lmm_suppression *item =
            lmm_array_add(&suppressions->items, &suppressions->count, sizeof(*item));

        if (item == NULL) {
            return false;
        }
        item->scope = items[i].scope;
        item->is_built_in = true;
        item->pattern = strdup(items[i].words);
        item->glob = items[i].glob == NULL ? NULL : strdup(items[i].glob);
        if (item->pattern == NULL || (items[i].glob != NULL && item->glob == NULL)) {
            return false;
        }
    }
    return true;
}

bool lmm_suppression_is_runtime(struct lmm_string path)
{
    static const char *const names[] = {
        "libc.so",      "ld-linux*", "ld64.so",       "libstdc++.so", "libgcc_s.so", "libc++.so",
        "libc++abi.so", "libm.so",   "libpthread.so", "libunwind.so", NULL};

    return lmm_wrapper_is_file_of(lmm_model_last_component(path), names);
}

/* Not musl's, which is also the C library. */
bool lmm_suppression_is_loader(struct lmm_string path)
{
    static const char *const names[] = {"ld-linux*", "ld64.so", NULL};

    return lmm_wrapper_is_file_of(lmm_model_last_component(path), names);
}

void lmm_suppressions_free(struct lmm_suppressions *suppressions)
{
    for (size_t i = 0; i < suppressions->count; i++) {
        struct lmm_suppression *item = &suppressions->items[i];

        for (size_t k = 0; k < item->frame_count; k++) {
            free(item->frames[k].glob);
        }
        free(item->frames);
        free(item->pattern);
        free(item->glob);
    }
    for (size_t i = 0; i < suppressions->path_count; i++) {
        free(suppressions->paths[i]);
    }
    free(suppressions->items);
    free(suppressions->paths);
    *suppressions = (struct lmm_suppressions) {.items = NULL};
}
