/* SPDX-License-Identifier: MIT */
/* served_plain: a program without LMM that a server observes on the drop-in. Each line of its standard input, `node N`,
 * `wide N` or `text N`, allocates N blocks at a place of its own; "ok" answers it. Before the first line nothing is
 * allocated. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    char text[40];
};

static struct node *nodes;

static __attribute__((noinline)) void add_node(void)
{
    struct node *node = malloc(sizeof(struct node));

    if (node != NULL) {
        node->next = nodes;
        nodes = node;
    }
}

static char *texts[10000];
static size_t text_count;

static __attribute__((noinline)) void add_text(void)
{
    if (text_count < sizeof(texts) / sizeof(texts[0])) {
        texts[text_count++] = strdup("a text that is kept");
    }
}

/* It has holes. */
struct wide {
    char first;
    struct wide *second;
    char third;
};

static struct wide *wides;

static __attribute__((noinline)) void add_wide(void)
{
    struct wide *wide = malloc(sizeof(struct wide));

    if (wide != NULL) {
        wide->first = wide->third = 1;
        wide->second = wides;
        wides = wide;
    }
}

int main(void)
{
    static char input[4096];
    char line[100];

    setvbuf(stdin, input, _IOFBF, sizeof(input));
    while (fgets(line, sizeof(line), stdin) != NULL) {
        unsigned long count = strlen(line) > 5 ? strtoul(line + 5, NULL, 10) : 0;

        while (count-- > 0) {
            if (line[0] == 'n') {
                add_node();
            } else if (line[0] == 'w') {
                add_wide();
            } else {
                add_text();
            }
        }
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
