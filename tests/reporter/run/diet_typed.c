/* SPDX-License-Identifier: MIT */
/* diet_typed: a program that registers a struct with holes, for test_diet.py: 1,000 blocks of it, and an array
 * of 500. It prints "ready", and waits for the end of its input. */
#include <lmm/lmm.h>

#include <stdio.h>

typedef struct {
    char kind;
    long key;
    char flags;
} holey_t;

int main(void)
{
    LMM_REGISTER(holey_t);
    for (int i = 0; i < 1000; i++) {
        LMM_NEW(holey_t)->key = i;
    }
    holey_t *array = LMM_NEW_ARRAY(holey_t, 500);

    array[0].kind = 1;
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
