/* SPDX-License-Identifier: MIT */
/* libc: the stand-ins say what the C library of this machine says, where it can tell. */
#include "lib/ground/libc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

Test(libc, errors_have_the_words_of_the_c_library)
{
    size_t known = 0;

    for (int error = 1; error < 200; error++) {
        const char *own = lmm_error_text_without_libc(error);
        const char *text = strerrordesc_np == NULL ? own : strerrordesc_np(error);
        known += strcmp(own, "an unknown error") != 0;
        cr_expect(strcmp(own, "an unknown error") == 0 || strcmp(own, text) == 0, "%d", error);
        cr_expect_str_eq(lmm_error_text(error), text == NULL ? own : text);
    }
    cr_expect(known > 15);
    cr_expect_str_eq(lmm_error_text_without_libc(ENOSPC), "No space left on device");
    cr_expect_str_eq(lmm_error_text(99999), "an unknown error");
}

static void *pointer_of_thread(void *argument)
{
    *(uintptr_t *) argument = lmm_thread_pointer();
    return (void *) pthread_self();
}

Test(libc, thread_pointer)
{
    pthread_t thread;
    uintptr_t pointer = 0;
    void *self;

    cr_assert(pthread_create(&thread, NULL, pointer_of_thread, &pointer) == 0);
    cr_assert(pthread_join(thread, &self) == 0);
    cr_expect(pointer != 0 && pointer != lmm_thread_pointer());
#if defined(__x86_64__)
    cr_expect(pointer == (uintptr_t) self);
#endif
}
