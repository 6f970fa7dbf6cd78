/* SPDX-License-Identifier: MIT */
/*
 * model: the rows that every report shows, and the one definition of every figure (docs/reports.md
 * has the formulas); renderers only format.
 *
 * Invariants of a model, checked by lmm_model_is_valid():
 *   I1  a site's live blocks are its allocations - frees, or 0 where that is below 0
 *   I2  a family's counts are the sums over its sites; the total's are the sums over the families
 *   I3  a family's peak_bytes >= live_bytes, and, if it has_peak, so is the model's, of the total;
 *       every permille is at most 1000
 *   I4  families and sites are in the order of the report; sites without allocations and frees are
 *       left out
 *   I5  a site's stack, panic_stack, and those of mismatches, is below frame_count; each frame's caller is below its own
 *       number, and its module is at most module_count; no stack has more than LMM_MODEL_STACK_MAX
 *       frames
 *   I6  a site's temporaries, and its foreign frees, are at most its frees; its smallest bytes are
 *       at most its largest
 *   I7  a check's figures of a class are the sums over its leaks, which are in order; the losses of
 *       each site are the sums over its own leaks; a failed check has none
 *   I8  the sites of a page walk ascend; sparse figures are at most those that they are a part of; a failed
 *       walk has no sites
 *
 * In a family with the ledger's flag BYTES, bytes are the bytes that the program requested, each
 * block counts as one live slot, and free slots are those that the requested bytes cannot occupy.
 *
 * Strings point into the ledger, are bounded by their length, and need no NUL.
 *
 * Locks: none are taken. Not responsible for reading the ledger (build.h).
 */
#ifndef LMM_REPORTER_MODEL_H
#define LMM_REPORTER_MODEL_H

#include <stdbool.h>

#include "reporter/core/utf8.h"

struct lmm_model;

enum {
    LMM_MODEL_BUILD_ID_MAX = 32,
    LMM_MODEL_STACK_MAX = 256, /* frames of a stack; a ledger with a longer one is damaged */
};

/* One family, or the total over all of them (which has no size, no peak and no free slots). */
struct lmm_model_family {
    struct lmm_string name; /* as shown; no other family's */
    struct lmm_string type; /* the name of the type, without the size that tells namesakes apart */
    uint64_t size_bytes;
    uint64_t align_bytes;
    uint64_t stride_bytes;
    uint64_t limit_bytes; /* 0: none */
    uint64_t live_blocks;
    uint64_t live_slots;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint64_t pages;
    uint64_t mapped_bytes;
    uint64_t committed_bytes;
    uint64_t slots; /* room in its pages, used or not */
    uint64_t free_slots;
    uint64_t run_free_slots; /* the free slots in pages that hold runs */
    uint64_t longest_run_slots;
    uint64_t internal_bytes;
    uint32_t number; /* its place in the ledger */
    uint32_t sites;  /* with allocations or frees */
    uint32_t occupancy_permille;
    uint32_t internal_permille;
    uint32_t external_permille; /* of run_free_slots */
    bool counts_bytes;          /* these two: the ledger's flags BYTES and NAMESAKE */
    bool is_namesake;
};

/* What a block's class is, by the last leak check (docs/leaks.md). */
enum lmm_model_class {
    LMM_MODEL_DEFINITE,  /* nothing leads to it */
    LMM_MODEL_INDIRECT,  /* only lost blocks lead to it */
    LMM_MODEL_POSSIBLE,  /* only pointers to the inside of blocks lead to it */
    LMM_MODEL_REACHABLE, /* pointers to starts of blocks lead to it */
    LMM_MODEL_IGNORED,   /* the program said so */
    LMM_MODEL_CLASSES,
};

enum { LMM_MODEL_EXAMPLES = 3 };

struct lmm_model_amount {
    uint64_t blocks;
    uint64_t bytes;
};

/* The blocks of one site and class; of INDIRECT those that hang on blocks of one site. */
struct lmm_model_leak {
    uint32_t site;   /* ids */
    uint32_t leader; /* INDIRECT: the site of the DEFINITE block that they hang on; else `site` */
    enum lmm_model_class kind;
    uint32_t example_count;
    struct lmm_model_amount amount;
    uint64_t examples[LMM_MODEL_EXAMPLES]; /* addresses, those of the largest blocks first */
};

/* The blocks of a site, by class. */
struct lmm_model_losses {
    struct lmm_model_amount of[LMM_MODEL_CLASSES]; /* its own */
    struct lmm_model_amount hanging;    /* INDIRECT blocks of all sites that hang on its blocks */
    const struct lmm_model_leak *leaks; /* its own, in the order of classes */
    uint32_t leak_count;
};

