/* SPDX-License-Identifier: MIT */
/*
 * LMM, the typed page-family allocator: public API.
 *
 * A struct type registered with LMM is a family. Its blocks come from pages that LMM maps itself.
 * LMM always counts, exactly, how many blocks of each family are live and which source lines
 * allocated them.
 *
 * Threads: every function may be called from any thread at any time; none may be called from a
 * signal handler.
 *
 * Errors: a function that fails returns NULL (or -1) and sets errno. Misuse of memory (a double
 * free, a pointer that is not a block) has no error code: LMM writes one line to stderr,
 * "lmm: panic: ...", and aborts the program.
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
#define LMM_ALIGNOF_(T) __alignof__(T) /* as _Alignof, which C99 does not have */
#endif

#define LMM_API __attribute__((visibility("default")))

enum {
    LMM_NAME_MAX = 63,       /* longest name of a family, in bytes, without the NUL */
    LMM_ALIGN_MAX = 4096,    /* largest alignment of a family, in bytes */
    LMM_MARK_TEXT_MAX = 127, /* longest text of a mark, in bytes, without the NUL */
};

/* A registered struct type. LMM never frees a family, so a pointer to one stays valid. */
struct lmm_family;

/* ---- Typed allocation ---------------------------------------------------------------------- */

/*
 * Registers the type T as a family named "T", if it is not registered yet. T is a complete object
 * type; "T *" must be the type of a pointer to it (as with "emp_t" or "struct emp"). Two source
 * files may each have a T of their own: types of one name that differ in size or alignment are two
 * families; types that agree in all three share one.
 * Returns the family, or NULL with errno set as by lmm_family_register().
 */
#define LMM_REGISTER(T) lmm_family_register(#T, sizeof(T), LMM_ALIGNOF_(T))

/*
 * Allocates one T with undefined contents and counts it at this source line. The first use
 * registers T. Returns a T *, aligned for T, or NULL with errno ENOMEM (on first use also as
 * LMM_REGISTER). The caller frees it with lmm_free(). Cost: about fifteen instructions, no lock, no
 * system call; once in hundreds of calls a slow path, which takes a lock and may map memory.
 */
#define LMM_ALLOC(T) LMM_AT_SITE_(T, lmm_site_alloc(&lmm_site_))

/* Like LMM_ALLOC, but the block is zeroed. */
#define LMM_NEW(T) LMM_AT_SITE_(T, lmm_site_zalloc(&lmm_site_))

/*
 * Allocates n contiguous zeroed Ts as one block. n: a number of structs; 0 gives a block of its own,
 * as calloc() does, which takes the room of one struct and counts as one.
 * Returns a T *, or NULL with errno EOVERFLOW (n x sizeof(T) exceeds the address space) or ENOMEM.
 * The caller frees the block with one call of lmm_free().
 */
#define LMM_NEW_ARRAY(T, n) LMM_AT_SITE_(T, lmm_site_calloc(&lmm_site_, (n)))

/*
 * Allocates one zeroed T whose last member is a flexible array of n elements, and counts it at this
 * source line with the bytes requested: those before the array and those of its elements, and at
 * least sizeof(T). T: a struct, as for LMM_REGISTER. member: the name of the flexible array. n: a
 * number of elements, may be 0. The block's family is "T[]", which the first use registers: its
 * blocks have any number of bytes, so lmm_alloc(), lmm_calloc() and lmm_resize() do not take it.
 * Returns a T *, aligned for T, or NULL with errno EOVERFLOW (so many bytes exceed the address
 * space), ENOMEM, or on first use as LMM_REGISTER. The caller frees it with lmm_free().
 */
#define LMM_NEW_FLEX(T, member, n)                                                                 \
    LMM_AT_SITE_(                                                                                  \
        T, lmm_site_flex(&lmm_site_, offsetof(T, member), sizeof(((T *) 0)->member[0]), (n)))

/*
 * Copies a string, and counts the copy at this source line, in the family "char[]", with its bytes
 * and the NUL. text: not NULL. n: lmm_strndup() copies at most so many bytes of text, which then
 * needs no NUL, and adds a NUL. These are macros; each argument is evaluated once.
 * Returns a char *, or NULL with errno ENOMEM. The caller frees it with lmm_free().
 */
#define lmm_strdup(text)     LMM_AT_SITE_(char, lmm_site_strdup(&lmm_site_, (text)))
#define lmm_strndup(text, n) LMM_AT_SITE_(char, lmm_site_strndup(&lmm_site_, (text), (n)))

