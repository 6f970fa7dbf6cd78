/* SPDX-License-Identifier: MIT */
/*
 * Before main and after it: blocks of a library's constructor, of .preinit_array and of the
 * program's constructors live until atexit and on_exit handlers, destructors and the library's
 * destructor; each of these allocates and frees. In children: quick_exit, _exit, pthread_exit of
 * the main thread, and exit while other threads allocate.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"
#include "tests/preload/moments/early_library.h"

enum { OWN = 300, PATIENCE_SECONDS = 50 };

static void *before[OWN];
static void *constructed[OWN];
static int late_handlers;

static size_t own_size(size_t i)
{
    return 1 + i * 37 % 5000;
}

static void make(void **block, uint64_t seed)
{
    for (size_t i = 0; i < OWN; i++) {
        block[i] = malloc(own_size(i));
        CHECK(block[i] != NULL);
        memset(block[i], (int) ((seed + i) & 0x7f), own_size(i));
    }
}

static void drop_third(void **block, uint64_t seed, size_t which)
{
    for (size_t i = which; i < OWN; i += 3) {
        const unsigned char *byte = block[i];
        CHECK(byte[0] == ((seed + i) & 0x7f) && byte[own_size(i) - 1] == ((seed + i) & 0x7f));
        free(block[i]);
        free(calloc(1, own_size(i)));
    }
}

static void before_constructors(int argc, char **argv, char **environment)
{
    (void) argc;
    (void) argv;
    (void) environment;
    make(before, 1);
}

__attribute__((section(".preinit_array"),
               used)) static void (*const preinit)(int, char **, char **) = before_constructors;

__attribute__((constructor)) static void construct(void)
{
    make(constructed, 2);
    drop_third(before, 1, 0);
}

__attribute__((destructor)) static void destruct(void)
{
    CHECK(late_handlers == 2);
    drop_third(before, 1, 2);
    drop_third(constructed, 2, 2);
}

static void at_exit(void)
{
    late_handlers++;
    drop_third(before, 1, 1);
    char *large = malloc(10 << 20);
    CHECK(large != NULL);
    large[0] = 1;
    free(large);
}

static void on_exit_too(int status, void *block)
{
    CHECK(status == 0);
    late_handlers++;
    drop_third(constructed, 2, 1);
    free(block);
}

static atomic_uint allocating;

static void *allocate_for_ever(void *arg)
{
    (void) arg;
    for (size_t i = 0;; i++) {
        free(malloc(i % 3000));
        if (i == 0) {
            atomic_fetch_add(&allocating, 1);
        }
    }
    return NULL;
}

static void exit_with_threads(void)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&thread, NULL, allocate_for_ever, NULL) == 0);
    }
    while (atomic_load(&allocating) < 3) {
        usleep(100);
    }
    exit(0);
}

static void at_quick_exit_handler(void)
{
    void *block = malloc(100);
    CHECK(block != NULL);
    free(block);
}

static void exit_quickly(void)
{
    CHECK(at_quick_exit(at_quick_exit_handler) == 0);
    quick_exit(0);
}

/* The state of a thread that has ended while others of its process run is Z. The file of the thread, and not of the process: qemu-user
 * makes up the latter, without a state. */
static bool has_main_thread_ended(void)
{
    char text[256] = "";
    snprintf(text, sizeof(text), "/proc/self/task/%d/stat", (int) getpid());
    int file = open(text, O_RDONLY);
    ssize_t length = read(file, text, sizeof(text) - 1);
    const char *name_end = strrchr(text, ')');
    CHECK(length > 0 && name_end != NULL && close(file) == 0);
    return name_end[2] == 'Z';
}

static void *outlive_main_thread(void *block)
{
    while (!has_main_thread_ended()) {
        usleep(100);
    }
    free(block);
    free(malloc(1000));
    return NULL;
}

static void exit_main_thread_first(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, outlive_main_thread, malloc(5000)) == 0);
    pthread_exit(NULL);
}

static void exit_at_once(void)
{
    free(malloc(10));
    _exit(0);
}

static void in_child(void (*run)(void))
{
    pid_t child = fork();
    if (child == 0) {
        patience_alarm(PATIENCE_SECONDS);
        run();
        _exit(9);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_AT(status == 0, status);
}

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    for (size_t i = 0; i < EARLY_BLOCKS; i += 2) {
        void *block = early_take(i);
        CHECK(check_is_painted(block, early_size(i), i));
        if (i % 4 == 0) {
            free(block);
        } else {
            early_give(i, realloc(block, early_size(i) + 100000));
        }
    }
    CHECK(atexit(at_exit) == 0 && on_exit(on_exit_too, malloc(77)) == 0);
    drop_third(constructed, 2, 0);
    in_child(exit_with_threads);
    in_child(exit_quickly);
    in_child(exit_main_thread_first);
    in_child(exit_at_once);
    return 0;
}
