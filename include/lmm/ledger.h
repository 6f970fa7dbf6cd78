/* SPDX-License-Identifier: MIT */
/*
 * The ledger: the books of one process, laid out so that a reader in another process can use them.
 * This header is the only contract between the allocator (lib/) and the reporter (reporter/).
 * docs/ledger-format.md describes it field by field.
 *
 * A ledger is one header and a chain of chunks. In a file the first chunk starts at header_bytes,
 * and each next one `bytes` after the start of the one before it, up to file_bytes; the file itself
 * is longer, and sparse. A chunk is a
 * chunk header followed at once by `capacity` records of `record_bytes` each; the first `used` of
 * them are valid. Everything is fixed-width and little-endian. Chunks are never removed, and
 * records never move.
 *
 * Invariants (the writer keeps them, also when the process is killed at any instruction; a reader
 * checks them before it uses the ledger):
 *   I1  chunks of one kind other than ROWS have adjoining [first, first + capacity) ranges that
 *       start at 0, in the order of the chain; of ROWS, `first` means nothing
 *   I2  a string reference is a byte offset into the STRINGS chunks taken as one space, and the
 *       string ends with a NUL inside the chunk in which it starts; offset 0 is the empty string
 *   I3  a site names a family below the number of families
 *   I4  a row page says which sites it counts; a site may have rows in any number of pages, and all
 *       of them count
 *   I5  a counter row has one writer at a time; allocated and freed only ever go up, so live =
 *       allocated - freed is summed over all rows, with `freed` read before `allocated`
 *
 * Version 1, which readers still accept, kept the rows, temporaries and peaks of an owner in one
 * chunk by site, which moved to a larger chunk; the structs and kinds of that end in _V1.
 */
#ifndef LMM_LEDGER_H
#define LMM_LEDGER_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define LMM_LEDGER_MAGIC "LMM-BOOK"

enum {
    LMM_LEDGER_VERSION = 2,
    LMM_LEDGER_VERSION_MIN = 1, /* the oldest that readers accept */
    LMM_LEDGER_PATH_MAX = 1024,
    LMM_LEDGER_COMMAND_MAX = 1024,
    LMM_LEDGER_PANIC_MAX = 1024,
    LMM_LEDGER_BOOT_ID_MAX = 40,
    LMM_LEDGER_MAX_SITES = 1 << 20,
    LMM_LEDGER_MAX_FAMILIES = 1 << 16,
    LMM_LEDGER_MAX_OWNERS = 1 << 20,
    LMM_LEDGER_MAX_FRAMES = 1 << 24,
    LMM_LEDGER_MAX_MODULES = 1 << 16,
    LMM_LEDGER_BUILD_ID_MAX = 32,
    LMM_LEDGER_MODULE_BYTES_MIN = 72, /* of a record; newer ones are longer */
    LMM_LEDGER_FILE_MAX = 1 << 30,    /* bytes; far above what families, sites and threads need */
};

/* How a process is asked: a signal with this value (sigqueue(3)) starts a thread, which listens on a
 * local socket whose name is the ledger's and this suffix. docs/ledger-format.md has the questions. */
#define LMM_LEDGER_SOCKET_SUFFIX ".sock"
enum { LMM_LEDGER_SIGNAL_VALUE = 0x4c4d4d };

/* The suffix of a ledger's file name, <pid>.<start_ticks>.<pid_namespace>.lmm. */
#define LMM_LEDGER_SUFFIX ".lmm"

enum lmm_ledger_state {
    LMM_LEDGER_RUNNING = 1, /* the process keeps these books, or was killed while it did */
    LMM_LEDGER_EXITED = 2,  /* it exited, and left live blocks */
    LMM_LEDGER_LOST = 3,    /* the file could not grow: the process went on, its books elsewhere */
};

