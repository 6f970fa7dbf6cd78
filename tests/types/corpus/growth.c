/* SPDX-License-Identifier: MIT */
/* Arrays that grow by realloc. */
#include <stdlib.h>

#include "keep.h"

struct token {
    int kind;
    int line;
    const char *text;
};

struct tokens {
    struct token *items;
    size_t count, room;
};

NOT_INLINED static void add(struct tokens *tokens, int kind)
{
    if (tokens->count == tokens->room) {
        size_t room = tokens->room == 0 ? 4 : tokens->room * 2;
        struct token *items =
            realloc(tokens->items, room * sizeof(struct token)); /* type: struct token[] */

        tokens->items = items;
        tokens->room = room;
    }
    tokens->items[tokens->count++].kind = kind;
}

struct stack {
    int *values;
    size_t depth, room;
};

NOT_INLINED static void push(struct stack *stack, int value)
{
    if (stack->depth >= stack->room) {
        stack->room += 16;
        stack->values =
            realloc(stack->values, stack->room * sizeof(*stack->values)); /* type: int[] */
    }
    stack->values[stack->depth++] = value;
}

NOT_INLINED static void append(char **text, size_t *length, char c)
{
    char *longer = realloc(*text, *length + 1); /* type: char[] */

    longer[(*length)++] = c;
    *text = longer;
}

int main(void)
{
    static struct tokens tokens;
    static struct stack stack;
    char *text = NULL;
    size_t length = 0;

    for (int i = 0; i < 100; i++) {
        add(&tokens, i);
        push(&stack, i);
        append(&text, &length, 'a');
    }
    keep(&tokens), keep(&stack), keep(text);
    return 0;
}
