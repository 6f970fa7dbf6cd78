/* SPDX-License-Identifier: MIT */
/* Structs with others inside: the type is that of the whole. */
#include <stdlib.h>
#include <string.h>

#include "keep.h"

struct list_head {
    struct list_head *next, *previous;
};

struct task {
    struct list_head node; /* first */
    int id;
    char name[20];
};

struct file {
    int id;
    struct list_head node; /* inside */
    long size;
};

struct base {
    int kind;
    int references;
};

struct circle {
    struct base base;
    double x, y, radius;
};

static struct list_head tasks = {&tasks, &tasks};

NOT_INLINED static void list_add(struct list_head *new, struct list_head *list)
{
    new->next = list->next;
    new->previous = list;
    list->next->previous = new;
    list->next = new;
}

NOT_INLINED static void base_init(struct base *base, int kind)
{
    base->kind = kind;
    base->references = 1;
}

NOT_INLINED static void add_task(int id)
{
    struct task *task = malloc(sizeof(struct task)); /* type: struct task */

    task->id = id;
    list_add(&task->node, &tasks);
}

NOT_INLINED static void add_plain_task(void)
{
    struct task *task = malloc(number(40)); /* type: struct task */

    list_add(&task->node, &tasks);
}

NOT_INLINED static void add_file(void)
{
    struct file *file = malloc(number(32)); /* type: struct file */

    memset(file, 0, sizeof(*file));
    list_add(&file->node, &tasks);
}

NOT_INLINED static struct base *new_circle(void)
{
    struct circle *circle = malloc(number(32)); /* type: struct circle */

    base_init(&circle->base, 3);
    circle->radius = 2;
    return &circle->base;
}

NOT_INLINED static struct base *new_circle_by_base(void)
{
    struct base *base = malloc(sizeof(struct circle)); /* type: struct circle | struct base+ */

    base_init(base, 3);
    return base;
}

NOT_INLINED static struct base *new_silent(void)
{
    struct base *base = malloc(number(32)); /* type: struct circle | struct base+ */

    base_init(base, 4);
    return base;
}

NOT_INLINED static struct base *only_returned(void)
{
    return malloc(sizeof(struct circle)); /* type: struct circle | struct base+ */
}

int main(void)
{
    struct base *first;

    add_task(1);
    add_task(2);
    add_plain_task();
    add_file();
    first = new_circle();
    keep(first);
    keep(new_circle_by_base());
    keep(new_silent());
    keep(only_returned()); /* type: struct circle */
    keep(&tasks);
    return 0;
}
