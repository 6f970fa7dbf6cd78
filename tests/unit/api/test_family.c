/* SPDX-License-Identifier: MIT */
/* Registration of families and what can be asked of them. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/fails_with.h"

#define SIXTEEN "0123456789abcdef"
#define SIXTY   SIXTEEN SIXTEEN SIXTEEN "0123456789ab"

typedef struct {
    char name[32];
    unsigned id;
} emp_t;

struct spelled_out {
    double value;
};

/* In order; each either registers or fails with error. */
static const struct {
    const char *name;
    size_t size;
    size_t align;
    int error;
} registrations[] = {
    {NULL, 8, 8, EINVAL},
    {"", 8, 8, EINVAL},
    {"no size", 0, 8, EINVAL},
    {"no alignment", 8, 0, EINVAL},
    {"align 3", 8, 3, EINVAL},
    {"align 6", 8, 6, EINVAL},
    {"align 4095", 8, 4095, EINVAL},
    {"align 8192", 8, 8192, EINVAL},
    {"align huge", 8, SIZE_MAX / 2 + 1, EINVAL},
    {SIXTY "xyz", 8, 8, 0},
    {SIXTY "xyz!", 8, 8, ENAMETOOLONG},
    {SIXTY SIXTY SIXTY SIXTY SIXTY, 8, 8, ENAMETOOLONG},
    {SIXTY "xyy", 8, 8, 0},
    {"x", 1, 1, 0},
    {"y", 1, 4096, 0},
    {"z", 67108864, 4096, 0},
    {"\xc3\xa9t\xc3\xa9 d'or: 100 %s\n", 12, 4, 0},
    {"struct node *", 8, 8, 0},
    {"twice", 40, 8, 0},
    {"twice", 40, 8, 0},
    {"twice", 0, 8, EINVAL},
    {"twice", 40, 8, 0},
    {"Twice", 48, 8, 0},
    {"largest", SIZE_MAX, 1, EOVERFLOW},
    {"nearly largest", SIZE_MAX - 4096, 4096, EOVERFLOW},
    {"half", SIZE_MAX / 2 + 1, 1, EOVERFLOW},
    {"largest", 16, 1, 0},
};

Test(family, registration_table)
{
    for (size_t i = 0; i < sizeof(registrations) / sizeof(registrations[0]); i++) {
        const char *name = registrations[i].name;
        errno = 0;
        struct lmm_family *family =
            lmm_family_register(name, registrations[i].size, registrations[i].align);
        int error = errno;
        if (registrations[i].error != 0) {
            cr_assert(family == NULL, "row %zu registered", i);
            cr_assert(error == registrations[i].error, "row %zu: errno is %d", i, error);
            continue;
        }
        cr_assert(family != NULL, "row %zu: errno is %d", i, error);
        cr_assert(family == lmm_family_find(name), "row %zu is not found", i);
        cr_assert(strcmp(lmm_family_name(family), name) == 0, "row %zu", i);
        cr_assert(lmm_family_size(family) == registrations[i].size, "row %zu", i);
    }
}

Test(family, registering_again_gives_the_same)
{
    struct lmm_family *emp = LMM_REGISTER(emp_t);
    cr_assert(emp != NULL);
    cr_assert(LMM_REGISTER(emp_t) == emp);
    cr_assert(lmm_family_register("emp_t", sizeof(emp_t), _Alignof(emp_t)) == emp);
    cr_assert(strcmp(lmm_family_name(emp), "emp_t") == 0);
    cr_assert(lmm_family_size(emp) == sizeof(emp_t));
    lmm_free(LMM_NEW(emp_t));
    cr_assert(lmm_family_find("emp_t") == emp);
}

Test(family, name_is_as_written)
{
    struct lmm_family *family = LMM_REGISTER(struct spelled_out);
    cr_assert(family != NULL);
    cr_assert(strcmp(lmm_family_name(family), "struct spelled_out") == 0);
}

Test(family, name_is_copied)
{
    char name[] = "borrowed";
    struct lmm_family *family = lmm_family_register(name, 8, 8);
    cr_assert(family != NULL);
    memset(name, 'x', sizeof(name) - 1);
    cr_assert(strcmp(lmm_family_name(family), "borrowed") == 0);
    cr_assert(lmm_family_find("borrowed") == family);
}

Test(family, find_matches_whole_names)
{
    cr_assert(lmm_family_register("employee", 8, 8) != NULL);
    static const char *const others[] = {"",          "employe", "employee ",
                                         "employees", "mployee", "Employee"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        errno = 0;
        cr_assert(lmm_family_find(others[i]) == NULL, "'%s'", others[i]);
        cr_assert(errno == ENOENT, "'%s': errno is %d", others[i], errno);
    }
}

enum { MANY = 5000 };

static struct lmm_family *many[MANY];

struct progress {
    size_t next; /* in many */
    size_t stop_at;
};

/* Families come in the order of registration; the visitor may call LMM. */
static int visit_many(struct lmm_family *family, void *arg)
{
    struct progress *progress = arg;
    void *block = lmm_zalloc(family);
    cr_assert(block != NULL);
    lmm_free(block);
    cr_assert(family == many[progress->next], "family %zu is %s", progress->next,
              lmm_family_name(family));
    progress->next++;
    return progress->next == progress->stop_at ? 4711 : 0;
}

