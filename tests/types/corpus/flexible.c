/* SPDX-License-Identifier: MIT */
/* Structs with a flexible array. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct buffer {
    size_t length;
    char data[];
};

struct old_buffer {
    int length;
    int kind;
    char data[1];
};

struct vector {
    size_t count;
    struct entry {
        int key;
        float weight;
    } entries[];
};

NOT_INLINED static struct buffer *buffer_of(const char *text)
{
    size_t length = strlen(text);
    struct buffer *buffer = malloc(sizeof(struct buffer) + length + 1); /* type: struct buffer */

    buffer->length = length;
    memcpy(buffer->data, text, length + 1);
    return buffer;
}

int main(void)
{
    size_t count = number(7);
    struct old_buffer *old = malloc(sizeof(*old) + count);            /* type: struct old_buffer */
    struct vector *vector = malloc(sizeof(*vector) + 8 * count);      /* type: struct vector */
    struct vector *other = calloc(1, number(8 + 8 * 100));            /* type: struct vector */
    struct buffer *plain = malloc(offsetof(struct buffer, data[33])); /* type: struct buffer */

    for (size_t i = 0; i < count; i++) {
        keep(buffer_of("a text of some length"));
        keep(buffer_of("short"));
    }
    old->length = 1;
    vector->count = count;
    other->count = 100;
    keep(old), keep(vector), keep(other), keep(plain);
    return 0;
}
