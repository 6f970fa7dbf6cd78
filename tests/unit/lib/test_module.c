/* SPDX-License-Identifier: MIT */
/* module: the test's own modules, and damaged ELF files. */
#include "lib/ground/module.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static struct lmm_module_facts facts_of(const void *address)
{
    struct lmm_module_facts facts = {0};

    cr_assert(lmm_module_find((uintptr_t) address, &facts));
    cr_assert(facts.start <= (uintptr_t) address && (uintptr_t) address < facts.end);
    return facts;
}

static int own_function(void)
{
    return 0;
}

Test(module, addresses_without_a_module)
{
    struct lmm_module_facts facts = {.start = 77};
    int local = 0;
    char *block = malloc(100);

    cr_expect(!lmm_module_find(0, &facts));
    cr_expect(!lmm_module_find(UINTPTR_MAX, &facts));
    cr_expect(!lmm_module_find((uintptr_t) &local, &facts));
    cr_expect(!lmm_module_find((uintptr_t) block, &facts));
    cr_expect(facts.start == 77, "untouched on failure");
    free(block);
}

/* What dl_iterate_phdr tells about a module. */
struct listed {
    uintptr_t address;
    uintptr_t bias;
    const unsigned char *eh_frame_hdr;
};

static int match(struct dl_phdr_info *info, size_t bytes, void *argument)
{
    struct listed *listed = argument;
    bool is_it = false;

    (void) bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        is_it |= segment->p_type == PT_LOAD && listed->address - start < segment->p_memsz;
    }
    listed->bias = is_it ? info->dlpi_addr : listed->bias;
    for (int i = 0; is_it && i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME) {
            listed->eh_frame_hdr =
                (const unsigned char *) (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        }
    }
    return is_it;
}

Test(module, facts_are_the_loaders)
{
    const uintptr_t addresses[] = {(uintptr_t) own_function, (uintptr_t) malloc, (uintptr_t) dlopen,
                                   (uintptr_t) getauxval(AT_SYSINFO_EHDR)};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct lmm_module_facts facts = facts_of((const void *) addresses[i]);
        struct listed listed = {.address = addresses[i]};
        cr_assert(dl_iterate_phdr(match, &listed) == 1);
        cr_expect(facts.bias == listed.bias, "%zu", i);
        cr_expect(facts.eh_frame_hdr == listed.eh_frame_hdr, "%zu", i);
        cr_expect(memcmp((const void *) facts.start, ELFMAG, SELFMAG) == 0, "%zu", i);
    }
}

/* The linker leaves a gap between the segments of this program (CMakeLists.txt). */
Test(module, facts_are_those_of_the_whole_program)
{
    static int own_data = 1;
    const ElfW(Phdr) *segments = (const ElfW(Phdr) *) getauxval(AT_PHDR);
    size_t gap = 0;

    for (size_t i = 0, end = 0; i < getauxval(AT_PHNUM); i++) {
        if (segments[i].p_type == PT_LOAD) {
            gap = end != 0 && segments[i].p_vaddr > end ? segments[i].p_vaddr - end : gap;
            end = segments[i].p_vaddr + segments[i].p_memsz;
        }
    }
    cr_assert(gap > (size_t) sysconf(_SC_PAGESIZE), "the linker left no gap, but %zu bytes", gap);
    struct lmm_module_facts code = facts_of((const void *) own_function);
    struct lmm_module_facts data = facts_of(&own_data);
    cr_expect(code.start == data.start && code.end == data.end);
    cr_expect(memcmp((const void *) data.start, ELFMAG, SELFMAG) == 0);
    cr_expect(lmm_module_is_at(data.start, data.end));
}

Test(module, path_of_the_program)
{
    struct lmm_module_facts facts = facts_of((const void *) own_function);
    char path[512];
    char wanted[512] = "";

    cr_assert(readlink("/proc/self/exe", wanted, sizeof(wanted) - 1) > 0);
    errno = 77;
    cr_expect(lmm_module_path(&facts, path, sizeof(path)) == strlen(path));
    cr_expect(errno == 77);
    cr_expect_str_eq(path, wanted);
}

Test(module, path_of_the_vdso)
{
    struct lmm_module_facts facts = facts_of((const void *) getauxval(AT_SYSINFO_EHDR));
    char path[512];

    cr_expect(lmm_module_path(&facts, path, sizeof(path)) == strlen("[vdso]"));
    cr_expect_str_eq(path, "[vdso]");
}

Test(module, path_of_a_library)
{
    struct lmm_module_facts facts = facts_of((const void *) malloc);
    char path[512];
    size_t length = lmm_module_path(&facts, path, sizeof(path));
    cr_expect(length == strlen(path) && path[0] == '/');
    cr_expect(access(path, R_OK) == 0, "%s", path);
}

