/* SPDX-License-Identifier: MIT */
/* A program forks while one thread reads long lines with getdelim, which allocates while it holds a
 * stream, and another flushes all streams, which waits for that stream while it holds libc's list of
 * them. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum {
    LINE_BYTES = 1500000,
    LINES = 2,
    FORKS = 40,
    PAUSE_US = 100, /* libc's locks are not fair: others get them now and then */
    PATIENCE_SECONDS = 50,
};

static atomic_bool stop;
static atomic_uint lines_read;
static atomic_uint flushes;

static FILE *make_lines(void)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    for (int line = 0; line < LINES; line++) {
        for (int i = 1; i < LINE_BYTES; i++) {
            CHECK(putc('x', file) == 'x');
        }
        CHECK(putc('\n', file) == '\n');
    }
    return file;
}

static void *read_lines(void *file)
{
    while (!atomic_load(&stop)) {
        char *line = NULL;
        size_t bytes = 0;
        if (getdelim(&line, &bytes, '\n', file) < 0) {
            rewind(file);
        } else {
            CHECK(bytes > LINE_BYTES);
            atomic_fetch_add(&lines_read, 1);
        }
        free(line);
        usleep(PAUSE_US);
    }
    return NULL;
}

static void *flush(void *arg)
{
    while (!atomic_load(&stop)) {
        CHECK(fflush(NULL) == 0);
        atomic_fetch_add(&flushes, 1);
        usleep(PAUSE_US);
    }
    return arg;
}

static void fork_once(void)
{
    int status = 0;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        patience_alarm(PATIENCE_SECONDS);
        free(malloc(LINE_BYTES));
        CHECK(fflush(NULL) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_AT(status == 0, status);
}

int main(void)
{
    pthread_t reader;
    pthread_t flusher;
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    FILE *file = make_lines();
    CHECK(pthread_create(&reader, NULL, read_lines, file) == 0);
    CHECK(pthread_create(&flusher, NULL, flush, NULL) == 0);
    for (unsigned i = 0; i < FORKS; i++) {
        unsigned line = atomic_load(&lines_read);
        unsigned flushed = atomic_load(&flushes);
        while (atomic_load(&lines_read) == line || atomic_load(&flushes) == flushed) {
            usleep(50);
        }
        fork_once();
    }
    atomic_store(&stop, true);
    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(pthread_join(flusher, NULL) == 0);
    fclose(file);
    return 0;
}