/*
 * Frees a block, whichever of LMM's functions and whichever thread allocated it.
 * p: the start of a live block, or NULL, for which nothing happens. Preserves errno.
 * Panics when p is neither: the line on stderr says what p is and the family; of a live block also
 * the source line that allocated it, and of a freed one that line when it is certain.
 */
LMM_API void lmm_free(void *p);

/* ---- Families ------------------------------------------------------------------------------ */

/*
 * Registers a family. A second call with the same name, size and alignment returns the same family.
 * With another size or alignment it registers another family: it is shown with its size after the
 * name, as "node (24)"; where that is taken, or the sizes agree, also with its alignment, as "node
 * (24, align 16)".
 * name:  1 to LMM_NAME_MAX bytes and a NUL; copied; not NULL. size:  of one struct, in bytes, at
 * least 1. align: of one struct, in bytes: a power of two, at most LMM_ALIGN_MAX. Returns the
 * family, or NULL with errno EINVAL (name is NULL or empty, size is 0, or align is not as above),
 * ENAMETOOLONG, EOVERFLOW (size is too large for any page), ENOMEM, or EEXIST (only when other
 * families were registered under the very names with which this one would be shown).
 */
LMM_API struct lmm_family *lmm_family_register(const char *name, size_t size, size_t align);

/* Returns the family that is shown as name: of several families of one name, "node" is the first
 * and "node (24)" is the one with size 24. NULL with errno ENOENT if there is none (also for name
 * NULL). */
LMM_API struct lmm_family *lmm_family_find(const char *name);

/* Returns the family's name as reports show it, as above: never NULL, never freed. family: not
 * NULL. */
LMM_API const char *lmm_family_name(const struct lmm_family *family);

/* Returns the size of one struct of the family, in bytes. family: not NULL. */
LMM_API size_t lmm_family_size(const struct lmm_family *family);

/*
 * Allocates one struct of the family: lmm_alloc() with undefined contents, lmm_zalloc() zeroed. The
 * block is counted at the family's "(unattributed)" site, because the source line is not known.
 * Returns the block, which the caller frees with lmm_free(), or NULL with errno EINVAL (family is
 * NULL, or one of LMM_NEW_FLEX or lmm_strdup()) or ENOMEM.
 */
LMM_API void *lmm_alloc(struct lmm_family *family);
LMM_API void *lmm_zalloc(struct lmm_family *family);

/* Allocates n zeroed contiguous structs of the family as one block. n and errors: as LMM_NEW_ARRAY;
 * also NULL with errno EINVAL as lmm_alloc(). */
LMM_API void *lmm_calloc(struct lmm_family *family, size_t n);

/* Like lmm_calloc(), but the contents are undefined. */
LMM_API void *lmm_alloc_array(struct lmm_family *family, size_t n);

/*
 * Changes a block's length to n structs: in place if there is room after the block, else by moving
 * it. Keeps the contents up to the shorter length and zeroes the structs that are added. The block
 * stays counted at its site; a move counts there as one allocation and one free. p: the start of a
 * live block. n: a number of structs, at least 1. Returns the block, whose address may have
 * changed, or NULL with errno EINVAL (p is NULL, n is 0, or LMM_NEW_FLEX or lmm_strdup() allocated
 * p), EOVERFLOW or ENOMEM, and then the block is unchanged. Panics like lmm_free() when p is not a block.
 */
LMM_API void *lmm_resize(void *p, size_t n);

/* Returns how many structs the live block p holds; a flexible struct, and a string, is one. Panics
 * like lmm_free() when p is not a block. */
LMM_API size_t lmm_block_count(const void *p);

/* Returns the bytes that the live block p counts as: its structs x their size; of a flexible struct
 * or a string the bytes requested. Panics like lmm_free() when p is not a block. */
LMM_API size_t lmm_block_bytes(const void *p);

/* Returns the family of the live block that starts at p; NULL with errno EINVAL if none starts
 * there. */
LMM_API struct lmm_family *lmm_family_of(const void *p);

/* ---- Limits -------------------------------------------------------------------------------- */