/* A leak check: what it saw, and how. */
struct lmm_ledger_check {
    uint64_t time_ns;        /* CLOCK_REALTIME of the moment whose blocks are classified */
    uint64_t pause_ns;       /* for which the process's other threads stood still */
    uint64_t scan_ns;        /* from then to the result */
    uint64_t scanned_bytes;  /* roots and blocks that were read */
    uint32_t leaks;          /* records of this turn; 0 also when it failed */
    uint32_t threads;        /* that the process had, the one that checked included */
    uint32_t threads_unseen; /* of them: those whose registers could not be read */
    uint32_t mark;         /* the number of a mark: only newer blocks are in the records; 0: all */
    uint32_t flags;        /* LMM_LEDGER_CHECK_... */
    uint32_t failure;      /* an errno: why nothing is known; 0: it succeeded */
    uint64_t roots_unread; /* bytes of possible roots that could not be read */
    uint64_t reserved[8];
};

enum {
    LMM_LEDGER_CHECK_AT_EXIT = 1, /* made when the process ended */
    LMM_LEDGER_CHECK_STOPPED = 2, /* scanned while all threads stood still: no copy was possible */
    LMM_LEDGER_CHECK_UNALIGNED = 4, /* words at any address counted as references */
    LMM_LEDGER_CHECK_TWICE = 8,     /* of two passes: only what both found lost counts as lost */
};

/* A walk over the pages: how full the system pages are that hold blocks. Sums of all sites; the words are
 * those of struct lmm_ledger_page_use. */
struct lmm_ledger_page_walk {
    uint64_t time_ns;         /* CLOCK_REALTIME when it began */
    uint64_t committed_bytes; /* of all system pages that are touched and not given back */
    uint64_t held_bytes;      /* of those of them that hold a live block */
    uint64_t live_bytes;      /* of blocks there */
    uint64_t sparse_bytes; /* of the system pages of held_bytes that are less than a quarter full */
    uint64_t
        returnable_bytes; /* of system pages without a live block: what lmm_trim() can give back */
    uint32_t records;     /* of this turn; 0 also when it failed */
    uint32_t failure;     /* an errno: why nothing is known; 0: it succeeded */
    uint32_t flags;       /* LMM_LEDGER_PAGES_... */
    uint32_t reserved;
};

enum {
    LMM_LEDGER_PAGES_AT_EXIT = 1, /* made when the process ended */
};

struct lmm_ledger_header {
    char magic[8];         /* LMM_LEDGER_MAGIC, no NUL */
    uint32_t version;      /* LMM_LEDGER_VERSION */
    uint32_t header_bytes; /* sizeof(struct lmm_ledger_header) */
    uint32_t chunk_bytes;  /* sizeof(struct lmm_ledger_chunk) */
    uint32_t state;        /* atomic; enum lmm_ledger_state */
    uint64_t file_bytes;   /* atomic; the header and all chunks; 0: not in a file */

    /* Who keeps the books. */
    uint32_t pid;        /* in its own PID namespace */
    uint32_t parent_pid; /* when LMM started, or at the fork */
    uint32_t user;       /* effective user id */
    uint32_t system_page_bytes;
    uint64_t start_time_ns; /* CLOCK_REALTIME when LMM started in this process, or at the fork */
    uint64_t start_ticks;   /* field 22 of /proc/PID/stat; 0: unknown */
    uint64_t pid_namespace; /* inode of /proc/PID/ns/pid; 0: unknown */
    char boot_id[LMM_LEDGER_BOOT_ID_MAX]; /* of the kernel; NUL-terminated; empty: unknown */

    /* How the books stand. */
    uint32_t move_sequence; /* atomic; version 1: odd while rows are moved; in a copy: unsettled */
    uint32_t sites_merged;  /* atomic; sites counted at their family's "(other)" for want of ids */
    uint64_t reservoir_bytes;  /* atomic; address space kept for reuse */
    uint64_t overhead_bytes;   /* atomic; memory of LMM's own records, tags included */
    uint64_t end_time_ns;      /* atomic; CLOCK_REALTIME when `state` left RUNNING, or 0 */
    uint64_t snapshot_time_ns; /* CLOCK_REALTIME when a reader copied the ledger; 0: the original */
    uint32_t lost_errno;       /* LOST: why */
    uint32_t command_bytes;    /* of `command`, the last NUL included; at most its size */
    char command[LMM_LEDGER_COMMAND_MAX]; /* arguments, each with its NUL, cut where too long */
    char executable[LMM_LEDGER_PATH_MAX]; /* NUL-terminated, cut where too long */

