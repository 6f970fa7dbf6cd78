/* SPDX-License-Identifier: MIT */
/*
 * vfork and exec, posix_spawn, system and popen, while other threads allocate: the parent's memory,
 * which a child of vfork shares, is not changed, and the children run.
 *
 * usage: spawn          the test
 *        spawn child    the program that it starts: allocates, and exits with 7
 */
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/preload/check.h"

enum { ROUNDS = 12, THREADS = 2, STATUS = 7, OWN = 300, PATIENCE_SECONDS = 55 };

extern char **environ;
static atomic_bool stop;
static void *own[OWN];

static int be_child(void)
{
    for (size_t i = 0; i < 2000; i++) {
        void *block = malloc(i * 3);
        CHECK(block != NULL);
        free(block);
    }
    return STATUS;
}

static void *allocate(void *number)
{
    uint64_t random = (uintptr_t) number;
    while (!atomic_load(&stop)) {
        free(malloc((size_t) (random_next(&random) % 20000)));
    }
    return NULL;
}

static void expect_status(pid_t child, int expected)
{
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_AT(WIFEXITED(status) && WEXITSTATUS(status) == expected, status);
}

static void test_vfork(char *self, char *missing)
{
    char *const args[] = {self, (char[]) {"child"}, NULL};
    pid_t child = vfork();
    if (child == 0) {
        execv(self, args);
        _exit(126);
    }
    expect_status(child, STATUS);
    child = vfork();
    if (child == 0) {
        execv(missing, args);
        _exit(errno == ENOENT ? 99 : 98);
    }
    expect_status(child, 99);
}

static void test_posix_spawn(char *self, char *missing)
{
    char *const args[] = {self, (char[]) {"child"}, NULL};
    pid_t child;
    posix_spawn_file_actions_t actions;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0) == 0);
    CHECK(posix_spawn(&child, self, &actions, NULL, args, environ) == 0);
    expect_status(child, STATUS);
    CHECK(posix_spawn(&child, missing, &actions, NULL, args, environ) == ENOENT);
    CHECK(posix_spawnp(&child, "true", NULL, NULL, args, environ) == 0);
    expect_status(child, 0);
    CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void test_shell(void)
{
    int status = system("x=$(echo 5); exit $((x + 1))");
    CHECK_AT(WIFEXITED(status) && WEXITSTATUS(status) == 6, status);
    FILE *pipe = popen("for i in 1 2 3; do echo line $i; done", "r");
    CHECK(pipe != NULL);
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    while (getline(&line, &room, pipe) > 0) {
        char expected[16];
        snprintf(expected, sizeof(expected), "line %d\n", ++count);
        CHECK_AT(strcmp(line, expected) == 0, count);
    }
    free(line);
    CHECK(count == 3);
    CHECK(pclose(pipe) == 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return be_child();
    }
    check_start();
    patience_alarm(PATIENCE_SECONDS);
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, allocate, (void *) (i + 1)) == 0);
    }
    for (size_t i = 0; i < OWN; i++) {
        own[i] = malloc(i * 10 + 1);
        CHECK(own[i] != NULL);
        check_paint(own[i], i * 10 + 1, i);
    }
    char missing[] = "/nowhere/at/all";
    for (int round = 0; round < ROUNDS; round++) {
        test_vfork(argv[0], missing);
        test_posix_spawn(argv[0], missing);
        if (round % 4 == 0) {
            test_shell();
        }
        for (size_t i = 0; i < OWN; i++) {
            CHECK_AT(check_is_painted(own[i], i * 10 + 1, i), i);
            own[i] = realloc(own[i], i * 10 + 1);
            CHECK(own[i] != NULL);
        }
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    return 0;
}
