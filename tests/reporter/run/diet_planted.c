/* SPDX-License-Identifier: MIT */
/*
 * diet_planted: a program with one of each thing that `lmm diet` finds: diet_planted [KILO], of so many thousands of each
 * block. It prints "ready", and waits for the end of its input. Each line that matters has a comment that test_diet.py
 * looks for.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet { /* PACKET: 12 bytes of holes */
    char kind;
    void *data;
    short flags;
    int length;
    long sent[3];
    char is_last;
    int port;
};

struct tidy { /* no order is better */
    struct tidy *next;
    long key;
};

struct name { /* NAME */
    char text[24];
};

struct person { /* the only struct that points at a name */
    struct person *next;
    struct name *name;
    long id;
};

struct list {
    int *items;
    size_t count;
    size_t room;
};

struct session { /* SESSION: 32 of 48 bytes are never set */
    long id;
    long unused[3];
    struct session *next;
    void *user;
};

static void **kept;
static size_t kept_count;

static void *keep(void *block)
{
    kept[kept_count++] = block;
    return block;
}

static struct packet *make_packet(int port)
{
    struct packet *packet = malloc(sizeof(struct packet)); /* PACKET LINE */

    packet->port = port;
    return keep(packet);
}

static void make_text(int number)
{
    char *text = malloc(65); /* TEXT LINE */

    snprintf(text, 65, "%064d", number);
    keep(text);
}

static void make_tiny(int number)
{
    char *tiny = malloc(6); /* TINY LINE */

    memset(tiny, number, 6);
    keep(tiny);
}

static void make_person(long id)
{
    struct person *person = malloc(sizeof(struct person));

    person->name = malloc(sizeof(struct name));
    person->id = id;
    snprintf(person->name->text, sizeof(person->name->text), "%ld", id);
    keep(person);
}

static void make_session(long id)
{
    static struct session *last;
    struct session *session = keep(calloc(1, sizeof(struct session)));

    session->id = 100000 + id;
    session->next = last;
    last = session;
}

static void append(struct list *list, int item)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 16 : 2 * list->room;
        list->items = realloc(list->items, list->room * sizeof(int)); /* GROWTH LINE */
    }
    list->items[list->count++] = item;
}

static void *free_all(void *blocks)
{
    for (char **block = blocks; *block != NULL; block++) {
        free(*block);
    }
    return NULL;
}

/* Makes blocks that another thread frees. */
static void hand_over(size_t count)
{
    char **blocks = calloc(count + 1, sizeof(*blocks));
    pthread_t thread;

    for (size_t i = 0; i < count; i++) {
        blocks[i] = malloc(100); /* FOREIGN LINE */
        blocks[i][0] = 1;
    }
    if (pthread_create(&thread, NULL, free_all, blocks) == 0) {
        pthread_join(thread, NULL);
    }
    free(blocks);
}

int main(int argc, char **argv)
{
    size_t count = 1000 * (argc > 1 ? strtoul(argv[1], NULL, 10) : 1);
    struct list list = {NULL, 0, 0};

    kept = calloc(6 * count, sizeof(*kept));
    for (size_t i = 0; i < count; i++) {
        make_packet((int) i);
        make_tiny((int) i);
        append(&list, (int) i);
        make_session((long) i);
        if (i % 4 == 0) {
            struct tidy *tidy = keep(malloc(sizeof(struct tidy)));

            tidy->key = (long) i;
            make_text((int) i);
            make_person((long) i);
        }
    }
    hand_over(count);
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return list.count == 0;
}