Test(module, paths_are_made_absolute)
{
    struct lmm_module_facts facts = {.name = "./lib/x.so"};
    char path[512];

    cr_assert(chdir("/usr") == 0);
    cr_expect(lmm_module_path(&facts, path, sizeof(path)) == strlen("/usr/./lib/x.so"));
    cr_expect_str_eq(path, "/usr/./lib/x.so");
    cr_assert(chdir("/") == 0);
    lmm_module_path(&facts, path, sizeof(path));
    cr_expect_str_eq(path, "/./lib/x.so");
}

Test(module, paths_are_cut_to_the_room_there_is)
{
    static const struct {
        const char *name;
        const char *cut[8]; /* by bytes of room; the directory is whole or not there */
    } cases[] = {
        {"/ab/cd", {NULL, "", "/", "/a", "/ab", "/ab/", "/ab/c", "/ab/cd"}},
        {"cd", {NULL, "", "c", "cd", "cd", "/usr", "/usr/", "/usr/c"}},
    };

    cr_assert(chdir("/usr") == 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_module_facts facts = {.name = cases[i].name};
        for (size_t bytes = 1; bytes < 8; bytes++) {
            char path[9];
            memset(path, 'x', sizeof(path));
            size_t length = lmm_module_path(&facts, path, bytes);
            cr_expect(length == strlen(path), "%s, %zu", cases[i].name, bytes);
            cr_expect(path[bytes] == 'x', "%s, %zu", cases[i].name, bytes);
            cr_expect_str_eq(path, cases[i].cut[bytes], "%s, %zu: %s", cases[i].name, bytes, path);
        }
    }
}

/* The bytes of an ELF file with one segment of notes. */
struct file {
    _Alignas(8) ElfW(Ehdr) header;
    ElfW(Phdr) segment;
    unsigned char notes[256];
    size_t notes_bytes;
};

static struct file file;

static void put_note(const char *owner, uint32_t type, uint32_t text_bytes, size_t align)
{
    uint32_t numbers[3] = {(uint32_t) strlen(owner) + 1, text_bytes, type};
    size_t at = file.notes_bytes;

    memcpy(file.notes + at, numbers, sizeof(numbers));
    memcpy(file.notes + at + sizeof(numbers), owner, numbers[0]);
    at += lmm_round_up(sizeof(numbers) + numbers[0], align);
    for (uint32_t i = 0; i < text_bytes; i++) {
        file.notes[at + i] = (unsigned char) (i + 1);
    }
    file.notes_bytes = at + lmm_round_up(text_bytes, align);
    file.segment.p_filesz = file.notes_bytes;
}

static struct lmm_module_facts start_file(size_t align)
{
    memset(&file, 0, sizeof(file));
    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_phentsize = sizeof(file.segment);
    file.header.e_phoff = offsetof(struct file, segment);
    file.header.e_phnum = 1;
    file.segment.p_type = PT_NOTE;
    file.segment.p_vaddr = offsetof(struct file, notes);
    file.segment.p_align = align;
    uintptr_t start = (uintptr_t) &file;
    return (struct lmm_module_facts) {.start = start, .end = start + sizeof(file), .bias = start};
}

