/* SPDX-License-Identifier: MIT */
#include "lib/ground/bare_thread.h"

#include "lib/ground/libc.h"
#include "lib/ground/meta.h"
#include "lib/ground/sync.h"
#include "lib/ground/system.h"

#include <errno.h>
#include <link.h>
#include <sched.h>
#include <string.h>

enum {
    STACK_BYTES = 128 << 10,
    HEAD_BYTES = 4096,              /* libc's record of a thread, at the thread pointer */
    VARIABLES_BYTES_MAX = 64 << 20, /* more is not static */
};

/* The bytes on either side of the thread pointer that hold variables of modules loaded at start. */
static size_t variables_bytes;

static int note_variables(struct dl_phdr_info *info, size_t bytes, void *arg)
{
    uintptr_t pointer = lmm_thread_pointer();
    uintptr_t start = (uintptr_t) info->dlpi_tls_data;

    (void) bytes;
    (void) arg;
    for (size_t i = 0; start != 0 && i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_TLS) {
            size_t below = pointer - start;
            size_t above = start + info->dlpi_phdr[i].p_memsz - pointer;
            size_t needed = start < pointer ? below : above;
            if (needed > variables_bytes && needed < VARIABLES_BYTES_MAX) {
                variables_bytes = needed;
            }
        }
    }
    return 0;
}

struct beginning {
    void (*run)(void *arg);
    void *arg;
};

/* The new thread begins here, at the end of its stack. Before a call that does not return, AddressSanitizer
 * looks for its own record of the thread, which this one does not have. */
static __attribute__((used, no_sanitize("address"))) _Noreturn void
begin(const struct beginning *beginning)
{
    beginning->run(beginning->arg);
    lmm_system_end_thread();
}

/*
 * Starts a thread that shares all with this one (CLONE_THREAD), which runs run(arg) on the stack that
 * ends at stack_end, at a multiple of 16. *alive becomes its thread id before it runs, and 0 when its
 * stack is no longer in use. Returns the id, or -errno.
 */
static int start(void (*run)(void *arg), void *arg, char *stack_end, void *thread_pointer,
                 uint32_t *alive)
{
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    struct beginning *beginning = (struct beginning *) (void *) stack_end - 1;
    long result;

    *beginning = (struct beginning) {run, arg};
#if defined(__x86_64__)
    register long r10 __asm__("r10") = (long) alive;
    register long r8 __asm__("r8") = (long) thread_pointer;

    /* The child has no caller: its frame chain ends here. */
    __asm__ volatile("syscall\n"
                     "    test %%rax, %%rax\n"
                     "    jnz 1f\n"
                     "    xor %%ebp, %%ebp\n"
                     "    mov %%rsp, %%rdi\n"
                     "    call *%[begin]\n"
                     "    ud2\n"
                     "1:"
                     : "=a"(result)
                     : "0"(SYS_clone), "D"(flags), "S"(beginning), "d"(alive), "r"(r10),
                       "r"(r8), [begin] "r"(begin)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone;
    register long x0 __asm__("x0") = flags;
    register long x1 __asm__("x1") = (long) beginning;
    register long x2 __asm__("x2") = (long) alive;
    register long x3 __asm__("x3") = (long) thread_pointer;
    register long x4 __asm__("x4") = (long) alive;
    register void (*x9)(const struct beginning *) __asm__("x9") = begin;

    __asm__ volatile("svc 0\n"
                     "    cbnz x0, 1f\n"
                     "    mov x29, xzr\n"
                     "    mov x0, sp\n"
                     "    blr x9\n"
                     "    brk 1\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9)
                     : "memory", "cc");
    result = x0;
#else
    (void) flags;
    result = -ENOSYS;
#endif
    return (int) result;
}

bool lmm_bare_thread_prepare(struct lmm_bare_thread *thread)
{
    dl_iterate_phdr(note_variables, NULL);
    size_t side = lmm_round_up(variables_bytes + HEAD_BYTES, LMM_SYSTEM_PAGE_BYTES);

    thread->bytes = 2 * side + STACK_BYTES;
    thread->memory = lmm_meta_map(thread->bytes);
    thread->pointer = thread->memory == NULL ? NULL : thread->memory + side;
    return thread->memory != NULL;
}

int lmm_bare_thread_start(struct lmm_bare_thread *thread, void (*run)(void *arg), void *arg)
{
    uint32_t none = 0;

    /* The kernel clears `alive` after the thread's last instruction. */
    if (thread->memory == NULL || !lmm_compare_exchange_acq_rel(&thread->alive, &none, 1)) {
        return -EBUSY;
    }
    memset(thread->memory, 0, thread->bytes - STACK_BYTES);
    uintptr_t self = (uintptr_t) thread->pointer;
    memcpy(thread->pointer, &self, sizeof(self)); /* x86-64: variables are found by this word */
    int result = start(run, arg, thread->memory + thread->bytes, thread->pointer, &thread->alive);
    if (result < 0) {
        lmm_store_release(&thread->alive, UINT32_C(0));
        return result;
    }
    return 0;
}

void lmm_bare_thread_forget(struct lmm_bare_thread *thread)
{
    lmm_store_release(&thread->alive, UINT32_C(0));
}