/* The last leak check. */
struct lmm_model_check {
    bool is_there; /* false: the ledger has none, or one that was not complete; all else is 0 */
    bool is_at_exit;
    bool is_stopped;         /* the program stood still during the scan */
    bool is_unaligned;       /* words at any address counted as references */
    bool is_confirmed;       /* of two passes: lost are only blocks that both found lost */
    uint32_t failure;        /* an errno: why nothing is known; 0: the check succeeded */
    uint32_t mark;           /* only blocks newer than this mark have classes; 0: all */
    uint32_t threads;        /* that the process had */
    uint32_t threads_unseen; /* of them: those whose registers could not be read */
    uint64_t roots_unread;   /* bytes */
    uint64_t scanned_bytes;
    uint64_t time_ns; /* CLOCK_REALTIME of the moment whose blocks have classes */
    uint64_t pause_ns;
    uint64_t scan_ns;
    struct lmm_model_amount of[LMM_MODEL_CLASSES];
    const struct lmm_model_leak *leaks; /* by site, then class */
    size_t leak_count;
};

/* A moment that the program, or a user, has marked (lmm_mark(), lmm mark). */
struct lmm_model_mark {
    uint32_t number;  /* from 1 on; 0: there is none */
    uint64_t time_ns; /* CLOCK_REALTIME */
    struct lmm_string text;
};

/* Blocks that were freed in another way than they were allocated, at one pair of places. */
struct lmm_model_mismatch {
    struct lmm_string text; /* "free of a block of new[]"; never empty */
    uint32_t allocated;     /* stacks: the number of the innermost frame; 0: unknown */
    uint32_t freed;
    uint64_t bytes; /* requested, of the first one */
    uint64_t count;
};

/* A site that retained bytes when the process ended: they would have been lost without its blocks. */
struct lmm_model_keeper {
    uint64_t bytes;
    uint32_t site;
};

/* The live blocks of a site, and the system pages that hold them (docs/reports.md). */
struct lmm_model_page_use {
    uint32_t site; /* its id */
    uint64_t blocks;
    uint64_t live_bytes;
    uint64_t held_bytes;        /* its part of the system pages that hold its blocks */
    uint64_t sparse_blocks;     /* of blocks: on system pages less than a quarter full; so below */
    uint64_t sparse_live_bytes; /* of live_bytes */
    uint64_t sparse_bytes;      /* of held_bytes */
};

/* The last walk over the pages. */
struct lmm_model_page_walk {
    bool is_there; /* false: the ledger has none, or one that was not complete; all else is 0 */
    bool is_at_exit;
    uint32_t failure; /* an errno: why nothing is known; 0: the walk succeeded */
    uint64_t time_ns; /* CLOCK_REALTIME */
    uint64_t committed_bytes;
    uint64_t held_bytes; /* these three: of all sites */
    uint64_t live_bytes;
    uint64_t sparse_bytes;
    uint64_t returnable_bytes; /* system pages without a live block: a trim can give them back */
    const struct lmm_model_page_use *uses; /* by site */
    size_t use_count;
};

/* How sure the type of a site's blocks is; more is surer. */
enum lmm_model_confidence {
    LMM_MODEL_NO_TYPE, /* there is no evidence, or it contradicts the sizes */
    LMM_MODEL_GUESS,   /* one piece of weak evidence */
    LMM_MODEL_LIKELY,  /* one piece of evidence, and the sizes agree */
    LMM_MODEL_CERTAIN, /* a record of the compiler, or two independent pieces, and the sizes agree */
};

/* What a type was found by; bits of a set. */
enum lmm_model_evidence {
    LMM_MODEL_BY_RECORD = 1, /* the compiler's, at the call; or the program registered the type */
    LMM_MODEL_BY_NAME = 2,   /* the function that allocates: std::allocator<T>::allocate */
    LMM_MODEL_BY_OBJECT = 4, /* a constructor, or a table of virtual functions */
    LMM_MODEL_BY_SOURCE = 8, /* the statement in the source: sizeof(T) */
    LMM_MODEL_BY_VARIABLE = 16,  /* a variable that gets the pointer */
    LMM_MODEL_BY_STORE = 32,     /* a field, an element or a global variable that gets it */
    LMM_MODEL_BY_RETURN = 64,    /* the result type of a function that returns it */
    LMM_MODEL_BY_ARGUMENT = 128, /* a parameter that gets it */
    LMM_MODEL_BY_SIZE = 256,     /* the only struct of this size in the source file */
};

