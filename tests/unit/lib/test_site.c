/* SPDX-License-Identifier: MIT */
/* site: one id for each place, sites that are stacks, lists by family, and running out of ids or
 * memory. */
#include "tests/support/seam.h"

#include "lib/books/accounts.h"
#include "lib/books/site.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct lmm_site_list lists[4];

static void start(void)
{
    cr_assert(lmm_accounts_start());
    for (size_t i = 0; i < 4; i++) {
        lists[i] = LMM_SITE_LIST_EMPTY;
    }
}

static const struct {
    uint32_t family;
    const char *file;
    uint32_t line;
    const char *function;
} places[] = {
    {0, "a.c", 1, "f"}, {1, "a.c", 1, "f"}, {0, "b.c", 1, "f"},  {0, "a.c", 2, "f"},
    {0, "a.c", 1, "g"}, {0, "", 0, ""},     {2, "a.c", 1, "fg"}, {2, "a.cf", 1, "g"},
};

enum { PLACES = sizeof(places) / sizeof(places[0]) };

static uint32_t intern(size_t i)
{
    return lmm_site_intern(places[i].family, &lists[places[i].family], places[i].file,
                           places[i].line, places[i].function);
}

Test(site, one_id_a_place, .init = start)
{
    char file[16];
    char function[16];

    for (uint32_t i = 0; i < PLACES; i++) {
        cr_expect(intern(i) == i, "place %u is new", i);
    }
    for (uint32_t i = 0; i < PLACES; i++) {
        /* The texts are equal, the pointers are not: another module's copy. */
        snprintf(file, sizeof(file), "%s", places[i].file);
        snprintf(function, sizeof(function), "%s", places[i].function);
        cr_expect(lmm_site_intern(places[i].family, &lists[places[i].family], file, places[i].line,
                                  function) == i);
    }
    cr_expect(lmm_accounts_site_count() == PLACES);
}

/* I2, with thousands of sites, so that every table grows. */
Test(site, lists_hold_each_site_once, .init = start)
{
    enum { SITES = 5000 };
    static uint8_t seen[SITES];

    for (uint32_t i = 0; i < SITES; i++) {
        cr_assert(lmm_site_intern(i % 4, &lists[i % 4], "a.c", i, "f") == i);
    }
    for (uint32_t family = 0; family < 4; family++) {
        uint32_t count = 0;
        for (uint32_t id = lists[family].first; id != LMM_SITE_NONE; id = lmm_site_next(id)) {
            cr_assert(id < SITES && id % 4 == family && seen[id]++ == 0);
            cr_assert(lmm_accounts_site_facts(id).family == family);
            count++;
        }
        cr_expect(count == SITES / 4 && lists[family].count == count);
    }
    for (uint32_t i = 0; i < SITES; i++) {
        cr_assert(lmm_site_intern(i % 4, &lists[i % 4], "a.c", i, "f") == i);
    }
}

Test(site, past_the_last_id_is_other, .init = start)
{
    lmm_site_own_ids = 3;
    for (uint32_t i = 0; i < 3; i++) {
        cr_expect(lmm_site_intern(0, &lists[0], "a.c", i, "f") == i);
    }
    uint32_t other = lmm_site_intern(0, &lists[0], "a.c", 100, "f");
    cr_expect(other == 3);
    cr_expect(strcmp(lmm_accounts_site_facts(other).file, "(other)") == 0);
    cr_expect(lmm_site_intern(0, &lists[0], "a.c", 101, "f") == other);
    cr_expect(lmm_site_intern(0, &lists[0], "a.c", 1, "f") == 1, "known places keep their id");
    uint32_t other_one = lmm_site_intern(1, &lists[1], "a.c", 100, "f");
    cr_expect(other_one != other && lmm_accounts_site_facts(other_one).family == 1);
    cr_expect(lmm_chunks_header()->sites_merged == 3);
}

static uint32_t add_place(uint32_t line)
{
    return lmm_site_intern(0, &lists[0], "a.c", line, "f");
}

/* Adds sites until there is no memory; returns how many there are. */
static uint32_t fill(uint32_t (*add)(uint32_t number))
{
    uint32_t count = 0;

    seam_install();
    seam_fail_all(SEAM_MAP);
    errno = 0;
    while (add(count + 1) != LMM_SITE_NONE) {
        cr_assert(++count < 100000);
    }
    cr_expect(errno == ENOMEM);
    cr_expect(lists[0].count == count && lmm_accounts_site_count() == count);
    seam_heal();
    cr_expect(add(count + 1) == count && lists[0].count == count + 1);
    return count + 1;
}

Test(site, no_memory, .init = start)
{
    uint32_t count = fill(add_place);

    for (uint32_t i = 0; i < count; i++) {
        cr_expect(add_place(i + 1) == i);
    }
}

/* ---- Call stacks ----------------------------------------------------------------------------------- */

static uint32_t add_stack_of(uint32_t family, uint32_t frame)
{
    bool is_own = false;
    uint32_t id = lmm_site_add_stack(family, &lists[family], frame, &is_own);

    cr_assert(id == LMM_SITE_NONE || is_own);
    return id;
}

