/* SPDX-License-Identifier: MIT */
/*
 * census: what the fields of the live blocks of some sites hold: how many are zero, or have one same value, and the
 * range of their values.
 *
 * The walk goes over the pages where they are, as page_walk does: each under its own lock, no thread is stopped, and
 * nothing is allocated for what it finds. The fast paths of a slot page's owner go on meanwhile, and so does the program: a
 * field may be read while it is written, a block before it is initialised or just after it was freed. Its bytes are then
 * whatever they are; a few of many blocks may be counted wrong. A thread that needs its slow path waits for
 * one page, of an array that has pages of its own (span) for 4 MiB of it.
 *
 * A program may make whole system pages of a long block inaccessible, so each of these is tried by a system
 * call before it is read. Where the kernel does not tell, blocks with whole system pages are left out. (A program that does
 * it in the microsecond between the two would be killed by a signal, as by any other reader of its memory.)
 *
 * Invariants (checked by lmm_census_is_valid()):
 *   I1  of each field zeros and sames are at most the elements, and at least one element has the first value
 *   I2  each field lies in the element, and takes at most 8 bytes, unless it is an array, or one of bytes
 * Owns nothing. One thread makes a census at a time, and none while another one checks for leaks (turn).
 * Not responsible for: the question (census_question), what fields there are (the reader knows).
 */
#ifndef LMM_CENSUS_H
#define LMM_CENSUS_H

#include "lib/books/site.h"
#include "lib/ground/base.h"

enum {
    LMM_CENSUS_FIELDS_MAX = 64,
    LMM_CENSUS_ELEMENT_MAX = 64 << 10, /* bytes */
};

enum lmm_census_kind {
    LMM_CENSUS_UNSIGNED,
    LMM_CENSUS_SIGNED,
    LMM_CENSUS_BYTES, /* a value is the number of bytes up to the last one that is not zero */
    LMM_CENSUS_KINDS,
    /* An array of numbers: plus 2 x the logarithm of their bytes (0 to 3), plus UNSIGNED or SIGNED. `first` is its first element,
     * least and most are of all. */
    LMM_CENSUS_ARRAY = 16,
    LMM_CENSUS_ARRAY_END = LMM_CENSUS_ARRAY + 8,
};

struct lmm_census_field {
    /* The question: */
    uint32_t bit; /* where it starts in the element; of BYTES a multiple of 8, as is `bits` */
    uint32_t bits;
    enum lmm_census_kind kind; /* of an array that of its elements */
    uint32_t element_bits;     /* of an array of numbers; else 0 */
    /* What was found; SIGNED values are sign-extended. */
    uint64_t zeros; /* elements in which each of its bits is 0 */
    uint64_t sames; /* in which it is as in the first element that was read */
    uint64_t first; /* the value there */
    uint64_t least;
    uint64_t most;
};

/* How far a long block was counted. */
struct lmm_census_part {
    const char *block; /* NULL: there is none */
    uint64_t next;     /* its element that is counted next */
    uint64_t read;     /* elements of it that were read */
};

struct lmm_census {
    /* The question. A block is one element, or an array of them. */
    uint32_t element_bytes;
    /* A block counts if it has a whole number of elements, perhaps after their number, as C++ writes it; else
     * each of at least one, for one. */
    bool has_arrays;
    uint32_t field_count;
    struct lmm_census_field fields[LMM_CENSUS_FIELDS_MAX];
    uint64_t sites[LMM_SITE_NONE / 64]; /* a bit for each site */
    /* What was found. */
    uint64_t blocks;   /* of the sites */
    uint64_t elements; /* read, of them */
    uint64_t skipped;  /* blocks of another size, or that could not be read */
    /* The walk's: */
    bool can_probe; /* lmm_vm_is_readable() tells the truth here */
    struct lmm_census_part part;
    char first_element[LMM_CENSUS_ELEMENT_MAX];
};

/* Adds a site; false: there is no such id. */
bool lmm_census_add_site(struct lmm_census *census, uint64_t site);

/* Adds a field; false: there are too many, or it does not fit the element, whose size is set. */
bool lmm_census_add_field(struct lmm_census *census, uint64_t bit, uint64_t bits, uint64_t kind);

/*
 * Makes a census. census: a question, and all else zero; in memory that is no root (meta.h), because values of fields may be
 * addresses of blocks. Returns 0; or -EINVAL: the size of the element; -EDEADLK: the caller interrupts LMM; -ENOMEM: LMM could
 * not start. The caller holds no lock of LMM. Cost: linear in the tags of all pages, and in elements x fields.
 */
int lmm_census_run(struct lmm_census *census);

/* Checks the invariants. */
bool lmm_census_is_valid(const struct lmm_census *census);

#endif
