/* SPDX-License-Identifier: MIT */
/*
 * lsan_own: what a program defines for LeakSanitizer and does not export. Its options are those of
 * LSAN_OWN_OPTIONS; LSAN_OWN_OFF turns checks off. It loses 100 bytes, which it suppresses, and 200 in
 * `lose`; 300 are held by an address that is not aligned.
 */
#include <stdlib.h>
#include <string.h>

#define HIDDEN __attribute__((visibility("hidden"), used))

const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
int __lsan_is_turned_off(void);

static int is_ready;
static _Alignas(void *) char odd[2 * sizeof(void *)];

/* The last constructor. What LMM calls before it ends the program. */
__attribute__((constructor)) static void get_ready(void)
{
    is_ready = 1;
}

HIDDEN const char *__lsan_default_options(void)
{
    return is_ready ? getenv("LSAN_OWN_OPTIONS") : (abort(), NULL);
}

HIDDEN const char *__lsan_default_suppressions(void)
{
    return is_ready ? "leak:lose_known\n" : (abort(), NULL);
}

HIDDEN int __lsan_is_turned_off(void)
{
    return getenv("LSAN_OWN_OFF") != NULL;
}

static __attribute__((noinline)) void drop(size_t bytes)
{
    void *volatile block = malloc(bytes);

    *(volatile char *) block = 0;
    block = NULL;
}

static __attribute__((noinline)) void lose_known(void)
{
    drop(100);
}

static __attribute__((noinline)) void lose(void)
{
    drop(200);
}

static __attribute__((noinline)) void hide(void)
{
    void *block = malloc(300);

    memcpy(odd + 1, &block, sizeof(block));
}

static __attribute__((noinline)) void forget(void)
{
    volatile char room[16384];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
}

int main(void)
{
    lose_known();
    lose();
    hide();
    forget();
    return 0;
}
