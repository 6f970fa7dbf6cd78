/* SPDX-License-Identifier: MIT */
/* process: the facts in the ledger's header, compared with other sources of the system. */
#include "lib/books/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct lmm_ledger_header header;

static void describe(void)
{
    memset(&header, 0xff, sizeof(header));
    lmm_process_describe(&header);
}

/* Field `number`, from 3 on, of /proc/self/stat, parsed in another way than the library does. */
static uint64_t stat_field(int number)
{
    char text[2048];
    FILE *file = fopen("/proc/self/stat", "r");
    cr_assert(file != NULL);
    size_t length = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[length] = '\0';
    /* From the end: a name may contain any text, but the fields after it are 50 numbers. */
    int fields = 52;
    char *at = text + strcspn(text, "\n");
    while (fields >= number) {
        do {
            at--;
        } while (*at != ' ');
        fields--;
    }
    uint64_t value = 0;
    cr_assert(sscanf(at, " %" SCNu64, &value) == 1);
    return value;
}

Test(process, who_it_is)
{
    struct stat facts;

    describe();
    cr_expect(header.pid == (uint32_t) getpid());
    cr_expect(header.parent_pid == (uint32_t) getppid());
    cr_expect(header.user == geteuid());
    cr_expect(header.system_page_bytes == (uint32_t) sysconf(_SC_PAGESIZE));
    cr_assert(stat("/proc/self/ns/pid", &facts) == 0);
    cr_expect(header.pid_namespace == facts.st_ino);
}

Test(process, when_it_began)
{
    struct timespec before;
    struct timespec after;

    clock_gettime(CLOCK_REALTIME, &before);
    describe();
    clock_gettime(CLOCK_REALTIME, &after);
    cr_expect(header.start_time_ns >=
              (uint64_t) before.tv_sec * 1000000000 + (uint64_t) before.tv_nsec);
    cr_expect(header.start_time_ns <=
              (uint64_t) after.tv_sec * 1000000000 + (uint64_t) after.tv_nsec);
    cr_expect(header.start_ticks == stat_field(22), "%" PRIu64, header.start_ticks);
}

/* The name is in parentheses before the fields, and may contain any text. */
Test(process, a_name_of_blanks_and_parentheses)
{
    static const char *const names[] = {"a b c", ") R 1 2 3", "((((", "))))", ") 1 (", "\n) S 4"};

    describe();
    uint64_t expected = header.start_ticks;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_assert(prctl(PR_SET_NAME, names[i]) == 0);
        describe();
        cr_expect(header.start_ticks == expected, "%s", names[i]);
    }
}

Test(process, which_boot)
{
    char text[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");

    cr_assert(file != NULL && fgets(text, sizeof(text), file) != NULL);
    fclose(file);
    describe();
    text[strcspn(text, "\n")] = '\0';
    cr_expect(strlen(text) == 36 && strcmp(header.boot_id, text) == 0, "%s", header.boot_id);
}

Test(process, which_program)
{
    char path[LMM_LEDGER_PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));

    cr_assert(length > 0 && length < LMM_LEDGER_PATH_MAX);
    describe();
    cr_expect(strlen(header.executable) == (size_t) length);
    cr_expect(memcmp(header.executable, path, (size_t) length) == 0, "%s", header.executable);
}

Test(process, the_command_is_the_arguments_one_after_the_other)
{
    char expected[LMM_LEDGER_COMMAND_MAX];
    int descriptor = open("/proc/self/cmdline", O_RDONLY);
    ssize_t length = read(descriptor, expected, sizeof(expected));

    close(descriptor);
    cr_assert(length > 0 && length < LMM_LEDGER_COMMAND_MAX && expected[length - 1] == '\0');
    describe();
    cr_expect(header.command_bytes == (uint32_t) length, "%" PRIu32, header.command_bytes);
    cr_expect(memcmp(header.command, expected, (size_t) length) == 0);
}

/* This program as one that only prints its header, for any command line. */
__attribute__((constructor)) static void tell_and_end(void)
{
    if (getenv("TELL_HEADER") != NULL) {
        describe();
        _exit(write(STDOUT_FILENO, &header, sizeof(header)) == sizeof(header) ? 0 : 1);
    }
}

/* Fills `header` from a process with the arguments "program" and `bytes` letters. */
static void describe_another(size_t bytes)
{
    char *argument = calloc(1, bytes + 1);
    char *variables[] = {(char *) (uintptr_t) "TELL_HEADER=1", NULL};
    int ends[2];

    cr_assert(argument != NULL && pipe(ends) == 0);
    memset(argument, 'x', bytes);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execle("/proc/self/exe", "program", argument, (char *) NULL, variables);
        _exit(1);
    }
    close(ends[1]);
    cr_assert(read(ends[0], &header, sizeof(header)) == sizeof(header));
    close(ends[0]);
    free(argument);
    cr_assert(waitpid(child, NULL, 0) == child);
}

/* Cut or not, the last argument ends with a NUL. */
Test(process, a_long_command_is_cut)
{
    enum { FIRST = sizeof("program"), ROOM = LMM_LEDGER_COMMAND_MAX - FIRST };
    static const size_t lengths[] = {0, 10, ROOM - 2, ROOM - 1, ROOM, ROOM + 1, 5000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t expected = lengths[i] < ROOM ? FIRST + lengths[i] + 1 : LMM_LEDGER_COMMAND_MAX;
        describe_another(lengths[i]);
        cr_expect(header.command_bytes == expected, "%zu: %" PRIu32, lengths[i],
                  header.command_bytes);
        cr_expect(strcmp(header.command, "program") == 0);
        cr_expect(strlen(header.command + FIRST) == expected - FIRST - 1);
    }
}

Test(process, only_its_own_fields_are_written)
{
    describe();
    cr_expect(header.version == UINT32_MAX && header.state == UINT32_MAX);
    cr_expect(header.file_bytes == UINT64_MAX && header.move_sequence == UINT32_MAX);
    cr_expect(header.end_time_ns == UINT64_MAX && header.reserved[0] == 0xff);
    cr_expect(header.magic[0] == (char) 0xff && header.lost_errno == UINT32_MAX);
}

Test(process, errno_stays)
{
    errno = ERANGE;
    describe();
    cr_expect(errno == ERANGE);
}

Test(process, a_forked_child_is_itself)
{
    describe();
    uint32_t parent = header.pid;
    uint64_t began = header.start_ticks;
    pid_t child = fork();

    if (child == 0) {
        usleep(30000); /* a tick is 10 ms */
        describe();
        _exit(header.pid == (uint32_t) getpid() && header.parent_pid == parent &&
                      header.start_ticks == stat_field(22) && header.start_ticks >= began
                  ? 0
                  : 1);
    }
    int status = -1;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
}

/* Without descriptors no file of /proc can be read; facts from system calls are still there. */
Test(process, without_proc_fields_are_empty)
{
    describe();
    struct lmm_ledger_header whole = header;
    pid_t child = fork();

    if (child == 0) {
        while (open("/dev/null", O_RDONLY) >= 0) {
        }
        describe();
        bool right = header.pid == (uint32_t) getpid() && header.start_ticks == 0 &&
                     header.boot_id[0] == '\0' && header.command_bytes == 0 &&
                     strcmp(header.executable, whole.executable) == 0 && header.start_time_ns != 0;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(status == 0);
}
