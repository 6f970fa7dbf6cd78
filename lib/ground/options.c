/* SPDX-License-Identifier: MIT */
#include "lib/ground/options.h"

#include "lib/ground/panic.h"
#include "lib/ground/system.h"
#include "lib/ground/short_text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { DEFAULT_RESERVOIR_BYTES = 64 << 20 };

/* The drop-in leaves no files unless it is told to. */
struct lmm_options lmm_options = {
    .reservoir_bytes = DEFAULT_RESERVOIR_BYTES,
    .ledger_off = LMM_DROP_IN,
    .fit = LMM_FIT_BEST,
    .signal = LMM_SIGNAL_AUTO,
};

/* Parses a value, of `length` bytes, into what the key's entry names: a field, or all of the
 * options. False: not a value of this key. */
typedef bool setter(const char *value, size_t length, void *field);

static bool parse_number(const char *value, size_t length, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (length == 0) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9' || number > max / 10) {
            return false;
        }
        number = number * 10 + (uint64_t) (value[i] - '0');
    }
    if (number > max) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool parse_small(const char *value, size_t length, uint32_t max, uint32_t *ret_number)
{
    uint64_t number;

    if (!parse_number(value, length, max, &number)) {
        return false;
    }
    *ret_number = (uint32_t) number;
    return true;
}

static bool is_word(const char *value, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(value, word, length) == 0;
}

static bool set_flag(const char *value, size_t length, void *field)
{
    bool *flag = field;
    uint32_t number;

    if (!parse_small(value, length, 1, &number)) {
        return false;
    }
    *flag = number == 1;
    return true;
}

static bool set_children(const char *value, size_t length, void *field)
{
    bool *leaves_children_alone = field;
    bool reaches_children;

    if (!set_flag(value, length, &reaches_children)) {
        return false;
    }
    *leaves_children_alone = !reaches_children;
    return true;
}

static bool set_leaks(const char *value, size_t length, void *field)
{
    struct lmm_options *options = field;
    bool all = is_word(value, length, "all");

    if (!all && !set_flag(value, length, &options->leaks)) {
        return false;
    }
    options->leaks = all || options->leaks;
    options->leaks_all = all;
    return true;
}

static const char *const heuristics[LMM_OPTION_HEURISTICS] = {"stdstring", "length64", "newarray",
                                                              "multipleinheritance", "treenode"};

/* The bit of a name; all of them or none for these words; false for another word. */
static bool parse_heuristic(const char *value, size_t length, unsigned *ret_bits)
{
    for (unsigned i = 0; i < LMM_OPTION_HEURISTICS; i++) {
        if (is_word(value, length, heuristics[i])) {
            *ret_bits = 1u << i;
            return true;
        }
    }
    *ret_bits = is_word(value, length, "all") ? LMM_OPTION_HEURISTICS_ALL : 0;
    return *ret_bits != 0 || is_word(value, length, "none");
}

static bool set_heuristics(const char *value, size_t length, void *field)
{
    unsigned wanted = 0;
    size_t at = 0;

    do {
        unsigned bits;
        size_t end = at;
        while (end < length && value[end] != ',') {
            end++;
        }
        if (!parse_heuristic(value + at, end - at, &bits)) {
            return false;
        }
        wanted |= bits;
        at = end + 1;
    } while (at <= length);
    *(unsigned *) field = LMM_OPTION_HEURISTICS_ALL & ~wanted;
    return true;
}

static bool set_exit_code(const char *value, size_t length, void *field)
{
    return parse_small(value, length, 255, field);
}

static bool set_signal(const char *value, size_t length, void *field)
{
    return parse_small(value, length, LMM_SIGNAL_MAX, field);
}

static bool set_stacks(const char *value, size_t length, void *field)
{
    return parse_small(value, length, LMM_STACK_FRAMES_MAX, field);
}

static bool set_temporary(const char *value, size_t length, void *field)
{
    bool is_heaptrack = is_word(value, length, "heaptrack");

    if (!is_heaptrack && !is_word(value, length, "lmm")) {
        return false;
    }
    *(bool *) field = is_heaptrack;
    return true;
}

