/* SPDX-License-Identifier: MIT */
/* setjmp, goto, loops. */
#include <setjmp.h>
#include <stdlib.h>

#include "keep.h"

struct context {
    jmp_buf back;
    int tries;
    void *volatile last;
};

struct part {
    struct part *next;
    long a;
};

NOT_INLINED static void attempt(struct context *context)
{
    struct part *part = malloc(sizeof(struct part)); /* type: struct part */

    part->next = context->last;
    context->last = part;
    if (++context->tries < 4) {
        longjmp(context->back, 1);
    }
}

NOT_INLINED static struct part *chain(int count)
{
    struct part *first = NULL;
    struct part **end = &first;

again:
    *end = malloc(number(16)); /* type: struct part */
    if (*end == NULL) {
        goto failed;
    }
    (*end)->next = NULL;
    end = &(*end)->next;
    if (--count > 0) {
        goto again;
    }
failed:
    return first;
}

int main(void)
{
    struct context *context = calloc(1, sizeof(struct context)); /* type: struct context */
    struct part *volatile kept = malloc(number(16));             /* type: struct part */

    if (setjmp(context->back) == 0) {
        kept->a = 1;
    }
    attempt(context);
    keep(context), keep(kept), keep(chain(5));
    return 0;
}
