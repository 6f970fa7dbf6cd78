/* SPDX-License-Identifier: MIT */
/* Blocks come from a wrapper that returns void *. */
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"

struct user {
    long id;
    char name[32];
};

struct group {
    struct user *users[8];
    long count;
};

NOT_INLINED static void *get_memory(size_t size)
{
    void *p = malloc(size); /* type: struct user | struct group | char[] | int[] */

    if (p == NULL) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    return p;
}

int main(void)
{
    struct user *user = get_memory(sizeof(*user));          /* type: struct user */
    struct group *group = get_memory(sizeof(struct group)); /* type: struct group */
    char *text = get_memory(number(200));                   /* type: char[] */
    int *numbers = get_memory(number(200));                 /* type: int[] */

    user->id = 1;
    group->users[0] = get_memory(number(40)); /* type: struct user */
    group->count = 1;
    numbers[0] = 3;
    keep(user);
    keep(group);
    keep(text);
    keep(numbers);
    return 0;
}
