/* SPDX-License-Identifier: MIT */
/*
 * page_pack: a sink whose bytes go to another one, compressed (zlib, RFC 1950) and in base64 without line ends.
 *
 *     struct lmm_page_pack *pack = lmm_page_pack_open(sink);
 *     lmm_sink_puts(lmm_page_pack_sink(pack), "...");
 *     error = lmm_page_pack_close(pack);
 *
 * Locks: none; a pack belongs to one thread.
 */
#ifndef LMM_PROGRAM_PAGE_PACK_H
#define LMM_PROGRAM_PAGE_PACK_H

struct lmm_page_pack;
struct lmm_sink;

/* Returns a pack whose output goes to `sink`, to be closed; NULL: out of memory. */
struct lmm_page_pack *lmm_page_pack_open(struct lmm_sink *sink);

struct lmm_sink *lmm_page_pack_sink(struct lmm_page_pack *pack);

/* Puts what is left into the other sink, and frees the pack. Returns 0, or the first error of either as -errno. */
int lmm_page_pack_close(struct lmm_page_pack *pack);

#endif