/*
 * Limits the live bytes of a family; a call replaces what the last one set.
 * soft_bytes: callback(family, live_bytes, arg) is called when live bytes have become more than
 * this, once until they are no more than this again. hard_bytes: an allocation that would make them
 * more than this is refused: it returns NULL with errno ENOMEM, after the callback, if there is one,
 * was called and the allocation would still be too much. 0 is no limit; soft_bytes is at most
 * hard_bytes. callback: may be NULL without soft_bytes. arg: passed on, may be NULL. family: not
 * NULL.
 *
 * The callback runs in the thread that allocates, while LMM holds no lock. It may call any function
 * of LMM: free, allocate of this family, too, or set its limit anew. It must return. At most one
 * call for a family runs at a time: what happens meanwhile, in any thread, calls no other.
 *
 * Bytes are those that reports show as live. A limit is looked at when a thread's list of free slots
 * is used up, and at each array, flexible struct, string and growing lmm_resize(); so single structs
 * cost no more, and other threads may pass a limit by a page of slots each. A thread alone is held
 * to it exactly, from its next list on. While a family has a limit, such a moment costs a sum over
 * all threads and sites, when live bytes may have come near the next limit.
 * Returns 0; -1 with errno EINVAL (an argument is not as above).
 */
LMM_API int lmm_family_limit(struct lmm_family *family, uint64_t soft_bytes, uint64_t hard_bytes,
                             void (*callback)(struct lmm_family *family, uint64_t live_bytes,
                                              void *arg),
                             void *arg);

/* ---- Statistics ---------------------------------------------------------------------------- */

/* The figures of one family; docs/reports.md defines each. A slot is the room for one struct. */
struct lmm_stats {
    const char *name;  /* as lmm_family_name() */
    size_t size_bytes; /* of one struct */
    size_t align_bytes;
    size_t stride_bytes;   /* from one slot to the next */
    uint64_t live_blocks;  /* allocated - freed */
    uint64_t live_slots;   /* structs in live blocks */
    uint64_t live_bytes;   /* live_slots x size_bytes; of flexible structs the bytes requested */
    uint64_t peak_bytes;   /* largest live_bytes so far; up to one page of slots per thread less */
    uint64_t allocations;  /* blocks ever allocated */
    uint64_t frees;        /* blocks ever freed */
    uint64_t pages;        /* LMM's pages that the family owns */
    uint64_t mapped_bytes; /* address space of these pages */
    uint64_t committed_bytes;    /* system pages touched and not given back */
    uint64_t free_slots;         /* room left in these pages */
    uint64_t longest_free_slots; /* longest run of neighbouring free slots */
};

/*
 * Fills *ret_stats with the family's figures. The caller owns *ret_stats. Other threads may
 * allocate meanwhile, so the figures may differ by what they do. Returns 0; -1 with errno EINVAL if
 * an argument is NULL. Cost: a walk over the family's pages.
 */
LMM_API int lmm_family_stats(const struct lmm_family *family, struct lmm_stats *ret_stats);

/*
 * Calls visit(family, arg) for each family, in the order of registration, until visit returns
 * non-zero. visit: not NULL; it may call any function of LMM. arg: passed on, may be NULL.
 * Returns what the last visit returned; 0 if there was none.
 */
LMM_API int lmm_for_each_family(int (*visit)(struct lmm_family *family, void *arg), void *arg);

/* A live block as lmm_for_each_block() shows it. Its strings are never freed. */
struct lmm_block {
    void *address;
    size_t slots; /* structs in the block */
    size_t bytes; /* as lmm_block_bytes() */
    struct lmm_family *family;
    const char *file; /* the source line that allocated it; "(unattributed)" without a macro */
    const char *function;
    uint32_t line; /* 0 without a macro */
};

/*
 * Calls visit(block, arg) for each live block of family (NULL: of every family) until visit returns
 * non-zero. visit: not NULL; it must not call LMM; *block is valid until it returns. arg: passed
 * on, may be NULL. A block that another thread allocates or frees meanwhile may be shown or not.
 * Returns what the last visit returned; 0 if there was none.
 */
LMM_API int lmm_for_each_block(struct lmm_family *family,
                               int (*visit)(const struct lmm_block *block, void *arg), void *arg);

/* ---- Reports ------------------------------------------------------------------------------- */
/* These functions allocate nothing, so they work when memory has run out. stream: NULL means
 * stdout; it is flushed first. A function that returns int returns 0, or -1 with the errno of the
 * write that failed. */

/* Prints the usage of every family, and the sites with the most live bytes. */
LMM_API int lmm_print_usage(FILE *stream);

/* Prints the same as one JSON document. */
LMM_API int lmm_print_usage_json(FILE *stream);

/* Prints each page of family (NULL: of every family), block by block. */
LMM_API int lmm_print_blocks(FILE *stream, struct lmm_family *family);

