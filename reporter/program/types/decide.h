/* SPDX-License-Identifier: MIT */
/*
 * decide: which type the blocks of an allocation have, by the evidence found and by the sizes that
 * were requested. Stateless; this is the one place that knows how sure a type is.
 *
 * The rules, in their order:
 *   R1  a candidate that the sizes refute is dropped: each size must be the type's, a multiple of it (of
 *       pointers and numbers also one byte, which many programs allocate for none),
 *       its header and some elements of its last member (a flexible array), or, where the source adds
 *       something to sizeof, at least the type's
 *   R2  candidates of the same type are one; the best is that with most and strongest evidence. A struct that
 *       the best one starts with does not contradict it
 *   R3  certain: a record of the compiler, or the name of a function that allocates this type alone
 *       (std::allocator<T>::allocate is one), or two independent kinds of evidence; the sizes agree,
 *       and no candidate of another type remains
 *   R4  what operator new gave is certain only if the class itself is known (by its constructor, its
 *       table of virtual functions, or the source): a pointer may be one to a base class
 *   R5  a struct of which a block would hold several is a guess if their number is constant, if the
 *       function returns it, or if operator new gave it; it may be one that larger structs start with,
 *       or a base class. Not so if the source or the function's name says that there are several, or
 *       if the source is one of two kinds of evidence for a constant number, or if it is of C, and no other
 *       struct of the file starts with it. Without such a word of the source it is never certain
 *   R6  bytes fit any size: they are likely, and certain only by the name of the function (strdup)
 *       or the source
 *   R7  a struct that only pointers to the inside of the block lead to has something before it: it is
 *       likely by two kinds of evidence if all blocks have one size, but a guess if the source adds its
 *       size to another; never certain
 *   R8  bytes that only pointers to the inside of the block lead to are a guess when a pointer to its
 *       start is one to a smaller struct: they are what follows it. So are several scalars or pointers, unless
 *       the source or the function's name says that there are: a pointer to them may be one to the first member.
 *       Where no struct is known, this is so for a variable alone, if blocks are as long as a node that starts
 *       with a pointer to the next one
 *   R9  of an incomplete type, such as DIR, the sizes say nothing: it is likely by two kinds of evidence
 *       if all blocks have one size, else a guess
 *   R10 a struct of C with something after it, which the source does not tell: likely by two kinds of
 *       evidence if no other struct of the file starts with it, and no other candidate remains, of
 *       bytes neither
 *   R11 a function that returns a struct which larger ones start with leaves the question to its caller: of
 *       what is known there, a struct that starts with another one takes its place, if the sizes agree. Of a
 *       header before it of unknown size any multiple of 16 up to 64 will do, for all blocks the same (up to 16
 *       where larger structs start with it); then it is never certain. If nothing more is known, or what is contradicts itself, the
 *       block starts with the struct that the function returns, and has more: that is likely
 *   R12 a class template without members, whose base is of no template, such as QTypedArrayData<T>, says what
 *       follows its base: elements of its argument. It is never certain, and nothing that operator new gives
 *   R13 where the source tells several structs, and a condition which one a block is, only the sizes of all blocks
 *       refute one: that it is larger than all of them. Of two, one of which starts with the other, blocks start
 *       with that, and have more
 *   R14 a struct that is known on one side of a branch alone is a guess where one that it starts with is known
 *       before: on the other side it may be another one that starts with it
 */
#ifndef LMM_PROGRAM_DECIDE_H
#define LMM_PROGRAM_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/core/model.h"
#include "reporter/program/types/fit.h"

struct lmm_type_info;

/* What made the blocks. */
enum lmm_maker {
    LMM_MAKER_MALLOC,    /* or another function that is not of C++ */
    LMM_MAKER_NEW,       /* operator new: one object, or an array of an allocator */
    LMM_MAKER_NEW_ARRAY, /* operator new[] */
};

struct lmm_verdict {
    const struct lmm_type_info *type; /* NULL: none */
    bool is_array;
    bool has_more; /* blocks start with the type, and are longer (R11) */
    enum lmm_model_confidence confidence;
    unsigned evidence;     /* a set */
    bool is_after_header;  /* a header lies before it, or may lie there */
    uint32_t header_bytes; /* its size; 0: there is none, or it is not known */
};

/* Returns the verdict. */
struct lmm_verdict lmm_decide(const struct lmm_candidate *candidates, size_t count,
                              const struct lmm_size_range *sizes, size_t size_count,
                              enum lmm_maker maker);

#endif
