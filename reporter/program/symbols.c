/* SPDX-License-Identifier: MIT */
/*
 * symbols: see symbols.h for the contract. Three tables: files, by path and build-id; places, by file and
 * address in it, each with its calls; and texts, so that each is kept once.
 */
#include "reporter/program/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* uthash is private to this file: running out of memory leaves an item out of its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/hash.h"
#include "reporter/model.h"
#include "reporter/program/program.h"
#include "reporter/program/symbol_file.h"

enum {
    MANGLED_MAX = 16384, /* bytes of a name that is worth demangling */
};

/* Of libstdc++, where it is part of the C++ ABI that all compilers share; C has no header for it. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier, cert-dcl37-c, cert-dcl51-cpp) */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

struct text {
    UT_hash_handle hh;
    size_t bytes;
    char bytes_of[];
};

/* A file that was mapped, opened when an address in it is first looked up. */
struct file {
    UT_hash_handle hh;
    struct lmm_symbol_file *symbols; /* NULL: not opened, or of no use */
    struct lmm_string path;          /* these two end with a NUL */
    struct lmm_string name;
    bool is_opened;
    bool is_library; /* whose functions allocate for whoever calls them */
    size_t key_bytes;
    unsigned char key[]; /* the path, a NUL, and the build-id */
};

struct place_key {
    const struct file *file; /* NULL: none is known */
    uint64_t offset;
};

struct place {
    UT_hash_handle hh;
    struct place_key key;
    size_t count;
    struct lmm_model_call calls[];
};

struct lmm_symbols {
    struct lmm_model_namer namer; /* first: it is what a model has of this */
    unsigned flags;
    struct text *texts;
    struct file *files;
    struct place *places;
};

/* ---- Texts ----------------------------------------------------------------------------------- */

/* Returns the one copy of a text; its text is NULL when memory ran out. */
static struct lmm_string keep(struct lmm_symbols *symbols, const char *text, size_t bytes)
{
    struct text *kept;
    bool added;

    HASH_FIND(hh, symbols->texts, text, bytes, kept);
    if (kept != NULL) {
        return (struct lmm_string){kept->bytes_of, kept->bytes};
    }
    kept = calloc(1, sizeof(*kept) + bytes + 1);
    if (kept == NULL) {
        return (struct lmm_string){NULL, 0};
    }
    kept->bytes = bytes;
    memcpy(kept->bytes_of, text, bytes);
    HASH_ADD(hh, symbols->texts, bytes_of, bytes, kept);
    added = kept->hh.tbl != NULL;
    if (!added) {
        free(kept);
        return (struct lmm_string){NULL, 0};
    }
    return (struct lmm_string){kept->bytes_of, kept->bytes};
}

/* Keeps a name as people write it. */
static struct lmm_string keep_name(struct lmm_symbols *symbols, const char *name)
{
    size_t bytes = strnlen(name, MANGLED_MAX);
    bool mangled = bytes < MANGLED_MAX && strncmp(name, "_Z", 2) == 0;
    char *demangled = mangled ? __cxa_demangle(name, NULL, NULL, NULL) : NULL;
    const char *best = demangled != NULL ? demangled : name;
    struct lmm_string kept = keep(symbols, best, demangled != NULL ? strlen(best) : bytes);

    free(demangled);
    return kept;
}

/* Keeps what stands for the name of a function that has none: "libhr.so+0x1f0", or the address alone. */
static struct lmm_string keep_offset(struct lmm_symbols *symbols, const struct place_key *key)
{
    char *text = NULL;
    int length = key->file == NULL || key->file->name.bytes == 0
                     ? asprintf(&text, "0x%" PRIx64, key->offset)
                     : asprintf(&text, "%s+0x%" PRIx64, key->file->name.text, key->offset);
    struct lmm_string kept = {NULL, 0};

    if (length >= 0) {
        kept = keep(symbols, text, (size_t) length);
        free(text);
    }
    return kept;
}

/* ---- Wrappers -------------------------------------------------------------------------------- */

