/* SPDX-License-Identifier: MIT */
#include "lib/leaks/present.h"

#include "lib/ground/system.h"
#include "lib/ground/vm.h"
#include "lib/leaks/tasks.h"

#include <fcntl.h>
#include <linux/ioctl.h>

/* linux/fs.h since Linux 6.7. */
struct page_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct scan_arguments {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t vec;
    uint64_t vec_len;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define SCAN _IOWR('f', 16, struct scan_arguments)

enum {
    IS_FILE = 1 << 2,
    IS_PRESENT = 1 << 3,
    IS_SWAPPED = 1 << 4,
    IS_ZERO = 1 << 5,
    REGIONS = 64,
    ENTRIES = 512,
    RESIDENTS = 4096,
};

#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_FILE    (UINT64_C(1) << 61)

/* Pages of one kind that were not visited yet. */
struct run {
    uintptr_t from;
    uintptr_t to;
    enum lmm_present_kind kind;
    lmm_present_visit *visit;
    void *arg;
};

static void end_run(struct run *run)
{
    if (run->from < run->to) {
        run->visit(run->from, run->to, run->kind, run->arg);
    }
    run->from = run->to = 0;
}

static void add(struct run *run, uintptr_t from, uintptr_t to, enum lmm_present_kind kind)
{
    if (from != run->to || kind != run->kind) {
        end_run(run);
        run->from = from;
        run->kind = kind;
    }
    run->to = to;
}

/* ---- By PAGEMAP_SCAN ------------------------------------------------------------------------- */

/* Returns where it ended; before `to` when the kernel has failed. */
static uintptr_t scan(int file, uintptr_t from, uintptr_t to, struct run *run)
{
    struct page_region regions[REGIONS];
    struct scan_arguments arguments = {
        .size = sizeof(arguments),
        .vec = (uintptr_t) regions,
        .vec_len = REGIONS,
        .end = to,
        .category_inverted = IS_FILE | IS_ZERO, /* neither of these, */
        .category_mask = IS_FILE | IS_ZERO,
        .category_anyof_mask = IS_PRESENT | IS_SWAPPED, /* and one of these */
        .return_mask = IS_PRESENT | IS_SWAPPED,
    };

    while (from < to) {
        arguments.start = from;
        long found = lmm_system_ioctl(file, SCAN, &arguments);
        if (found < 0 || arguments.walk_end <= from) {
            break;
        }
        for (long i = 0; i < found; i++) {
            bool is_present = (regions[i].categories & IS_PRESENT) != 0;
            add(run, regions[i].start, regions[i].end,
                is_present ? LMM_PRESENT_IN_MEMORY : LMM_PRESENT_ELSEWHERE);
        }
        from = arguments.walk_end;
    }
    return from;
}

/* ---- By the file ----------------------------------------------------------------------------- */

/* Returns where it ended, as scan(). The file has an entry for each kernel page. */
static uintptr_t read_entries(int file, uintptr_t from, uintptr_t to, struct run *run)
{
    const size_t page_bytes = lmm_vm_page_bytes();
    uint64_t entries[ENTRIES];

    from = lmm_vm_page_start(from);
    while (from < to) {
        size_t wanted = lmm_vm_round_up(to - from) / page_bytes;
        wanted = wanted < ENTRIES ? wanted : ENTRIES;
        ssize_t got = lmm_system_pread(file, entries, wanted * sizeof(entries[0]),
                                       from / page_bytes * sizeof(entries[0]));
        size_t known = got < 0 ? 0 : (size_t) got / sizeof(entries[0]);
        if (known == 0) {
            break;
        }
        for (size_t i = 0; i < known; i++, from += page_bytes) {
            bool is_present = (entries[i] & ENTRY_PRESENT) != 0;
            if ((entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED)) != 0 &&
                !(is_present && (entries[i] & ENTRY_FILE) != 0)) {
                add(run, from, from + page_bytes,
                    is_present ? LMM_PRESENT_IN_MEMORY : LMM_PRESENT_ELSEWHERE);
            }
        }
    }
    return from;
}

/* ---- By mincore, which does not tell what is swapped out ------------------------------------- */

static void add_resident(uintptr_t from, uintptr_t to, struct run *run)
{
    unsigned char resident[RESIDENTS];

    while (from < to) {
        size_t pages = (to - from) / LMM_SYSTEM_PAGE_BYTES;
        pages = pages < RESIDENTS ? pages : RESIDENTS;
        bool is_known = lmm_vm_residency(from, pages, resident);
        for (size_t i = 0; i < pages; i++, from += LMM_SYSTEM_PAGE_BYTES) {
            if (!is_known || (resident[i] & 1) != 0) {
                add(run, from, from + LMM_SYSTEM_PAGE_BYTES, LMM_PRESENT_ELSEWHERE);
            }
        }
    }
}

/* ---- All ------------------------------------------------------------------------------------- */

static void to_pages(uintptr_t *from, uintptr_t *to)
{
    *from = lmm_vm_page_start(*from);
    *to = lmm_vm_round_up(*to);
}

void lmm_present_open(struct lmm_present *present)
{
    struct scan_arguments nothing = {.size = sizeof(nothing), .category_anyof_mask = IS_PRESENT};

    present->file = lmm_system_open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC, 0);
    present->has_scan = present->file >= 0 && lmm_system_ioctl(present->file, SCAN, &nothing) == 0;
    present->may_be_swapped = present->file < 0 && lmm_tasks_may_be_swapped();
}

void lmm_present_close(struct lmm_present *present)
{
    if (present->file >= 0) {
        lmm_system_close(present->file);
    }
    present->file = -1;
}

void lmm_present_for_each(const struct lmm_present *present, uintptr_t from, uintptr_t to,
                          lmm_present_visit *visit, void *arg)
{
    struct run run = {.visit = visit, .arg = arg};

    to_pages(&from, &to);
    if (present->has_scan) {
        from = scan(present->file, from, to, &run);
    }
    if (present->file >= 0) {
        from = read_entries(present->file, from, to, &run);
    }
    if (from < to && present->may_be_swapped) {
        add(&run, from, to, LMM_PRESENT_ELSEWHERE);
    } else {
        add_resident(from, to, &run);
    }
    end_run(&run);
}

void lmm_present_for_each_shared(uintptr_t from, uintptr_t to, lmm_present_visit *visit, void *arg)
{
    struct run run = {.visit = visit, .arg = arg};

    to_pages(&from, &to);
    add_resident(from, to, &run);
    end_run(&run);
}
