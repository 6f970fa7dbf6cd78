/* SPDX-License-Identifier: MIT */
/*
 * Blocks to whose inside pointers lead.
 */
#include "tests/leaks/cases/case.h"

#include <stdlib.h>

enum { BYTES = 80 };

static void interior_middle(void)
{
    held = (char *) own(BYTES) + 40;
}

static void interior_last_byte(void)
{
    held = (char *) own(BYTES) + BYTES - 1;
}

/* What a possibly lost block leads to is possibly lost, too. */
static void interior_then_start(void)
{
    void **holder = own(BYTES);

    holder[2] = own(24);
    held = (char *) holder + 40;
}

static void start_then_interior(void)
{
    void **holder = own(BYTES);

    holder[2] = (char *) own(24) + 12;
    held = holder;
}

/* There is a better reference: from a reachable block. */
static void interior_and_start(void)
{
    static void *volatile inside;
    void **holder = own(BYTES);

    holder[2] = own(24);
    inside = (char *) holder[2] + 8;
    held = holder;
}

/* Possibly lost is better than indirectly lost. */
static void interior_and_lost(void)
{
    void **lost = own(BYTES);

    lost[0] = own(24);
    held = (char *) lost[0] + 12;
}

static void interior_of_large(void)
{
    held = (char *) own(10 << 20) + (5 << 20);
}

static void interior_ring(void)
{
    void **first = own(BYTES);
    void **second = own(BYTES);

    first[3] = (char *) second + 40;
    second[3] = (char *) first + 40;
}

/* A length of 8 bytes stands before the bytes that the program uses. */
static void length_before(void)
{
    uint64_t *block = own(8 + 100);

    block[0] = 100;
    held = block + 1;
}

/* The word before is not the length. */
static void no_length_before(void)
{
    uint64_t *block = own(8 + 100);

    block[0] = 99;
    held = block + 1;
}

const struct leak_case interior_cases[] = {
    {"interior_middle", interior_middle},
    {"interior_last_byte", interior_last_byte},
    {"interior_then_start", interior_then_start},
    {"start_then_interior", start_then_interior},
    {"interior_and_start", interior_and_start},
    {"interior_and_lost", interior_and_lost},
    {"interior_of_large", interior_of_large},
    {"interior_ring", interior_ring},
    {"length_before", length_before},
    {"no_length_before", no_length_before},
    {NULL, NULL},
};
