/* SPDX-License-Identifier: MIT */
#include "reporter/program/run/preload.h"

#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "reporter/program/base/private_file.h"
#include "reporter/program/base/program.h"
#include "reporter/program/run/sanitizer.h"

enum {
    PROGRAM_HEADERS_MAX = 128,
    LOADER_NAME_MAX = 256,
    SCRIPT_LINE_MAX = 4096,
};

/* ---- The library ----------------------------------------------------------------------------- */

char *lmm_preload_find(const char *given)
{
    const char *path = given != NULL ? given : getenv("LMM_PRELOAD_LIBRARY");

    if (path == NULL || *path == '\0') {
        return lmm_private_file_find(LMM_DROP_IN_NAME);
    }
    char *real = lmm_private_file_real(path);

    if (real == NULL || access(real, R_OK) != 0) {
        lmm_complain("%s: %s", path, strerror(errno));
        free(real);
        return NULL;
    }
    return real;
}

char *lmm_preload_value(const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    bool alone = before == NULL || *before == '\0';
    char *value = NULL;

    if (strpbrk(library, ": \t\n") != NULL) {
        lmm_complain("%s: a path with blanks or colons cannot be preloaded", library);
        return NULL;
    }
    if (asprintf(&value, "%s%s%s", library, alone ? "" : ":", alone ? "" : before) < 0) {
        lmm_complain("%s", strerror(ENOMEM));
        return NULL;
    }
    return value;
}

/* ---- The options ----------------------------------------------------------------------------- */

const char *lmm_preload_taken_key(const char *setting)
{
    static const char *const keys[] = {"ledger", "keep", "stacks", "children", "starts"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t bytes = strlen(keys[i]);

        if (strncmp(setting, keys[i], bytes) == 0 && setting[bytes] == '=') {
            return keys[i];
        }
    }
    return NULL;
}

/* Names each setting of the environment that has no effect. */
static void tell_overridden(const char *there)
{
    while (there != NULL && *there != '\0') {
        const char *key = lmm_preload_taken_key(there);

        if (key != NULL) {
            lmm_complain("ignoring %s in LMM_OPTIONS: lmm run sets it", key);
        }
        there += strcspn(there, ":");
        there += *there == ':';
    }
}

/* Puts a part of the value, and a colon after it; nothing for no text. */
static void put_part(FILE *out, const char *key, const char *text)
{
    if (text != NULL && *text != '\0') {
        fprintf(out, "%s%s:", key, text);
    }
}

char *lmm_preload_options(const struct lmm_preload_settings *settings)
{
    const char *there = getenv("LMM_OPTIONS");
    char *value = NULL;
    size_t bytes = 0;

    assert(settings->directory[0] == '/');
    if (strchr(settings->directory, ':') != NULL) {
        lmm_complain("%s: a path with colons cannot be in LMM_OPTIONS", settings->directory);
        return NULL;
    }
    FILE *out = open_memstream(&value, &bytes);

    if (out != NULL) {
        put_part(out, "check=", "1"); /* the user may say otherwise */
        put_part(out, "", there);
        put_part(out, "", settings->options);
        put_part(out, "fit=", settings->fit);
        put_part(out, "temporary=", settings->temporary);
        fputs("ledger=", out);
        for (const char *at = settings->directory; *at != '\0'; at++) {
            fprintf(out, "%s%c", *at == '%' ? "%" : "", *at);
        }
        fprintf(out, ":keep=1:stacks=%u:children=%d%s%s%s:starts=%s", settings->stacks,
                (int) settings->children, settings->fill ? ":fill=both" : "",
                settings->checks_matching ? ":match=1" : "",
                settings->retained ? ":retained=1" : "", settings->starts);
    }
    if (out == NULL || fclose(out) != 0) {
        lmm_complain("%s", strerror(ENOMEM));
        free(value);
        return NULL;
    }
    tell_overridden(there);
    return value;
}

/* ---- Programs that ignore LD_PRELOAD --------------------------------------------------------- */

static const char needs_glibc[] = "it is linked with musl, and LMM needs glibc";