Test(family, thousands_in_order)
{
    unsigned char *block[MANY];
    for (size_t i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof(name), "family %zu", i);
        many[i] = lmm_family_register(name, 1 + i % 300, (size_t) 1 << i % 5);
        cr_assert(many[i] != NULL, "family %zu: errno is %d", i, errno);
        block[i] = lmm_alloc(many[i]);
        cr_assert(block[i] != NULL);
        memset(block[i], (int) i, 1 + i % 300);
    }
    struct progress progress = {0, 0};
    cr_assert(lmm_for_each_family(visit_many, &progress) == 0);
    cr_assert(progress.next == MANY);
    progress = (struct progress) {0, 7};
    cr_assert(lmm_for_each_family(visit_many, &progress) == 4711);
    cr_assert(progress.next == 7);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert(lmm_family_of(block[i]) == many[i]);
        cr_assert(block[i][i % 300] == (unsigned char) i);
        lmm_free(block[i]);
    }
}

struct inquisitive {
    size_t families;
};

static int visit_and_register(struct lmm_family *family, void *arg)
{
    struct inquisitive *asked = arg;
    struct lmm_stats stats;
    cr_assert(lmm_family_stats(family, &stats) == 0);
    cr_assert(lmm_family_find(lmm_family_name(family)) == family);
    if (asked->families++ == 0) {
        cr_assert(lmm_family_register("made by a visitor", 8, 8) != NULL);
    }
    return 0;
}

Test(family, visitor_may_register)
{
    struct inquisitive asked = {0};
    cr_assert(LMM_REGISTER(emp_t) != NULL);
    cr_assert(lmm_for_each_family(visit_and_register, &asked) == 0);
    cr_assert(asked.families >= 1 && asked.families <= 2);
    cr_assert(lmm_family_find("made by a visitor") != NULL);
}

/* ---- Types of one name ---- */

/* Each is shown as said, when it is registered and ever after. */
static const struct {
    const char *name;
    size_t size;
    size_t align;
    const char *shown;
} namesakes[] = {
    {"node", 16, 8, "node"},
    {"node", 24, 8, "node (24)"},
    {"node", 16, 8, "node"},
    {"node", 16, 16, "node (16, align 16)"},
    {"node", 24, 16, "node (24, align 16)"},
    {"node", 24, 4, "node (24, align 4)"},
    {"node", 24, 8, "node (24)"},
    {"node", 48, 16, "node (48)"},
    /* A type may have a name that looks so. */
    {"node (48)", 48, 16, "node (48) (48, align 16)"},
    {"node (64)", 64, 8, "node (64)"},
    {"node", 64, 8, "node (64, align 8)"},
    {"node (64)", 64, 8, "node (64)"},
    {SIXTY "xyz", 67108864, 2048, SIXTY "xyz"},
    {SIXTY "xyz", 67108864, 4096, SIXTY "xyz (67108864, align 4096)"},
};

Test(family, types_of_one_name_are_families_of_their_own)
{
    enum { COUNT = sizeof(namesakes) / sizeof(namesakes[0]) };
    struct lmm_family *family[COUNT];
    for (size_t times = 0; times < 2; times++) {
        for (size_t i = 0; i < COUNT; i++) {
            family[i] =
                lmm_family_register(namesakes[i].name, namesakes[i].size, namesakes[i].align);
            cr_assert(family[i] != NULL, "row %zu: errno is %d", i, errno);
            cr_assert(strcmp(lmm_family_name(family[i]), namesakes[i].shown) == 0, "row %zu: %s", i,
                      lmm_family_name(family[i]));
            cr_assert(lmm_family_find(namesakes[i].shown) == family[i], "row %zu", i);
            cr_assert(lmm_family_size(family[i]) == namesakes[i].size, "row %zu", i);
            for (size_t k = 0; k < i; k++) {
                bool same = strcmp(namesakes[i].shown, namesakes[k].shown) == 0;
                cr_assert((family[i] == family[k]) == same, "rows %zu and %zu", i, k);
            }
        }
    }
}

Test(family, every_name_to_show_it_by_is_taken)
{
    cr_assert(lmm_family_register("twin", 8, 8) != NULL);
    cr_assert(lmm_family_register("twin (16)", 8, 8) != NULL);
    cr_assert(lmm_family_register("twin (16, align 8)", 8, 8) != NULL);
    for (int i = 0; i < 2; i++) {
        FAILS_WITH(EEXIST, lmm_family_register("twin", 16, 8));
    }
    cr_assert(lmm_family_register("twin", 16, 4) != NULL);
}

Test(family, a_type_whose_name_another_has)
{
    cr_assert(lmm_family_register("emp_t", sizeof(emp_t) + 4, _Alignof(emp_t)) != NULL);
    emp_t *emp = LMM_NEW(emp_t);
    cr_assert(emp != NULL);
    cr_assert(strcmp(lmm_family_name(lmm_family_of(emp)), "emp_t (36)") == 0);
    cr_assert(LMM_REGISTER(emp_t) == lmm_family_of(emp));
    lmm_free(emp);
}