static bool set_path(const char *value, size_t length, void *field)
{
    char *path = field;

    if (length == 0 || length >= LMM_OPTION_PATH_MAX) {
        return false;
    }
    memcpy(path, value, length);
    path[length] = '\0';
    return true;
}

static bool set_ledger(const char *value, size_t length, void *field)
{
    struct lmm_options *options = field;

    if (!set_path(value, length, options->ledger)) {
        return false;
    }
    options->ledger_off = is_word(value, length, "off");
    if (options->ledger_off || is_word(value, length, "on")) {
        options->ledger[0] = '\0';
    }
    return true;
}

static bool set_fill(const char *value, size_t length, void *field)
{
    struct lmm_options *options = field;
    bool both = is_word(value, length, "both");
    bool alloc = both || is_word(value, length, "alloc");
    bool on_free = both || is_word(value, length, "free");

    if (!alloc && !on_free) {
        return false;
    }
    options->fill_alloc = alloc;
    options->fill_free = on_free;
    return true;
}

/* By enum lmm_fit: the value of fit=, and of ALLOCATOR_ALGORITHM. */
static const struct {
    const char *option;
    const char *algorithm;
} fits[] = {{"largest", "worst_fit"}, {"first", "first_fit"}, {"best", "best_fit"}};

enum { FITS = sizeof(fits) / sizeof(fits[0]) };

static bool set_fit(const char *value, size_t length, void *field)
{
    for (size_t i = 0; i < FITS; i++) {
        if (is_word(value, length, fits[i].option)) {
            *(enum lmm_fit *) field = (enum lmm_fit) i;
            return true;
        }
    }
    return false;
}

static bool set_reservoir(const char *value, size_t length, void *field)
{
    size_t *bytes = field;
    uint64_t number;

    if (!parse_number(value, length, SIZE_MAX >> 20, &number)) {
        return false;
    }
    *bytes = (size_t) number << 20;
    return true;
}

static bool set_hugepages(const char *value, size_t length, void *field)
{
    bool never = is_word(value, length, "never");

    if (!never && !is_word(value, length, "auto")) {
        return false;
    }
    *(bool *) field = never;
    return true;
}

static bool print_help(const char *value, size_t length, void *field);

