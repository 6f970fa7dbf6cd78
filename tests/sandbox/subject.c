/* SPDX-License-Identifier: MIT */
/*
 * subject: what sandboxed.py runs where the kernel does less. A thread, a forked child that leaks a block of its own,
 * blocks of all lengths which grow, move and are freed; in the end it loses two structs of 40 bytes, one of which holds a
 * third, and a text. TYPED: by the typed library, else by malloc. Its status is 3.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#if TYPED
#include <lmm/lmm.h>
#endif

struct node {
    struct node *next;
    char name[32];
};

enum { NODES = 5000, LONG_BYTES = 24 << 20 };

static struct node *make(struct node *next)
{
#if TYPED
    struct node *node = LMM_NEW(struct node);
#else
    struct node *node = calloc(1, sizeof(*node));
#endif
    if (node == NULL) {
        abort();
    }
    node->next = next;
    return node;
}

static void end(void *block)
{
#if TYPED
    lmm_free(block);
#else
    free(block);
#endif
}

static char *text(size_t bytes)
{
#if TYPED
    char *made = LMM_NEW_ARRAY(char, bytes);
#else
    char *made = calloc(1, bytes);
#endif
    if (made == NULL || made[0] != 0 || made[bytes - 1] != 0) {
        abort();
    }
    return memset(made, 'x', bytes);
}

static char *resize(char *old, size_t bytes)
{
#if TYPED
    char *made = lmm_resize(old, bytes);
#else
    char *made = realloc(old, bytes);
#endif
    if (made == NULL || made[0] != 'x') {
        abort();
    }
    return made;
}

/* A list that is made and freed, and a long block that grows, shrinks and is freed. */
static void *work(void *unused)
{
    struct node *list = NULL;

    for (size_t i = 0; i < NODES; i++) {
        list = make(list);
    }
    while (list != NULL) {
        struct node *next = list->next;
        end(list);
        list = next;
    }
    for (size_t bytes = 100; bytes < LONG_BYTES; bytes *= 3) {
        char *made = text(bytes);
        made = resize(made, 3 * bytes);
        made[3 * bytes - 1] = 'y';
        made = resize(made, bytes / 2 + 1);
        end(made);
    }
    return unused;
}

static void child(void)
{
    work(NULL);
    _exit(4);
}

static __attribute__((noinline)) void lose(void)
{
    struct node *volatile lost = make(make(NULL));
    char *volatile words = text(1000);

    lost = make(NULL);
    lost = NULL;
    words = NULL;
    (void) lost;
    (void) words;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char room[16384];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
}

int main(void)
{
    pthread_t thread;
    int status = 0;

    lose();
    work(NULL);
    if (pthread_create(&thread, NULL, work, NULL) != 0) {
        abort();
    }
    pthread_join(thread, NULL);
    pid_t made = fork();
    if (made == 0) {
        child();
    }
    if (waitpid(made, &status, 0) != made || !WIFEXITED(status) || WEXITSTATUS(status) != 4) {
        fprintf(stderr, "the child's status is %#x\n", (unsigned) status);
        return 1;
    }
    clear_stack();
    return 3;
}
