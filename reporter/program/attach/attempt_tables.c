/* SPDX-License-Identifier: MIT */
/*
 * attempt_tables: leads a malloc to LMM whose entries cannot be: by the words of all modules that the loader has filled with the addresses of
 * its functions (GOT and pointers in data), and by its own table of symbols, where the loader finds them from now on: for words that are
 * not bound yet, for modules that are loaded later, and for dlsym.
 *
 * A block of LMM that reached the old free would damage the old malloc. So this is refused where anything else may lead to a function that
 * takes a block: the malloc's other code, code that was made at run time, or a pointer in memory, also as libc mangles those of
 * its lists of handlers. A thread that has one on its stack or in a register, or that is in the loader, is waited for.
 */
#include "reporter/program/attach/attempt.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "reporter/program/attach/safe_point.h"
#include "reporter/program/attach/stored.h"
#include "reporter/program/ledger/ledger_file.h"

static bool is_same_file(const struct lmm_mapping *a, const struct lmm_mapping *b)
{
    return a != NULL && b != NULL && *a->path != '\0' && strcmp(a->path, b->path) == 0;
}

/* A mapping of the module that has the malloc; NULL: unknown. */
static const struct lmm_mapping *malloc_module(const struct lmm_attempt *attempt)
{
    for (size_t i = 0; i < attempt->there.count; i++) {
        if (strcmp(attempt->there.functions[i].name, "malloc") == 0) {
            return lmm_target_map_find(&attempt->map, attempt->there.functions[i].old);
        }
    }
    return NULL;
}

static const struct lmm_mapping *own_module(const struct lmm_attempt *attempt)
{
    return lmm_target_map_find(&attempt->map, attempt->exchange);
}

/* ---- Which functions ------------------------------------------------------------------------- */

/* The function of malloc with that address, if it is led to LMM; NULL: none. */
static const struct lmm_attach_function *function_at(const struct lmm_attempt *attempt,
                                                     uint64_t address)
{
    for (size_t i = 0; i < attempt->there.count; i++) {
        const struct lmm_attach_function *function = &attempt->there.functions[i];

        if (function->old == address && function->own != 0 && address != 0 &&
            address != attempt->fork) {
            return function;
        }
    }
    return NULL;
}

/* The addresses of those that take a block. */
static struct lmm_stored_targets takers_of(const struct lmm_attempt *attempt)
{
    struct lmm_stored_targets targets = {.count = 0};

    for (size_t i = 0; i < attempt->there.count; i++) {
        const struct lmm_attach_function *function = &attempt->there.functions[i];

        if (function->old != 0 && function->role != (uint32_t) LMM_ATTACH_MAKES &&
            function_at(attempt, function->old) == function) {
            targets.addresses[targets.count++] = function->old;
        }
    }
    return targets;
}

static const char *name_at(const struct lmm_attempt *attempt, uint64_t address)
{
    const struct lmm_attach_function *function = function_at(attempt, address);

    return function == NULL ? "free" : function->name;
}

/* ---- What is led ----------------------------------------------------------------------------- */

struct leading {
    struct lmm_attempt *attempt;
    const struct lmm_mapping *module;
    bool has_any;
    bool has_failed;
};

static bool lead_word(struct leading *leading, uint64_t address, uint64_t value)
{
    struct lmm_attempt *attempt = leading->attempt;
    const struct lmm_attach_function *function = function_at(attempt, value);

    if (function == NULL || lmm_attempt_has_patch(attempt, address) ||
        !is_same_file(lmm_target_map_find(&attempt->map, address), leading->module)) {
        return true;
    }
    leading->has_any = true;
    leading->has_failed = !lmm_attempt_add_patch(attempt, address, &function->own,
                                                 sizeof(function->own), function->role);
    return !leading->has_failed;
}

static bool visit_word(void *arg, uint64_t address, uint64_t value)
{
    return lead_word(arg, address, value);
}

