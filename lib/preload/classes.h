/* SPDX-License-Identifier: MIT */
/*
 * classes: which family serves a request for bytes.
 *
 * Requests of up to LMM_CLASS_BYTES_MAX bytes are rounded up to a size class: 8, multiples of 16 up to 128,
 * then eight classes a doubling, so that at most an eighth is added. Each class is a family of slots whose
 * index, and whose "(unattributed)" site's id, is the class. Everything longer is a run of the family
 * LMM_CLASS_LARGE. Slots start at multiples of the stride in aligned pages, so a class whose stride is a
 * multiple of an alignment serves that alignment.
 *
 * Owns the tables, written once at start (classes.c). Until then every request is of class 0, and no class
 * is open, so it takes the slow path, which starts LMM.
 */
#ifndef LMM_PRELOAD_CLASSES_H
#define LMM_PRELOAD_CLASSES_H

#include "lib/ground/base.h"

enum {
    LMM_CLASS_BYTES_MAX = 8192,
    LMM_CLASSES = 57,
    LMM_CLASS_LARGE = LMM_CLASSES,
    LMM_LARGE_STRIDE = 1024,
    LMM_LARGE_SLOTS_MIN =
        LMM_CLASS_BYTES_MAX / LMM_LARGE_STRIDE + 1, /* never one: that would be a slot */
};

/* By bytes rounded up to a multiple of 8, and divided by that: the class. */
extern uint8_t lmm_class_table[LMM_CLASS_BYTES_MAX / 8 + 1];

/* By class: bytes of its slots. */
extern uint16_t lmm_class_strides[LMM_CLASSES];

/* The class of a request of at most LMM_CLASS_BYTES_MAX bytes. */
static inline uint32_t lmm_class_of(size_t bytes)
{
    return lmm_class_table[(bytes + 7) / 8];
}

/* How a request is served: a slot of a class, or n slots of LMM_CLASS_LARGE. */
struct lmm_shape {
    uint32_t class;
    uint32_t slack; /* bytes of the slots beyond those asked for */
    size_t slots;
};

/* The shape of a request for bytes at a multiple of align, a power of two. False when no address space could
 * hold it. */
bool lmm_shape_of(size_t bytes, size_t align, struct lmm_shape *ret_shape);

/* Fills the tables and registers the families, the first of this process. False with errno ENOMEM. */
bool lmm_classes_start(bool counts_bytes);

#endif
