/* SPDX-License-Identifier: MIT */
/*
 * feed FILE PROGRAM: keeps a ledger in FILE and changes it by the commands on stdin, one on each
 * line, so that a test knows every figure of the ledger. It keeps the file mapped, as a process
 * with liblmm does, so it counts as live until it ends. It answers each command with the line "ok"
 * on stdout.
 *
 *   family NAME SIZE              the next family, from 0
 *   site FAMILY FILE LINE FUNCTION   the next site, from 0
 *   pages FAMILY PAGES COMMITTED SLOTS   its gauges; pages of 256 KiB
 *   alloc SITE COUNT              free SITE COUNT
 *   started SECONDS               sets the start to so many seconds ago
 *   exited                        marks the process as exited
 *   damage, repair                makes the ledger unreadable, and readable again
 *   remove                        removes the file
 *
 * In a NAME, FILE or FUNCTION "\xNN" stands for a byte.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <lmm/ledger.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    STRINGS = 1 << 20,
    FAMILIES = 1024,
    SITES = 16384,
    PAGE_BYTES = 256 * 1024,
    WORD = 256,
};

struct ledger {
    struct lmm_ledger_header header;
    struct lmm_ledger_chunk strings_chunk;
    char strings[STRINGS];
    struct lmm_ledger_chunk families_chunk;
    struct lmm_ledger_family families[FAMILIES];
    struct lmm_ledger_chunk sites_chunk;
    struct lmm_ledger_site sites[SITES];
    struct lmm_ledger_chunk rows_chunk;
    struct lmm_ledger_row_page page; /* its rows are: */
    struct lmm_ledger_row rows[SITES];
};

static struct ledger *ledger;
static const char *path;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- The file -------------------------------------------------------------------------------- */

static void start_chunk(struct lmm_ledger_chunk *chunk, uint32_t kind, uint32_t record_bytes,
                        uint32_t capacity)
{
    *chunk = (struct lmm_ledger_chunk) {
        .kind = kind,
        .record_bytes = record_bytes,
        .capacity = capacity,
        .bytes = sizeof(*chunk) + (uint64_t) record_bytes * capacity,
    };
}

static uint64_t start_ticks(void)
{
    char text[2048] = "";
    FILE *file = fopen("/proc/self/stat", "r");
    const char *rest;
    uint64_t ticks = 0;

    if (file == NULL || fgets(text, sizeof(text), file) == NULL) {
        fail("/proc/self/stat");
    }
    fclose(file);
    rest = strrchr(text, ')');
    for (int field = 2; field < 22 && rest != NULL; field++) {
        rest = strchr(rest + 1, ' ');
    }
    if (rest == NULL || sscanf(rest, "%" SCNu64, &ticks) != 1) {
        fail("field 22");
    }
    return ticks;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

static void fill_header(const char *program)
{
    struct lmm_ledger_header *header = &ledger->header;

    memcpy(header->magic, LMM_LEDGER_MAGIC, sizeof(header->magic));
    header->version = LMM_LEDGER_VERSION;
    header->header_bytes = sizeof(*header);
    header->chunk_bytes = sizeof(struct lmm_ledger_chunk);
    header->state = LMM_LEDGER_RUNNING;
    header->file_bytes = sizeof(*ledger);
    header->pid = (uint32_t) getpid();
    header->parent_pid = (uint32_t) getppid();
    header->user = (uint32_t) geteuid();
    header->system_page_bytes = 4096;
    header->start_time_ns = now_ns();
    header->start_ticks = start_ticks();
    header->overhead_bytes = 102400;
    header->reservoir_bytes = 262144;
    snprintf(header->executable, sizeof(header->executable), "%s", program);
}

static void create(const char *program)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || ftruncate(file, sizeof(*ledger)) != 0) {
        fail(path);
    }
    ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (ledger == MAP_FAILED) {
        fail("mmap");
    }
    close(file);
    start_chunk(&ledger->strings_chunk, LMM_LEDGER_STRINGS, 1, STRINGS);
    start_chunk(&ledger->families_chunk, LMM_LEDGER_FAMILIES, sizeof(struct lmm_ledger_family),
                FAMILIES);
    start_chunk(&ledger->sites_chunk, LMM_LEDGER_SITES, sizeof(struct lmm_ledger_site), SITES);
    start_chunk(&ledger->rows_chunk, LMM_LEDGER_ROWS,
                sizeof(ledger->page) + SITES * sizeof(struct lmm_ledger_row), 1);
    ledger->rows_chunk.used = 1;
    ledger->page.owner = 1;
    ledger->page.rows = SITES;
    ledger->strings_chunk.used = 1;
    fill_header(program);
}

