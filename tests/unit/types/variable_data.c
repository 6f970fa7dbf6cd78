/* SPDX-License-Identifier: MIT */
/* Functions that say where their variables are; test_variables.c asks the debug information. */
#include "tests/unit/types/variable_data.h"

#include <stddef.h>

#define KEPT           static __attribute__((noinline, used))
#define NAME_OF(word)  #word
#define TEXT_OF(macro) NAME_OF(macro)
#define CFA            __builtin_dwarf_cfa()
#define SEE(function, variable)                                                                    \
    do {                                                                                           \
        see(#function, #variable, &(variable), CFA);                                               \
        __asm__ volatile("" ::: "memory");                                                         \
    } while (0)

int VARIANT;

struct node {
    struct node *next;
    long value;
    char name[16];
};

static struct node nodes[4];
static long counter;

KEPT long in_frame(long argument, struct node *pointer)
{
    struct node local = {pointer, argument, "x"};

    long number = argument;

    SEE(in_frame, local);
    SEE(in_frame, number);
    if (argument > 0) {
        struct node *inner = &local;

        SEE(in_frame, inner);
        SEE(in_frame, local);
        return inner->value;
    }
    return local.value;
}

static inline __attribute__((always_inline)) long inlined(struct node *from)
{
    struct node copy = *from;

    SEE(in_caller, copy);
    return copy.value;
}

KEPT long in_caller(long argument)
{
    struct node own = {NULL, argument, "y"};

    SEE(in_caller, own);
    return inlined(&own);
}

/* Its frame has a length that is known only when it runs. */
KEPT long in_growing(long argument)
{
    long fixed = argument;
    char *grown = __builtin_alloca((size_t) argument + 10);

    grown[0] = 'x';
    SEE(in_growing, fixed);
    SEE(in_growing, grown);
    return fixed + grown[0];
}

/* `held` is in a register, or was saved, when see() returns. */
KEPT long in_register(struct node *held)
{
    see("in_register", "held", NULL, CFA);
    return held->value + held->name[1];
}

KEPT long with_static(void)
{
    static struct node kept[2];

    see("with_static", "kept", &kept, NULL);
    return ++kept[1].value;
}

/* Two blocks have variables of the same name, and of one type or of two. */
KEPT long with_names(long argument)
{
    struct node *outer = &nodes[1];

    if (argument > 1) {
        struct node *same = outer->next;
        int other = (int) argument;

        SEE(with_names, same);
        SEE(with_names, other);
    } else {
        struct node *same = outer;
        long other = argument;

        SEE(with_names, same);
        SEE(with_names, other);
    }
    return outer->value;
}

static void run(void)
{
    counter += in_frame(3, &nodes[0]) + in_caller(4) + in_growing(5) + in_register(&nodes[2]) +
               with_static() + with_names(1);
    see("", "nodes", nodes, NULL);
    see("", "counter", &counter, NULL);
}

static __attribute__((constructor)) void join_test(void)
{
    join(TEXT_OF(VARIANT), run);
}
