/* SPDX-License-Identifier: MIT */
/*
 * Blocks that the program's own variables, or libc on its behalf, lead to.
 */
#include "tests/leaks/cases/case.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYS_OF_THE_FIRST_LEVEL = 32, BYTES = 24 };

static void *volatile in_data = (void *) &in_data;
static void *volatile in_bss;
static void *volatile array[4096];
static void *volatile slots[2];
static void *volatile *const constant_table[] = {&slots[0], &slots[1]};
static __thread void *volatile thread_local_slot;
static pthread_key_t keys[2 * KEYS_OF_THE_FIRST_LEVEL];

static void global_data(void)
{
    in_data = own(BYTES);
}

static void global_bss(void)
{
    in_bss = own(BYTES);
}

static void global_array_end(void)
{
    array[sizeof(array) / sizeof(array[0]) - 1] = own(BYTES);
}

static void global_static_local(void)
{
    static void *volatile slot;

    slot = own(BYTES);
}

/* The table lies in memory that is read-only after the start; what its entries point to does not. */
static void global_constant_table(void)
{
    *constant_table[1] = own(BYTES);
}

static void global_chain(void)
{
    void **first = own(16);
    void **second = own(32);

    first[1] = second;
    second[3] = own(48);
    in_bss = first;
}

/* A second pointer, to the inside, changes nothing. */
static void global_and_interior(void)
{
    in_bss = own(BYTES);
    in_data = (char *) in_bss + 8;
}

/* A cache that is never freed, beside one lost block: only the latter is a leak. */
static void global_cache(void)
{
    static char **cache;

    for (int i = 0; i < 100; i++) {
        char text[32];

        snprintf(text, sizeof(text), "item %d", i);
        cache = realloc(cache, ((size_t) i + 1) * sizeof(*cache));
        need(cache != NULL, "realloc");
        cache[i] = strdup(text);
    }
    own(77);
}

static void tls_of_main(void)
{
    thread_local_slot = own(BYTES);
}

static void *keep_in_tls(void *unused)
{
    thread_local_slot = own(BYTES);
    forget();
    ready();
    for (;;) {
        pause();
    }
    return unused;
}

static void tls_of_thread(void)
{
    start(keep_in_tls, NULL);
}

static void make_keys(void)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        need(pthread_key_create(&keys[i], NULL) == 0, "pthread_key_create");
    }
}

static void key_first_of_main(void)
{
    make_keys();
    pthread_setspecific(keys[0], own(BYTES));
}

static void key_second_of_main(void)
{
    make_keys();
    pthread_setspecific(keys[KEYS_OF_THE_FIRST_LEVEL + 3], own(BYTES));
}

static void *keep_by_key(void *key)
{
    pthread_setspecific(*(pthread_key_t *) key, own(BYTES));
    forget();
    ready();
    for (;;) {
        pause();
    }
    return NULL;
}

static void key_first_of_thread(void)
{
    make_keys();
    start(keep_by_key, &keys[0]);
}

static void key_second_of_thread(void)
{
    make_keys();
    start(keep_by_key, &keys[KEYS_OF_THE_FIRST_LEVEL + 3]);
}

static void environment_string(void)
{
    char *setting = own(BYTES);

    strcpy(setting, "LEAK_CASE=1");
    putenv(setting);
}

static void environment_table(void)
{
    char **table = own(2 * sizeof(*table));

    table[0] = own(BYTES);
    strcpy(table[0], "LEAK_CASE=1");
    environ = table;
}

static void do_nothing(int status, void *argument)
{
    (void) status;
    (void) argument;
}

static void on_exit_argument(void)
{
    on_exit(do_nothing, own(BYTES));
}

/* More than the 32 that libc has room for without a block of its own. exit() would call the handlers, and free it. */
static void on_exit_many(void)
{
    for (int i = 0; i < 100; i++) {
        on_exit(do_nothing, own(BYTES));
    }
    forget();
    _exit(0);
}

static void file_buffer(void)
{
    FILE *file = tmpfile();

    need(file != NULL, "tmpfile");
    setvbuf(file, own(8192), _IOFBF, 8192);
    fputs("x", file);
}

static ssize_t swallow(void *cookie, const char *bytes, size_t size)
{
    (void) cookie;
    (void) bytes;
    return (ssize_t) size;
}

static void file_cookie(void)
{
    cookie_io_functions_t functions = {.write = swallow};

    need(fopencookie(own(BYTES), "w", functions) != NULL, "fopencookie");
}

static int compare(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* libc keeps the colour of a node in the lowest bit of a pointer to it. */
static void search_tree(void)
{
    static void *root;

    for (int i = 0; i < 100; i++) {
        char *key = own(16);

        snprintf(key, 16, "key %d", i);
        need(tsearch(key, &root, compare) != NULL, "tsearch");
    }
}

static void hash_table(void)
{
    ENTRY entry = {.key = own(16), .data = own(BYTES)};

    strcpy(entry.key, "key");
    need(hcreate(30) != 0, "hcreate");
    need(hsearch(entry, ENTER) != NULL, "hsearch");
}

const struct leak_case reference_cases[] = {
    {"global_data", global_data},
    {"global_bss", global_bss},
    {"global_array_end", global_array_end},
    {"global_static_local", global_static_local},
    {"global_constant_table", global_constant_table},
    {"global_chain", global_chain},
    {"global_and_interior", global_and_interior},
    {"global_cache", global_cache},
    {"tls_of_main", tls_of_main},
    {"tls_of_thread", tls_of_thread},
    {"key_first_of_main", key_first_of_main},
    {"key_second_of_main", key_second_of_main},
    {"key_first_of_thread", key_first_of_thread},
    {"key_second_of_thread", key_second_of_thread},
    {"environment_string", environment_string},
    {"environment_table", environment_table},
    {"on_exit_argument", on_exit_argument},
    {"on_exit_many", on_exit_many},
    {"file_buffer", file_buffer},
    {"file_cookie", file_cookie},
    {"search_tree", search_tree},
    {"hash_table", hash_table},
    {NULL, NULL},
};
