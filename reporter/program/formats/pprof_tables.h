/* SPDX-License-Identifier: MIT */
/*
 * pprof_tables: the strings, functions and locations of a Profile (profile.proto). What is in a
 * table once is found again by a text.
 *
 * Invariants:
 *   I1  ids of locations and functions are not 0; there is one function per name and file, and one
 *       location of a frame per address and module
 *   I2  the first string is empty (the caller adds it first), and no string is in the table twice
 *
 * When memory runs out, `failed` is set and the tables stay valid.
 */
#ifndef LMM_PROGRAM_PPROF_TABLES_H
#define LMM_PROGRAM_PPROF_TABLES_H

#include <profile.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_pprof_tables {
    Perftools__Profiles__Profile profile;
    void *strings; /* trees of numbers, by text */
    void *functions;
    void *frames;
    bool failed; /* out of memory */
};

/* Returns the index of text in the table of strings; takes ownership of text. */
int64_t lmm_pprof_string(struct lmm_pprof_tables *tables, char *text);

/* Returns the id of a function, which is added if no other has its name and file. */
uint64_t lmm_pprof_function(struct lmm_pprof_tables *tables, int64_t name, int64_t filename);

/* Returns the id of the location of a frame; 0: out of memory. If the id is larger than the number
 * of locations, the frame is new, and its location must be added next. */
uint64_t lmm_pprof_frame(struct lmm_pprof_tables *tables, uint32_t module, uint64_t address);

/* Adds a location without lines that has room for `lines` lines; NULL: out of memory. */
Perftools__Profiles__Location *lmm_pprof_add_location(struct lmm_pprof_tables *tables,
                                                      size_t lines);

/* Adds a line to a location of lmm_pprof_add_location(), which must have room for it. */
void lmm_pprof_add_line(Perftools__Profiles__Location *location, uint64_t function_id,
                        uint32_t line);

/* Frees the tables, and what they hold of the profile. */
void lmm_pprof_tables_free(struct lmm_pprof_tables *tables);

#endif
