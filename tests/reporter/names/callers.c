/* SPDX-License-Identifier: MIT */
/* One function that allocates for 20 others, of which each calls it once, and one for itself. */
#include <stdlib.h>

#define APART __attribute__((noinline))

static void *volatile kept[100];
static int count;

static APART void *node_new(size_t n)
{
    void *volatile block = malloc(n);
    return block;
}

#define USER(name)                                                                                 \
    static APART void name(void)                                                                   \
    {                                                                                              \
        kept[count++] = node_new(10);                                                              \
    }
#define USERS(name) USER(name##_1) USER(name##_2) USER(name##_3) USER(name##_4) USER(name##_5)

USERS(a)
USERS(b)
USERS(c)
USERS(d)

#define CALL(name) name##_1(), name##_2(), name##_3(), name##_4(), name##_5()

int main(void)
{
    CALL(a);
    CALL(b);
    CALL(c);
    CALL(d);
    kept[count++] = malloc(1000);
    return 0;
}
