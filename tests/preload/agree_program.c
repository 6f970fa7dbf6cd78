/* SPDX-License-Identifier: MIT */
/* The program on which heaptrack and LMM must agree (agree.py): one thread, mixed sizes, a function
 * for each place that allocates, a clear peak, temporary blocks, leaks. It prints nothing, and of
 * libc's functions that allocate it calls only strdup. */
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))

enum { NODES = 5000, ROWS = 200, NAMES = 3000, LARGE = 3, ALIGNED = 50, TEMPORARY = 10000 };

static void *nodes[NODES];
static void *rows[ROWS];
static char *names[NAMES];
static void *large[LARGE];
static void *aligned[ALIGNED];
static char *buffer;
static char *last_of_pairs;

/* Keeps the compiler from removing the block, and from making the call before a tail call. */
static void keep(void *block)
{
    __asm__ volatile("" : : "r"(block) : "memory");
}

static NOINLINE void make_nodes(void)
{
    for (size_t i = 0; i < NODES; i++) {
        nodes[i] = malloc(40);
        keep(nodes[i]);
    }
}

static NOINLINE void make_rows(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = calloc(100 + i, 20);
        keep(rows[i]);
    }
}

static NOINLINE void make_names(void)
{
    char text[64];
    for (size_t i = 0; i < NAMES; i++) {
        memset(text, 'n', sizeof(text));
        text[20 + i % 40] = '\0';
        names[i] = strdup(text);
        keep(names[i]);
    }
}

static NOINLINE void grow_buffer(void)
{
    for (size_t bytes = 1000; bytes <= 400000; bytes += bytes / 2) {
        buffer = realloc(buffer, bytes);
        buffer[bytes - 1] = 1;
        keep(buffer);
    }
}

static NOINLINE void make_large(void)
{
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = malloc(500000 + i);
        keep(large[i]);
    }
}

static NOINLINE void make_aligned(void)
{
    for (size_t i = 0; i < ALIGNED; i++) {
        if (posix_memalign(&aligned[i], 128, 1000) != 0) {
            abort();
        }
        keep(aligned[i]);
    }
}

static NOINLINE void use_temporaries(void)
{
    for (size_t i = 0; i < TEMPORARY; i++) {
        char *block = malloc(50 + i % 100);
        keep(block);
        free(block);
    }
}

/* Each block lives until the next one is allocated, so none is temporary; the last one lives until
 * grow_buffer has its first. heaptrack_print cannot distinguish blocks of one place and one size,
 * so the sizes differ. */
static NOINLINE void use_pairs(void)
{
    for (size_t i = 0; i < 1000; i++) {
        char *block = malloc(300 + i);
        keep(block);
        free(last_of_pairs);
        last_of_pairs = block;
    }
}

static NOINLINE void leak_many(void)
{
    for (size_t i = 0; i < 100; i++) {
        keep(malloc(60 + i));
    }
}

static NOINLINE void leak_one(void)
{
    keep(malloc(12345));
}

static NOINLINE void free_all(void **block, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(block[i]);
    }
}

int main(void)
{
    make_nodes();
    use_temporaries();
    leak_many();
    make_rows();
    make_names();
    use_pairs();
    grow_buffer();
    free(last_of_pairs);
    make_aligned();
    make_large();
    /* From here on the live bytes only decrease. */
    free_all(nodes, NODES);
    free_all(rows, ROWS);
    free_all(large, LARGE - 1);
    use_temporaries();
    free_all(aligned, ALIGNED);
    leak_one();
    for (size_t i = 0; i < NAMES; i += 2) {
        free(names[i]);
    }
    return 0;
}
