/* SPDX-License-Identifier: MIT */
/*
 * bench-start LIBRARY [ROUNDS]: what the drop-in adds to a program that does nothing, /bin/true.
 *
 * Starts it ROUNDS times in each of some ways, in turn: plain; with LIBRARY preloaded; with call stacks and
 * a ledger, too; and with a leak check at the end, as `lmm run` does. Prints for each the wall time from
 * the start to the end, the page faults, and the resident memory at its end, from the kernel's count of
 * pages (ru_maxrss is off by up to 0.25 MB on a machine of many processors).
 */
#include "bench.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 500, ROUNDS_MAX = 100000, WAYS = 4, TEXT_BYTES = 512 };

static char program[] = "/bin/true";
static char *const arguments[] = {program, NULL};

struct way {
    const char *name;
    char preload[TEXT_BYTES];
    char options[TEXT_BYTES];
    char *environment[3];
    double *times; /* microseconds */
    long faults;   /* of the last round */
};

static pid_t wait_for(pid_t child, int *ret_status, struct rusage *ret_usage)
{
    pid_t ended = wait4(child, ret_status, 0, ret_usage);

    if (ended != child) {
        bench_fail("cannot wait for the program");
    }
    return ended;
}

static void run(struct way *way, size_t round)
{
    struct rusage usage;
    pid_t child;
    int status;
    double begun = bench_now_ns(CLOCK_MONOTONIC);

    if (posix_spawn(&child, program, NULL, NULL, arguments, way->environment) != 0) {
        bench_fail("cannot start the program");
    }
    wait_for(child, &status, &usage);
    way->times[round] = (bench_now_ns(CLOCK_MONOTONIC) - begun) / 1e3;
    way->faults = usage.ru_minflt;
    if (status != 0) {
        bench_fail("the program failed");
    }
}

/* Reads a figure in KiB from a child's smaps_rollup. */
static long figure_of(pid_t child, const char *name)
{
    char path[64];
    char line[TEXT_BYTES];
    long figure = -1;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int) child);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            figure = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return figure;
}

/* Stops the program at its end. ret_own: what it does not share with other processes. */
static void read_memory(const struct way *way, long *ret_resident, long *ret_own)
{
    struct rusage usage;
    int status;
    pid_t child = fork();

    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        execve(program, arguments, way->environment);
        _exit(EXIT_FAILURE);
    }
    wait_for(child, &status, &usage);
    ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
    do {
        ptrace(PTRACE_CONT, child, NULL, NULL);
        wait_for(child, &status, &usage);
    } while (WIFSTOPPED(status) && status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8));
    *ret_resident = figure_of(child, "Rss:");
    *ret_own = figure_of(child, "Private_Dirty:");
    if (WIFSTOPPED(status)) {
        ptrace(PTRACE_CONT, child, NULL, NULL);
        wait_for(child, &status, &usage);
    }
}

static void print(struct way *way, size_t rounds)
{
    long resident;
    long own;

    read_memory(way, &resident, &own);
    bench_sort(way->times, rounds);
    printf("| %-25s | %9.0f | %9.0f | %6ld | %13ld | %8ld |\n", way->name, way->times[rounds / 2],
           way->times[0], way->faults, resident, own);
}

static void define(struct way *way, const char *library, const char *options)
{
    size_t variables = 0;

    if (library != NULL) {
        snprintf(way->preload, sizeof(way->preload), "LD_PRELOAD=%s", library);
        way->environment[variables++] = way->preload;
    }
    if (options != NULL) {
        snprintf(way->options, sizeof(way->options), "LMM_OPTIONS=%s", options);
        way->environment[variables++] = way->options;
    }
}

int main(int argc, char *argv[])
{
    static struct way ways[WAYS] = {{.name = "plain"},
                                    {.name = "stacks=0"},
                                    {.name = "stacks=24 and ledger"},
                                    {.name = "and leak check"}};
    const char *usage = "usage: bench-start LIBRARY [ROUNDS]";
    char folder[] = "/dev/shm/bench-start-XXXXXX";
    char options[TEXT_BYTES];

    if (argc < 2 || argc > 3) {
        bench_fail(usage);
    }
    size_t rounds = argc < 3 ? ROUNDS : bench_parse(argv[2], 1, ROUNDS_MAX, usage);
    if (access(argv[1], R_OK) != 0 || mkdtemp(folder) == NULL) {
        bench_fail("no library, or no folder for ledgers in /dev/shm");
    }
    snprintf(options, sizeof(options), "stacks=24:children=0:ledger=%s:check=1", folder);
    define(&ways[1], argv[1], NULL);
    define(&ways[3], argv[1], options);
    options[strlen(options) - strlen(":check=1")] = '\0';
    define(&ways[2], argv[1], options);
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].times = malloc(rounds * sizeof(double));
        if (ways[i].times == NULL) {
            bench_fail("out of memory");
        }
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < WAYS; i++) {
            run(&ways[i], round);
        }
    }
    puts(
        "| /bin/true                 | median us |   best us | faults | resident, KiB | its own |\n"
        "| ------------------------- | --------: | --------: | -----: | ------------: | -------: "
        "|");
    for (size_t i = 0; i < WAYS; i++) {
        print(&ways[i], rounds);
    }
    rmdir(folder);
    return EXIT_SUCCESS;
}