    /* The drop-in's; 0 in a program of the typed API. */
    uint32_t is_drop_in;   /* 1: families of the name "malloc-..." are size classes of malloc */
    uint32_t stack_frames; /* frames kept of a call stack, at most; 0: no stacks are taken */
    uint64_t peak_count;   /* atomic; how often PEAKS was written; turn peak_count % 2 is valid */
    /* By turn, as PEAKS are. */
    uint64_t peak_bytes[2];   /* bytes that lived at that moment, in all families */
    uint64_t peak_time_ns[2]; /* CLOCK_REALTIME of that moment */
    /* Atomic; string references, paths of modules; 0: there is none. */
    uint32_t other_malloc;     /* whose malloc the program calls, so these books lack its blocks */
    uint32_t linked_allocator; /* an allocator beside LMM, whose own functions are not counted */
    /* LMM stopped the program, because it misused memory: */
    uint32_t panic_bytes; /* atomic; of panic_message, without a NUL; 0: it did not */
    uint32_t panic_stack; /* atomic; the drop-in's: the number of the innermost frame; 0: none */
    char panic_message[LMM_LEDGER_PANIC_MAX];
    /* The drop-in's: */
    uint32_t started;   /* atomic; processes that this one started; without those of its children */
    uint32_t exit_kind; /* atomic; enum lmm_ledger_exit */
    uint32_t exit_status; /* of EXIT and QUICK_EXIT; as the process gave it, so perhaps above 255 */
    /* Leak checks. `check_count` is atomic: how many were written; turn check_count % 2 is valid. */
    uint32_t
        check_signal; /* atomic; the signal that starts the thread which answers; 0: there is none */
    uint64_t check_count;
    struct lmm_ledger_check check[2]; /* by turn, as LEAKS_EVEN and LEAKS_ODD are */
    uint32_t
        leak_suppressions; /* atomic; string reference: lines leak:PATTERN of the program; 0: none */
    uint32_t reserved_word; /* zero */
    /* Walks over the pages. `page_walk_count` is atomic; turn page_walk_count % 2 is valid. */
    uint64_t page_walk_count;
    struct lmm_ledger_page_walk page_walk[2]; /* by turn, as PAGES_EVEN and PAGES_ODD are */
    /* Of a process into which `lmm attach` has loaded LMM; CLOCK_REALTIME, atomic; 0: it was there from the start. */
    uint64_t attach_time_ns;
    uint64_t detach_time_ns;     /* since when nothing new is counted; 0: it is */
    unsigned char reserved[360]; /* zero */
};

/* What a process told of its end before it ended. A signal that kills it tells nothing. */
enum lmm_ledger_exit {
    LMM_LEDGER_EXIT_UNTOLD = 0,  /* its LMM does not tell ends */
    LMM_LEDGER_EXIT_NOT_YET = 1, /* it did not exit; a signal killed it, or it still runs */
    LMM_LEDGER_EXIT_NORMAL = 2,  /* exit(3), or a return from main */
    LMM_LEDGER_EXIT_QUICK = 3,   /* _exit(2), or quick_exit(3): without the handlers of exit */
};

