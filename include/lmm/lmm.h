/* SPDX-License-Identifier: MIT */
/*
 * LMM, the typed page-family allocator: public API.
 *
 * A struct type registered with LMM is a family. Its blocks come from pages that LMM maps itself; the
 * books that LMM keeps (how many blocks of each family live, and which source lines allocated them)
 * are exact and always on.
 *
 * Threads: every function may be called from any thread at any time, unless its comment says
 * otherwise; none may be called from a signal handler.
 *
 * Errors: functions return NULL (or -1) and set errno. Misuse of memory (a double free, a pointer that
 * is no block) is not an error code: it writes one line to stderr, "lmm: panic: ...", and aborts.
 */
#ifndef LMM_LMM_H
#define LMM_LMM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#define LMM_ALIGNOF_(T) alignof(T)
#else
#define LMM_ALIGNOF_(T) _Alignof(T)
#endif

/* noplt: called through the global offset table, one jump less a call than through a PLT stub. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define LMM_API __attribute__((visibility("default"), noplt))
#else
#define LMM_API __attribute__((visibility("default")))
#endif

enum {
    LMM_NAME_MAX = 63,    /* longest name of a family, in bytes, without the NUL */
    LMM_ALIGN_MAX = 4096, /* largest alignment of a family, in bytes */
};

/* A registered struct type. Families are never freed; a pointer to one stays valid for ever. */
struct lmm_family;

/* ---- Typed allocation ---------------------------------------------------------------------- */

/*
 * Registers the type T as a family named "T", unless it is already; T may be any complete object type
 * whose name can be followed by a declarator star ("emp_t", "struct emp").
 * Returns the family, or NULL with errno as lmm_family_register().
 */
#define LMM_REGISTER(T) lmm_family_register(#T, sizeof(T), LMM_ALIGNOF_(T))

/*
 * Allocates one T with undefined contents, and counts it at this line of the source. T is registered
 * on first use. Returns a T *, aligned for T, or NULL with errno ENOMEM (or what LMM_REGISTER says).
 * Free it with lmm_free(). Cost: about fifteen instructions; no lock, no system call.
 */
#define LMM_ALLOC(T) LMM_AT_SITE_(T, lmm_site_alloc(&lmm_site_))

/* As LMM_ALLOC, and the block is zeroed. */
#define LMM_NEW(T) LMM_AT_SITE_(T, lmm_site_zalloc(&lmm_site_))

/*
 * Allocates n contiguous zeroed Ts as one block; n is at least 1. Returns a T *, or NULL with errno
 * EINVAL (n is 0), EOVERFLOW (n x sizeof(T) exceeds the address space) or ENOMEM.
 */
#define LMM_NEW_ARRAY(T, n) LMM_AT_SITE_(T, lmm_site_calloc(&lmm_site_, (n)))

/*
 * Frees a block, allocated by whichever function and thread; NULL is fine. Preserves errno.
 * Panics when p is not the start of a live block: the line says what p is and, where known, the
 * block's family and the source line that allocated it.
 */
LMM_API void lmm_free(void *p);

/* ---- Families ------------------------------------------------------------------------------ */

/*
 * Registers a family. Doing so again with the same size and alignment returns the same family.
 * name:  1 to LMM_NAME_MAX bytes; copied.
 * size:  of one struct, in bytes, at least 1.
 * align: of one struct, in bytes: a power of two, at most LMM_ALIGN_MAX.
 * Returns the family, or NULL with errno EINVAL (no name, size 0, bad alignment), ENAMETOOLONG,
 * EEXIST (the name is registered with another size or alignment), EOVERFLOW (size too large to be
 * laid out) or ENOMEM.
 */
LMM_API struct lmm_family *lmm_family_register(const char *name, size_t size, size_t align);

/* Returns the family registered as name, or NULL with errno ENOENT. */
LMM_API struct lmm_family *lmm_family_find(const char *name);

/* Returns the family's name; never NULL; never freed. */
LMM_API const char *lmm_family_name(const struct lmm_family *family);

/* Returns the size of one struct of the family, in bytes. */
LMM_API size_t lmm_family_size(const struct lmm_family *family);

/*
 * Allocates one struct of the family: lmm_alloc with undefined contents, lmm_zalloc zeroed. The block
 * is counted at the family's own "(unattributed)" site. Returns NULL with errno EINVAL (family is
 * NULL) or ENOMEM.
 */
LMM_API void *lmm_alloc(struct lmm_family *family);
LMM_API void *lmm_zalloc(struct lmm_family *family);

/* Allocates n zeroed contiguous structs of the family as one block; errors as LMM_NEW_ARRAY. */
LMM_API void *lmm_calloc(struct lmm_family *family, size_t n);

/*
 * Changes a block's length to n structs, in place where the room after it allows, else by moving it.
 * Keeps the contents up to the shorter length; structs added are zeroed. The site stays; a move counts
 * there as one allocation and one free.
 * p: a live block; not NULL. n: at least 1.
 * Returns the block, perhaps elsewhere; or NULL with errno EINVAL (p NULL or n 0), EOVERFLOW or
 * ENOMEM, and then the block is as it was. Panics like lmm_free() when p is no block.
 */
