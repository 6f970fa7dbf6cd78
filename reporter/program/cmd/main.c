/* SPDX-License-Identifier: MIT */
/* main: `lmm SUBCOMMAND ...`: the table of subcommands, help, and the setup that all subcommands
 * share. */
#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reporter/program/base/nearest.h"
#include "reporter/program/base/program.h"
#include "reporter/program/cmd/complete.h"

extern char **environ;

const char *argp_program_version = "lmm " LMM_PROGRAM_VERSION;

static int cmd_help(int argc, char **argv);
static int cmd_complete(int argc, char **argv);

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const struct argp *argp; /* NULL: it takes no options */
    const char *summary;     /* one line for `lmm help`; NULL: hidden */
};

/* In the order of `lmm help`; hidden ones last. */
static const struct command commands[] = {
    {"run", lmm_cmd_run, &lmm_run_argp,
     "run a program on LMM, and report what it allocated and leaked"},
    {"attach", lmm_cmd_attach, &lmm_attach_argp,
     "count what a running process allocates from now on"},
    {"detach", lmm_cmd_detach, &lmm_detach_argp, "end that"},
    {"ls", lmm_cmd_ls, &lmm_ls_argp, "list the processes that have a ledger, live and dead"},
    {"report", lmm_cmd_report, &lmm_report_argp,
     "show what a process has allocated, by family and by site"},
    {"sites", lmm_cmd_sites, &lmm_sites_argp, "show one line for each place that allocates"},
    {"diet", lmm_cmd_diet, &lmm_diet_argp,
     "show what to change so that a program needs less memory"},
    {"leaks", lmm_cmd_leaks, &lmm_leaks_argp,
     "find out which blocks of a running process are lost"},
    {"mark", lmm_cmd_mark, &lmm_mark_argp,
     "mark this moment in a running process, for lmm leaks --since"},
    {"top", lmm_cmd_top, &lmm_top_argp, "watch lines or families on the whole screen"},
    {"serve", lmm_cmd_serve, &lmm_serve_argp,
     "show all processes in a browser, live; and metrics for Prometheus"},
    {"watch", lmm_cmd_watch, &lmm_watch_argp, "print what changes, and which lines grow steadily"},
    {"snapshot", lmm_cmd_snapshot, &lmm_snapshot_argp, "copy a ledger as it is now to a file"},
    {"diff", lmm_cmd_diff, &lmm_diff_argp, "show what grew between two ledgers"},
    {"gc", lmm_cmd_gc, &lmm_gc_argp, "remove the ledgers of dead processes"},
    {"help", cmd_help, NULL, "show the manual page of a subcommand"},
    {"complete", cmd_complete, NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

static const struct command *find_command(const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

static void complain_about(const char *word)
{
    struct lmm_nearest nearest = {.word = word};

    for (const struct command *command = commands; command->summary != NULL; command++) {
        lmm_nearest_look_text(&nearest, command->name);
    }
    lmm_complain("no subcommand '%s'%s", word, lmm_nearest_hint(&nearest, " (lmm help lists all)"));
}

/* Runs a subcommand with argv[0] set to "lmm <name>", which messages show. */
static int run_command(const struct command *command, int argc, char **argv)
{
    char name[64];

    assert(argc > 0);
    snprintf(name, sizeof(name), "lmm %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}

static void print_overview(FILE *out)
{
    fprintf(out, "Usage: lmm SUBCOMMAND [OPTION...]\n"
                 "Show what a process that uses LMM has allocated, from outside, whether it runs "
                 "or not.\n\n");
    for (const struct command *command = commands; command->summary != NULL; command++) {
        fprintf(out, "  %-9s %s\n", command->name, command->summary);
    }
    fprintf(out, "\n`lmm help SUBCOMMAND' shows its manual page, `lmm --version' the version.\n");
}

static bool has_page(const char *page)
{
    char man[] = "man";
    char where[] = "-w";
    char *copy = strdup(page);
    char *argv[] = {man, where, copy, NULL};
    posix_spawn_file_actions_t actions;
    int status = 1;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (copy != NULL && posix_spawnp(&pid, man, &actions, NULL, argv, environ) == 0) {
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    posix_spawn_file_actions_destroy(&actions);
    free(copy);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int help_of(const struct command *command)
{
    char page[64];
    char first[] = "lmm";
    char option[] = "--help";
    char *argv[] = {first, option, NULL};

    snprintf(page, sizeof(page), "lmm-%s", command->name);
    if (has_page(page)) {
        fflush(stdout);
        execlp("man", "man", page, (char *) NULL);
    }
    return run_command(command, 2, argv);
}

/* `lmm help`, `lmm help X`. */
static int cmd_help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    if (argc > 1 && argv[1][0] != '-' && command == NULL) {
        complain_about(argv[1]);
        return LMM_EXIT_USAGE;
    }
    if (command == NULL || command->run == cmd_help) {
        print_overview(stdout);
        return LMM_EXIT_DONE;
    }
    return help_of(command);
}

/* `lmm complete`, `lmm complete X`: for the completion of a shell. */
static int cmd_complete(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    if (argc > 1 && command == NULL) {
        complain_about(argv[1]);
        return LMM_EXIT_USAGE;
    }
    for (const struct command *each = commands; argc == 1 && each->summary != NULL; each++) {
        puts(each->name);
    }
    if (command != NULL && command->argp != NULL) {
        lmm_complete_print(command->argp);
    }
    return LMM_EXIT_DONE;
}

static int dispatch(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    const struct command *command = find_command(word);

    if (command != NULL) {
        return run_command(command, argc - 1, argv + 1);
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0) {
        print_overview(stdout);
        return LMM_EXIT_DONE;
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts(argp_program_version);
        return LMM_EXIT_DONE;
    }
    if (*word == '\0') {
        print_overview(stderr);
    } else {
        complain_about(word);
    }
    return LMM_EXIT_USAGE;
}

/* Reports output that is still buffered and cannot be written, but not that its reader is gone. */
static void check_stdout(void)
{
    if (fflush(stdout) != 0 && errno != EPIPE) {
        lmm_complain("standard output: %s", strerror(errno));
        _exit(LMM_EXIT_FAILED);
    }
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    /* Writing to a closed pipe becomes an ordinary error. */
    lmm_sigpipe_was_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
    argp_err_exit_status = LMM_EXIT_USAGE;
    atexit(check_stdout); /* argp itself ends the program after --help */
    return dispatch(argc, argv);
}
