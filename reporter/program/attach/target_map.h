/* SPDX-License-Identifier: MIT */
/*
 * target_map: what a process has mapped (/proc/PID/maps), and the symbols of a module as the process has it in its
 * memory, so that neither its file nor its mount namespace matters.
 *
 * The process's memory is hostile: each offset and count is checked. Stateless.
 */
#ifndef LMM_PROGRAM_TARGET_MAP_H
#define LMM_PROGRAM_TARGET_MAP_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lmm_tracee;

struct lmm_mapping {
    uint64_t from;
    uint64_t to;
    uint64_t offset; /* in the file */
    bool is_code;    /* can be executed */
    bool is_written; /* can be read and written */
    bool is_file;    /* has a path that starts with a slash */
    bool is_lasting; /* of the program, libc, or the dynamic loader, which are never unloaded */
    char *path;      /* never NULL */
};

/* How near code must be that a branch can reach it, and what lies around both. */
#if defined(__x86_64__)
#define LMM_TARGET_MAP_REACH (UINT64_C(1) << 30)
#else
#define LMM_TARGET_MAP_REACH (UINT64_C(64) << 20)
#endif

struct lmm_target_map {
    struct lmm_mapping *mappings; /* in the order of addresses */
    size_t count;
};

/* False: it cannot be read. */
bool lmm_target_map_read(pid_t pid, struct lmm_target_map *ret_map);
void lmm_target_map_free(struct lmm_target_map *map);

/* The mapping that has the address; NULL: none. */
const struct lmm_mapping *lmm_target_map_find(const struct lmm_target_map *map, uint64_t address);

/* The next mapping, after `after` or the first one if that is NULL, at which a file's contents start; NULL: none. */
const struct lmm_mapping *lmm_target_map_next_module(const struct lmm_target_map *map,
                                                     const struct lmm_mapping *after);

/* An address range of so many bytes, whole pages, that is free, within LMM_TARGET_MAP_REACH of the address; 0: there is none. */
uint64_t lmm_target_map_gap(const struct lmm_target_map *map, uint64_t address, size_t bytes);

/* Bytes that no module uses, and nobody else who got some. What is put there must not end with more than 8 zeros. */
struct lmm_spare {
    bool is_code;   /* they can be executed */
    size_t bytes;   /* at most those of a page */
    uint64_t align; /* a power of two */
    uint64_t near;  /* within LMM_TARGET_MAP_REACH of that address; 0: anywhere */
};

/* The address of such bytes, all zero: after the end of a segment that cannot be written, in its last page. Only modules are used that are
 * never unloaded. 0: there are none. */
uint64_t lmm_target_map_spare(const struct lmm_tracee *tracee, const struct lmm_target_map *map,
                              const struct lmm_spare *wanted);

/* A module's symbols. */
struct lmm_image_symbols {
    uint64_t start; /* where it is mapped */
    uint64_t bias;
    uint64_t table; /* where the symbols are in the process */
    Elf64_Sym *symbols;
    size_t count;
    char *strings; /* ended by NUL */
    size_t string_bytes;
};

/* Reads the symbols of the module that is mapped at `start`; false: it is none, or has none. */
bool lmm_image_symbols_read(const struct lmm_tracee *tracee, uint64_t start,
                            struct lmm_image_symbols *ret_image);
void lmm_image_symbols_free(struct lmm_image_symbols *image);

/* Calls visit for each word of the module mapped at `start` to which the loader has written an address, and stops when that returns false.
 * value: what the word holds now. False: it stopped, or the module cannot be read. */
bool lmm_image_visit_words(const struct lmm_tracee *tracee, uint64_t start,
                           bool (*visit)(void *arg, uint64_t address, uint64_t value), void *arg);

/* The name of a symbol; "" when it makes no sense. */
const char *lmm_image_symbol_name(const struct lmm_image_symbols *image, const Elf64_Sym *symbol);

/* The address of what the module defines by that name, and its length; 0: nothing. ret_bytes: may be NULL. */
uint64_t lmm_image_symbol(const struct lmm_image_symbols *image, const char *name,
                          uint64_t *ret_bytes);

#endif
