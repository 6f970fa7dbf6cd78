/* SPDX-License-Identifier: MIT */
/*
 * holder: a process with much memory, for bench/leaks: `bench-holder MEBIBYTES THREADS MODE`.
 *
 * Fills memory with blocks of 100 bytes, each of which holds the one before; one in a thousand is lost.
 * Then THREADS threads allocate and free small blocks, with pauses. Prints, each on a line:
 *
 *     fork NS    a bare fork of this process by clone(2), as the parent sees it; median of FORKS
 *     read NS    a linear read of the memory of all blocks in such a child, for the first time; median of FORKS
 *     ready      now it can be asked
 *
 * and ends when its input does; in MODE "exit" it ends at once, for checkers that work at the end.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 100,
    LOST_EVERY = 1000,
    FORKS = 9,
    PAUSE_NS = 1000000,
    SMALL = 50,
    STRETCHES_MAX = 1 << 16,
    STRETCH_GAP_BYTES = 1024,
};

struct block {
    struct block *before;
    char bytes[BLOCK_BYTES - sizeof(void *)];
};

static struct block *last;

/* Where blocks lie, in the order of allocation. Inverted, so that a check does not take it for pointers. */
static struct {
    uintptr_t not_from;
    uintptr_t not_to;
} stretches[STRETCHES_MAX];
static size_t stretch_count;

static void note_place(const struct block *block)
{
    uintptr_t from = (uintptr_t) block;
    uintptr_t end = stretch_count == 0 ? 0 : ~stretches[stretch_count - 1].not_to;

    if (stretch_count == 0 || from < end || from - end > STRETCH_GAP_BYTES) {
        if (stretch_count == STRETCHES_MAX) {
            fprintf(stderr, "bench-holder: the blocks are scattered\n");
            exit(1);
        }
        stretches[stretch_count++].not_from = ~from;
    }
    stretches[stretch_count - 1].not_to = ~(from + sizeof(*block));
}

static void fill(size_t mebibytes)
{
    size_t count = (mebibytes << 20) / BLOCK_BYTES;

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): some are lost, for the check */
    for (size_t i = 0; i < count; i++) {
        struct block *block = malloc(sizeof(*block));
        if (block == NULL) {
            exit(1);
        }
        note_place(block);
        memset(block->bytes, 1, sizeof(block->bytes));
        block->before = NULL;
        if (i % LOST_EVERY != 0) {
            block->before = last;
            last = block;
        }
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static uint64_t read_linearly(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < stretch_count; i++) {
        const uint64_t *word = (const uint64_t *) (~stretches[i].not_from & ~(uintptr_t) 7);
        const uint64_t *end = (const uint64_t *) (~stretches[i].not_to & ~(uintptr_t) 7);
        for (; word < end; word++) {
            sum += *word;
        }
    }
    return sum;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *) left;
    uint64_t b = *(const uint64_t *) right;

    return a < b ? -1 : a > b;
}

static void measure(void)
{
    uint64_t forks[FORKS];
    uint64_t reads[FORKS];
    int ends[2];

    if (pipe(ends) != 0) {
        exit(1);
    }

    for (size_t i = 0; i < FORKS; i++) {
        uint64_t before = now_ns();
        long child = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
        if (child == 0) {
            volatile uint64_t sum;
            uint64_t start = now_ns();
            sum = read_linearly();
            uint64_t taken = now_ns() - start;
            (void) sum;
            syscall(SYS_exit_group, write(ends[1], &taken, sizeof(taken)) != sizeof(taken));
        }
        forks[i] = now_ns() - before;
        waitpid((pid_t) child, NULL, __WALL);
        if (read(ends[0], &reads[i], sizeof(reads[i])) != sizeof(reads[i])) {
            exit(1);
        }
    }
    qsort(forks, FORKS, sizeof(forks[0]), compare);
    qsort(reads, FORKS, sizeof(reads[0]), compare);
    printf("fork %ju\nread %ju\n", (uintmax_t) forks[FORKS / 2], (uintmax_t) reads[FORKS / 2]);
}

static void *work(void *arg)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    void *small[SMALL];

    (void) arg;
    for (;;) {
        for (size_t i = 0; i < SMALL; i++) {
            small[i] = malloc(16 + i);
        }
        nanosleep(&pause, NULL);
        for (size_t i = 0; i < SMALL; i++) {
            free(small[i]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char byte;

    if (argc != 4) {
        fprintf(stderr, "usage: bench-holder MEBIBYTES THREADS ask|exit\n");
        return 2;
    }
    fill(strtoul(argv[1], NULL, 10));
    for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
        if (pthread_create(&thread, NULL, work, NULL) != 0) {
            return 1;
        }
    }
    if (strcmp(argv[3], "exit") == 0) {
        return 0;
    }
    measure();
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) != 0) {
    }
    _exit(0);
}
