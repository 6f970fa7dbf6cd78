/* SPDX-License-Identifier: MIT */
/*
 * bench-types LEDGER: the processor time in which a reader finds the names of all call stacks of a ledger, and then the
 * types of its sites. Prints a line "SITES MICROSECONDS MICROSECONDS KNOWN": sites with a stack, the time for names and
 * that for types, and how many types are likely or certain. bench/types is the measurement.
 *
 * It calls the internals of `lmm`, because its reports always have both.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "reporter/core/model.h"
#include "reporter/core/site_type.h"
#include "reporter/program/base/large_pages.h"
#include "reporter/program/ledger/snapshot.h"
#include "reporter/program/symbols/symbols.h"
#include "reporter/program/types/types.h"

static uint64_t processor_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t) time.tv_sec * 1000000 + (uint64_t) time.tv_nsec / 1000;
}

/* Counts the sites that have a stack, and those of them whose type is known. */
static void count_sites(const struct lmm_model *model, size_t *ret_sites, size_t *ret_known)
{
    *ret_sites = 0;
    *ret_known = 0;
    for (size_t i = 0; i < model->site_count; i++) {
        struct lmm_model_type type;

        if (model->sites[i].stack != 0) {
            lmm_site_type(model, &model->sites[i], &type);
            ++*ret_sites;
            *ret_known += lmm_site_type_is_known(&type);
        }
    }
}

int main(int argc, char **argv)
{
    struct lmm_symbols *symbols = NULL;

    lmm_large_pages_use(); /* as the subcommands do */
    struct lmm_snapshot *snapshot = argc == 2 ? lmm_snapshot_read(argv[1]) : NULL;
    size_t sites;
    size_t known;

    if (snapshot == NULL) {
        fputs("usage: bench-types LEDGER\n", stderr);
        return 2;
    }
    uint64_t start = processor_us();
    bool good = lmm_symbols_apply(&symbols, LMM_SYMBOLS_QUIET, snapshot->model);
    uint64_t named = processor_us();

    good = good && lmm_types_find(symbols, snapshot->model);
    uint64_t typed = processor_us();

    count_sites(snapshot->model, &sites, &known);
    printf("%zu %" PRIu64 " %" PRIu64 " %zu\n", sites, named - start, typed - named, known);
    lmm_symbols_close(symbols);
    lmm_snapshot_free(snapshot);
    return good ? 0 : 1;
}
