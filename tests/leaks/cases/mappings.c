/* SPDX-License-Identifier: MIT */
/*
 * Memory that the program maps itself, with a pointer in it.
 */
#include "tests/leaks/cases/case.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { POOL_BYTES = 1 << 20, BYTES = 24, SEALED_BYTES = 65536 };

static char sealable[2 * SEALED_BYTES];

/* A word in the middle of new memory, which nothing but the case knows. */
static void **pool(int flags, int file)
{
    char *memory = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, flags, file, 0);

    need(memory != MAP_FAILED, "mmap");
    return (void **) (memory + POOL_BYTES / 2);
}

static void pool_private(void)
{
    *pool(MAP_PRIVATE | MAP_ANONYMOUS, -1) = own(BYTES);
}

static void pool_shared(void)
{
    *pool(MAP_SHARED | MAP_ANONYMOUS, -1) = own(BYTES);
}

static int file_of(size_t bytes)
{
    int file = memfd_create("pool", MFD_CLOEXEC);

    need(file >= 0 && ftruncate(file, (off_t) bytes) == 0, "memfd_create");
    return file;
}

static void pool_memfd(void)
{
    *pool(MAP_SHARED, file_of(POOL_BYTES)) = own(BYTES);
}

static void pool_file_private(void)
{
    *pool(MAP_PRIVATE, file_of(POOL_BYTES)) = own(BYTES);
}

/* Only the first page of the mapping has a file behind it; the others raise SIGBUS. */
static void pool_past_end_of_file(void)
{
    void **word = pool(MAP_SHARED, file_of(4096));

    *(void **) ((char *) word - POOL_BYTES / 2) = own(BYTES);
}

static void pool_break(void)
{
    void **word = sbrk(4096);

    need(word != (void *) -1, "sbrk");
    word[8] = own(BYTES);
}

static void sealed_global(void)
{
    uintptr_t page = ((uintptr_t) sealable + SEALED_BYTES - 1) / SEALED_BYTES * SEALED_BYTES;
    void **sealed = (void **) page;

    sealed[1] = own(BYTES);
    need(mprotect(sealed, SEALED_BYTES, PROT_READ) == 0, "mprotect");
}

static void sealed_pool(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    *word = own(BYTES);
    need(mprotect((char *) word - POOL_BYTES / 2, POOL_BYTES, PROT_READ) == 0, "mprotect");
}

static void closed_pool(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    *word = own(BYTES);
    need(mprotect((char *) word - POOL_BYTES / 2, POOL_BYTES, PROT_NONE) == 0, "mprotect");
}

static void given_back(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    *word = own(BYTES);
    need(madvise((char *) word - POOL_BYTES / 2, POOL_BYTES, MADV_DONTNEED) == 0, "madvise");
}

static void unmapped(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    *word = own(BYTES);
    need(munmap((char *) word - POOL_BYTES / 2, POOL_BYTES) == 0, "munmap");
}

/* A child gets no copy of such memory. */
static void pool_not_inherited(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    need(madvise((char *) word - POOL_BYTES / 2, POOL_BYTES, MADV_DONTFORK) == 0, "madvise");
    *word = own(BYTES);
}

static void pool_wiped_in_child(void)
{
    void **word = pool(MAP_PRIVATE | MAP_ANONYMOUS, -1);

    need(madvise((char *) word - POOL_BYTES / 2, POOL_BYTES, MADV_WIPEONFORK) == 0, "madvise");
    *word = own(BYTES);
}

/* A reservation as large as address space, of which little is used. */
static void pool_huge(void)
{
    size_t bytes = (size_t) 1 << 35;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    need(memory != MAP_FAILED, "mmap");
    *(void **) (memory + bytes / 3 / 4096 * 4096) = own(BYTES);
}

const struct leak_case mapping_cases[] = {
    {"pool_private", pool_private},
    {"pool_shared", pool_shared},
    {"pool_memfd", pool_memfd},
    {"pool_file_private", pool_file_private},
    {"pool_past_end_of_file", pool_past_end_of_file},
    {"pool_break", pool_break},
    {"pool_huge", pool_huge},
    {"pool_not_inherited", pool_not_inherited},
    {"pool_wiped_in_child", pool_wiped_in_child},
    {"sealed_global", sealed_global},
    {"sealed_pool", sealed_pool},
    {"closed_pool", closed_pool},
    {"given_back", given_back},
    {"unmapped", unmapped},
    {NULL, NULL},
};