/*
 * Checks for leaks as lmm_leak_scan() does, and prints each family and site of which blocks are lost,
 * definitely or possibly: how many, their bytes, and the source line. Prints nothing if there are
 * none. Returns the number of blocks that are lost, directly or indirectly. With leaks=all in LMM_OPTIONS,
 * and when the check fails, these are the live blocks instead.
 */
LMM_API uint64_t lmm_leak_check(FILE *stream);

/* ---- Leaks --------------------------------------------------------------------------------- */
/*
 * A leak check finds out which live blocks the program can still free. It starts at the roots: data of
 * the program and its libraries, stacks and registers of all threads, and all other memory that the
 * program maps. docs/leaks.md defines the classes and lists all roots.
 */

/* Blocks of one class, and their bytes as lmm_block_bytes() counts them. */
struct lmm_leak_count {
    uint64_t blocks;
    uint64_t bytes;
};

/* The result of a leak check. */
struct lmm_leaks {
    struct lmm_leak_count definite;  /* no pointer leads to it: it is lost */
    struct lmm_leak_count indirect;  /* only blocks that are lost lead to it */
    struct lmm_leak_count possible;  /* only pointers to the inside of a block lead to it */
    struct lmm_leak_count reachable; /* pointers to starts of blocks lead from a root to it */
    struct lmm_leak_count ignored;   /* lmm_leak_ignore() and lmm_leak_disable() */
    uint32_t threads;                /* that the process had, the caller included */
    /* Of them: whose registers could not be read. If there are any, what would be definite counts as
     * possible. */
    uint32_t threads_unseen;
    uint64_t pause_ns; /* for how long the other threads stood still */
    uint64_t scan_ns;  /* until the result was known */
};

/* For `flags` of lmm_leak_scan(). */
enum {
    LMM_LEAK_UNALIGNED = 1, /* words at any address count as pointers, not only aligned ones */
    LMM_LEAK_EXACT_ONLY =
        2, /* no heuristics: each pointer to the inside of a block makes it possible */
    /* Two passes, a tenth of a second apart: only blocks that both find lost count as lost, the others as
     * possibly lost. For what a running thread holds unseen for a moment: in a pipe, for example. */
    LMM_LEAK_CONFIRM = 4,
};

/*
 * Checks for leaks now. Other threads stand still for some milliseconds (a system call in which one
 * waits may return EINTR, as with any signal); then they go on, and a copy of the process is looked
 * at. flags: 0 or LMM_LEAK_...; *ret_leaks: the result, which the caller owns; not NULL. The classes
 * by site are in the ledger afterwards, for lmm_leak_check() and for readers.
 * Returns 0; -1 with errno EINVAL (an argument is not as above), ENOMEM, EDEADLK (a signal handler that
 * interrupted LMM calls this), or that of a system call that was refused; then *ret_leaks is untouched.
 */
LMM_API int lmm_leak_scan(unsigned flags, struct lmm_leaks *ret_leaks);

/*
 * Makes a mark, so that later checks can show only what was allocated since. text: shown beside the
 * mark's number, at most LMM_MARK_TEXT_MAX bytes of it; NULL: none. The blocks of the last four marks are
 * kept. Returns the number of the mark, 1 for the first; 0 with errno ENOMEM. Cost: a look at all
 * pages, while allocations that need LMM's locks wait.
 */
LMM_API uint32_t lmm_mark(const char *text);

/* As lmm_leak_scan(), of the blocks that were allocated since that mark; a few of them may be missing:
 * those in the place of a block that lived at the mark. -1 also with errno ENOENT: the mark is not kept. */
LMM_API int lmm_leak_scan_since(uint32_t mark, unsigned flags, struct lmm_leaks *ret_leaks);

/* A pointer of a chain from a root to a block. */
struct lmm_leak_step {
    int is_root;      /* 1: the pointer lies in a root; 0: in a block */
    const void *from; /* that block, or the pointer's own address; NULL: a register */
    size_t offset;    /* of the pointer in that block; 0 in a root */
    const void *to;   /* the start of the block that it leads to */
    size_t to_offset; /* how far into that block; 0: its start */
    size_t bytes;     /* of the block that it leads to, as lmm_block_bytes() */
    const char *file; /* who allocated that block; never freed; as struct lmm_block has it */
    const char *function;
    uint32_t line;
};

enum { LMM_LEAK_STEPS_MAX = 32 };

