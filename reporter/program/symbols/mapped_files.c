/* SPDX-License-Identifier: MIT */
#include "reporter/program/symbols/mapped_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/core/model.h"
#include "reporter/program/base/program.h"
#include "reporter/program/symbols/kept_files.h"
#include "reporter/program/symbols/live_files.h"
#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/symbols/wrapper.h"

/* What a module's file is known by, beside its path; all bytes are set. */
struct identity_key {
    unsigned char build_id[LMM_MODEL_BUILD_ID_MAX];
    uint64_t build_id_bytes;
    uint64_t has_file;
    uint64_t device;
    uint64_t inode;
    uint64_t bytes;
    int64_t changed_ns;
};

struct entry {
    struct lmm_mapped_file file; /* first: callers have its address */
    UT_hash_handle hh;
    struct identity_key identity;
    uint32_t pid; /* these two: of a process that has mapped it, and where */
    uint64_t start;
    bool is_opened;
    bool is_told; /* what cannot be read of it */
    size_t key_bytes;
    unsigned char key[]; /* the path, a NUL, and the identity */
};

struct lmm_mapped_files {
    struct entry *entries;
    uint32_t count;
    const struct lmm_kept_files *kept;
    bool tells;
};

static struct identity_key identity_of(const struct lmm_model_module *module)
{
    struct identity_key key = {
        .build_id_bytes = module->build_id_bytes,
        .has_file = module->has_file,
        .device = module->file_device,
        .inode = module->file_inode,
        .bytes = module->file_bytes,
        .changed_ns = module->file_changed_ns,
    };

    memcpy(key.build_id, module->build_id, module->build_id_bytes);
    return key;
}

static struct entry *make_entry(const struct lmm_model_module *module)
{
    struct identity_key identity = identity_of(module);
    size_t key_bytes = module->path.bytes + 1 + sizeof(identity);
    struct entry *entry = calloc(1, sizeof(*entry) + key_bytes);

    if (entry == NULL) {
        return NULL;
    }
    entry->key_bytes = key_bytes;
    memcpy(entry->key, module->path.text, module->path.bytes);
    memcpy(entry->key + module->path.bytes + 1, &identity, sizeof(identity));
    entry->identity = identity;
    entry->file.build_id = entry->identity.build_id;
    entry->file.build_id_bytes = module->build_id_bytes;
    entry->file.path = (struct lmm_string) {(const char *) entry->key, module->path.bytes};
    entry->file.name = lmm_model_last_component(entry->file.path);
    entry->file.is_library = lmm_wrapper_is_library(entry->file.name);
    return entry;
}

struct lmm_mapped_file *lmm_mapped_files_find(struct lmm_mapped_files *files, uint32_t pid,
                                              const struct lmm_model_module *module)
{
    struct entry *made = make_entry(module);
    struct entry *entry = NULL;

    if (made == NULL) {
        return NULL;
    }
    HASH_FIND(hh, files->entries, made->key, made->key_bytes, entry);
    if (entry != NULL) {
        free(made);
        return &entry->file;
    }
    HASH_ADD(hh, files->entries, key, made->key_bytes, made);
    if (made->hh.tbl == NULL) {
        free(made);
        return NULL;
    }
    made->file.number = files->count++;
    made->pid = pid;
    made->start = module->start;
    return &made->file;
}

/* Opens the debug file that a package put under its build-id, for a file that is not there. */
static struct lmm_symbol_file *open_debug_file(const struct lmm_symbol_identity *identity)
{
    char path[sizeof("/usr/lib/debug/.build-id/") + (size_t) 2 * LMM_MODEL_BUILD_ID_MAX +
              sizeof("/.debug")];
    int length = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/");
    enum lmm_symbol_fault fault;

    if (identity->build_id_bytes < 2) {
        return NULL;
    }
    for (size_t i = 0; i < identity->build_id_bytes; i++) {
        length += snprintf(path + length, sizeof(path) - (size_t) length, "%02x%s",
                           identity->build_id[i], i == 0 ? "/" : "");
    }
    snprintf(path + length, sizeof(path) - (size_t) length, ".debug");
    return lmm_symbol_file_open(path, -1, identity, &fault);
}

