/* SPDX-License-Identifier: MIT */
/* Objects with classes made at run time. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct object {
    const struct class *class;
    int references;
};

struct class
{
    const char *name;
    size_t size;
    void (*init)(struct object *);
};

struct button {
    struct object object;
    char label[40];
    int width;
};

struct label {
    struct object object;
    char *text;
};

static void button_init(struct object *object)
{
    ((struct button *) object)->width = 10;
}

static void label_init(struct object *object)
{
    ((struct label *) object)->text = strdup("label"); /* type: char[] */
}

static const struct class button_class = {"button", sizeof(struct button), button_init};
static const struct class label_class = {"label", sizeof(struct label), label_init};

NOT_INLINED static void *object_new(const struct class *class)
{
    struct object *object = calloc(1, class->size); /* type: struct button | struct label | none */

    object->class = class;
    object->references = 1;
    class->init(object);
    return object;
}

int main(void)
{
    struct button *button = object_new(&button_class); /* type: struct button */
    struct label *label = object_new(&label_class);    /* type: struct label */

    button->label[0] = 'x';
    keep(button), keep(label);
    return 0;
}
