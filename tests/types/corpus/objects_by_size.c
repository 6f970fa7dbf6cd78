/* SPDX-License-Identifier: MIT */
/* One function allocates all objects, by sizes that are data, and returns the struct that they start with. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct class
{
    const char *name;
    size_t size;
    size_t item_size;
    bool has_header;
};

struct object {
    long references;
    const struct class *class;
};

struct var_object {
    struct object base;
    long count;
};

struct number {
    struct object base;
    double value;
};

struct list {
    struct var_object base;
    struct object **items;
    long room;
};

struct tuple {
    struct var_object base;
    struct object *items[1];
};

struct text {
    struct object base;
    long length;
    long hash;
};

struct wide_text {
    struct text text;
    char *utf8;
};

struct pair {
    struct object base;
    struct object *left;
    struct object *right;
};

/* Larger structs start with a pair, too. */
struct named_pair {
    struct pair pair;
    const char *name;
};

struct header {
    struct header *next;
    struct header *previous;
};

/* ---- Without a header -------------------------------------------------------------------------- */

NOT_INLINED static struct object *allocate(const struct class *class)
{
    struct object *object =
        malloc(class->size); /* type: struct number | struct text | struct object+ */

    if (object == NULL) {
        abort();
    }
    object->references = 1;
    object->class = class;
    return object;
}

NOT_INLINED static struct object *new_number(const struct class *class, double value)
{
    struct number *number = (struct number *) allocate(class); /* type: struct number */

    number->value = value;
    return &number->base;
}

/* Without a variable. */
NOT_INLINED static struct number *cast_number(const struct class *class)
{
    return (struct number *) allocate(class); /* type: struct number */
}

/* Nobody says which. */
NOT_INLINED static struct object *new_instance(const struct class *class)
{
    return allocate(class); /* type: struct object+ */
}

/* Only sometimes it is one. */
NOT_INLINED static double value_of_new(const struct class *class)
{
    struct object *object = allocate(class); /* type: struct object+ */
    double value = 0;

    if (object->class->item_size == 3) {
        struct number *number = (struct number *) object;

        number->value = 5;
        value = number->value;
        keep(number);
    }
    keep(object);
    return value;
}

/* ---- After a header of known size -------------------------------------------------------------- */

NOT_INLINED static struct object *allocate_listed(const struct class *class, size_t more)
{
    char *memory = malloc(sizeof(struct header) + class->size +
                          more); /* type: struct pair | struct text | struct header... */
    struct header *header = (struct header *) memory;

    header->next = header;
    header->previous = header;

    struct object *object = (struct object *) (memory + sizeof(struct header));

    object->references = 1;
    object->class = class;
    return object;
}

NOT_INLINED static struct pair *new_pair(const struct class *class)
{
    struct pair *pair =
        (struct pair *) allocate_listed(class, 0); /* type: struct pair... | struct header */

    pair->left = NULL;
    pair->right = NULL;
    return pair;
}

/* ---- After a header, or without one ------------------------------------------------------------ */

NOT_INLINED static struct object *allocate_any(const struct class *class, size_t items)
{
    size_t before = class->has_header ? sizeof(struct header) : 0;
    char *memory =
        malloc(before + class->size +
               items * class->item_size); /* type: struct list | struct tuple | struct object+ */

    if (memory == NULL) {
        return NULL;
    }
    memset(memory, 0, before);

    struct object *object = (struct object *) (memory + before);

    object->references = 1;
    object->class = class;
    return object;
}

NOT_INLINED static struct var_object *allocate_several(const struct class *class, size_t items)
{
    struct var_object *object = (struct var_object *) allocate_any(
        class, items); /* type: struct tuple | struct list | struct var_object+ */

    if (object == NULL) {
        return NULL;
    }
    object->count = (long) items;
    return object;
}

NOT_INLINED static struct object *new_list(const struct class *class)
{
    struct list *list = (struct list *) allocate_several(class, 0); /* type: struct list */

    list->items = NULL;
    list->room = 0;
    return &list->base.base;
}

NOT_INLINED static struct object *new_tuple(const struct class *class, size_t count)
{
    struct tuple *tuple = (struct tuple *) allocate_several(class, count); /* type: struct tuple */

    memset(tuple->items, 0, count * sizeof(tuple->items[0]));
    return &tuple->base.base;
}

NOT_INLINED static struct object *new_any(const struct class *class)
{
    return allocate_any(class, 0); /* type: struct object+ */
}

/* ---- With text at the end ---------------------------------------------------------------------- */

NOT_INLINED static struct object *new_text(const struct class *class, const char *from)
{
    size_t length = strlen(from);
    struct object *object =
        malloc(sizeof(struct text) + length + 1); /* type: struct text | struct text+ */
    struct text *text = (struct text *) object;

    object->references = 1;
    object->class = class;
    text->length = (long) length;
    memcpy(text + 1, from, length + 1);
    return object;
}

/* Only the sizes of all blocks tell that some are not of the larger struct. */
NOT_INLINED static struct object *new_any_text(const struct class *class, size_t head, size_t more)
{
    struct object *object = malloc(head + more); /* type: struct object+ | struct text+ */
    struct wide_text *wide = (struct wide_text *) object;

    wide->text.length = (long) more;
    object->references = 1;
    object->class = class;
    if (head == sizeof(struct wide_text)) {
        wide->utf8 = NULL;
    }
    return object;
}

/* ---- Headers that the program never sees ------------------------------------------------------- */

NOT_INLINED static void *counted(size_t size)
{
    size_t *memory = malloc(
        16 + size); /* type: struct number | struct named_pair | unsigned long[] | size_t[] */

    memory[0] = size;
    return memory + 2;
}

int main(void)
{
    static const struct class numbers = {"number", sizeof(struct number), 0, false};
    static const struct class pairs = {"pair", sizeof(struct pair), 0, false};
    static const struct class lists = {"list", sizeof(struct list), 0, true};
    static const struct class tuples = {"tuple", sizeof(struct var_object), 8, true};
    static const struct class texts = {"text", sizeof(struct text), 0, false};
    static const struct class instances = {"instance", sizeof(struct object) + 24, 0, true};

    keep(new_number(&numbers, 1)), keep(cast_number(&numbers)),
        keep(new_instance(&instances)); /* type: struct number | struct object+ */
    keep(new_pair(&pairs)), keep(new_list(&lists)), keep(new_any(&instances));
    for (size_t i = 1; i < 6; i++) {
        keep(new_tuple(&tuples, i));
    }
    keep(new_text(&texts, "a text")), keep(new_text(&texts, "another one"));
    keep(new_any_text(&texts, number(32), 1));
    keep(new_any_text(&texts, number(32), 90));
    keep(new_any_text(&texts, number(32), 300));
    keep(new_any_text(&texts, number(40), 20));
    if (value_of_new(&texts) > 7) {
        return 1;
    }

    struct number *one = counted(number(sizeof(struct number))); /* type: struct number */
    struct named_pair *pair = counted(number(sizeof(*pair)));    /* type: struct named_pair */

    one->value = 2;
    pair->name = "";
    keep(one), keep(pair);
    return 0;
}
