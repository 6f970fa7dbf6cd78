/* SPDX-License-Identifier: MIT */
/*
 * lsan: a program annotated for LeakSanitizer: it loses blocks of different sizes, of which it ignores
 * some, and suppresses others. `lsan off` turns the check off, `lsan ask` makes checks of its own, and
 * prints whether they find something; `lsan last` makes the check that takes the place of that at the end,
 * after which it loses more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __lsan_is_turned_off(void);
const char *__lsan_default_suppressions(void);
void __lsan_ignore_object(const void *p) __attribute__((weak));
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));
void __lsan_register_root_region(const void *start, size_t bytes) __attribute__((weak));
void __lsan_unregister_root_region(const void *start, size_t bytes) __attribute__((weak));
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
void __lsan_do_leak_check(void) __attribute__((weak));

static int is_off;

int __lsan_is_turned_off(void)
{
    return is_off;
}

const char *__lsan_default_suppressions(void)
{
    return "# known\nleak:lose_known\n";
}

static __attribute__((noinline)) void drop(size_t bytes, void (*before)(const void *))
{
    void *volatile block = malloc(bytes);

    if (before != NULL) {
        before(block);
    }
    block = NULL;
}

static __attribute__((noinline)) void lose_known(void)
{
    drop(100, NULL);
}

static __attribute__((noinline)) void lose(void)
{
    drop(200, NULL);
}

static __attribute__((noinline)) void lose_disabled(void)
{
    __lsan_disable();
    __lsan_disable();
    __lsan_enable();
    drop(400, NULL);
    __lsan_enable();
}

/* Overwrites what earlier calls left on the stack. */
static __attribute__((noinline)) void forget(void)
{
    volatile char room[16384];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = 0;
    }
}

int main(int argc, char **argv)
{
    int checks[2] = {-1, -1};

    if (__lsan_disable == NULL) {
        return 3; /* on libc's malloc */
    }
    is_off = argc > 1 && strcmp(argv[1], "off") == 0;
    lose_known();
    drop(800, __lsan_ignore_object);
    lose_disabled();
    forget();
    if (argc > 1 && strcmp(argv[1], "ask") == 0) {
        lose();
        forget();
        checks[0] = __lsan_do_recoverable_leak_check();
        checks[1] = __lsan_do_recoverable_leak_check();
        printf("%d %d\n", checks[0], checks[1]);
    }
    if (argc > 1 && strcmp(argv[1], "last") == 0) {
        lose();
        forget();
        __lsan_do_leak_check();
        lose();
        lose();
        forget();
    }
    return 0;
}