/* Why a site has no type. */
enum lmm_model_type_gap {
    LMM_MODEL_TYPE_FOUND,    /* it has one */
    LMM_MODEL_TYPE_UNKNOWN,  /* the evidence is too weak, or contradicts itself or the sizes */
    LMM_MODEL_TYPE_NO_DEBUG, /* `lacking` has no debug information */
    LMM_MODEL_TYPE_NO_FILE,  /* the file of `lacking` is missing, or was replaced */
    LMM_MODEL_TYPE_LIBRARY,  /* they are blocks of the C or C++ library `lacking` itself */
};

/* The type of a site's blocks, as far as it is known (program/types finds it). */
struct lmm_model_type {
    struct lmm_string
        name; /* "struct node"; of arrays "struct node[]"; "struct node+"; also of a guess; empty: none */
    enum lmm_model_confidence confidence;
    unsigned evidence; /* a set of enum lmm_model_evidence */
    enum lmm_model_type_gap gap;
    struct lmm_string lacking; /* the name of a module */
    struct lmm_string element; /* the name without "[]" or "+" */
    uint64_t bytes;            /* sizeof one element; 0: unknown */
    bool is_after_header;      /* a header lies in each block before it, or may lie there */
    uint64_t header_bytes;     /* its size; 0: there is none, or it is not known */
    bool
        has_more; /* blocks start with the element, after any header, and are longer: the name ends in "+" */
    struct lmm_string file; /* where the type is defined; empty: unknown, and so is the line */
    uint32_t line;
};

/* The source lines that allocate a type. */
struct lmm_model_lines {
    uint32_t count;
    const struct lmm_model_site *largest; /* one of the sites of the line with most live bytes */
    const struct lmm_model_site *largest_at_peak; /* with most bytes at the peak */
};

struct lmm_model_site {
    const struct lmm_model_family *family;
    struct lmm_string file;
    struct lmm_string function;
    uint32_t line; /* 0: file is a name such as "(unattributed)", or the function's module */
    uint32_t id;
    uint64_t live_blocks;
    uint64_t live_slots;
    uint64_t live_bytes;
    uint64_t allocations;
    uint64_t frees;
    uint64_t allocated_slots;
    uint64_t allocated_bytes;
    uint64_t freed_slots;
    uint32_t share_permille; /* of the live bytes of all families */
    uint32_t stack;          /* the number of its innermost frame; 0: none */
    uint64_t stack_key;      /* identifies the stack, in other processes too; 0: none */
    uint64_t temporaries;    /* blocks freed before the same thread allocated again */
    uint64_t foreign_frees;  /* single structs freed by another thread than their page's */
    uint64_t smallest_bytes; /* of a block, in bytes requested; 0: unknown, here and below */
    uint64_t largest_bytes;
    uint64_t peak_blocks; /* these two: live when the process had most live bytes */
    uint64_t peak_bytes;
    struct lmm_string module; /* of its function; empty: unknown, or the site has no stack */
    const struct lmm_model_type
        *type; /* NULL: it was not looked for; sites without a stack have their
                                          family's. It lives as long as what found it */
    const struct lmm_model_losses *losses; /* NULL: the last leak check found no blocks of it; or
                                              this is a row of several sites */
    const struct lmm_model_page_use *page_use; /* NULL: the last walk over the pages found no blocks
                                                  of it; of a row of several sites their sum */
    /* Of a row of several sites (program/report/merge.h): its stacks, most live bytes first. */
    const struct lmm_model_site *parts;
    uint32_t part_count;                 /* 0: it is a site of the ledger */
    const struct lmm_model_lines *lines; /* of a row of a type; NULL: of another row */
};

/* A file that was mapped in the process, and holds the code of frames. */
struct lmm_model_module {
    struct lmm_string path; /* empty: unknown */
    uint64_t start;
    uint64_t end;
    uint64_t bias; /* address in memory - address in the file's headers */
    uint64_t key;  /* of the last component of its path */
    bool is_gone;  /* it is not loaded; another module may have its addresses */
    uint32_t build_id_bytes;
    unsigned char build_id[LMM_MODEL_BUILD_ID_MAX];
    /* Of a module without a build-id: what its file was when the process had mapped it. */
    bool has_file; /* false: that is unknown, and so are the fields below */
    uint64_t file_device;
    uint64_t file_inode;
    uint64_t file_bytes;
    int64_t file_changed_ns;
};

