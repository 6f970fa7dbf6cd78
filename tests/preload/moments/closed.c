/* SPDX-License-Identifier: MIT */
/*
 * Started with stdin, stdout and stderr closed: only the program uses their numbers. And when no
 * file descriptor is left, threads, children and allocation still work. The result is the exit
 * status.
 *
 * usage: closed         the test
 *        closed child   the program that the test starts
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { PATIENCE_SECONDS = 50 };

static void allocate(void)
{
    for (size_t i = 0; i < 5000; i++) {
        void *block = malloc(i * i % 300000);
        if (block == NULL) {
            _exit(3);
        }
        free(block);
    }
}

static void *allocate_in_thread(void *arg)
{
    allocate();
    return arg;
}

static void allocate_everywhere(void)
{
    allocate();
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_in_thread, NULL) != 0 ||
        pthread_join(thread, NULL) != 0) {
        _exit(4);
    }
    pid_t child = fork();
    if (child == 0) {
        allocate();
        exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        _exit(5);
    }
}

static int be_child(void)
{
    allocate();
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
            return 10 + fd;
        }
    }
    for (int fd = 0; fd <= 2; fd++) {
        if (open("/dev/null", O_RDWR) != fd) {
            return 20 + fd;
        }
    }
    allocate_everywhere();
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0 || open("/dev/null", O_RDONLY) != -1) {
        return 30;
    }
    allocate_everywhere();
    return 0;
}

int main(int argc, char **argv)
{
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        return be_child();
    }
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd < 1024; fd++) {
            close(fd);
        }
        execl("/proc/self/exe", "closed", "child", (char *) NULL);
        _exit(126);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_AT(status == 0, (size_t) status);
    return 0;
}