/* Returns why LMM cannot be loaded into an ELF file's program by the dynamic loader that the file names; NULL: it
 * can, or the headers cannot be read. A loader that is not glibc's does not start a program with LMM at all. */
static const char *obstacle_of_loader(int file, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) headers[PROGRAM_HEADERS_MAX];
    size_t bytes = head->e_phnum * sizeof(headers[0]);

    if (head->e_phnum > PROGRAM_HEADERS_MAX || head->e_phentsize != sizeof(headers[0]) ||
        pread(file, headers, bytes, (off_t) head->e_phoff) != (ssize_t) bytes) {
        return NULL;
    }
    for (size_t i = 0; i < head->e_phnum; i++) {
        if (headers[i].p_type == PT_INTERP) {
            char name[LOADER_NAME_MAX] = "";
            size_t length = headers[i].p_filesz < sizeof(name) ? headers[i].p_filesz : 0;
            bool is_musl = pread(file, name, length, (off_t) headers[i].p_offset) > 0 &&
                           memmem(name, length, "/ld-musl-", 9) != NULL;
            return is_musl ? needs_glibc : NULL;
        }
    }
    return "it is statically linked";
}

/* Reads the header of an ELF file; false: it is none. */
static bool read_head(int file, ElfW(Ehdr) * ret_head)
{
    return pread(file, ret_head, sizeof(*ret_head), 0) == (ssize_t) sizeof(*ret_head) &&
           memcmp(ret_head->e_ident, ELFMAG, SELFMAG) == 0;
}

static const char *obstacle_of_file(int file)
{
    ElfW(Ehdr) head;
    struct stat status;

    if (fstat(file, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0) {
        return "it is a set-user-ID or set-group-ID program";
    }
    if (fgetxattr(file, "security.capability", NULL, 0) > 0) {
        return "it is a program with file capabilities";
    }
    if (!read_head(file, &head)) {
        return NULL;
    }
    if (head.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)) {
        return "it is a program for another word size";
    }
    const char *obstacle = obstacle_of_loader(file, &head);
    return obstacle == NULL ? lmm_sanitizer_of(file) : obstacle;
}

int lmm_preload_open_program(const char *program)
{
    const char *path = getenv("PATH");
    int file = -1;

    if (strchr(program, '/') != NULL || path == NULL) {
        return open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    while (file < 0 && *path != '\0') {
        int bytes = (int) strcspn(path, ":");
        char *name = NULL;

        if (asprintf(&name, "%.*s%s%s", bytes, path, bytes == 0 ? "" : "/", program) >= 0) {
            if (access(name, X_OK) == 0) {
                file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
            }
            free(name);
        }
        path += bytes;
        path += *path == ':';
    }
    return file;
}

/* Opens the interpreter that a script names, and closes the script; returns file when it is no
 * script. */
static int open_interpreter(int file)
{
    char line[SCRIPT_LINE_MAX];
    ssize_t bytes = pread(file, line, sizeof(line) - 1, 0);

    if (bytes < 3 || line[0] != '#' || line[1] != '!') {
        return file;
    }
    line[bytes] = '\0';
    char *name = line + 2 + strspn(line + 2, " \t");

    name[strcspn(name, " \t\n")] = '\0';
    close(file);
    return open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

bool lmm_preload_must_not(const char *program)
{
    int file = lmm_preload_open_program(program);
    bool must_not = false;

    file = file < 0 ? file : open_interpreter(file);
    if (file >= 0) {
        ElfW(Ehdr) head;
        must_not = lmm_sanitizer_of(file) != NULL ||
                   (read_head(file, &head) && obstacle_of_loader(file, &head) == needs_glibc);
        close(file);
    }
    return must_not;
}

const char *lmm_preload_obstacle(const char *program)
{
    int file = lmm_preload_open_program(program);
    const char *obstacle = NULL;

    file = file < 0 ? file : open_interpreter(file);
    if (file >= 0) {
        obstacle = obstacle_of_file(file);
        close(file);
    }
    return obstacle;
}