static uint32_t add_stack(uint32_t frame)
{
    return add_stack_of(0, frame);
}

/* The table of places contains places only, also when stacks are added while it grows. */
Test(site, stacks_are_not_among_the_places, .init = start)
{
    enum { SITES = 6000 };
    uint32_t nowhere = lmm_site_intern(0, &lists[0], "", 0, "");
    uint32_t nameless = lmm_site_intern(0, &lists[0], "", 7, "f");

    cr_expect(nowhere == 0 && nameless == 1);
    for (uint32_t i = 2; i < SITES; i++) {
        uint32_t id = i % 3 == 0 ? lmm_site_intern(0, &lists[0], "a.c", i, "f") : add_stack(i);
        cr_assert(id == i);
    }
    for (uint32_t i = 3; i < SITES; i += 3) {
        cr_assert(lmm_site_intern(0, &lists[0], "a.c", i, "f") == i);
    }
    cr_expect(lmm_site_intern(0, &lists[0], "", 0, "") == nowhere, "not one of the stacks");
    cr_expect(lmm_site_intern(0, &lists[0], "", 7, "f") == nameless);
    cr_expect(lmm_accounts_site_count() == SITES && lists[0].count == SITES);
    uint32_t count = 0;
    for (uint32_t id = lists[0].first; id != LMM_SITE_NONE; id = lmm_site_next(id)) {
        count++;
    }
    cr_expect(count == SITES, "the family's list has both");
}

Test(site, stacks_past_the_last_id_are_other, .init = start)
{
    bool is_own = true;

    lmm_site_own_ids = 2;
    cr_expect(add_stack(1) == 0 && add_stack_of(1, 1) == 1);
    uint32_t other = lmm_site_add_stack(0, &lists[0], 2, &is_own);
    cr_expect(other == 2 && !is_own);
    cr_expect(strcmp(lmm_accounts_site_facts(other).file, "(other)") == 0);
    cr_expect(lmm_site_intern(0, &lists[0], "a.c", 1, "f") == other, "places share it");
    cr_expect(lmm_chunks_header()->sites_merged == 2);
}

Test(site, no_memory_for_stacks, .init = start)
{
    fill(add_stack);
}

/* ---- Marks ------------------------------------------------------------------------------------ */

Test(site, marks_are_of_one_site, .init = start)
{
    uint32_t first = lmm_site_intern(0, &lists[0], "a.c", 1, "f");
    uint32_t second = lmm_site_intern(0, &lists[0], "a.c", 2, "f");

    cr_expect(lmm_site_marks(first) == 0 && lmm_site_marks(LMM_SITE_NONE) == 0);
    cr_expect(lmm_site_mark(first, LMM_SITE_POINTER_FREE));
    cr_expect(lmm_site_marks(first) == LMM_SITE_POINTER_FREE && lmm_site_marks(second) == 0);
}

/* I3, of places and of stacks. */
Test(site, the_ignored_site_has_the_same_place, .init = start)
{
    uint32_t ids[] = {lmm_site_intern(0, &lists[0], "a.c", 1, "f"), add_stack(1)};

    lmm_site_mark(ids[0], LMM_SITE_POINTER_FREE);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        uint32_t ignored = lmm_site_ignored(ids[i], &lists[0]);
        struct lmm_site_facts facts = lmm_accounts_site_facts(ids[i]);
        struct lmm_site_facts same = lmm_accounts_site_facts(ignored);

        cr_expect(ignored != ids[i] && ignored == lmm_site_ignored(ids[i], &lists[0]));
        cr_expect(ignored == lmm_site_ignored(ignored, &lists[0]), "its own");
        cr_expect(facts.line == same.line && strcmp(facts.file, same.file) == 0);
        cr_expect(lmm_accounts_site_stack(ids[i]) == lmm_accounts_site_stack(ignored));
        cr_expect(lmm_site_marks(ignored) == (lmm_site_marks(ids[i]) | LMM_SITE_IGNORED));
        cr_expect(lists[0].first == ignored, "on the family's list");
    }
    cr_expect(lmm_site_intern(0, &lists[0], "a.c", 1, "f") == ids[0], "the place keeps its site");
}

Test(site, without_memory_the_site_itself, .init = start)
{
    uint32_t id = lmm_site_intern(0, &lists[0], "a.c", 1, "f");
    uint32_t count = lmm_accounts_site_count();

    seam_starve();
    cr_expect(lmm_site_ignored(id, &lists[0]) == id && lmm_accounts_site_count() == count);
    cr_expect(!lmm_site_mark(id, LMM_SITE_POINTER_FREE) && lmm_site_marks(id) == 0);
    seam_heal();
    cr_expect(lmm_site_ignored(id, &lists[0]) == count && lmm_site_marks(id) == 0);
}

Test(site, without_ids_the_site_itself, .init = start)
{
    uint32_t id = lmm_site_intern(0, &lists[0], "a.c", 1, "f");

    lmm_site_own_ids = lmm_accounts_site_count();
    cr_expect(lmm_site_ignored(id, &lists[0]) == id && lmm_site_marks(id) == 0);
}