/* The loader keeps pointers to malloc's functions for itself, in data that it has made read-only. */
static bool lead_loader(struct leading *leading, uint64_t from, uint64_t to)
{
    static uint64_t words[512];

    for (const struct lmm_mapping *at = leading->attempt->map.mappings;
         at < leading->attempt->map.mappings + leading->attempt->map.count; at++) {
        bool is_one = at->from >= from && at->to <= to && !at->is_code && !at->is_written;

        leading->module = at;
        for (uint64_t page = at->from; is_one && page < at->to; page += sizeof(words)) {
            if (!lmm_tracee_read(&leading->attempt->tracee, page, words, sizeof(words))) {
                continue;
            }
            for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
                if (!lead_word(leading, page + i * sizeof(words[0]), words[i])) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool lead_words(struct lmm_attempt *attempt)
{
    const struct lmm_mapping *module = NULL;
    struct leading leading = {.attempt = attempt};
    uint64_t from;
    uint64_t to;

    attempt->modules = 0;
    while ((module = lmm_target_map_next_module(&attempt->map, module)) != NULL) {
        if (!is_same_file(module, own_module(attempt))) {
            leading.module = module;
            leading.has_any = false;
            lmm_image_visit_words(&attempt->tracee, module->from, visit_word, &leading);
            attempt->modules += leading.has_any;
        }
        if (leading.has_failed) {
            return false;
        }
    }
    return lmm_safe_points_loader(attempt->points, &from, &to) && lead_loader(&leading, from, to);
}

static bool read_malloc(struct lmm_attempt *attempt, struct lmm_image_symbols *ret_image)
{
    const struct lmm_mapping *module = malloc_module(attempt);

    *ret_image = (struct lmm_image_symbols) {.count = 0};
    while (module != NULL && module > attempt->map.mappings && module->offset != 0) {
        module--;
    }
    return (module != NULL && lmm_image_symbols_read(&attempt->tracee, module->from, ret_image)) ||
           lmm_reason_set(attempt->reason, "the symbols of its malloc cannot be read");
}

/* All names under which the malloc has a function that is led. */
static bool lead_symbols(struct lmm_attempt *attempt)
{
    struct lmm_image_symbols image;
    bool done = true;

    if (!read_malloc(attempt, &image)) {
        return false;
    }
    for (size_t i = 1; done && i < image.count; i++) {
        const Elf64_Sym *symbol = &image.symbols[i];
        const struct lmm_attach_function *function =
            symbol->st_shndx == SHN_UNDEF ? NULL
                                          : function_at(attempt, image.bias + symbol->st_value);

        if (function != NULL) {
            uint64_t value = function->own - image.bias;

            done = lmm_attempt_add_patch(
                attempt, image.table + i * sizeof(*symbol) + offsetof(Elf64_Sym, st_value), &value,
                sizeof(value), function->role);
        }
    }
    lmm_image_symbols_free(&image);
    return done;
}

/* ---- What stands against it ------------------------------------------------------------------ */

/* Whether the old functions' own code has the address: they get blocks of the old malloc alone. */
static bool is_in_led_function(const struct lmm_attempt *attempt,
                               const struct lmm_image_symbols *image, uint64_t address)
{
    for (size_t i = 1; i < image->count; i++) {
        const Elf64_Sym *symbol = &image->symbols[i];
        uint64_t from = image->bias + symbol->st_value;

        if (symbol->st_shndx != SHN_UNDEF && address - from < symbol->st_size &&
            function_at(attempt, from) != NULL) {
            return true;
        }
    }
    return false;
}

/* The malloc's own calls of functions that take a block, other than by its table. */
static bool check_code(struct lmm_attempt *attempt, const struct lmm_stored_targets *takers)
{
    const struct lmm_mapping *module = malloc_module(attempt);
    struct lmm_image_symbols image;
    bool done = true;

    if (!read_malloc(attempt, &image)) {
        return false;
    }
    for (size_t i = 0; done && i < attempt->map.count; i++) {
        const struct lmm_mapping *at = &attempt->map.mappings[i];
        bool is_made = at->is_code && !at->is_file && strcmp(at->path, "[vdso]") != 0 &&
                       strcmp(at->path, "[vsyscall]") != 0;
        uint64_t place = at->from;
        uint64_t target = 0;

        while (done && at->is_code && (is_made || is_same_file(at, module)) &&
               lmm_stored_find_in_code(&attempt->tracee, place, at->to, takers, &place, &target)) {
            done = is_in_led_function(attempt, &image, place) ||
                   lmm_reason_set(attempt->reason,
                                  "its %s cannot be led to LMM: %s, and code at %#" PRIx64
                                  " calls it directly",
                                  name_at(attempt, target), attempt->obstacle, place);
            place++;
        }
    }
    lmm_image_symbols_free(&image);
    return done;
}

/* Pointers in data that the program has stored itself. */
static bool check_data(struct lmm_attempt *attempt, const struct lmm_stored_targets *takers)
{
    struct lmm_stored_search search = {.tracee = &attempt->tracee,
                                       .map = &attempt->map,
                                       .targets = takers,
                                       .own = own_module(attempt)};

    while (lmm_stored_find(&search)) {
        if (!lmm_attempt_has_patch(attempt, search.address)) {
            return lmm_reason_set(attempt->reason,
                                  "its %s cannot be led to LMM: %s, and a pointer to it is stored "
                                  "at %#" PRIx64,
                                  name_at(attempt, search.target), attempt->obstacle,
                                  search.address);
        }
    }
    return !search.has_failed || lmm_reason_set(attempt->reason, "its memory cannot be read");
}

/* ---- All together ---------------------------------------------------------------------------- */

bool lmm_attempt_choose_tables(struct lmm_attempt *attempt, const char *name, const char *obstacle)
{
    const struct lmm_mapping *module = malloc_module(attempt);

    if (module == NULL || module->is_lasting) {
        return lmm_reason_set(attempt->reason, "its %s cannot be led to LMM: %s", name, obstacle);
    }
    for (size_t i = 0; i < attempt->there.count; i++) {
        struct lmm_attach_function *function = &attempt->there.functions[i];

        if (function->old != attempt->fork) {
            function->original = function->old;
            attempt->is_led[i] = false;
            attempt->entries[i].bytes = 0;
        }
    }
    struct lmm_stored_targets takers = takers_of(attempt);

    attempt->is_by_tables = true;
    attempt->obstacle = obstacle;
    return check_code(attempt, &takers);
}

/* Whether a thread is in the loader, or has the address of a function at hand. */
static bool is_busy(struct lmm_attempt *attempt, const struct lmm_stored_targets *takers)
{
    uint64_t from;
    uint64_t to;

    if (!lmm_safe_points_loader(attempt->points, &from, &to)) {
        return true;
    }
    for (size_t i = 0; i < attempt->tracee.count; i++) {
        pid_t thread = attempt->tracee.threads[i].id;
        struct lmm_stack_facts facts;

        if (!lmm_stored_look_at_stack(&attempt->tracee, &attempt->map, thread, takers, from, to,
                                      &facts) ||
            facts.has_target ||
            (facts.has_range && lmm_safe_points_may_be_in(attempt->points, thread, from, to))) {
            return true;
        }
    }
    return false;
}

enum lmm_attempt_result lmm_attempt_collect_words(struct lmm_attempt *attempt)
{
    struct lmm_stored_targets takers = takers_of(attempt);

    if (attempt->points == NULL) {
        attempt->points = lmm_safe_points_open(&attempt->tracee, &attempt->map);
    }
    if (attempt->points == NULL || is_busy(attempt, &takers)) {
        return LMM_ATTEMPT_AGAIN;
    }
    return lead_words(attempt) && lead_symbols(attempt) && check_code(attempt, &takers) &&
                   check_data(attempt, &takers)
               ? LMM_ATTEMPT_DONE
               : LMM_ATTEMPT_REFUSED;
}
