/* SPDX-License-Identifier: MIT */
/* Two source files, each with a struct node of its own: both are served, and told apart. */
#include <lmm/lmm.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/api/namesake.h"

struct node {
    int value;
    struct node *next;
};

static void *here(void)
{
    return LMM_NEW(struct node);
}

/* Checks that both kinds of nodes are whole blocks of their own families. first: the kind that is
 * allocated first, which is shown by its name alone. */
static void use_both(void *(*first)(void), size_t first_size, void *(*second)(void),
                     size_t second_size)
{
    char shown[64];
    char *one = first();
    char *two = second();
    snprintf(shown, sizeof(shown), "struct node (%zu)", second_size);
    cr_assert(one != NULL && two != NULL);
    memset(one, 1, first_size);
    memset(two, 2, second_size);
    cr_expect(strcmp(lmm_family_name(lmm_family_of(one)), "struct node") == 0);
    cr_expect(strcmp(lmm_family_name(lmm_family_of(two)), shown) == 0);
    cr_expect(lmm_family_find("struct node") == lmm_family_of(one));
    cr_expect(lmm_family_find(shown) == lmm_family_of(two));
    for (size_t i = 0; i < first_size; i++) {
        cr_assert(one[i] == 1);
    }

    FILE *stream = tmpfile();
    char text[1024] = "";
    cr_assert(stream != NULL && lmm_leak_check(stream) == 2);
    rewind(stream);
    cr_assert(fread(text, 1, sizeof(text) - 1, stream) > 0);
    fclose(stream);
    cr_expect(strstr(text, "bytes of struct node allocated at") != NULL, "%s", text);
    snprintf(shown, sizeof(shown), "bytes of struct node (%zu) allocated at", second_size);
    cr_expect(strstr(text, shown) != NULL, "%s", text);
    lmm_free(one);
    lmm_free(two);
}

static void list_all(void)
{
    setenv("LMM_OPTIONS", "leaks=all:log=/dev/null", 1);
}

Test(namesakes, one_order, .init = list_all)
{
    use_both(here, sizeof(struct node), namesake_new, namesake_size());
}

Test(namesakes, the_other_order, .init = list_all)
{
    use_both(namesake_new, namesake_size(), here, sizeof(struct node));
}