LMM_API void *lmm_resize(void *p, size_t n);

/* Returns how many structs the live block p holds; panics like lmm_free() when p is no block. */
LMM_API size_t lmm_block_count(const void *p);

/* Returns the family of the live block that starts at p; NULL with errno EINVAL when there is none. */
LMM_API struct lmm_family *lmm_family_of(const void *p);

/* ---- Statistics ---------------------------------------------------------------------------- */

/* The figures of one family; docs/reports.md defines each. Slots are structs; bytes are bytes. */
struct lmm_stats {
    const char *name;  /* never freed */
    size_t size_bytes; /* one struct */
    size_t align_bytes;
    size_t stride_bytes;         /* from one slot to the next */
    uint64_t live_blocks;        /* allocated - freed */
    uint64_t live_slots;         /* structs in live blocks */
    uint64_t live_bytes;         /* live_slots x size_bytes */
    uint64_t peak_bytes;         /* high-water mark of live_bytes, to one page of slots a thread */
    uint64_t allocations;        /* blocks ever allocated */
    uint64_t frees;              /* blocks ever freed */
    uint64_t pages;              /* pages of LMM the family owns */
    uint64_t mapped_bytes;       /* address space of these pages */
    uint64_t committed_bytes;    /* system pages touched and not given back */
    uint64_t free_slots;         /* room left in these pages */
    uint64_t longest_free_slots; /* longest run of neighbouring free slots */
};

/* Fills *ret_stats. Returns 0; -1 with errno EINVAL when an argument is NULL. Cost: a walk over the
 * family's pages. */
LMM_API int lmm_family_stats(const struct lmm_family *family, struct lmm_stats *ret_stats);

/*
 * Calls visit(family, arg) for each family in the order of registration until it returns non-zero.
 * Returns what the last visit returned, or 0. The visitor may call any function of LMM.
 */
LMM_API int lmm_for_each_family(int (*visit)(struct lmm_family *family, void *arg), void *arg);

/* A live block as lmm_for_each_block() shows it. The strings are never freed. */
struct lmm_block {
    void *address;
    size_t slots; /* structs in the block */
    size_t bytes; /* slots x the family's size */
    struct lmm_family *family;
    const char *file; /* who allocated it; "(unattributed)" where no macro was used */
    const char *function;
    uint32_t line; /* 0 where unattributed */
};

/*
 * Calls visit(block, arg) for each live block of family (NULL: of every family) until it returns
 * non-zero. Returns what the last visit returned, or 0. Blocks allocated or freed meanwhile by other
 * threads may be shown or not. The visitor must not call LMM.
 */
LMM_API int lmm_for_each_block(struct lmm_family *family,
                               int (*visit)(const struct lmm_block *block, void *arg), void *arg);

/* ---- Reports ------------------------------------------------------------------------------- */
/* They allocate nothing, so they work when memory has run out. stream: NULL means stdout; it is
 * flushed first. Each returns 0, or -1 with errno of the failed write. */

/* Prints the usage of every family and the sites that hold most. */
LMM_API int lmm_print_usage(FILE *stream);

/* Prints the same as one JSON document. */
LMM_API int lmm_print_usage_json(FILE *stream);

/* Prints each page of family (NULL: of every family), block by block. */
LMM_API int lmm_print_blocks(FILE *stream, struct lmm_family *family);

/*
 * Prints each family and site with live blocks: count, bytes, place. Nothing is printed when there are
 * none. Returns the number of live blocks.
 */
LMM_API uint64_t lmm_leak_check(FILE *stream);

/*
 * Gives back to the kernel every system page that holds no live block, also inside pages in use, and
 * the reservoir's spare pages. Returns the bytes given back. Other threads' current pages are left
 * alone while they are being allocated from: their threads give theirs back at their next slow path. Cost: a walk over all pages.
 */
LMM_API size_t lmm_trim(void);

/* ---- What the macros stand on ---------------------------------------------------------------- */

/* A place in the source that allocates. LMM writes the first two fields, on first use. */
struct lmm_site {
    uint32_t id;     /* atomic; LMM_SITE_UNKNOWN until first use */
    uint32_t family; /* index of the family; valid once id is known */
    uint32_t line;
    const char *file;
    const char *function;
    const char *type;
    size_t size_bytes;
    size_t align_bytes;
};

#define LMM_SITE_UNKNOWN UINT32_MAX

#define LMM_SITE_HERE_(type, size, align)                                                          \
    {                                                                                              \
        LMM_SITE_UNKNOWN, 0, __LINE__, __FILE__, __func__, type, size, align                       \
    }

#define LMM_AT_SITE_(T, call)                                                                      \
    (__extension__({                                                                               \
        static struct lmm_site lmm_site_ = LMM_SITE_HERE_(#T, sizeof(T), LMM_ALIGNOF_(T));         \
        (T *) (call);                                                                              \
    }))

/* One struct of the site's type (the second zeroed), or n zeroed ones; what the macros above call. */
LMM_API void *lmm_site_alloc(struct lmm_site *site);
LMM_API void *lmm_site_zalloc(struct lmm_site *site);
LMM_API void *lmm_site_calloc(struct lmm_site *site, size_t n);

#ifdef __cplusplus
}
#endif

#endif
