/* SPDX-License-Identifier: MIT */
#include "reporter/program/base/parse.h"

#include <argp.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/program/base/clock.h"

#define NS_MAX (UINT64_C(3653) * 86400 * LMM_NS_PER_SECOND)

/* Reads the digits at *text and moves it past them; false if there are none, or if the value
 * overflows. */
static bool read_digits(const char **text, uint64_t *ret_value)
{
    const char *start = *text;
    uint64_t value = 0;

    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t) (**text - '0'), &value)) {
            return false;
        }
    }
    *ret_value = value;
    return *text != start;
}

bool lmm_parse_count(const char *text, size_t *ret_count)
{
    uint64_t value;

    if (!read_digits(&text, &value) || *text != '\0' || value == 0 || value > SIZE_MAX) {
        return false;
    }
    *ret_count = (size_t) value;
    return true;
}

static bool read_unit(const char *text, uint64_t *ret_unit_ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"", LMM_NS_PER_SECOND},       {"ms", LMM_NS_PER_MS},           {"s", LMM_NS_PER_SECOND},
        {"m", 60 * LMM_NS_PER_SECOND}, {"h", 3600 * LMM_NS_PER_SECOND},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text, units[i].name) == 0) {
            *ret_unit_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

bool lmm_parse_duration(const char *text, uint64_t *ret_ns)
{
    const char *fraction = NULL;
    uint64_t unit_ns;
    uint64_t whole;
    uint64_t digits = 0;
    uint64_t ns;

    if (!read_digits(&text, &whole)) {
        return false;
    }
    if (*text == '.') {
        fraction = ++text;
        if (!read_digits(&text, &digits)) {
            return false;
        }
    }
    if (!read_unit(text, &unit_ns) || whole > NS_MAX / unit_ns) {
        return false;
    }
    ns = whole * unit_ns;
    for (; fraction != NULL && *fraction >= '0' && *fraction <= '9'; fraction++) {
        unit_ns /= 10;
        ns += (uint64_t) (*fraction - '0') * unit_ns;
    }
    if (ns == 0 || ns > NS_MAX) {
        return false;
    }
    *ret_ns = ns;
    return true;
}

bool lmm_parse_percent(const char *text, uint64_t *ret_permille)
{
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    uint64_t permille = 10 * strtoull(text, NULL, 10);

    if (digits == 0 || digits > 7 || permille > 10000000) {
        return false;
    }
    if (rest[0] == '.' && rest[1] >= '0' && rest[1] <= '9') {
        permille += (uint64_t) (rest[1] - '0');
        rest += 2;
    }
    if (rest[0] == '%') {
        rest++;
    }
    if (*rest != '\0') {
        return false;
    }
    *ret_permille = permille;
    return true;
}

size_t lmm_parse_number(const char *option, const char *argument, size_t least, size_t most,
                        const struct argp_state *state)
{
    size_t value = 0;
    bool is_number = strcmp(argument, "0") == 0 || lmm_parse_count(argument, &value);

    assert(least <= most);
    if (is_number && value >= least && value <= most) {
        return value;
    }
    if (most == SIZE_MAX) {
        argp_error(state, "%s needs a number of at least %zu, not '%s'", option, least, argument);
    } else {
        argp_error(state, "%s needs a number from %zu to %zu, not '%s'", option, least, most,
                   argument);
    }
    return least;
}

size_t lmm_parse_top(const char *argument, const struct argp_state *state)
{
    return lmm_parse_number("--top", argument, 1, SIZE_MAX, state);
}

uint64_t lmm_parse_time(const char *argument, const struct argp_state *state)
{
    uint64_t ns = 0;

    if (!lmm_parse_duration(argument, &ns)) {
        argp_error(state, "invalid duration '%s' (for example 30s or 5m)", argument);
    }
    return ns;
}

enum {
    KEY_LAST = 0x6c6173, /* unlike the keys of all subcommands */
};

static error_t parse_word(int key, char *argument, struct argp_state *state)
{
    const char **word = state->input;

    if (key != ARGP_KEY_ARG && key != KEY_LAST) {
        return ARGP_ERR_UNKNOWN;
    }
    if (*word != NULL) {
        argp_error(state, "unexpected argument '%s': name one process or file only", argument);
    }
    *word = key == KEY_LAST ? LMM_WORD_LAST : argument;
    return 0;
}

static const struct argp_option word_options[] = {
    {"last", KEY_LAST, NULL, 0, "The program of the last lmm run (the last five are kept)", 0},
    {0},
};

const struct argp lmm_word_argp = {.options = word_options, .parser = parse_word};
