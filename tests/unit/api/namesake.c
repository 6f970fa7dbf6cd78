/* SPDX-License-Identifier: MIT */
/* The other struct node; see test_namesakes.c. */
#include "tests/unit/api/namesake.h"

#include <lmm/lmm.h>

struct node {
    char name[40];
    struct node *next;
};

void *namesake_new(void)
{
    return LMM_NEW(struct node);
}

size_t namesake_size(void)
{
    return sizeof(struct node);
}