enum lmm_ledger_kind {
    LMM_LEDGER_UNUSED = 0,   /* readers skip it, and kinds that they do not know */
    LMM_LEDGER_STRINGS = 1,  /* record: one byte */
    LMM_LEDGER_FAMILIES = 2, /* record: struct lmm_ledger_family */
    LMM_LEDGER_SITES = 3,    /* record: struct lmm_ledger_site */
    LMM_LEDGER_ROWS = 4,     /* record: struct lmm_ledger_row_page, with its rows */
    LMM_LEDGER_MODULES = 5,  /* record: struct lmm_ledger_module, or its start */
    LMM_LEDGER_FRAMES = 6,   /* record: struct lmm_ledger_frame */
    LMM_LEDGER_STACKS = 7, /* record: uint32_t, by site: its stack; sites past the last have none */
    LMM_LEDGER_PEAKS = 8, /* record: struct lmm_ledger_peak, by site; see the header's peak_count */
    LMM_LEDGER_TEMPORARIES_V1 = 9, /* record: uint64_t, by site */
    LMM_LEDGER_GUESSES = 10,       /* record: uint32_t, a frame whose caller was found by a guess */
    LMM_LEDGER_LEAKS_EVEN =
        11, /* record: struct lmm_ledger_leak, of turn 0 of the header's checks; */
    LMM_LEDGER_LEAKS_ODD = 12,  /* of turn 1 */
    LMM_LEDGER_MARKS = 13,      /* record: struct lmm_ledger_mark */
    LMM_LEDGER_MISMATCHES = 14, /* record: struct lmm_ledger_mismatch */
    LMM_LEDGER_KEEPERS = 15,    /* record: struct lmm_ledger_keeper, the largest first */
    LMM_LEDGER_PAGES_EVEN =
        16, /* record: struct lmm_ledger_page_use, of turn 0 of the header's walks; */
    LMM_LEDGER_PAGES_ODD = 17, /* of turn 1 */
};

struct lmm_ledger_chunk {
    uint32_t kind; /* enum lmm_ledger_kind */
    uint32_t record_bytes;
    uint32_t first;    /* index of the first record */
    uint32_t capacity; /* records there is room for */
    uint32_t used;     /* atomic; valid records */
    uint32_t owner;    /* 0; version 1: the heap's number, of PEAKS which of two */
    uint64_t bytes;    /* of the whole chunk: this header, its records, and what is left over */
    uint64_t reserved[4];
};

/* The gauges of a family, all atomic, are kept up to date on the allocator's slow paths. */
struct lmm_ledger_family {
    uint32_t name; /* string reference */
    uint32_t align_bytes;
    uint64_t size_bytes;
    uint64_t stride_bytes;
    uint64_t pages;
    uint64_t mapped_bytes;
    uint64_t committed_bytes;
    uint64_t slots;             /* room in its pages, used or not */
    uint64_t run_free_slots;    /* in free runs, of pages that hold runs */
    uint64_t longest_run_slots; /* the longest free run */
    uint64_t peak_amount;       /* high-water mark of live slots; of bytes with the flag BYTES */
    uint64_t limit_bytes;       /* hard limit of live bytes; 0: none */
    uint64_t flags;             /* LMM_LEDGER_FAMILY_... */
};

enum {
    /* The family counts bytes requested: `extra` in its sites' rows is the bytes of all blocks,
     * so live bytes = allocated_extra - freed_extra; peak_amount is in bytes. */
    LMM_LEDGER_FAMILY_BYTES = 1,
    /* Another family has the same name of a type: `name` is that name, and after it " (", the size,
     * perhaps the alignment, and ")". */
    LMM_LEDGER_FAMILY_NAMESAKE = 2,
};

struct lmm_ledger_site {
    uint32_t family;
    uint32_t line;     /* 0: no place in the source */
    uint32_t file;     /* string reference */
    uint32_t function; /* string reference */
};

/* Counters for one site, a cache line. Extra are the slots of blocks beyond each block's first; of
 * a family with the flag BYTES, the bytes requested. */
struct lmm_ledger_row {
    uint64_t allocated_blocks;
    uint64_t freed_blocks;
    uint64_t allocated_extra;
    uint64_t freed_extra;
    uint64_t temporaries;   /* blocks freed before the same thread allocated again */
    uint64_t foreign_frees; /* of freed_blocks: single structs in pages of other threads */
    uint32_t
        smallest_bytes; /* of a block that was counted off the fast paths, in bytes requested, */
    uint32_t largest_bytes; /* up to UINT32_MAX; 0: unknown */
    uint64_t reserved;
};

