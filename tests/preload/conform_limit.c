/* SPDX-License-Identifier: MIT */
/* A process at its limit of address space: every function sets ENOMEM, realloc keeps its block, no
 * block is damaged, and after some frees the program goes on. In a thread and in a child, too. */
#include "tests/preload/conform.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { ROOM = 96 << 20, BLOCKS_MAX = 1000000, PATIENCE_SECONDS = 100 };

static void *block[BLOCKS_MAX];

static size_t mapped_bytes(void)
{
    char text[64] = {0};
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fgets(text, sizeof(text), file) != NULL);
    fclose(file);
    return (size_t) strtoul(text, NULL, 10) * (size_t) sysconf(_SC_PAGESIZE);
}

static void limit_to(rlim_t bytes)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes == RLIM_INFINITY || bytes > limit.rlim_max ? limit.rlim_max : bytes;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static void check_all_refuse(size_t bytes)
{
    FAILS_WITH(ENOMEM, malloc(bytes));
    FAILS_WITH(ENOMEM, calloc(1, bytes));
    FAILS_WITH(ENOMEM, realloc(NULL, bytes));
    FAILS_WITH(ENOMEM, memalign(4096, bytes));
    FAILS_WITH(ENOMEM, aligned_alloc(64, check_opaque(bytes)));
    FAILS_WITH(ENOMEM, valloc(bytes));
    FAILS_WITH(ENOMEM, pvalloc(bytes));
    char here;
    void *untouched = &here;
    CHECK(posix_memalign(&untouched, 64, bytes) == ENOMEM && untouched == &here);
}

/* Allocates blocks of that size until it fails. Returns how many. */
static size_t exhaust(size_t bytes)
{
    size_t count = 0;
    errno = 0;
    while (count < BLOCKS_MAX) {
        block[count] = malloc(bytes);
        if (block[count] == NULL) {
            break;
        }
        memset(block[count], (int) (count & 0x7f), bytes < 64 ? bytes : 64);
        count++;
        errno = 0;
    }
    CHECK_AT(errno == ENOMEM, bytes);
    CHECK_AT(count > ROOM / 3 / (bytes + 64) || bytes > ROOM / 3, count);
    return count;
}

static void exhaust_and_recover(size_t bytes)
{
    limit_to(mapped_bytes() + ROOM);
    size_t count = exhaust(bytes);
    check_all_refuse((size_t) 4 * ROOM);
    if (count > 0) {
        FAILS_WITH(ENOMEM, realloc(check_opaque_pointer(block[0]), (size_t) 4 * ROOM));
        FAILS_WITH(ENOMEM, realloc(check_opaque_pointer(block[count - 1]), (size_t) 16 * ROOM));
    }
    for (size_t i = 0; i < count; i++) {
        const unsigned char *byte = block[i];
        CHECK_AT(byte[0] == (i & 0x7f) && byte[(bytes < 64 ? bytes : 64) - 1] == (i & 0x7f), i);
        KEEPS_ERRNO_VOID(free(block[i]));
    }
    /* Freed memory can be allocated again, in another size. */
    void *again = malloc(ROOM / 8);
    CHECK_AT(again != NULL, bytes);
    memset(again, 1, ROOM / 8);
    free(again);
    limit_to(RLIM_INFINITY);
}

static void test_sizes(void)
{
    static const size_t sizes[] = {40 * MIB, 3 * MIB, 300 * KIB, 40 * KIB, 7000, 1000, 5000, 65536};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        exhaust_and_recover(sizes[i]);
    }
}

static void *allocate_some(void *arg)
{
    (void) arg;
    for (size_t i = 0; i < 1000; i++) {
        void *some = malloc(100);
        if (some == NULL) {
            CHECK(errno == ENOMEM);
        }
        free(some);
    }
    return NULL;
}

/* A thread that starts when no memory is left gets ENOMEM, or works; so does a child. */
static void test_thread_and_child(void)
{
    pthread_attr_t attributes;
    size_t least_stack = (size_t) sysconf(_SC_THREAD_STACK_MIN); /* AArch64: 128 KiB */
    size_t stack = least_stack > 64 * KIB ? least_stack : 64 * KIB;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, stack) == 0);
    limit_to(mapped_bytes() + ROOM);
    size_t count = exhaust(200 * KIB);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, allocate_some, NULL) == 0) {
        CHECK(pthread_join(thread, NULL) == 0);
    }
    pid_t child = fork();
    if (child == 0) {
        patience_alarm(PATIENCE_SECONDS);
        allocate_some(NULL);
        for (size_t i = 0; i < count; i++) {
            free(block[i]);
        }
        _exit(malloc(200 * KIB) != NULL ? 0 : 3);
    }
    CHECK(child > 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (size_t i = 0; i < count; i++) {
        free(block[i]);
    }
    limit_to(RLIM_INFINITY);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    CHECK(pthread_create(&thread, NULL, allocate_some, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

int main(void)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    test_sizes();
    test_thread_and_child();
    return 0;
}