static const struct key {
    const char *name;
    setter *set;
    size_t field; /* offset in struct lmm_options; 0: all of it */
    const char *values;
    const char *meaning;
} keys[] = {
    {"check", set_flag, offsetof(struct lmm_options, check), "0|1",
     "at exit, find out which blocks are lost, for readers of the ledger (leaks=1 does, too)"},
    {"children", set_children, offsetof(struct lmm_options, leaves_children_alone), "0|1",
     "drop-in: programs that the process starts use LMM, too (1)"},
    {"exitcode", set_exit_code, offsetof(struct lmm_options, exit_code), "0..255",
     "with leaks=1: exit status when blocks are lost; with leaks=all: when blocks live (0: as it "
     "was)"},
    {"fill", set_fill, 0, "alloc|free|both", "fill new blocks with 0xAA, freed ones with 0xDD"},
    {"fit", set_fit, offsetof(struct lmm_options, fit), "largest|first|best",
     "which free run an array or a large block is cut from"},
    {"help", print_help, 0, "0|1", "print these lines"},
    {"heuristics", set_heuristics, offsetof(struct lmm_options, heuristics_off), "WORD,...",
     "leak checks: which pointers to the inside of a block hold it: stdstring, length64, newarray, "
     "multipleinheritance, treenode; all or none"},
    {"hugepages", set_hugepages, offsetof(struct lmm_options, never_huge_pages), "auto|never",
     "ask the kernel for pages of 2 MiB where blocks of 4 MiB and more are written wholly; never: "
     "refuse those that it gives unasked, too (auto)"},
    {"keep", set_flag, offsetof(struct lmm_options, keep), "0|1",
     "drop-in: a clean exit leaves the ledger's file (0)"},
    {"ledger", set_ledger, 0, "on|off|DIR",
     "where the ledger's file goes; %p pid, %e program, %t time"},
    {"leaks", set_leaks, 0, "0|1|all",
     "at exit, print which blocks are lost, and where they were allocated; all: every live block"},
    {"log", set_path, offsetof(struct lmm_options, log), "PATH",
     "file for the reports at exit; %p pid, %e program, %t time"},
    {"match", set_flag, offsetof(struct lmm_options, match), "0|1",
     "drop-in: tell frees that do not match their allocations, such as delete of a block of new[] "
     "(0)"},
    {"pages", set_flag, offsetof(struct lmm_options, pages), "0|1",
     "at exit, find out which lines keep pages that are nearly empty (with check=1 without being "
     "asked)"},
    {"reservoir", set_reservoir, offsetof(struct lmm_options, reservoir_bytes), "MIB",
     "unused pages to keep for reuse, or an eighth of the memory in use if that is more; 0: none "
     "(64)"},
    {"retained", set_flag, offsetof(struct lmm_options, retained), "0|1",
     "a leak check at exit finds out which lines retain most bytes, too (0)"},
    {"signal", set_signal, offsetof(struct lmm_options, signal), "0..64",
     "the signal by which lmm asks the process for a leak check; 0: none (a real-time signal)"},
    {"stacks", set_stacks, offsetof(struct lmm_options, stack_frames), "0..64",
     "drop-in: frames kept of each allocation's call stack (0)"},
    {"starts", set_path, offsetof(struct lmm_options, starts), "PATH",
     "drop-in: add a line to this file, if it exists, for each process started"},
    {"temporary", set_temporary, offsetof(struct lmm_options, heaptrack_temporaries),
     "lmm|heaptrack", "drop-in: whose definition of a temporary block counts (lmm)"},
    {"unaligned", set_flag, offsetof(struct lmm_options, unaligned), "0|1",
     "leak checks at exit: words at any address are pointers (0)"},
    {"usage", set_flag, offsetof(struct lmm_options, usage), "0|1",
     "at exit, print the usage report"},
};

enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

_Static_assert(KEYS <= 32, "options.given has a bit for each");

static bool print_help(const char *value, size_t length, void *field)
{
    bool wanted;

    (void) field;
    if (!set_flag(value, length, &wanted)) {
        return false;
    }
    if (wanted) {
        lmm_warn("LMM_OPTIONS=\"key=value:key=value\"");
        for (size_t i = 0; i < KEYS; i++) {
            lmm_warn("  %-10s %-18s %s", keys[i].name, keys[i].values, keys[i].meaning);
        }
    }
    return true;
}

static const struct key *find_key(const char *name, size_t length)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (is_word(name, length, keys[i].name)) {
            return &keys[i];
        }
    }
    return NULL;
}

static bool parse_part(const char *part, size_t length, struct lmm_options *options)
{
    const char *equals = memchr(part, '=', length);
    size_t name_length = equals == NULL ? length : (size_t) (equals - part);
    const struct key *key = find_key(part, name_length);

    if (key == NULL) {
        lmm_warn("LMM_OPTIONS: unknown key '%.*s' ignored; help=1 lists the keys",
                 (int) (name_length < 64 ? name_length : 64), part);
        return false;
    }
    const char *value = equals == NULL ? "" : equals + 1;
    size_t value_length = equals == NULL ? 0 : length - name_length - 1;
    if (!key->set(value, value_length, (char *) options + key->field)) {
        lmm_warn("LMM_OPTIONS: bad value '%.*s' for %s ignored; it takes %s",
                 (int) (value_length < 64 ? value_length : 64), value, key->name, key->values);
        return false;
    }
    options->given |= 1u << (key - keys);
    return true;
}

/* The length of the text up to a colon. strcspn() would make 64 KiB of libc's constants resident. */
static size_t part_length(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0' && text[length] != ':') {
        length++;
    }
    return length;
}

