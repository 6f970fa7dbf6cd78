/* SPDX-License-Identifier: MIT */
/* A thread writes a report, or MeMS's statistics, to a pipe that is full, while another thread forks
 * the child that will read it. fork, other reports and MeMS must not wait for the writer. */
#include "tests/stress/stress.h"

#include <fcntl.h>
#include <mems.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { PATIENCE_SECONDS = 60, PIPE_BYTES = 4096, STATISTICS = 200 };

typedef struct {
    unsigned char bytes[64];
} record_t;

static int ends[2];
static atomic_int writer;
static void (*write_output)(FILE *stream);

static void write_usage(FILE *stream)
{
    CHECK(lmm_print_usage(stream) == 0);
}

/* To the file that a report has no descriptor of. */
static ssize_t take_bytes(void *cookie, const char *bytes, size_t count)
{
    (void) cookie;
    return write(ends[1], bytes, count);
}

static void write_usage_by_stream(FILE *stream)
{
    cookie_io_functions_t functions = {.write = take_bytes};
    FILE *cookie = fopencookie(NULL, "w", functions);
    (void) stream;
    CHECK(cookie != NULL && lmm_print_usage(cookie) == 0);
    fclose(cookie);
}

static void write_blocks(FILE *stream)
{
    CHECK(lmm_print_blocks(stream, NULL) == 0);
}

static void write_statistics(FILE *stream)
{
    (void) stream;
    for (int i = 0; i < STATISTICS; i++) {
        mems_print_stats();
    }
    fflush(stdout);
}

static void *run_writer(void *arg)
{
    FILE *stream = fdopen(ends[1], "w");
    CHECK(stream != NULL);
    atomic_store(&writer, (int) syscall(SYS_gettid));
    write_output(stream);
    fclose(stream);
    return arg;
}

/* The letter that /proc has for the thread's state: after its name, which ends with ')'. */
static char state_of(int thread)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    ssize_t count = read(file, text, sizeof(text) - 1);
    CHECK(count > 0);
    close(file);
    text[count] = '\0';
    const char *name_end = strrchr(text, ')');
    CHECK(name_end != NULL && name_end[1] == ' ');
    return name_end[2];
}

/* Waits until the writer sleeps, and does so whenever it is looked at: then it waits for the pipe. */
static void wait_for_writer(void)
{
    int asleep = 0;
    while (asleep < 50) {
        usleep(200);
        int thread = atomic_load(&writer);
        asleep = thread != 0 && state_of(thread) == 'S' ? asleep + 1 : 0;
    }
}

static void fill_pipe(void)
{
    char filler[PIPE_BYTES];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    int bytes = fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    CHECK(bytes >= PIPE_BYTES);
    memset(filler, '.', sizeof(filler));
    for (int done = 0; done < bytes; done += PIPE_BYTES) {
        CHECK(write(ends[1], filler, sizeof(filler)) == (ssize_t) sizeof(filler));
    }
}

_Noreturn static void be_reader(void)
{
    char bytes[PIPE_BYTES];
    ssize_t count;
    patience_alarm(PATIENCE_SECONDS);
    close(ends[1]);
    close(STDOUT_FILENO);
    lmm_free(LMM_ALLOC(record_t));
    mems_free(mems_malloc(100));
    while ((count = read(ends[0], bytes, sizeof(bytes))) > 0) {
    }
    _exit(count == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static FILE *null;

static void test_output(void (*output)(FILE *stream))
{
    pthread_t thread;
    int status = 0;
    fill_pipe();
    CHECK(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    write_output = output;
    atomic_store(&writer, 0);
    CHECK(pthread_create(&thread, NULL, run_writer, NULL) == 0);
    wait_for_writer();
    CHECK(lmm_print_usage(null) == 0);
    mems_free(mems_malloc(100));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        be_reader();
    }
    close(ends[0]);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(dup2(fileno(null), STDOUT_FILENO) == STDOUT_FILENO);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

int main(void)
{
    record_t *record[200];
    patience_alarm(PATIENCE_SECONDS);
    null = fopen("/dev/null", "w");
    CHECK(null != NULL);
    for (int i = 0; i < 200; i++) {
        record[i] = LMM_ALLOC(record_t);
        CHECK(record[i] != NULL);
    }
    mems_init();
    CHECK(mems_malloc(1000) != NULL);
    test_output(write_usage);
    test_output(write_usage_by_stream);
    test_output(write_blocks);
    test_output(write_statistics);
    mems_finish();
    for (int i = 0; i < 200; i++) {
        lmm_free(record[i]);
    }
    return EXIT_SUCCESS;
}
