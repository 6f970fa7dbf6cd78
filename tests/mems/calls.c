/* SPDX-License-Identifier: MIT */
/* calls: a program for strace. Between two marks, writes to a descriptor that is not open, it uses
 * all of MeMS; strace-calls checks the system calls between the marks. stdout has a buffer before
 * the first mark, so that the C library allocates none. */
#include <mems.h>

#include <string.h>
#include <unistd.h>

enum { BLOCKS = 5000, NO_DESCRIPTOR = 999 };

static void mark(const char *text)
{
    ssize_t result = write(NO_DESCRIPTOR, text, strlen(text));
    (void) result;
}

static void *blocks[BLOCKS];

static void use(void)
{
    mems_init();
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = mems_malloc(1 + i * 37 % 3000);
        memset(mems_get(blocks[i]), 1, 1);
        if (i % 3 == 2) {
            mems_free(blocks[i - 1]);
        }
        if (i % 1000 == 0) {
            mems_print_stats();
        }
    }
    mems_free(blocks[1]);
    mems_get(blocks[1]);
    mems_malloc(0);
    mems_malloc(SIZE_MAX);
    mems_malloc(100 * PAGE_SIZE + 1);
    mems_finish();
}

int main(void)
{
    static char buffer[1 << 16];

    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    mark("begin");
    use();
    use();
    fflush(stdout);
    mark("end");
    return 0;
}
