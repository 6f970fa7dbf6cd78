/* SPDX-License-Identifier: MIT */
#include <lmm/lmm.h>

struct node {
    char name[40];
    struct node *next;
};

void *lmm_test_other_node(void);

void *lmm_test_other_node(void)
{
    return LMM_NEW(struct node); /* MARK large */
}
