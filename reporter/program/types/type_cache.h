/* SPDX-License-Identifier: MIT */
/*
 * type_cache: the facts about a file's calls (facts.h), kept from one run of `lmm` to the next in
 * $XDG_CACHE_HOME/lmm/types, else ~/.cache/lmm/types: a file for each build-id. Facts are kept only of files that have
 * a build-id, which never change then. Of a file without debug information it is kept whether functions return what
 * they got (facts->is_blind): it may get such information later.
 *
 * A cache belongs to the build of `lmm` that wrote it, by the build-id of `lmm` itself: another build may find other
 * facts, and nobody needs to remember to count a version up when the finder changes. A copy of the program, or one
 * that was installed, has the same build-id. (The size and time of its file did not survive a copy, and were those of
 * another program under Valgrind.) Where `lmm` was linked without a build-id, the version of LMM alone counts.
 *
 * A cache is text: a line for its version, then lines for types, calls, and candidates, and a
 * checksum. It is hostile when it is read: one that is not understood is ignored, and written anew.
 * It is written as a whole, under another name, and renamed; a failure to write it is no error. The
 * cache is bounded: the files that were written first are removed when there are more than 512.
 *
 * Not responsible for what facts mean.
 */
#ifndef LMM_PROGRAM_TYPE_CACHE_H
#define LMM_PROGRAM_TYPE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lmm_facts;
struct lmm_type_table;

/* Takes the facts about one call, and owns facts->items. Returns false to stop. */
typedef bool (*lmm_type_cache_take)(void *context, uint64_t offset, const struct lmm_facts *facts);

/* Reads the cache of a build-id, whose types are kept in table; calls take(context, ...) for each call.
 * Returns whether there was a cache, and all of it was read. */
bool lmm_type_cache_read(const unsigned char *build_id, size_t build_id_bytes,
                         struct lmm_type_table *table, lmm_type_cache_take take, void *context);

/* The facts about one call, to be written. */
struct lmm_type_cache_item {
    uint64_t offset;
    const struct lmm_facts *facts;
};

/* Writes a cache. Cost: linear in the candidates. */
void lmm_type_cache_write(const unsigned char *build_id, size_t build_id_bytes,
                          const struct lmm_type_cache_item *items, size_t count);

#endif