/* ---- Records --------------------------------------------------------------------------------- */

static uint32_t add_string(const char *text)
{
    uint32_t offset = ledger->strings_chunk.used;
    uint32_t end = offset;

    while (*text != '\0') {
        unsigned byte = (unsigned char) *text;
        int skip = 1;

        if (sscanf(text, "\\x%2x", &byte) == 1) {
            skip = 4;
        }
        ledger->strings[end++] = (char) byte;
        text += skip;
    }
    ledger->strings[end++] = '\0';
    ledger->strings_chunk.used = end;
    return offset;
}

static void add_family(const char *name, uint64_t size)
{
    uint32_t index = ledger->families_chunk.used;

    ledger->families[index] = (struct lmm_ledger_family) {
        .name = add_string(name), .align_bytes = 8, .size_bytes = size, .stride_bytes = size};
    __atomic_store_n(&ledger->families_chunk.used, index + 1, __ATOMIC_RELEASE);
}

static void add_site(uint32_t family, const char *file, uint32_t line, const char *function)
{
    uint32_t index = ledger->sites_chunk.used;

    ledger->sites[index] =
        (struct lmm_ledger_site) {family, line, add_string(file), add_string(function)};
    __atomic_store_n(&ledger->sites_chunk.used, index + 1, __ATOMIC_RELEASE);
}

static void set_pages(struct lmm_ledger_family *family, uint64_t pages, uint64_t committed,
                      uint64_t slots)
{
    family->pages = pages;
    family->mapped_bytes = pages * PAGE_BYTES;
    family->committed_bytes = committed;
    family->slots = slots;
}

/* ---- Commands -------------------------------------------------------------------------------- */

static bool obey_state(const char *line)
{
    uint64_t seconds;

    if (sscanf(line, "started %" SCNu64, &seconds) == 1) {
        ledger->header.start_time_ns = now_ns() - seconds * 1000000000;
    } else if (strcmp(line, "exited\n") == 0) {
        ledger->header.end_time_ns = now_ns();
        __atomic_store_n(&ledger->header.state, LMM_LEDGER_EXITED, __ATOMIC_RELEASE);
    } else if (strcmp(line, "damage\n") == 0) {
        ledger->header.magic[0] = 'X';
    } else if (strcmp(line, "repair\n") == 0) {
        ledger->header.magic[0] = 'L';
    } else if (strcmp(line, "remove\n") == 0) {
        unlink(path);
    } else {
        return false;
    }
    return true;
}

static bool obey(const char *line)
{
    uint64_t a;
    uint64_t b;
    uint64_t c;
    uint32_t index;
    char name[WORD];
    char other[WORD];

    if (sscanf(line, "alloc %" SCNu32 " %" SCNu64, &index, &a) == 2 && index < SITES) {
        ledger->rows[index].allocated_blocks += a;
    } else if (sscanf(line, "free %" SCNu32 " %" SCNu64, &index, &a) == 2 && index < SITES) {
        ledger->rows[index].freed_blocks += a;
    } else if (sscanf(line, "family %255s %" SCNu64, name, &a) == 2) {
        add_family(name, a);
    } else if (sscanf(line, "site %" SCNu32 " %255s %" SCNu64 " %255s", &index, name, &a, other) ==
               4) {
        add_site(index, name, (uint32_t) a, other);
    } else if (sscanf(line, "pages %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64, &index, &a, &b,
                      &c) == 4 &&
               index < FAMILIES) {
        set_pages(&ledger->families[index], a, b, c);
    } else {
        return obey_state(line);
    }
    return true;
}

int main(int argc, char **argv)
{
    char line[1024];

    if (argc != 3) {
        fputs("usage: feed FILE PROGRAM\n", stderr);
        return 2;
    }
    path = argv[1];
    create(argv[2]);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (!obey(line)) {
            fprintf(stderr, "feed: %s", line);
            return 1;
        }
        printf("ok\n");
        fflush(stdout);
    }
    return 0;
}
