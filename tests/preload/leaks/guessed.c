/* SPDX-License-Identifier: MIT */
/* guessed: blocks that leak behind assembly without unwind tables: one function keeps a frame
 * pointer, the other uses that register for something else. */
#include "tests/preload/check.h"

typedef void *allocate_function(size_t bytes);

/* Both return function(bytes). */
void *guessed_with_pointer(size_t bytes, allocate_function *function);
void *guessed_without_pointer(size_t bytes, allocate_function *function);
__asm__(".text\n"
        ".type guessed_with_pointer, @function\n"
        "guessed_with_pointer:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n"
        "    sub $48, %rsp\n"
        "    call *%rsi\n"
        "    leave\n"
        "    ret\n"
        ".size guessed_with_pointer, . - guessed_with_pointer\n"
        ".type guessed_without_pointer, @function\n"
        "guessed_without_pointer:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n" /* the stack, but no return address is there */
        "    sub $16, %rbp\n"
        "    sub $48, %rsp\n"
        "    call *%rsi\n"
        "    add $48, %rsp\n"
        "    pop %rbp\n"
        "    ret\n"
        ".size guessed_without_pointer, . - guessed_without_pointer\n");

static __attribute__((noinline)) void *allocate(size_t bytes)
{
    return check_opaque_pointer(malloc(bytes));
}

static __attribute__((noinline)) void call_with_pointer(void)
{
    CHECK(check_opaque_pointer(guessed_with_pointer(20, allocate)) != NULL);
}

static __attribute__((noinline)) void call_without_pointer(void)
{
    CHECK(check_opaque_pointer(guessed_without_pointer(300, allocate)) != NULL);
}

int main(void)
{
    check_start();
    for (int i = 0; i < 100; i++) {
        call_with_pointer();
        call_without_pointer();
    }
    return 0;
}
