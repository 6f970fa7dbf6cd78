/* SPDX-License-Identifier: MIT */
/*
 * stand_in: the library that `lmm run` preloads in these tests instead of the drop-in. It counts
 * nothing: it copies a ledger made by a test into the directory named in LMM_OPTIONS, with the PID
 * of this process, and records its environment.
 *
 * STAND_IN_LEDGER   the file of the ledger; empty: no ledger
 * STAND_IN_SAYS     the file for LD_PRELOAD and LMM_OPTIONS, one line each
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lmm/ledger.h>

static const char *text_of(const char *name)
{
    const char *text = getenv(name);

    return text == NULL ? "" : text;
}

static void say(const char *path)
{
    FILE *file = fopen(path, "a");

    if (file != NULL) {
        fprintf(file, "%s\n%s\n", text_of("LD_PRELOAD"), text_of("LMM_OPTIONS"));
        fclose(file);
    }
}

/* Sets directory to the last one that LMM_OPTIONS names, with %% made % again. */
static int find_directory(char *directory)
{
    const char *found = NULL;

    for (const char *at = text_of("LMM_OPTIONS"); (at = strstr(at, "ledger=")) != NULL; at++) {
        found = at + strlen("ledger=");
    }
    while (found != NULL && *found != ':' && *found != '\0') {
        found += found[0] == '%' && found[1] == '%';
        *directory++ = *found++;
    }
    *directory = '\0';
    return found != NULL;
}

static void copy_ledger(const char *from, const char *to)
{
    static unsigned char bytes[1 << 20];
    struct lmm_ledger_header *header = (void *) bytes;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t length = in < 0 ? -1 : read(in, bytes, sizeof(bytes));

    header->pid = (uint32_t) getpid();
    if (length > 0 && write(out, bytes, (size_t) length) != length) {
        perror(to);
    }
    close(in);
    close(out);
}

__attribute__((constructor)) static void start(void)
{
    char directory[4096];
    char path[8192];

    if (*text_of("STAND_IN_SAYS") != '\0') {
        say(text_of("STAND_IN_SAYS"));
    }
    if (*text_of("STAND_IN_LEDGER") != '\0' && find_directory(directory)) {
        snprintf(path, sizeof(path), "%s/%ld.1.0%s", directory, (long) getpid(), LMM_LEDGER_SUFFIX);
        copy_ledger(text_of("STAND_IN_LEDGER"), path);
    }
}
