/* SPDX-License-Identifier: MIT */
/*
 * classes: which family serves a request for bytes.
 *
 * A request of up to LMM_CLASS_BYTES_MAX bytes is rounded up to a size class: 8, multiples of 16 up
 * to 128, then eight classes per doubling, so rounding adds at most an eighth. Each class is a
 * family of slots; its number is also the family's index and the id of the family's
 * "(unattributed)" site. A longer request is served by a run of the family LMM_CLASS_LARGE. Slots
 * start at multiples of the stride in aligned pages, so a class serves an alignment if its stride
 * is a multiple of it. While call stacks are taken, a tag holds a slack of up to LMM_SLACK_MAX bytes;
 * where the slot of the class would have more, the request is served by a run of one slot or more.
 *
 * Owns the tables below, written once at start, before any other thread runs. Until then every
 * request has class 0, and no class is open, so it takes the slow path, which starts LMM.
 */
#ifndef LMM_PRELOAD_CLASSES_H
#define LMM_PRELOAD_CLASSES_H

#include "lib/ground/base.h"
#include "lib/heaps/heap.h"
#include "lib/pages/page.h"

enum {
    LMM_CLASS_BYTES_MIN = 8,
    LMM_CLASS_BYTES_MAX = 8192,
    LMM_CLASSES = 57,
    LMM_SMALL_BYTES = 1536, /* of the last class without a magazine */
    LMM_CLASS_LARGE = LMM_CLASSES,
    LMM_LARGE_STRIDE = 1024,
    LMM_LARGE_CACHE_BYTES = 2 << 20, /* of its runs in each heap */
};

_Static_assert(LMM_MAGAZINE_FIRST == 1 + 8 + 3 * 8 + 4 &&
                   (int) LMM_MAGAZINE_END == (int) LMM_CLASSES,
               "the longer classes, and only these, have magazines");
_Static_assert(LMM_LARGE_STRIDE - 1 <= LMM_SLACK_MAX, "the slack of a run fits into a tag");

/* The class of a request of (8 x the index) bytes. */
extern uint8_t lmm_class_table[LMM_CLASS_BYTES_MAX / 8 + 1];

/* By class: the stride of its slots, in bytes. */
extern uint16_t lmm_class_strides[LMM_CLASSES];

/* The class of a request of at most LMM_CLASS_BYTES_MAX bytes. */
static inline uint32_t lmm_class_of(size_t bytes)
{
    return lmm_class_table[(bytes + 7) / 8];
}

/*
 * The class of a request at a multiple of align, a power of two; both are at most
 * LMM_CLASS_BYTES_MAX. Up to the next class, strides are multiples of the step between classes, and
 * steps are powers of two. So the first class for a multiple of align is a multiple of it, too: where
 * the step is larger, as all strides there are, and where it is not, because the class fits exactly.
 */
static inline uint32_t lmm_class_of_aligned(size_t bytes, size_t align)
{
    return lmm_class_of(lmm_round_up(bytes + (bytes == 0), align));
}

/* The slots of LMM_CLASS_LARGE for so many bytes, at most PTRDIFF_MAX. */
static inline size_t lmm_class_large_slots(size_t bytes)
{
    return (bytes + LMM_LARGE_STRIDE - 1) / LMM_LARGE_STRIDE;
}

/* Whether a block of a class of `stride` bytes keeps its slot for a request of so many bytes: one of the
 * class, or one that is shorter by no more than about half. */
static inline bool lmm_class_keeps(size_t stride, size_t bytes)
{
    return bytes <= stride && 2 * bytes + LMM_CLASS_BYTES_MIN > stride &&
           stride - bytes <= LMM_SLACK_MAX;
}

/* How a request is served: a slot of a class, or n slots of LMM_CLASS_LARGE. */
struct lmm_shape {
    uint32_t class;
    uint32_t slack; /* bytes of the slots that were not requested; at most LMM_SLACK_MAX */
    size_t slots;
};

/*
 * The shape of a request for bytes (may be 0) at a multiple of align, a power of two. A run for 0
 * bytes counts 1 byte as requested. False: bytes is more than PTRDIFF_MAX.
 */
bool lmm_shape_of(size_t bytes, size_t align, struct lmm_shape *ret_shape);

/* Fills the tables and registers the families, before any other family of the process.
 * counts_bytes: whether stacks are taken. Call once. False with errno ENOMEM. */
bool lmm_classes_start(bool counts_bytes);

#endif
