/* SPDX-License-Identifier: MIT */
#include "lib/preload/unfit.h"

#include "lib/ground/system.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CHUNK_BYTES = 1024,
    PATH_BYTES = 512,
    HEADERS_MAX = 128,
    LOADER_NAME_MAX = 256,
    ENTRIES_MAX = 1024,
    TABLE_BYTES_MAX = 64 << 20,
};

/* Each with its NUL at the end; a table may store such a name as the end of a longer one. */
static const char *const starts[] = {"__asan_init", "__hwasan_init", "__msan_init", "__tsan_init",
                                     "__lsan_init"};

enum { NAME_BYTES_MAX = sizeof("__hwasan_init") };

/* Reads exactly so many bytes. */
static bool read_at(int file, void *bytes, size_t count, uint64_t offset)
{
    return lmm_system_pread(file, bytes, count, (size_t) offset) == (ssize_t) count;
}

/* Sets *ret_header to the first program header of a type, or of PT_LOAD to the one that has the address. */
static bool find_header(int file, const ElfW(Ehdr) * head, uint32_t type, uint64_t address,
                        ElfW(Phdr) * ret_header)
{
    for (size_t i = 0; i < head->e_phnum && i < HEADERS_MAX; i++) {
        ElfW(Phdr) header;

        if (!read_at(file, &header, sizeof(header), head->e_phoff + i * sizeof(header))) {
            return false;
        }
        if (header.p_type == type &&
            (type != PT_LOAD ||
             (address >= header.p_vaddr && address - header.p_vaddr < header.p_filesz))) {
            *ret_header = header;
            return true;
        }
    }
    return false;
}

struct table {
    uint64_t address;
    uint64_t bytes;
};

/* Finds the dynamic string table by the dynamic section. */
static struct table find_table(int file, const ElfW(Phdr) * dynamic)
{
    struct table table = {0, 0};
    uint64_t count = dynamic->p_filesz / sizeof(ElfW(Dyn));

    for (uint64_t i = 0; i < count && i < ENTRIES_MAX; i++) {
        ElfW(Dyn) entry;

        if (!read_at(file, &entry, sizeof(entry), dynamic->p_offset + i * sizeof(entry)) ||
            entry.d_tag == DT_NULL) {
            break;
        }
        table.address = entry.d_tag == DT_STRTAB ? entry.d_un.d_ptr : table.address;
        table.bytes = entry.d_tag == DT_STRSZ ? entry.d_un.d_val : table.bytes;
    }
    return table;
}

static bool has_start(const char *bytes, size_t count)
{
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (memmem(bytes, count, starts[i], strlen(starts[i]) + 1) != NULL) {
            return true;
        }
    }
    return false;
}

/* Looks for the names in a part of the file. Neighbouring chunks overlap by a name. */
static bool search(int file, uint64_t offset, uint64_t bytes)
{
    char chunk[CHUNK_BYTES];

    bytes = bytes < TABLE_BYTES_MAX ? bytes : TABLE_BYTES_MAX;
    for (uint64_t done = 0; done < bytes;) {
        size_t count = bytes - done < sizeof(chunk) ? (size_t) (bytes - done) : sizeof(chunk);

        if (!read_at(file, chunk, count, offset + done)) {
            return false;
        }
        if (has_start(chunk, count)) {
            return true;
        }
        done += count < sizeof(chunk) ? count : count - NAME_BYTES_MAX;
    }
    return false;
}

static bool is_sanitized(int file, const ElfW(Ehdr) * head)
{
    ElfW(Phdr) header;

    if (head->e_phentsize != sizeof(header) || !find_header(file, head, PT_DYNAMIC, 0, &header)) {
        return false;
    }
    struct table table = find_table(file, &header);

    return find_header(file, head, PT_LOAD, table.address, &header) &&
           search(file, header.p_offset + (table.address - header.p_vaddr), table.bytes);
}

/* Whether the loader that the file names is musl's. */
static bool is_of_musl(int file, const ElfW(Ehdr) * head)
{
    static const char loader[] = "/ld-musl-";
    char name[LOADER_NAME_MAX];
    ElfW(Phdr) header;

    return head->e_phentsize == sizeof(header) && find_header(file, head, PT_INTERP, 0, &header) &&
           header.p_filesz <= sizeof(name) &&
           read_at(file, name, header.p_filesz, header.p_offset) &&
           memmem(name, header.p_filesz, loader, strlen(loader)) != NULL;
}

static bool is_unfit(int file, const ElfW(Ehdr) * head)
{
    return is_sanitized(file, head) || is_of_musl(file, head);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool is_native(const ElfW(Ehdr) * head)
{
    return memcmp(head->e_ident, ELFMAG, SELFMAG) == 0 &&
           head->e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
}

/* Reads the interpreter of a script to path; false: it is no script. */
static bool read_interpreter(int file, char path[PATH_BYTES])
{
    ssize_t bytes = lmm_system_pread(file, path, PATH_BYTES - 1, 0);

    if (bytes < 3 || path[0] != '#' || path[1] != '!') {
        return false;
    }
    path[bytes] = '\0';
    const char *start = path + 2 + strspn(path + 2, " \t");
    size_t length = strcspn(start, " \t\n");

    memmove(path, start, length);
    path[length] = '\0';
    return true;
}

static int open_file(const char *path)
{
    return lmm_system_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
}

bool lmm_unfit_file(int file)
{
    ElfW(Ehdr) head;
    char path[PATH_BYTES];

    if (read_at(file, &head, sizeof(head), 0) && is_native(&head)) {
        return is_unfit(file, &head);
    }
    int interpreter = read_interpreter(file, path) ? open_file(path) : -1;
    bool unfit = interpreter >= 0 && read_at(interpreter, &head, sizeof(head), 0) &&
                 is_native(&head) && is_unfit(interpreter, &head);

    if (interpreter >= 0) {
        lmm_system_close(interpreter);
    }
    return unfit;
}

/* Opens the first file of this name in PATH. */
static int open_in_path(const char *name)
{
    const char *list = lmm_system_variable("PATH");
    int file = -1;

    while (file < 0 && list != NULL && *list != '\0') {
        int bytes = (int) strcspn(list, ":");
        char path[PATH_BYTES];
        int length =
            snprintf(path, sizeof(path), "%.*s%s%s", bytes, list, bytes == 0 ? "" : "/", name);

        if (length > 0 && length < (int) sizeof(path)) {
            file = open_file(path);
        }
        list += bytes;
        list += *list == ':';
    }
    return file;
}

bool lmm_unfit_path(const char *path)
{
    int file = strchr(path, '/') != NULL ? open_file(path) : open_in_path(path);
    bool unfit = file >= 0 && lmm_unfit_file(file);

    if (file >= 0) {
        lmm_system_close(file);
    }
    return unfit;
}
