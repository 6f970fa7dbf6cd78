/* SPDX-License-Identifier: MIT */
/* Two types of one name and different sizes, each in a file of its own. */
#include <lmm/lmm.h>

struct node {
    struct node *next;
    int number;
};

void *lmm_test_other_node(void);

int main(void)
{
    void *first = LMM_NEW(struct node); /* MARK small */
    void *second = lmm_test_other_node();

    return first != NULL && second != NULL ? 0 : 1;
}