/* One call of a stack. */
struct lmm_model_frame {
    uint64_t address; /* the return address; the call itself is before it */
    uint64_t key;     /* of its offset in its module's file and of all outer frames */
    uint32_t caller;  /* the number of the next outer frame, below this one's; 0: none */
    uint32_t module;  /* its index + 1; 0: none */
    uint32_t depth;   /* frames from here outwards, this one included */
    bool is_guess;    /* its caller was found by a guess, from a frame pointer */
};

/* A call of a frame in the source: of the function itself, or of one that was inlined into it. */
struct lmm_model_call {
    struct lmm_string function; /* "libhr.so+0x1f0" where its name is not known; never empty */
    struct lmm_string file;     /* empty: unknown, and so is the line */
    struct lmm_string module;   /* the last component of its path; empty: none */
    uint32_t line;              /* 0: unknown */
    bool is_named;
    bool is_inline;   /* inlined into the next call of the frame */
    bool is_wrapper;  /* allocates for its caller: operator new, xmalloc ... (wrapper.h) */
    bool is_standard; /* a wrapper of the C, C++ or Rust library */
    bool is_new;      /* operator new */
    bool is_guessed;  /* in a stack: it, or an inner call of the stack, was found by a guess */
    struct lmm_string symbol; /* "_ZN2hr4hireEv", where that is not its name; empty: it is */
};

/* Finds the names of frames. */
struct lmm_model_namer {
    /*
     * Sets *ret_calls to the calls of a frame of the model, the innermost first, and returns their
     * number; 0: out of memory. They live as long as the namer.
     */
    size_t (*calls_of)(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls);
};

/* A word for one thing, and for several. */
struct lmm_model_word {
    const char *one;
    const char *many;
};

/* The rows that a selection removed. */
struct lmm_model_rest {
    size_t count;
    uint64_t live_blocks;
};

/* The state of the process, as far as it is known. */
enum lmm_model_process {
    LMM_MODEL_RUNNING,  /* it writes this ledger, or did at the time of the snapshot */
    LMM_MODEL_EXITED,   /* it exited with live blocks */
    LMM_MODEL_LOST,     /* it no longer writes this ledger, which could not grow */
    LMM_MODEL_KILLED,   /* it ended without a note in the ledger; the caller sets this */
    LMM_MODEL_REPLACED, /* it became another program by exec; the caller sets this */
};

/* What the process told of its end. */
enum lmm_model_exit {
    LMM_MODEL_EXIT_UNTOLD, /* its LMM does not tell */
    LMM_MODEL_EXIT_NOT_YET, /* it did not exit: it runs, a signal killed it, or it became another program */
    LMM_MODEL_EXIT_NORMAL, /* by exit(3) */
    LMM_MODEL_EXIT_QUICK,  /* by _exit(2) or quick_exit(3) */
};

enum { LMM_MODEL_CLOCK_BYTES = 24 };