/* A row page: the rows of the sites from first_site on; `rows` of them fit the record. One heap at a
 * time has it; the pages of owner 0 count for heaps that have no memory for pages. */
struct lmm_ledger_row_page {
    uint32_t owner; /* atomic; the number of the heap that had it last */
    uint32_t first_site;
    uint32_t rows;
    uint32_t reserved;
    uint64_t writer[2]; /* links of the writer's lists; they mean nothing to a reader */
    uint64_t reserved_too[4];
#ifndef __cplusplus /* which has no flexible arrays; the rows follow */
    struct lmm_ledger_row row[];
#endif
};

/* A mapped ELF file that a stack leads through. Its addresses do not change. When it is unloaded
 * the record stays, with `gone` set; when the same file is loaded at the same addresses again, it
 * has this record again. Another file there has a record of its own. */
struct lmm_ledger_module {
    uint64_t start;          /* first address of its mapping */
    uint64_t end;            /* one past the last */
    uint64_t bias;           /* address in memory - address in the file's headers */
    uint32_t path;           /* string reference; empty: unknown */
    uint32_t gone;           /* atomic; 1: it is not loaded */
    uint32_t build_id_bytes; /* at most 32; 0: it has none */
    uint32_t has_file;       /* 1: it has no build-id, and the fields of its file are set */
    unsigned char build_id[LMM_LEDGER_BUILD_ID_MAX];
    /* Its file when its first frame was recorded, as stat(2) has it, or 0 if that failed; not in
     * version 1, nor in the first ledgers of version 2, whose records end here. */
    uint64_t file_device;
    uint64_t file_inode;
    uint64_t file_bytes;
    int64_t file_changed_ns; /* of its contents (mtime), since 1970 */
};

/* One call in a stack, stored once for all stacks that share it and its outer calls.
 * Number 0 is no call: the end of every stack. A stack is the number of its innermost call. */
struct lmm_ledger_frame {
    uint64_t address; /* where the call returns to */
    uint32_t caller;  /* the next outer call; below this record's own number */
    uint32_t module;  /* its number + 1; 0: none */
};

/* The live blocks of a site at the peak, by turn. */
struct lmm_ledger_peak {
    uint64_t blocks[2];
    uint64_t bytes[2];
};

/* What a block's class is. docs/leaks.md defines them. */
enum lmm_ledger_leak_kind {
    LMM_LEDGER_LEAK_DEFINITE = 1,  /* nothing leads to it, and it hangs on no other lost block */
    LMM_LEDGER_LEAK_INDIRECT = 2,  /* only lost blocks lead to it */
    LMM_LEDGER_LEAK_POSSIBLE = 3,  /* only pointers to the inside of a block lead to it */
    LMM_LEDGER_LEAK_REACHABLE = 4, /* pointers to starts of blocks lead from a root to it */
    LMM_LEDGER_LEAK_IGNORED = 5, /* the program said that it is none, or such a block leads to it */
};

enum { LMM_LEDGER_LEAK_EXAMPLES = 3 };

/* The blocks of one site and class. Those of class INDIRECT are told apart by the site of the
 * block of class DEFINITE that they hang on. */
struct lmm_ledger_leak {
    uint32_t site;
    uint32_t leader;   /* INDIRECT: the site of that block; else `site` */
    uint32_t kind;     /* enum lmm_ledger_leak_kind */
    uint32_t examples; /* valid ones below */
    uint64_t blocks;
    uint64_t bytes; /* as the families count them; see struct lmm_ledger_row */
    uint64_t example[LMM_LEDGER_LEAK_EXAMPLES]; /* addresses of blocks, the largest first */
    uint64_t reserved;
};

struct lmm_ledger_row_v1 {
    uint64_t allocated_blocks;
    uint64_t freed_blocks;
    uint64_t allocated_extra;
    uint64_t freed_extra;
};

