/* SPDX-License-Identifier: MIT */
/* A malloc whose entries cannot be moved: a branch leads into their first instructions. It is libc's, with a head before each block; a pointer
 * that has none ends the program. With CAN_MOVE they can be; with HIDES the module that it is linked into does not export them. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libc has these names, too. */
extern void *__libc_malloc(size_t bytes);
extern void __libc_free(void *p);

static const uint64_t MAGIC = UINT64_C(0x57ab80125eed0115);

struct head {
    uint64_t magic;
    size_t bytes;
    void *start; /* what libc's malloc returned */
    void *unused;
};

#ifdef CAN_MOVE
#define FIRST_INSTRUCTIONS "mov $0, %eax\n"
#else
#define FIRST_INSTRUCTIONS                                                                         \
    "xor %eax, %eax\n"                                                                             \
    "1: inc %eax\n"                                                                                \
    "cmp $2, %eax\n"                                                                               \
    "jne 1b\n"
#endif
#ifdef HIDES
#define VISIBILITY ".hidden "
#else
#define VISIBILITY ".globl "
#endif

#define STUBBORN(name)                                                                             \
    __asm__(".text\n"                                                                              \
            ".globl " #name "\n" VISIBILITY #name "\n"                                             \
            ".type " #name ", @function\n" #name ":\n"                                             \
            ".cfi_startproc\n" FIRST_INSTRUCTIONS "jmp stubborn_" #name "\n"                       \
            ".cfi_endproc\n"                                                                       \
            ".size " #name ", . - " #name "\n")

#define HIDDEN __attribute__((visibility("hidden"), used))

HIDDEN void *stubborn_aligned_alloc(size_t align, size_t bytes);
HIDDEN void *stubborn_malloc(size_t bytes);
HIDDEN void *stubborn_calloc(size_t count, size_t size);
HIDDEN void *stubborn_realloc(void *p, size_t bytes);
HIDDEN void stubborn_free(void *p);
HIDDEN size_t stubborn_malloc_usable_size(void *p);
HIDDEN int stubborn_posix_memalign(void **ret_block, size_t align, size_t bytes);

static struct head *head_of(void *p)
{
    static const char message[] = "a block of another malloc\n";
    struct head *head = (struct head *) p - 1;

    if (head->magic != MAGIC) {
        if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0) {
            _exit(2);
        }
        abort();
    }
    return head;
}

void *stubborn_aligned_alloc(size_t align, size_t bytes)
{
    align = align < sizeof(struct head) ? sizeof(struct head) : align;
    char *start = __libc_malloc(bytes + 2 * align);

    if (start == NULL) {
        return NULL;
    }
    struct head *head = (struct head *) (((uintptr_t) start + 2 * align - 1) / align * align) - 1;
    *head = (struct head) {MAGIC, bytes, start, NULL};
    return head + 1;
}

void *stubborn_malloc(size_t bytes)
{
    return stubborn_aligned_alloc(1, bytes);
}

void *stubborn_calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    void *block = stubborn_malloc(bytes);

    return block == NULL ? NULL : memset(block, 0, bytes);
}

void stubborn_free(void *p)
{
    if (p != NULL) {
        struct head *head = head_of(p);

        head->magic = 0;
        __libc_free(head->start);
    }
}

void *stubborn_realloc(void *p, size_t bytes)
{
    size_t before = p == NULL ? 0 : head_of(p)->bytes;
    void *moved = stubborn_malloc(bytes);

    if (moved != NULL && p != NULL) {
        memcpy(moved, p, before < bytes ? before : bytes);
        stubborn_free(p);
    }
    return moved;
}

size_t stubborn_malloc_usable_size(void *p)
{
    return p == NULL ? 0 : head_of(p)->bytes;
}

int stubborn_posix_memalign(void **ret_block, size_t align, size_t bytes)
{
    *ret_block = stubborn_aligned_alloc(align, bytes);
    return *ret_block == NULL ? ENOMEM : 0;
}

STUBBORN(malloc);
STUBBORN(calloc);
STUBBORN(realloc);
STUBBORN(free);
STUBBORN(aligned_alloc);
STUBBORN(malloc_usable_size);
STUBBORN(posix_memalign);

#ifdef CALLS_FREE
/* A call that no table of addresses leads elsewhere. */
void stubborn_release(void *p);

__asm__(".text\n"
        ".globl stubborn_release\n"
        ".type stubborn_release, @function\n"
        "stubborn_release:\n"
        "jmp .Lfree\n"
        ".size stubborn_release, . - stubborn_release\n"
        ".set .Lfree, free\n");
#endif
