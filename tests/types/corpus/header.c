/* SPDX-License-Identifier: MIT */
/* A header before the bytes that the program passes around. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct header {
    uint32_t length;
    uint32_t room;
    char text[];
};

struct block {
    size_t size;
    struct block *next;
};

NOT_INLINED static char *text_of(const char *from)
{
    size_t length = strlen(from);
    struct header *header = malloc(sizeof(struct header) + length + 1); /* type: struct header */

    header->length = (uint32_t) length;
    memcpy(header->text, from, length + 1);
    return header->text;
}

NOT_INLINED static char *text_by_bytes(const char *from)
{
    size_t length = strlen(from);
    char *bytes = malloc(8 + length + 1); /* type: char[] | struct header */

    ((struct header *) bytes)->length = (uint32_t) length;
    memcpy(bytes + 8, from, length + 1);
    return bytes + 8;
}

NOT_INLINED static void *with_size(size_t size)
{
    struct block *block = malloc(sizeof(struct block) + size); /* type: struct block */

    block->size = size;
    return block + 1;
}

NOT_INLINED static void *with_number(size_t size)
{
    size_t *block = malloc(
        sizeof(size_t) + size); /* type: none | size_t[] | unsigned long[] | long unsigned int[] */

    *block = size;
    return block + 1;
}

struct pixel {
    unsigned char red, green, blue;
};

int main(void)
{
    struct pixel *pixels = with_size(number(48));
    double *numbers = with_number(number(80));

    keep(text_of("a text"));
    keep(text_of("another text, a longer one"));
    keep(text_by_bytes("bytes"));
    pixels[0].red = 1;
    numbers[0] = 3;
    keep(pixels), keep(numbers);
    return 0;
}