/* Whether a module of this name is the C or C++ library, or what comes with them. */
static bool is_library(const char *name)
{
    static const char *const starts[] = {
        "libc.so",  "libc-",   "libstdc++.so", "libc++.so", "libc++abi.so",     "libgcc_s.so",
        "ld-linux", "ld-musl", "ld-",          "ld.so",     "liblmm_preload.so"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Whether a mangled name is that of operator new, or of a function of the C++ library, whose templates
 * are part of the program: it is in std or __gnu_cxx. A demangled name would not do, as that of a template
 * starts with what it returns.
 */
static bool is_wrapper(const char *name)
{
    static const char *const starts[] = {"nw", "na", "St", "Sa", "Ss",
                                         "Sb", "Si", "So", "Sd", "9__gnu_cxx"};

    if (name == NULL || strncmp(name, "_Z", 2) != 0) {
        return false;
    }
    name += 2 + strspn(name + 2, "Z"); /* a function's own functions */
    if (*name == 'N') {
        name += 1 + strspn(name + 1, "rVKRO"); /* qualifiers of a member function */
    }
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        if (strncmp(name, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Whether a C function is called as those are that programs wrap around malloc and its like: xmalloc,
 * g_malloc0, zcalloc, do_xrealloc, my_strdup. A name of more words says what the function is for.
 */
static bool is_c_wrapper(const char *name)
{
    static const char *const cores[] = {"malloc", "calloc",   "realloc", "reallocarray", "zalloc",
                                        "strdup", "memalign", "strndup", "memdup"};
    size_t start = name == NULL ? 0 : strspn(name, "abcdefghijklmnopqrstuvwxyz");

    if (name == NULL) {
        return false;
    }
    name += start > 0 && start <= 2 && name[start] == '_' ? start + 1 : 0;
    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++) {
        size_t length = strlen(cores[i]);
        bool has_letter = strncmp(name, cores[i], length) != 0 && *name != '\0' && *name != '_';
        const char *core = has_letter ? name + 1 : name;

        if (strncmp(core, cores[i], length) == 0 &&
            core[length + strspn(core + length, "0123456789_n")] == '\0') {
            return true;
        }
    }
    return false;
}

/* Whether a source file is of the C++ library: what has no linkage name, as of a lambda's type, tells it
 * by nothing else. */
static bool is_library_source(const char *file)
{
    return file != NULL && strstr(file, "/include/c++/") != NULL;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static struct file *make_file(const struct lmm_model_module *module)
{
    size_t key_bytes = module->path.bytes + 1 + module->build_id_bytes;
    struct file *file = calloc(1, sizeof(*file) + key_bytes);

    if (file == NULL) {
        return NULL;
    }
    file->key_bytes = key_bytes;
    memcpy(file->key, module->path.text, module->path.bytes);
    memcpy(file->key + module->path.bytes + 1, module->build_id, module->build_id_bytes);
    file->path = (struct lmm_string){(const char *) file->key, module->path.bytes};
    file->name = lmm_model_last_component(file->path);
    file->is_library = is_library(file->name.text);
    return file;
}

/* Returns the file of a module, NULL when memory ran out. */
static struct file *file_of(struct lmm_symbols *symbols, const struct lmm_model_module *module)
{
    struct file *made = make_file(module);
    struct file *file = NULL;

    if (made == NULL) {
        return NULL;
    }
    HASH_FIND(hh, symbols->files, made->key, made->key_bytes, file);
    if (file != NULL) {
        free(made);
        return file;
    }
    HASH_ADD(hh, symbols->files, key, made->key_bytes, made);
    if (made->hh.tbl == NULL) {
        free(made);
        return NULL;
    }
    return made;
}

static void open_file(struct lmm_symbols *symbols, struct file *file)
{
    bool other = false;

    file->is_opened = true;
    file->symbols = lmm_symbol_file_open(file->path.text, file->key + file->path.bytes + 1,
                                         file->key_bytes - file->path.bytes - 1, &other);
    if (other && (symbols->flags & LMM_SYMBOLS_QUIET) == 0) {
        lmm_complain("%s: not the file that was mapped: its functions go without names",
                     file->path.text);
    }
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* Fills a call; returns whether there was memory for its texts. */
static bool fill_call(struct lmm_symbols *symbols, const struct place_key *key,
                      const struct lmm_symbol *symbol, struct lmm_model_call *call)
{
    call->is_named = symbol->function != NULL;
    call->function =
        call->is_named ? keep_name(symbols, symbol->function) : keep_offset(symbols, key);
    call->file = symbol->file == NULL ? lmm_string_of("")
                                      : keep(symbols, symbol->file, strlen(symbol->file));
    call->line = symbol->line;
    call->module = key->file == NULL ? lmm_string_of("") : key->file->name;
    call->is_wrapper = is_wrapper(symbol->function) || is_c_wrapper(symbol->function) ||
                       is_library_source(symbol->file) ||
                       (key->file != NULL && key->file->is_library);
    return call->function.text != NULL && call->file.text != NULL;
}

static struct place *make_place(struct lmm_symbols *symbols, struct file *file,
                                const struct place_key *key)
{
    struct lmm_symbol found[LMM_SYMBOL_FILE_CALLS_MAX] = {{.line = 0}};
    size_t count = 0;

    if (file != NULL && !file->is_opened) {
        open_file(symbols, file);
    }
    if (file != NULL && file->symbols != NULL) {
        count = lmm_symbol_file_find(file->symbols, key->offset - 1, found);
    }
    count = count == 0 ? 1 : count; /* of which nothing is known */
    struct place *place = calloc(1, sizeof(*place) + count * sizeof(place->calls[0]));

    for (size_t i = 0; place != NULL && i < count; i++) {
        place->calls[i].is_inline = i + 1 < count;
        if (!fill_call(symbols, key, &found[i], &place->calls[i])) {
            free(place);
            return NULL;
        }
    }
    if (place != NULL) {
        place->key = *key;
        place->count = count;
    }
    return place;
}

size_t lmm_symbols_of(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t frame,
                      const struct lmm_model_call **ret_calls)
{
    const struct lmm_model_module *module = lmm_model_module_of(model, frame);
    struct file *file = module == NULL ? NULL : file_of(symbols, module);
    struct place_key key;
    struct place *place = NULL;

    if (module != NULL && file == NULL) {
        return 0;
    }
    memset(&key, 0, sizeof(key)); /* it is compared as bytes */
    key.file = file;
    key.offset = lmm_model_offset(model, frame);
    HASH_FIND(hh, symbols->places, &key, sizeof(key), place);
    if (place == NULL) {
        place = make_place(symbols, file, &key);
        if (place == NULL) {
            return 0;
        }
        HASH_ADD(hh, symbols->places, key, sizeof(key), place);
        if (place->hh.tbl == NULL) {
            free(place);
            return 0;
        }
    }
    *ret_calls = place->calls;
    return place->count;
}

static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *model, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    return lmm_symbols_of((struct lmm_symbols *) (void *) namer, model, frame, ret_calls);
}

/* ---- Sites ----------------------------------------------------------------------------------- */

/* Sets *ret_call to what a stack is called by; returns false when memory ran out. */
static bool choose(struct lmm_symbols *symbols, const struct lmm_model *model, uint32_t stack,
                   const struct lmm_model_call **ret_call)
{
    const struct lmm_model_call *innermost = NULL;
    const struct lmm_model_call *plain = NULL;

    for (uint32_t frame = stack; frame != 0; frame = lmm_model_caller(model, frame)) {
        const struct lmm_model_call *calls = NULL;
        size_t count = lmm_symbols_of(symbols, model, frame, &calls);

        if (count == 0) {
            return false;
        }
        innermost = innermost != NULL ? innermost : calls;
        for (size_t i = 0; i < count; i++) {
            if (!calls[i].is_wrapper && calls[i].line != 0) {
                *ret_call = &calls[i];
                return true;
            }
            plain = plain == NULL && !calls[i].is_wrapper ? &calls[i] : plain;
        }
    }
    *ret_call = plain != NULL ? plain : innermost;
    return true;
}

static void name_site(struct lmm_model_site *site, const struct lmm_model_call *call)
{
    if (call->line != 0) {
        site->file = call->file;
        site->line = call->line;
        site->function = call->is_named ? call->function : lmm_string_of("");
    } else {
        site->file = call->is_named ? call->module : call->function;
        site->line = 0;
        site->function = call->is_named ? call->function : lmm_string_of("");
    }
}

bool lmm_symbols_name_sites(struct lmm_symbols *symbols, struct lmm_model *model)
{
    bool named = true;

    model->namer = &symbols->namer;
    for (size_t i = 0; i < model->site_count && named; i++) {
        const struct lmm_model_call *call = NULL;

        if (model->sites[i].stack != 0) {
            named = choose(symbols, model, model->sites[i].stack, &call);
            if (named) {
                name_site(&model->sites[i], call);
            }
        }
    }
    return named;
}

bool lmm_symbols_apply(struct lmm_symbols **symbols, unsigned flags, struct lmm_model *model)
{
    if (model->frame_count <= 1) {
        return true;
    }
    if (*symbols == NULL) {
        *symbols = lmm_symbols_open(flags);
    }
    return *symbols != NULL && lmm_symbols_name_sites(*symbols, model);
}

/* Continues the key of what is outside of a frame with the frame's calls; 0: memory ran out. */
static uint64_t add_calls(struct lmm_symbols *symbols, const struct lmm_model *model,
                          uint32_t frame, uint64_t key)
{
    const struct lmm_model_call *calls = NULL;
    size_t count = lmm_symbols_of(symbols, model, frame, &calls);

    if (count == 0) {
        return 0;
    }
    while (count-- > 0) {
        key = lmm_hash_string(key, calls[count].function);
        key = lmm_hash_string(key, calls[count].file);
        key = lmm_hash_u64(key, calls[count].line);
    }
    return key;
}

bool lmm_symbols_key_sites(struct lmm_symbols *symbols, struct lmm_model *model)
{
    uint64_t *keys = calloc((size_t) model->frame_count + 1, sizeof(*keys)); /* of no frame: 0 */
    bool made = keys != NULL;

    for (uint32_t frame = 1; made && frame < model->frame_count; frame++) {
        keys[frame] = add_calls(symbols, model, frame, keys[lmm_model_caller(model, frame)]);
        made = keys[frame] != 0;
    }
    for (size_t i = 0; made && i < model->site_count; i++) {
        model->sites[i].stack_key = keys[model->sites[i].stack];
    }
    free(keys);
    return made;
}

/* ---- Opening and closing --------------------------------------------------------------------- */

struct lmm_symbols *lmm_symbols_open(unsigned flags)
{
    struct lmm_symbols *symbols = calloc(1, sizeof(*symbols));

    if (symbols == NULL) {
        return NULL;
    }
    symbols->namer.calls_of = calls_of;
    symbols->flags = flags;
    if ((flags & LMM_SYMBOLS_DEBUGINFOD) == 0) {
        unsetenv("DEBUGINFOD_URLS");
    }
    return symbols;
}

void lmm_symbols_close(struct lmm_symbols *symbols)
{
    struct text *text;
    struct text *next_text;
    struct file *file;
    struct file *next_file;
    struct place *place;
    struct place *next_place;

    if (symbols == NULL) {
        return;
    }
    HASH_ITER (hh, symbols->texts, text, next_text) {
        HASH_DEL(symbols->texts, text);
        free(text);
    }
    HASH_ITER (hh, symbols->files, file, next_file) {
        HASH_DEL(symbols->files, file);
        lmm_symbol_file_close(file->symbols);
        free(file);
    }
    HASH_ITER (hh, symbols->places, place, next_place) {
        HASH_DEL(symbols->places, place);
        free(place);
    }
    free(symbols);
}
