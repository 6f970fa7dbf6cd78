/* SPDX-License-Identifier: MIT */
#include "lib/preload/lsan_options.h"

#include <string.h>

static const char separators[] = " ,:\n\t\r";

static bool is_word(const struct lmm_lsan_word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

static bool is_one_of(const struct lmm_lsan_word *word, const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (is_word(word, words[i])) {
            return true;
        }
    }
    return false;
}

/* "1", "0", or no text: it is no flag. */
static struct lmm_lsan_word flag_of(const struct lmm_lsan_word *value)
{
    static const char *const yes[] = {"1", "yes", "true", NULL};
    static const char *const no[] = {"0", "no", "false", NULL};

    if (is_one_of(value, yes)) {
        return (struct lmm_lsan_word) {"1", 1};
    }
    return is_one_of(value, no) ? (struct lmm_lsan_word) {"0", 1}
                                : (struct lmm_lsan_word) {NULL, 0};
}

static void set_flag(bool *flag, const struct lmm_lsan_word *value)
{
    struct lmm_lsan_word word = flag_of(value);

    *flag = word.text == NULL ? *flag : *word.text == '1';
}

static void take(struct lmm_lsan_options *options, const struct lmm_lsan_word *name,
                 const struct lmm_lsan_word *value)
{
    if (is_word(name, "detect_leaks")) {
        set_flag(&options->makes_checks, value);
    } else if (is_word(name, "leak_check_at_exit")) {
        set_flag(&options->checks_at_exit, value);
    } else if (is_word(name, "use_unaligned")) {
        options->unaligned = flag_of(value);
    } else if (is_word(name, "exitcode")) {
        options->exit_code = *value;
    } else if (is_word(name, "suppressions")) {
        options->suppressions = *value;
    }
}

/* Takes the value at *text, and what ends it. */
static struct lmm_lsan_word next_value(const char **text)
{
    const char *start = *text;
    bool is_quoted = *start == '\'' || *start == '"';
    const char quote[] = {*start, '\0'};

    start += is_quoted;
    struct lmm_lsan_word value = {start, strcspn(start, is_quoted ? quote : separators)};
    *text = start + value.length;
    *text += is_quoted && **text != '\0';
    return value;
}

struct lmm_lsan_options lmm_lsan_options_parse(const char *text)
{
    struct lmm_lsan_options options = {.makes_checks = true, .checks_at_exit = true};

    while (text != NULL && *(text += strspn(text, separators)) != '\0') {
        struct lmm_lsan_word name = {text, strcspn(text, "= ,:\n\t\r")};
        text += name.length;
        if (*text == '=') {
            text++;
            struct lmm_lsan_word value = next_value(&text);
            take(&options, &name, &value);
        }
    }
    return options;
}
