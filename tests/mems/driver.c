/* SPDX-License-Identifier: MIT */
/*
 * driver PAGE_SIZE MEMS_VADDR_START: runs the commands of stdin on MeMS and prints their results,
 * for model.py.
 *
 *   m SIZE           mems_malloc        m ADDRESS | m ERROR
 *   f ADDRESS        mems_free          f
 *   g ADDRESS BYTE   mems_get           g PHYSICAL OLD_BYTE, then BYTE is written | g ERROR
 *   p                mems_print_stats   the statistics
 *   i, x             mems_init, mems_finish
 */
#include <stddef.h>
#include <stdint.h>

static size_t page_bytes;
static uintptr_t first_address;
#define PAGE_SIZE        page_bytes
#define MEMS_VADDR_START first_address

#include <mems.h>

#include <errno.h>
#include <string.h>

static char output[1 << 16];

static void do_malloc(size_t size)
{
    errno = 0;
    void *address = mems_malloc(size);
    if (errno != 0) {
        printf("m %s%s\n", strerrorname_np(errno), address == NULL ? "" : " but not NULL");
    } else {
        printf("m %zu\n", (size_t) address);
    }
}

static void do_free(uintptr_t address)
{
    errno = EXDEV;
    mems_free((void *) address);
    puts(errno == EXDEV ? "f" : "f changed errno");
}

static void do_get(uintptr_t address, unsigned byte)
{
    errno = 0;
    unsigned char *physical = mems_get((void *) address);
    if (physical == NULL) {
        printf("g %s\n", strerrorname_np(errno));
        return;
    }
    printf("g %zu %d%s\n", (size_t) physical, *physical, errno == 0 ? "" : " changed errno");
    *physical = (unsigned char) byte;
}

static void do_line(const char *line)
{
    char *rest;
    uintptr_t first = strtoull(line + 1, &rest, 10);

    switch (line[0]) {
    case 'm': do_malloc(first); break;
    case 'f': do_free(first); break;
    case 'g': do_get(first, (unsigned) strtoul(rest, NULL, 10)); break;
    case 'p': mems_print_stats(); break;
    case 'i': mems_init(); break;
    case 'x': mems_finish(); break;
    default: printf("what is %s", line);
    }
}

int main(int argc, char **argv)
{
    char line[128];

    if (argc != 3) {
        fprintf(stderr, "usage: driver PAGE_SIZE MEMS_VADDR_START\n");
        return 2;
    }
    page_bytes = strtoull(argv[1], NULL, 10);
    first_address = strtoull(argv[2], NULL, 10);
    setvbuf(stdout, output, _IOFBF, sizeof(output));
    while (fgets(line, sizeof(line), stdin) != NULL) {
        do_line(line);
    }
    return 0;
}