Test(module, build_ids)
{
    static const struct {
        const char *what;
        const char *owners[2];
        uint32_t types[2];
        uint32_t bytes[2];
        size_t align;
        size_t wanted;
    } cases[] = {
        {"alone", {"GNU"}, {NT_GNU_BUILD_ID}, {20}, 4, 20},
        {"of 1 byte", {"GNU"}, {NT_GNU_BUILD_ID}, {1}, 4, 1},
        {"of 32 bytes", {"GNU"}, {NT_GNU_BUILD_ID}, {32}, 4, 32},
        {"of 33 bytes", {"GNU"}, {NT_GNU_BUILD_ID}, {33}, 4, 0},
        {"second", {"GNU", "GNU"}, {NT_GNU_ABI_TAG, NT_GNU_BUILD_ID}, {16, 8}, 4, 8},
        {"odd length before", {"stapsdt", "GNU"}, {3, NT_GNU_BUILD_ID}, {13, 8}, 4, 8},
        {"by 8", {"GNU", "GNU"}, {NT_GNU_PROPERTY_TYPE_0, NT_GNU_BUILD_ID}, {12, 20}, 8, 20},
        {"another owner's", {"XYZ"}, {NT_GNU_BUILD_ID}, {20}, 4, 0},
        {"another type", {"GNU"}, {NT_GNU_ABI_TAG}, {20}, 4, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lmm_module_facts facts = start_file(cases[i].align);
        unsigned char id[LMM_LEDGER_BUILD_ID_MAX] = {0};
        for (int note = 0; note < 2 && cases[i].owners[note] != NULL; note++) {
            put_note(cases[i].owners[note], cases[i].types[note], cases[i].bytes[note],
                     cases[i].align);
        }
        cr_expect(lmm_module_build_id(&facts, id) == cases[i].wanted, "%s", cases[i].what);
        for (size_t byte = 0; byte < cases[i].wanted; byte++) {
            cr_expect(id[byte] == byte + 1, "%s", cases[i].what);
        }
        cr_expect(cases[i].wanted != 0 || id[0] == 0, "%s: untouched", cases[i].what);
    }
}

static const uint32_t too_long = UINT32_MAX;

/* Each damage: its name, and the statement that does it. */
#define DAMAGES(ROW)                                                                               \
    ROW(NO_MAGIC, file.header.e_ident[0] = 0)                                                      \
    ROW(TRUNCATED, facts.end = facts.start + 10)                                                   \
    ROW(SMALL_HEADERS, file.header.e_phentsize = 32)                                               \
    ROW(HEADERS_OUTSIDE, file.header.e_phoff = UINT64_MAX - 7)                                     \
    ROW(TOO_MANY_HEADERS, file.header.e_phnum = UINT16_MAX)                                        \
    ROW(HEADERS_MISALIGNED, file.header.e_phoff++)                                                 \
    ROW(NOTES_OUTSIDE, file.segment.p_vaddr = sizeof(file) + 16)                                   \
    ROW(NOTES_BEFORE, file.segment.p_vaddr = (uintptr_t) -64)                                      \
    ROW(NOTES_TOO_LONG, file.segment.p_filesz = UINT64_MAX - 100)                                  \
    ROW(NOTE_CUT, file.segment.p_filesz = 10)                                                      \
    ROW(TEXT_CUT, file.segment.p_filesz = 30)                                                      \
    ROW(NAME_TOO_LONG, memcpy(file.notes, &too_long, sizeof(too_long)))

#define EXPECT_NO_ID(name, statement)                                                              \
    facts = start_file(4);                                                                         \
    put_note("GNU", NT_GNU_BUILD_ID, 20, 4);                                                       \
    cr_expect(lmm_module_build_id(&facts, id) == 20, "before %s", #name);                          \
    statement;                                                                                     \
    cr_expect(lmm_module_build_id(&facts, id) == 0, "%s", #name);

Test(module, damaged_files_have_no_build_id)
{
    unsigned char id[LMM_LEDGER_BUILD_ID_MAX];
    struct lmm_module_facts facts;

    DAMAGES(EXPECT_NO_ID)
}

/* The build-id of libc, as its file has it. */
Test(module, build_id_of_a_library)
{
    struct lmm_module_facts facts = facts_of((const void *) malloc);
    unsigned char id[LMM_LEDGER_BUILD_ID_MAX];
    size_t length = lmm_module_build_id(&facts, id);
    char path[512];
    static unsigned char start[4096];

    cr_assert(length == 20, "Debian's build-ids are SHA-1");
    lmm_module_path(&facts, path, sizeof(path));
    FILE *stream = fopen(path, "rb");
    cr_assert(stream != NULL);
    size_t got = fread(start, 1, sizeof(start), stream);
    fclose(stream);
    cr_expect(memmem(start, got, id, length) != NULL);
}

Test(module, code_is_in_executable_segments)
{
    static int variable;
    uintptr_t function = (uintptr_t) own_function;
    struct lmm_module_facts facts = facts_of((const void *) function);

    cr_expect(lmm_module_code_before(&facts, function + 1) != 0);
    cr_expect(lmm_module_code_before(&facts, function + 2) ==
              lmm_module_code_before(&facts, function + 1) + 1);
    cr_expect(lmm_module_code_before(&facts, (uintptr_t) &variable + 1) == 0);
    cr_expect(lmm_module_code_before(&facts, facts.start) == 0);
    uintptr_t before = function - lmm_module_code_before(&facts, function);
    cr_expect(lmm_module_code_before(&facts, before) == 0, "the segment starts there");
    cr_expect(lmm_module_code_before(&facts, before + 1) == 1);
}

Test(module, headers_tell_modules_apart)
{
    struct lmm_module_facts own = facts_of((const void *) (uintptr_t) own_function);
    struct lmm_module_facts libc = facts_of((const void *) (uintptr_t) malloc);

    cr_expect(lmm_module_headers(&own) != 0);
    cr_expect(lmm_module_headers(&own) == lmm_module_headers(&own));
    cr_expect(lmm_module_headers(&own) != lmm_module_headers(&libc));
    struct lmm_module_facts damaged = start_file(4);
    uint64_t whole = lmm_module_headers(&damaged);
    file.segment.p_filesz++;
    cr_expect(lmm_module_headers(&damaged) != whole);
    file.header.e_ident[0] = 0;
    cr_expect(lmm_module_headers(&damaged) == 0);
}

Test(module, files_that_were_written_are_others)
{
    char path[] = "/tmp/lmm-module-XXXXXX";
    int descriptor = mkstemp(path);
    struct lmm_module_file before = {0};
    struct lmm_module_file after = {0};

    cr_assert(descriptor >= 0 && lmm_module_file(path, &before));
    cr_assert(write(descriptor, "x", 1) == 1 && lmm_module_file(path, &after));
    cr_expect(before.device == after.device && before.inode == after.inode);
    cr_expect(before.bytes == 0 && after.bytes == 1 && after.changed_ns >= before.changed_ns);
    cr_assert(close(descriptor) == 0 && unlink(path) == 0);
    cr_expect(!lmm_module_file(path, &after) && after.bytes == 1, "untouched on failure");
}
