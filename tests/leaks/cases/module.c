/* SPDX-License-Identifier: MIT */
/*
 * A module for dlopen, with a variable and a thread-local variable.
 */
#include <stdlib.h>

void keep_in_data(void *block);
void keep_in_tls(void *block);
void lose(void *unused);

static void *volatile in_data = (void *) &in_data;
static __thread void *volatile in_tls[100];

void keep_in_data(void *block)
{
    in_data = block;
}

void keep_in_tls(void *block)
{
    in_tls[50] = block;
}

void lose(void *unused)
{
    (void) unused;
    in_data = malloc(56);
    in_data = NULL;
}
