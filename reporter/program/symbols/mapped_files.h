/* SPDX-License-Identifier: MIT */
/*
 * mapped_files: the files that processes had mapped, each known by its path and identity
 * (symbol_file.h), and opened when an address in it is first looked up. A file that is missing or
 * was replaced is not used; then a file that was kept open is tried (kept_files.h), what a running
 * process has mapped (live_files.h), and its debug file under /usr/lib/debug/.build-id.
 */
#ifndef LMM_PROGRAM_MAPPED_FILES_H
#define LMM_PROGRAM_MAPPED_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/utf8.h"

struct lmm_kept_files;
struct lmm_mapped_files;
struct lmm_model_module;
struct lmm_symbol_file;

struct lmm_mapped_file {
    struct lmm_symbol_file *symbols; /* NULL: not opened, or not usable */
    struct lmm_string path;          /* these two end with a NUL */
    struct lmm_string name;
    const unsigned char *build_id;
    size_t build_id_bytes;   /* 0: it has none, or it is unknown */
    uint32_t number;         /* from 0 on */
    bool is_library;         /* its functions allocate for their callers */
    bool is_missing;         /* it cannot be opened */
    uint64_t lineless_bytes; /* of sites that have no line because it has none; the caller's */
};

/* Returns an empty table, to be freed with lmm_mapped_files_free(); NULL: out of memory. tells:
 * whether one line on stderr says of a file that it was replaced, or cannot be read. */
struct lmm_mapped_files *lmm_mapped_files_new(bool tells);

/* Files to use where one is missing or was replaced; they must live as long as files. NULL: none. */
void lmm_mapped_files_set_kept(struct lmm_mapped_files *files, const struct lmm_kept_files *kept);

/* Returns the file of a module of the process with that number, which lives as long as files; NULL:
 * out of memory. */
struct lmm_mapped_file *lmm_mapped_files_find(struct lmm_mapped_files *files, uint32_t pid,
                                              const struct lmm_model_module *module);

/* Opens a file at the first call; returns whether file->symbols can be used. */
bool lmm_mapped_file_open(struct lmm_mapped_files *files, struct lmm_mapped_file *file);

/* Returns whether a call in a file may have a line: it is no library, and has debug information. It is opened, and at the
 * first call lmm_mapped_file_tell() is called. */
bool lmm_mapped_file_may_have_lines(struct lmm_mapped_files *files, struct lmm_mapped_file *file);

/* Says at the first call what cannot be read of the debug information of an open file; call it
 * after the first look-up in it. */
void lmm_mapped_file_tell(struct lmm_mapped_files *files, struct lmm_mapped_file *file);

/* Calls look(context, file) for each file. */
void lmm_mapped_files_walk(const struct lmm_mapped_files *files,
                           void (*look)(void *context, const struct lmm_mapped_file *file),
                           void *context);

void lmm_mapped_files_free(struct lmm_mapped_files *files);

#endif