/*
 * Finds who holds a block: a shortest chain of pointers from a root to it. Other threads stand still as in
 * lmm_leak_scan(). p: an address in a live block. ret_steps: room for LMM_LEAK_STEPS_MAX steps, from
 * the root on; of a longer chain it gets the first half and the last ones. The caller's own pointer to
 * the block is a root, too, and mostly the first that is found, unless it was overwritten.
 * Returns the length of the chain; 0 when nothing leads to the block; -1 with errno EINVAL (p is in no
 * live block, or an argument is NULL), or as lmm_leak_scan().
 */
LMM_API int lmm_leak_path(const void *p, struct lmm_leak_step *ret_steps);

/*
 * Makes leak checks ignore the block that starts at p, and what only it leads to, until it is freed.
 * From then on it counts at a site of its own with the same source line: as one allocation there and
 * one free at its old site. p: the start of a live block, or NULL, for which nothing happens. Panics
 * like lmm_free() when p is neither. Without memory for the site it is not ignored.
 */
LMM_API void lmm_leak_ignore(void *p);

/* From now on, makes leak checks ignore what the calling thread allocates, until lmm_leak_enable() was
 * called as often as lmm_leak_disable(). Allocations are slower meanwhile. */
LMM_API void lmm_leak_disable(void);
LMM_API void lmm_leak_enable(void);

/*
 * Declares memory in which pointers to blocks may be, and which LMM would not look at by itself: for
 * example memory that the program maps without the right to write. start: not NULL; bytes: at least
 * 1; the memory may become unreadable, and is then passed over. lmm_root_remove() takes what was
 * added. Returns 0; -1 with errno EINVAL, ENOMEM, or (remove) ENOENT.
 */
LMM_API int lmm_root_add(const void *start, size_t bytes);
LMM_API int lmm_root_remove(const void *start, size_t bytes);

/*
 * Declares that structs of the type T hold no pointers to blocks, so that leak checks need not read
 * them, and a number in one of them is not taken for a pointer. Returns as LMM_REGISTER().
 */
#define LMM_NO_POINTERS(T) lmm_family_no_pointers(LMM_REGISTER(T))

/* The same for a family; returns it. family: may be NULL. */
LMM_API struct lmm_family *lmm_family_no_pointers(struct lmm_family *family);

/* The same for all blocks of the source line that allocated the block p, which it returns. p: the
 * start of a live block, or NULL. Panics like lmm_free() when p is neither. */
LMM_API void *lmm_site_no_pointers(void *p);

/*
 * Gives back to the kernel every system page that holds no live block, also inside LMM's pages that
 * are in use, and all spare pages. Leaves alone the pages that other threads are allocating from;
 * those threads give them back in their next slow path. Returns the bytes given back.
 * Cost: a walk over all pages.
 */
LMM_API size_t lmm_trim(void);

/* ---- Used by the macros above ---------------------------------------------------------------- */

/* A place in the source that allocates. LMM writes the first two fields, on first use; the program
 * writes none. */
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

/* The functions behind LMM_ALLOC, LMM_NEW and LMM_NEW_ARRAY. site: static; not NULL. */
LMM_API void *lmm_site_alloc(struct lmm_site *site);
LMM_API void *lmm_site_zalloc(struct lmm_site *site);
LMM_API void *lmm_site_calloc(struct lmm_site *site, size_t n);

/* Those behind LMM_NEW_FLEX, lmm_strdup() and lmm_strndup(). The block has fixed_bytes + n x
 * element_bytes, and at least the site's size. */
LMM_API void *lmm_site_flex(struct lmm_site *site, size_t fixed_bytes, size_t element_bytes,
                            size_t n);
LMM_API char *lmm_site_strdup(struct lmm_site *site, const char *text);
LMM_API char *lmm_site_strndup(struct lmm_site *site, const char *text, size_t length);

/* ---- Used by lmm.hpp and the classic names --------------------------------------------------- */

enum { LMM_PLACE_LISTS = 8 };

/* Site records that are made at run time. The program has it in static memory, zeroed. */
struct lmm_places {
    struct lmm_place *first[LMM_PLACE_LISTS]; /* atomic; written by LMM */
};

/*
 * Returns the record in *places that has all fields of *site except id and family, or adds it. The
 * texts of *site are compared by address and must stay valid. Arguments: not NULL. The record is
 * never freed. NULL with errno ENOMEM. Cost: a walk over a list of records; takes no lock.
 */
LMM_API struct lmm_site *lmm_place_site(struct lmm_places *places, const struct lmm_site *site);

#ifdef __cplusplus
}
#endif

#endif
