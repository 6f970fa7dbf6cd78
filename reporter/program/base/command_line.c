/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/command_line.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/nearest.h"

enum { LETTER_MAX = 126 }; /* a key above stands for no letter */

/* ---- The options ----------------------------------------------------------------------------- */

static bool is_end(const struct argp_option *entry)
{
    return entry->name == NULL && entry->key == 0 && entry->doc == NULL;
}

static bool walk_table(const struct argp *argp, lmm_option_visit *visit, void *context)
{
    const struct argp_option *real = argp->options;
    bool goes_on = true;

    for (const struct argp_option *entry = real; goes_on && entry != NULL && !is_end(entry);
         entry++) {
        bool is_letter = entry->key > ' ' && entry->key <= LETTER_MAX;

        real = (entry->flags & OPTION_ALIAS) != 0 ? real : entry;
        struct lmm_option option = {
            .owner = argp,
            .name = entry->name,
            .letter = is_letter ? entry->key : 0,
            .argument = real->arg,
            .is_optional = (real->flags & OPTION_ARG_OPTIONAL) != 0,
            .is_hidden = (entry->flags & OPTION_HIDDEN) != 0,
        };
        goes_on = visit(context, &option);
    }
    return goes_on;
}

/* The parsers nest three deep. */
// NOLINTNEXTLINE(misc-no-recursion)
static bool walk_parser(const struct argp *argp, lmm_option_visit *visit, void *context)
{
    bool goes_on = walk_table(argp, visit, context);

    for (const struct argp_child *child = argp->children;
         goes_on && child != NULL && child->argp != NULL; child++) {
        goes_on = walk_parser(child->argp, visit, context);
    }
    return goes_on;
}

bool lmm_option_walk(const struct argp *argp, lmm_option_visit *visit, void *context)
{
    static const struct argp_option added[] = {
        {"help", '?', NULL, 0, "", 0},
        {"usage", 0x100, NULL, 0, "", 0},
        {"version", 'V', NULL, 0, "", 0},
        {"HANG", 0x101, "SECS", OPTION_ARG_OPTIONAL | OPTION_HIDDEN, "", 0},
        {0},
    };
    static const struct argp own = {.options = added};

    return walk_parser(argp, visit, context) && walk_parser(&own, visit, context);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct search {
    const char *name; /* of a long option, or its start */
    size_t bytes;
    int letter; /* of a short one; 0: by name */
    bool is_found;
    bool takes_next; /* its argument is the next word */
};

static bool look_for(void *context, const struct lmm_option *option)
{
    struct search *search = context;
    bool is_same = search->letter != 0 ? option->letter == search->letter
                                       : option->name != NULL && strncmp(option->name, search->name,
                                                                         search->bytes) == 0;

    if (is_same) {
        search->is_found = true;
        search->takes_next = option->argument != NULL && !option->is_optional;
    }
    /* A name that is also the start of another one stands for itself. */
    return search->letter != 0 ? !is_same : !is_same || option->name[search->bytes] != '\0';
}

static bool look_near(void *context, const struct lmm_option *option)
{
    if (option->name != NULL && !option->is_hidden) {
        lmm_nearest_look_text(context, option->name);
    }
    return true;
}

/* Ends the program with the message about an option that does not exist. */
static void refuse(const struct argp *argp, char **argv, const char *word)
{
    size_t bytes = strcspn(word, "=");
    char name[LMM_NEAREST_BYTES] = "";
    struct lmm_nearest nearest = {.word = name};
    struct argp_state state = {
        .root_argp = argp, .argv = argv, .name = argv[0], .err_stream = stderr};
    char hint[LMM_NEAREST_BYTES + 32] = "";

    if (bytes < sizeof(name)) {
        snprintf(name, sizeof(name), "%.*s", (int) bytes, word);
        lmm_option_walk(argp, look_near, &nearest);
    }
    if (nearest.best[0] != '\0') {
        snprintf(hint, sizeof(hint), " (did you mean '--%s'?)", nearest.best);
    }
    argp_error(&state, "unrecognized option '--%.*s'%s", (int) bytes, word, hint);
}

/* Returns whether the argument of the last of the letters in word is the next word. */
static bool letters_take_next(const struct argp *argp, const char *word)
{
    for (; *word != '\0'; word++) {
        struct search search = {.letter = (unsigned char) *word};

        lmm_option_walk(argp, look_for, &search);
        if (search.takes_next) {
            return word[1] == '\0';
        }
    }
    return false;
}

/* Finds the first long option that does not exist, as getopt_long() finds options. */
static void check(const struct argp *argp, int argc, char **argv, bool in_order)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *word = argv[i];
        struct search search = {.name = word + 2};

        if (word[0] != '-' || word[1] == '\0') {
            if (in_order) {
                return;
            }
            continue;
        }
        if (word[1] != '-') {
            i += letters_take_next(argp, word + 1);
            continue;
        }
        search.bytes = strcspn(search.name, "=");
        lmm_option_walk(argp, look_for, &search);
        if (!search.is_found) {
            refuse(argp, argv, search.name);
        }
        i += search.takes_next && search.name[search.bytes] == '\0';
    }
}

void lmm_command_line_read(const struct argp *argp, int argc, char **argv, unsigned flags,
                           void *input)
{
    check(argp, argc, argv, (flags & ARGP_IN_ORDER) != 0 || getenv("POSIXLY_CORRECT") != NULL);
    argp_parse(argp, argc, argv, flags, NULL, input);
}

/* ---- Words ----------------------------------------------------------------------------------- */

size_t lmm_option_word_parse(const char *option, const char *argument, lmm_option_word *word,
                             const struct argp_state *state)
{
    struct lmm_nearest nearest = {.word = argument};
    char list[256] = "";
    size_t used = 0;
    size_t index = 0;

    for (; word(index) != NULL; index++) {
        const char *before = index == 0 ? "" : word(index + 1) == NULL ? " or " : ", ";

        if (strcmp(word(index), argument) == 0) {
            return index;
        }
        lmm_nearest_look_text(&nearest, word(index));
        if (used < sizeof(list)) {
            used +=
                (size_t) snprintf(list + used, sizeof(list) - used, "%s%s", before, word(index));
        }
    }
    argp_error(state, "%s takes %s, not '%s'%s", option, list, argument,
               lmm_nearest_hint(&nearest, ""));
    return 0;
}