size_t lmm_options_parse(const char *text, struct lmm_options *options)
{
    size_t taken = 0;

    while (*text != '\0') {
        size_t length = part_length(text);
        if (length != 0 && parse_part(text, length, options)) {
            taken++;
        }
        text += length;
        text += *text == ':';
    }
    return taken;
}

static bool is_set(const char *name)
{
    const char *value = lmm_system_variable(name);

    return value != NULL && strcmp(value, "1") == 0;
}

/* Whether LMM_OPTIONS has set that key. */
static bool is_given(const char *name)
{
    return (lmm_options.given >> (find_key(name, strlen(name)) - keys) & 1) != 0;
}

void lmm_options_default(const char *name, const char *value, size_t length)
{
    const struct key *key = find_key(name, strlen(name));

    LMM_CHECK(key != NULL);
    if (!is_given(name)) {
        key->set(value, length, (char *) &lmm_options + key->field);
    }
}

static enum lmm_fit fit_of(const char *algorithm)
{
    for (size_t i = 0; algorithm != NULL && i < FITS; i++) {
        if (strcmp(algorithm, fits[i].algorithm) == 0) {
            return (enum lmm_fit) i;
        }
    }
    return lmm_options.fit;
}

void lmm_options_follow_allocator_names(void)
{
    bool scribbles = is_set("ALLOCATOR_SCRIBBLE");
    bool checks = is_set("ALLOCATOR_LEAK_CHECK");

    if (getauxval(AT_SECURE) != 0) {
        return;
    }
    if (!is_given("fill")) {
        lmm_options.fill_alloc = scribbles;
        lmm_options.fill_free = scribbles;
    }
    if (!is_given("leaks")) {
        lmm_options.leaks = checks;
        lmm_options.leaks_all = checks; /* what such allocators print */
    }
    lmm_options.leaks_to_stdout = checks;
    if (!is_given("fit")) {
        lmm_options.fit = fit_of(lmm_system_variable("ALLOCATOR_ALGORITHM"));
    }
}

static const char *given_text; /* NULL: the environment's counts */

void lmm_options_give(const char *text)
{
    given_text = text;
}

static void read_environment(void)
{
    const char *text = lmm_system_variable("LMM_OPTIONS");

    if (text != NULL) {
        lmm_options_parse(text, &lmm_options);
    }
    if (LMM_DROP_IN) {
        lmm_options_follow_allocator_names();
    }
}

void lmm_options_read(void)
{
    if (given_text != NULL) {
        lmm_options_parse(given_text, &lmm_options);
    } else if (getauxval(AT_SECURE) == 0) {
        read_environment();
    } else {
        return;
    }
    if (lmm_options.match && lmm_options.stack_frames == 0) {
        lmm_options.stack_frames = LMM_STACK_FRAMES_MATCH;
    }
}

/* The text that %letter stands for, in buffer or elsewhere. */
static const char *expansion(char letter, char *buffer, size_t bytes)
{
    struct lmm_short_text text = lmm_short_text_begin(buffer, bytes);

    switch (letter) {
    case 'p': lmm_short_text_put_number(&text, (uint64_t) lmm_system_getpid()); return buffer;
    case 'e': return program_invocation_short_name;
    case 't': lmm_short_text_put_number(&text, lmm_system_time_ns() / 1000000000u); return buffer;
    default:
        buffer[0] = '%';
        buffer[1] = letter == '%' ? '\0' : letter;
        buffer[2] = '\0';
        return buffer;
    }
}

bool lmm_options_expand_path(const char *pattern, char *ret_path, size_t path_bytes)
{
    struct lmm_short_text path = lmm_short_text_begin(ret_path, path_bytes);

    for (const char *at = pattern; *at != '\0'; at++) {
        char text[32] = {*at, '\0'};
        const char *part = text;
        if (*at == '%' && at[1] != '\0') {
            part = expansion(*++at, text, sizeof(text));
        }
        lmm_short_text_put(&path, part);
    }
    return lmm_short_text_is_whole(&path);
}
