/* SPDX-License-Identifier: MIT */
/*
 * names_fuzz: libFuzzer gives any bytes as a name (those that start with '_') or as an ELF file to
 * the code that names functions and lines.
 *
 *   ninja -C build/dev lmm_names_fuzz
 *   build/dev/tests/fuzz/names_fuzz -max_total_time=3600 -max_len=32768 NEW SEEDS
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reporter/program/symbols/rust_name.h"
#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/symbols/wrapper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    NAME_MAX_BYTES = 1000,
    ADDRESSES = 40,
    STEP = 16,
};

static void try_name(const uint8_t *data, size_t size)
{
    char *name = strndup((const char *) data, size);
    char *readable = name == NULL ? NULL : lmm_rust_name_demangle(name);

    if (name != NULL) {
        lmm_rust_name_is_standard(name);
        lmm_wrapper_is_cplusplus(name);
        lmm_wrapper_is_named(lmm_wrapper_component(lmm_string_of(name)));
    }
    if (readable != NULL) {
        lmm_wrapper_is_named(lmm_wrapper_component(lmm_string_of(readable)));
    }
    free(readable);
    free(name);
}

/* Looks addresses up near the entry, where a small program has its code. */
static void look_up(struct lmm_symbol_file *file, uint64_t entry)
{
    struct lmm_symbol symbols[LMM_SYMBOL_FILE_CALLS_MAX];

    for (uint64_t i = 0; i < ADDRESSES; i++) {
        lmm_symbol_file_name(file, entry + i * STEP);
        lmm_symbol_file_find(file, entry + i * STEP, symbols);
    }
    free(lmm_symbol_file_gap_text(file, "/nowhere"));
}

static void try_file(const uint8_t *data, size_t size)
{
    int descriptor = memfd_create("names_fuzz", MFD_CLOEXEC);
    const struct lmm_symbol_identity any = {.build_id = NULL};
    enum lmm_symbol_fault fault;
    Elf64_Ehdr header;

    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t) size) {
        abort();
    }
    memset(&header, 0, sizeof(header));
    memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
    struct lmm_symbol_file *file = lmm_symbol_file_open("/nowhere", descriptor, &any, &fault);

    if (file != NULL) {
        look_up(file, header.e_entry);
    }
    lmm_symbol_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == '_' && size < NAME_MAX_BYTES) {
        try_name(data, size);
    } else {
        try_file(data, size);
    }
    return 0;
}
