/* SPDX-License-Identifier: MIT */
/* What the tests of chunks share: a process with a folder for its ledger, and its file as another process sees it, through
 * a second mapping. */
#ifndef TESTS_SUPPORT_CHUNK_FILE_H
#define TESTS_SUPPORT_CHUNK_FILE_H

#include "lib/books/chunks.h"
#include "lib/books/rows.h"
#include "lib/ground/options.h"
#include "lib/ground/sync.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = LMM_SYSTEM_PAGE_BYTES, HEADER = sizeof(struct lmm_ledger_header) };

static char folder[64];

static inline void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/lmm-chunks-XXXXXX");
    cr_assert(mkdtemp(folder) != NULL);
    setenv("LMM_DIR", folder, 1);
    signal(SIGXFSZ, SIG_DFL);
    cr_assert(lmm_chunks_start());
}

static inline void tear_down(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    cr_assert(system(command) == 0);
}

/* The path of this process's ledger; NULL: none. */
static inline const char *ledger_path(void)
{
    static char path[400];
    char start[32];
    const char *found = NULL;
    DIR *directory = opendir(folder);

    snprintf(start, sizeof(start), "%ld.", (long) getpid());
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, start, strlen(start)) == 0) {
            snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            found = path;
        }
    }
    closedir(directory);
    return found;
}

/* The ledger as another process sees it. */
static inline const struct lmm_ledger_header *look(size_t *ret_bytes)
{
    const char *path = ledger_path();
    struct stat facts;

    cr_assert(path != NULL);
    int descriptor = open(path, O_RDONLY);
    cr_assert(descriptor >= 0 && fstat(descriptor, &facts) == 0);
    void *mapped = mmap(NULL, (size_t) facts.st_size, PROT_READ, MAP_SHARED, descriptor, 0);
    cr_assert(mapped != MAP_FAILED);
    close(descriptor);
    *ret_bytes = (size_t) facts.st_size;
    return mapped;
}

/* Chunk i of the chain in the file; NULL past the end. */
static inline const struct lmm_ledger_chunk *chunk_in_file(size_t i)
{
    size_t bytes;
    const struct lmm_ledger_header *header = look(&bytes);
    size_t offset = header->header_bytes;

    cr_assert(header->file_bytes <= bytes);
    for (; offset < header->file_bytes; i--) {
        const struct lmm_ledger_chunk *chunk = (const void *) ((const char *) header + offset);
        cr_assert(chunk->bytes >= PAGE && chunk->bytes <= header->file_bytes - offset);
        if (i == 0) {
            return chunk;
        }
        offset += chunk->bytes;
    }
    return NULL;
}

static inline struct lmm_ledger_chunk *add(enum lmm_ledger_kind kind, size_t bytes)
{
    struct lmm_ledger_chunk *chunk = lmm_chunk_add(sizeof(struct lmm_ledger_row), 0, bytes);

    cr_assert(chunk != NULL);
    chunk->used = chunk->capacity;
    chunk->kind = kind;
    return chunk;
}

static inline struct lmm_ledger_row *row_of(struct lmm_ledger_chunk *chunk, size_t i)
{
    return (struct lmm_ledger_row *) lmm_chunk_records(chunk) + i;
}

static inline uint64_t allocated_in_file(size_t chunk, size_t row)
{
    const struct lmm_ledger_chunk *found = chunk_in_file(chunk);

    cr_assert(found != NULL && row < found->capacity);
    return ((const struct lmm_ledger_row *) (const void *) (found + 1))[row].allocated_blocks;
}

/* Sends stderr to another descriptor, which is closed; returns a copy of the old one. */
static inline int redirect_stderr(int descriptor)
{
    int saved = dup(STDERR_FILENO);

    dup2(descriptor, STDERR_FILENO);
    close(descriptor);
    return saved;
}

static inline void limit_files(rlim_t bytes)
{
    cr_assert(setrlimit(RLIMIT_FSIZE, &(struct rlimit) {bytes, RLIM_INFINITY}) == 0);
}

/* Publishes; discards the messages. */
static inline void publish_silently(void)
{
    int saved = redirect_stderr(open("/dev/null", O_WRONLY));

    lmm_chunks_publish();
    close(redirect_stderr(saved));
}

/* Publishes a file that has no room for more than so many pages of chunks. */
static inline void publish_full(size_t pages)
{
    limit_files(HEADER + pages * PAGE);
    lmm_chunks_publish();
    limit_files(RLIM_INFINITY);
}

/* Adds a chunk that does not fit into the file, which detects that. */
static inline struct lmm_ledger_chunk *lose(size_t bytes)
{
    int saved = redirect_stderr(open("/dev/null", O_WRONLY));
    struct lmm_ledger_chunk *chunk = add(LMM_LEDGER_ROWS, bytes);

    close(redirect_stderr(saved));
    return chunk;
}

#endif