/* Opens the kept file of that path that was mapped. */
static struct lmm_symbol_file *open_kept(const struct lmm_kept_files *kept, const char *path,
                                         const struct lmm_symbol_identity *identity)
{
    struct lmm_symbol_file *file = NULL;
    bool is_known = identity->build_id_bytes > 0 || identity->has_file;
    int descriptor;

    for (size_t i = 0;
         file == NULL && (descriptor = lmm_kept_files_open(kept, path, is_known, i)) >= 0; i++) {
        enum lmm_symbol_fault fault;

        file = lmm_symbol_file_open(path, descriptor, identity, &fault);
    }
    return file;
}

/* Opens the file as a running process has it mapped. */
static struct lmm_symbol_file *open_live(const struct entry *entry,
                                         const struct lmm_symbol_identity *identity)
{
    bool is_known = identity->build_id_bytes > 0 || identity->has_file;
    struct lmm_symbol_file *file = NULL;

    for (unsigned way = 0; is_known && file == NULL && way < LMM_LIVE_FILES_WAYS; way++) {
        int descriptor = lmm_live_file_open(entry->pid, entry->start, way);
        enum lmm_symbol_fault fault;

        if (descriptor >= 0) {
            file = lmm_symbol_file_open(entry->file.path.text, descriptor, identity, &fault);
        }
    }
    return file;
}

static void open_file(struct lmm_mapped_files *files, struct entry *entry)
{
    const struct identity_key *key = &entry->identity;
    enum lmm_symbol_fault fault = LMM_SYMBOL_SOUND;
    struct lmm_symbol_identity identity = {
        .build_id = key->build_id,
        .build_id_bytes = key->build_id_bytes,
        .has_file = key->has_file != 0,
        .device = key->device,
        .inode = key->inode,
        .bytes = key->bytes,
        .changed_ns = key->changed_ns,
    };
    const char *path = entry->file.path.text;

    entry->is_opened = true;
    entry->file.symbols = lmm_symbol_file_open(path, -1, &identity, &fault);
    if (entry->file.symbols == NULL) {
        entry->file.symbols = open_kept(files->kept, path, &identity);
    }
    if (entry->file.symbols == NULL) {
        entry->file.symbols = open_live(entry, &identity);
    }
    if (entry->file.symbols == NULL) {
        entry->file.symbols = open_debug_file(&identity);
    }
    entry->file.is_missing = entry->file.symbols == NULL && fault == LMM_SYMBOL_MISSING;
    if (entry->file.symbols == NULL && fault == LMM_SYMBOL_OTHER && files->tells) {
        lmm_complain("%s: not the file that was mapped; its functions have no names", path);
    }
}

bool lmm_mapped_file_open(struct lmm_mapped_files *files, struct lmm_mapped_file *file)
{
    struct entry *entry = (struct entry *) (void *) file;

    if (!entry->is_opened) {
        open_file(files, entry);
    }
    return file->symbols != NULL;
}

void lmm_mapped_file_tell(struct lmm_mapped_files *files, struct lmm_mapped_file *file)
{
    struct entry *entry = (struct entry *) (void *) file;

    if (!entry->is_told) {
        char *text = lmm_symbol_file_gap_text(file->symbols, file->path.text);

        entry->is_told = true;
        if (text != NULL && files->tells) {
            lmm_complain("%s", text);
        }
        free(text);
    }
}

bool lmm_mapped_file_may_have_lines(struct lmm_mapped_files *files, struct lmm_mapped_file *file)
{
    if (file->is_library || !lmm_mapped_file_open(files, file)) {
        return false;
    }
    bool has_debug = lmm_symbol_file_has_debug(file->symbols);

    lmm_mapped_file_tell(files, file);
    return has_debug;
}

void lmm_mapped_files_set_kept(struct lmm_mapped_files *files, const struct lmm_kept_files *kept)
{
    files->kept = kept;
}

struct lmm_mapped_files *lmm_mapped_files_new(bool tells)
{
    struct lmm_mapped_files *files = calloc(1, sizeof(*files));

    if (files != NULL) {
        files->tells = tells;
    }
    return files;
}

void lmm_mapped_files_walk(const struct lmm_mapped_files *files,
                           void (*look)(void *context, const struct lmm_mapped_file *file),
                           void *context)
{
    for (const struct entry *entry = files->entries; entry != NULL; entry = entry->hh.next) {
        look(context, &entry->file);
    }
}

void lmm_mapped_files_free(struct lmm_mapped_files *files)
{
    struct entry *entry = files->entries;

    HASH_CLEAR(hh, files->entries);
    while (entry != NULL) {
        struct entry *next = entry->hh.next;

        lmm_symbol_file_close(entry->file.symbols);
        free(entry);
        entry = next;
    }
    free(files);
}