struct lmm_model {
    struct lmm_string executable; /* as the ledger has it */
    struct lmm_string program;    /* its last component; "(unknown)" where there is none */
    struct lmm_string typed;      /* what was typed to start it, without folders; empty: unknown */
    struct lmm_string command;    /* the arguments, with blanks between them */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t system_page_bytes;
    uint32_t lost_errno; /* LMM_MODEL_LOST: why */
    enum lmm_model_process process;
    uint64_t start_time_ns;    /* these three: CLOCK_REALTIME */
    uint64_t end_time_ns;      /* when it exited, or lost its ledger; 0: neither */
    uint64_t snapshot_time_ns; /* when the ledger was copied; 0: this is the original */
    uint64_t attach_time_ns;   /* since when LMM counts in a process that ran before; 0: always */
    uint64_t detach_time_ns;   /* until when; 0: it still does */
    char attached_at
        [LMM_MODEL_CLOCK_BYTES]; /* the same in local time, if `lmm` reads the ledger; or empty */
    char detached_at[LMM_MODEL_CLOCK_BYTES];
    uint64_t sites_merged;
    uint64_t reservoir_bytes;
    uint64_t overhead_bytes;
    bool settled; /* false: rows moved during every try to read them */
    struct lmm_model_family total;
    size_t families_used; /* families with allocations or frees */
    size_t family_count;
    const struct lmm_model_family **families; /* live bytes, largest first; equals by name */
    size_t site_count;
    struct lmm_model_site *sites; /* live bytes, then allocations, largest first; then by place */
    const char *order; /* the figure that the user sorted the rows by; NULL: as said above */
    bool is_drop_in;   /* the ledger of the drop-in: families are size classes of malloc */
    /* Paths of modules; empty: there is none. */
    struct lmm_string leak_suppressions; /* the program's own: lines leak:PATTERN; empty: none */
    struct lmm_string other_malloc;      /* whose malloc the program calls instead of LMM's */
    struct lmm_string linked_allocator;  /* beside LMM; its own functions are not counted */
    struct lmm_string panic;             /* why LMM stopped the program; empty: it did not */
    uint32_t panic_stack;                /* where: the number of the innermost frame; 0: unknown */
    const struct lmm_model_mismatch *mismatches;
    size_t mismatch_count;
    uint32_t started; /* processes that it started; the drop-in alone counts them */
    enum lmm_model_exit exit;
    int exit_status;       /* LMM_MODEL_EXIT_NORMAL, _QUICK: 0 to 255 */
    uint32_t stack_frames; /* most frames kept of a call stack; 0: no stacks are taken */
    uint64_t temporaries;  /* of all sites */
    bool has_peak;         /* false: a ledger of version 1 without the two below */
    uint64_t peak_bytes;   /* most live bytes */
    uint64_t peak_time_ns; /* CLOCK_REALTIME of that moment; 0: that of this model */
    struct lmm_model_check check;
    struct lmm_model_page_walk page_walk;
    struct lmm_model_mark mark;       /* the last one */
    struct lmm_model_keeper *keepers; /* the largest first */
    size_t keeper_count;              /* 0: none were looked for */
    uint32_t frame_count;             /* numbers are below this; number 0 is no frame */
    const struct lmm_model_frame *frames;
    uint32_t module_count;
    const struct lmm_model_module *modules;
    struct lmm_model_namer *namer;  /* NULL: frames have no names */
    size_t shown_calls;             /* the most calls that reports print of a stack; 0: no stacks */
    size_t shown_stacks;            /* the most stacks that they print of a row; 0: one */
    struct lmm_model_word row_word; /* what the user calls a row; NULL: a site */
    bool has_row_ids;               /* reports show the ids of rows */
    bool has_type_rows;             /* a row is a type, with its lines */
    const struct lmm_hints *hints;  /* how to need less memory; NULL: none were looked for */
    char *const *notes;             /* more notes for the text report, those of the caller */
    size_t note_count;
    struct lmm_model_rest hidden_families; /* these two: in the total alone; see select.h */
    struct lmm_model_rest hidden_sites;
};

/*
 * Defines every figure of a model whose counters are summed (counters.h): keeps the sites with
 * allocations or frees, adds each to its family, and does what lmm_model_sum() does. families: the
 * array that the model's families lie in, in the order of the ledger.
 */
void lmm_model_define(struct lmm_model *model, struct lmm_model_family *families);

/* Defines the total, families_used, and the sites' shares anew, from the families and sites that
 * the model has now. For callers that remove families, with all their sites, from a model. */
void lmm_model_sum(struct lmm_model *model);

/* Returns whether the invariants hold, of a model that was built, and perhaps reduced to some of
 * its families, but not sorted by the user. I2 of single families is checked
 * up to a bounded cost. */
bool lmm_model_is_valid(const struct lmm_model *model);

/* Returns whether I8 holds. */
bool lmm_model_page_walk_is_valid(const struct lmm_model_page_walk *walk);

/* Returns the number of the frame that called `frame`, 0 at the end of the stack. A stack is walked
 * by for (frame = site->stack; frame != 0; frame = lmm_model_caller(model, frame)). */
uint32_t lmm_model_caller(const struct lmm_model *model, uint32_t frame);

/* Returns the module that a frame lies in, or NULL. */
const struct lmm_model_module *lmm_model_module_of(const struct lmm_model *model, uint32_t frame);

/* Returns the address of a frame in its module's file, which is the same in every process. frame is
 * not 0. */
uint64_t lmm_model_offset(const struct lmm_model *model, uint32_t frame);

/* Compares two struct lmm_model_site for sorting: most live bytes first, then most allocations, then
 * by file, line and id. */
int lmm_model_compare_sites(const void *left, const void *right);

/* Returns how reports call the program: as it was typed, or else by its file. */
struct lmm_string lmm_model_name(const struct lmm_model *model);

/* Returns the part of path after its last slash. */
struct lmm_string lmm_model_last_component(struct lmm_string path);

/* Returns part / whole in thousandths, rounded down, at most 1000; 0 when whole is 0. */
uint32_t lmm_model_permille(uint64_t part, uint64_t whole);

#endif
