/* SPDX-License-Identifier: MIT */
#include "reporter/program/cmd/complete.h"

#include <stdio.h>
#include <string.h>

#include "reporter/program/base/command_line.h"
#include "reporter/program/base/program.h"
#include "reporter/program/base/select.h"
#include "reporter/program/formats/format.h"
#include "reporter/program/report/row_options.h"
#include "reporter/program/report/leak_kinds.h"
#include "reporter/program/report/report_options.h"
#include "reporter/program/run/run_options.h"
#include "reporter/program/top/top_rows.h"

/* The options with a fixed set of words. */
static const struct {
    const struct argp *owner;
    const char *name;
    lmm_option_word *word;
} choices[] = {
    {&lmm_select_argp, "sort", lmm_select_word},
    {&lmm_row_by_argp, "by", lmm_row_options_word_at},
    {&lmm_format_argp, "format", lmm_format_word_of_all},
    {&lmm_table_format_argp, "format", lmm_format_word_of_tables},
    {&lmm_page_format_argp, "format", lmm_format_word_of_pages},
    {&lmm_export_argp, "measure", lmm_export_word},
    {&lmm_report_argp, "format", lmm_format_word},
    {&lmm_run_argp, "format", lmm_format_word},
    {&lmm_leaks_argp, "format", lmm_format_word_of_checks},
    {&lmm_loss_argp, "show-leak-kinds", lmm_kinds_option_word},
    {&lmm_run_argp, "errors-for-leak-kinds", lmm_kinds_option_word},
    {&lmm_run_argp, "fit", lmm_run_fit_word},
    {&lmm_run_argp, "temporary", lmm_run_temporary_word},
    {&lmm_run_argp, "options", lmm_run_option_word},
    {&lmm_ls_argp, "sort", lmm_ls_sort_word},
    {&lmm_top_argp, "sort", lmm_top_sort_word},
    {&lmm_top_argp, "by", lmm_top_by_word},
};

static lmm_option_word *words_of(const struct lmm_option *option)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (choices[i].owner == option->owner && option->name != NULL &&
            strcmp(choices[i].name, option->name) == 0) {
            return choices[i].word;
        }
    }
    return NULL;
}

static const char *kind_of(const struct lmm_option *option)
{
    if (option->argument == NULL) {
        return "none";
    }
    if (option->is_optional) {
        return "optional";
    }
    bool is_file = strcmp(option->argument, "FILE") == 0 || strcmp(option->argument, "PATH") == 0;

    return is_file ? "file" : "word";
}

static void print_rest(const struct lmm_option *option)
{
    lmm_option_word *word = words_of(option);

    printf(" %s %s", kind_of(option), option->is_hidden ? "hidden" : "shown");
    for (size_t i = 0; word != NULL && word(i) != NULL; i++) {
        printf(" %s", word(i));
    }
    putchar('\n');
}

static bool print_option(void *context, const struct lmm_option *option)
{
    (void) context;
    if (option->name != NULL) {
        printf("--%s", option->name);
        print_rest(option);
    }
    if (option->letter != 0) {
        printf("-%c", option->letter);
        print_rest(option);
    }
    return true;
}

void lmm_complete_print(const struct argp *argp)
{
    lmm_option_walk(argp, print_option, NULL);
}