struct lmm_ledger_peak_v1 {
    uint64_t blocks;
    uint64_t bytes;
};

/* A moment that the program, or a user, has marked. Its number is its place among all marks + 1. */
struct lmm_ledger_mark {
    uint64_t time_ns; /* CLOCK_REALTIME */
    uint32_t text;    /* string reference */
    uint32_t reserved;
};

/* The drop-in's: blocks that were freed in another way than they were allocated, at one pair of places. */
struct lmm_ledger_mismatch {
    uint32_t text;      /* string reference: "free of a block of new[]" */
    uint32_t allocated; /* stacks: the number of the innermost frame; 0: unknown */
    uint32_t freed;
    uint32_t reserved;
    uint64_t bytes; /* requested, of the first such block */
    uint64_t count; /* atomic; of such blocks */
};

/* A site that retained bytes when the process ended: they would have been lost without its blocks. */
struct lmm_ledger_keeper {
    uint64_t bytes;
    uint32_t site;
    uint32_t reserved;
};

/*
 * The live blocks of a site, and the system pages (4 KiB) that hold them. A block lies on the system pages
 * that its bytes requested reach; one of no bytes has one byte here. The bytes of a system page are divided
 * among the sites of its blocks in proportion to their bytes on it, so that sums over sites are right. A
 * system page is sparse when the bytes of all its blocks are less than a quarter of it.
 */
struct lmm_ledger_page_use {
    uint32_t site;
    uint32_t reserved;
    uint64_t blocks;
    uint64_t live_bytes;        /* of its blocks */
    uint64_t held_bytes;        /* the site's part of the system pages on which they lie */
    uint64_t sparse_blocks;     /* of blocks: those with a byte on a sparse system page */
    uint64_t sparse_live_bytes; /* of live_bytes: those on sparse system pages */
    uint64_t sparse_bytes;      /* of held_bytes: those of sparse system pages */
    uint64_t reserved_too;
};

/* A ledger as a reader holds it: where the header and each chunk are in its memory. */
struct lmm_ledger_view {
    const struct lmm_ledger_header *header;
    const struct lmm_ledger_chunk *const *chunks;
    size_t chunk_count;
};

static_assert(sizeof(struct lmm_ledger_header) == 4096, "a system page");
static_assert(sizeof(struct lmm_ledger_chunk) == 64, "pages of rows start on a cache line");
static_assert(sizeof(struct lmm_ledger_family) == 96, "fixed layout");
static_assert(sizeof(struct lmm_ledger_site) == 16, "fixed layout");
static_assert(sizeof(struct lmm_ledger_row) == 64, "a cache line");
static_assert(sizeof(struct lmm_ledger_row_page) == 64, "rows start on a cache line");
static_assert(sizeof(struct lmm_ledger_check) == 128, "fixed layout");
static_assert(sizeof(struct lmm_ledger_mark) == 16, "fixed layout");
static_assert(sizeof(struct lmm_ledger_keeper) == 16, "fixed layout");
static_assert(sizeof(struct lmm_ledger_leak) == 64, "fixed layout");
static_assert(sizeof(struct lmm_ledger_page_walk) == 64, "fixed layout");
static_assert(sizeof(struct lmm_ledger_page_use) == 64, "fixed layout");
static_assert(sizeof(struct lmm_ledger_mismatch) == 32, "fixed layout");
static_assert(sizeof(struct lmm_ledger_row_v1) == 32, "fixed layout");
static_assert(sizeof(struct lmm_ledger_module) == 104, "fixed layout");
static_assert(offsetof(struct lmm_ledger_module, file_device) == LMM_LEDGER_MODULE_BYTES_MIN,
              "the length of the first records");
static_assert(sizeof(struct lmm_ledger_frame) == 16, "fixed layout");
static_assert(sizeof(struct lmm_ledger_peak) == 32, "fixed layout");
static_assert(sizeof(struct lmm_ledger_peak_v1) == 16, "fixed layout");

#endif
