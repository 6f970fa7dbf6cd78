/* SPDX-License-Identifier: MIT */
#include "reporter/program/types/fact_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* When memory runs out, an item is not added to its table. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "reporter/program/symbols/mapped_files.h"
#include "reporter/program/symbols/symbol_file.h"
#include "reporter/program/types/bases.h"
#include "reporter/program/types/facts.h"
#include "reporter/program/types/file_code.h"
#include "reporter/program/types/sources.h"
#include "reporter/program/types/type_cache.h"
#include "reporter/program/types/type_info.h"
#include "reporter/program/types/variables.h"
#include "reporter/program/types/way.h"

struct call {
    struct lmm_fact_place place; /* first: callers have its address */
    UT_hash_handle hh;
    /* How an open place is closed; of one that is kept all zero: */
    struct file *file;
    const char *inner;     /* what is called, as far as the stack tells; NULL: unknown */
    const char *allocator; /* the same, or what the code tells: allocator_of() */
    bool has_allocator;
    int output; /* how it gives the block, as for lmm_facts_find() */
};

struct file {
    UT_hash_handle hh;
    const struct lmm_mapped_file *mapped;
    struct lmm_facts_reader reader; /* reader.file NULL: it cannot be used */
    struct call *places;
    struct call *kept; /* of the cache, and not used yet */
    bool has_sighted;  /* some in the cache are not blind: the file had debug information then */
    bool has_news;     /* facts that the cache does not have */
};

struct lmm_fact_files {
    struct file *items;
    struct lmm_sources *sources;
    struct lmm_way_follower *follower;
    struct lmm_type_table *types;
};

enum lmm_maker lmm_fact_maker(const char *function)
{
    bool is_operator = function != NULL && strncmp(function, "_Zn", 3) == 0;

    return is_operator && function[3] == 'w'   ? LMM_MAKER_NEW
           : is_operator && function[3] == 'a' ? LMM_MAKER_NEW_ARRAY
                                               : LMM_MAKER_MALLOC;
}

static int64_t change_of(const char *path)
{
    struct stat status;

    return stat(path, &status) != 0
               ? 0
               : status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
}

/* A lmm_type_cache_take. */
static bool keep_facts(void *context, uint64_t offset, const struct lmm_facts *facts)
{
    struct file *file = context;
    struct call *call;

    file->has_sighted |= !facts->is_blind;
    HASH_FIND(hh, file->kept, &offset, sizeof(offset), call);
    if (call == NULL && (call = calloc(1, sizeof(*call))) != NULL) {
        call->place.offset = offset;
        call->place.facts = *facts;
        HASH_ADD(hh, file->kept, place.offset, sizeof(offset), call);
        if (call->hh.tbl != NULL) {
            return true;
        }
        free(call);
    }
    free(facts->items);
    return false;
}

/* Takes the facts about a call from the cache; returns whether they are there, blind ones or not. */
static bool take_kept(struct file *file, uint64_t offset, bool is_blind,
                      struct lmm_facts *ret_facts)
{
    struct call *call;

    HASH_FIND(hh, file->kept, &offset, sizeof(offset), call);
    if (call == NULL || call->place.facts.is_blind != is_blind) {
        return false;
    }
    *ret_facts = call->place.facts;
    call->place.facts = (struct lmm_facts) {.items = NULL};
    HASH_DELETE(hh, file->kept, call);
    free(call);
    return true;
}

/* Returns NULL when memory ran out. */
static struct file *file_of(struct lmm_fact_files *files, const struct lmm_mapped_file *mapped)
{
    struct file *file;

    HASH_FIND_PTR(files->items, &mapped, file);
    if (file != NULL) {
        return file;
    }
    file = calloc(1, sizeof(*file));
    if (file == NULL) {
        return NULL;
    }
    file->mapped = mapped;
    file->reader = (struct lmm_facts_reader) {
        .file = mapped->symbols,
        .code = mapped->symbols == NULL ? NULL : lmm_file_code_new(mapped->symbols),
        .sources = files->sources,
        .follower = files->follower,
        .types = files->types,
        .bases = mapped->symbols == NULL ? NULL : lmm_bases_new(),
        .built_ns = change_of(mapped->path.text),
        .is_brief = mapped->is_library,
    };
    if (mapped->symbols == NULL || (file->reader.code != NULL && file->reader.bases != NULL)) {
        HASH_ADD_PTR(files->items, mapped, file);
    }
    if (file->hh.tbl == NULL) {
        lmm_bases_free(file->reader.bases);
        lmm_file_code_free(file->reader.code);
        free(file);
        return NULL;
    }
    if (file->reader.file != NULL) {
        lmm_type_cache_read(mapped->build_id, mapped->build_id_bytes, files->types, keep_facts,
                            file);
    }
    return file;
}

/* Returns how the function that is called gives the block, as for lmm_way_follow(). The stack does not have
 * functions that end in a jump to the next one: their parameters may be others. */
static int output_of(const struct file *file, uint64_t offset, const struct lmm_fact_place *inner)
{
    if (inner == NULL || inner->facts.output == 0) {
        return LMM_WAY_RESULT;
    }
    const char *callee = lmm_file_code_callee(file->reader.code, offset);
    bool is_it = callee != NULL && inner->function != NULL &&
                 strcmp(callee, inner->function) == 0 && strchr(callee, '.') == NULL;

    return is_it ? (int) inner->facts.output - 1 : LMM_WAY_LOST;
}

/* Returns whether more can be known of a file's calls than its code says. */
static bool has_debug(const struct file *file)
{
    return !file->reader.is_brief && lmm_symbol_file_has_debug(file->reader.file);
}

/* Returns whether nothing but their code is known of a file's calls. */
static bool is_file_blind(const struct file *file)
{
    return !file->has_sighted && !has_debug(file);
}

/* Returns what is called; NULL: unknown. */
static const char *allocator_of(struct call *call)
{
    if (!call->has_allocator) {
        const char *callee = lmm_file_code_callee(call->file->reader.code, call->place.offset);

        call->allocator = callee != NULL ? callee : call->inner;
        call->has_allocator = true;
    }
    return call->allocator;
}

/* Sets the facts about a call. Returns false when memory ran out. */
static bool find_facts(struct file *file, struct call *call)
{
    struct lmm_fact_place *place = &call->place;

    if (take_kept(file, place->offset, false, &place->facts)) {
        return true;
    }
    if (is_file_blind(file)) {
        place->is_open =
            call->output != LMM_WAY_RESULT || !take_kept(file, place->offset, true, &place->facts);
        place->facts.is_blind = true;
        return true;
    }
    file->has_news = true;
    return lmm_facts_find(&file->reader, place->offset, allocator_of(call), call->output,
                          &place->facts);
}

/* Finds the facts about a call in a file that can be used. inner: the call that what it calls made, as far as
 * the stack tells. Returns NULL when memory ran out. */
static struct lmm_fact_place *place_of(struct file *file, uint64_t offset,
                                       const struct lmm_fact_place *inner)
{
    struct call *call;

    HASH_FIND(hh, file->places, &offset, sizeof(offset), call);
    if (call != NULL) {
        return &call->place;
    }
    call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->file = file;
    call->inner = inner == NULL ? NULL : inner->function;
    call->output = output_of(file, offset, inner);
    call->place.offset = offset;
    call->place.function = lmm_symbol_file_name(file->reader.file, offset - 1);
    call->place.is_maker_open = true;
    if (find_facts(file, call)) {
        HASH_ADD(hh, file->places, place.offset, sizeof(offset), call);
    }
    if (call->hh.tbl == NULL) {
        free(call->place.facts.items);
        free(call);
        return NULL;
    }
    return &call->place;
}

bool lmm_fact_files_returns(struct lmm_fact_place *place)
{
    struct call *call = (struct call *) (void *) place;

    if (place->is_open) {
        place->is_open = false;
        call->file->has_news = true;
        place->facts.returns =
            lmm_facts_returns(&call->file->reader, place->offset, allocator_of(call), call->output);
        place->facts.is_generic = place->facts.returns;
    }
    return place->facts.returns;
}

enum lmm_maker lmm_fact_files_maker(struct lmm_fact_place *place)
{
    if (place->is_maker_open) {
        place->is_maker_open = false;
        place->maker = lmm_fact_maker(allocator_of((struct call *) (void *) place));
    }
    return place->maker;
}

static void free_places(struct call **places)
{
    struct call *call = *places;

    HASH_CLEAR(hh, *places); /* the items stay linked to each other */
    while (call != NULL) {
        struct call *next = call->hh.next;

        free(call->place.facts.items);
        free(call);
        call = next;
    }
}

/* Writes the facts of a file, blind ones or not, those of the cache that were not used among them. */
static void write_cache(const struct file *file, bool is_blind)
{
    size_t count = HASH_COUNT(file->places) + HASH_COUNT(file->kept);
    struct lmm_type_cache_item *items = calloc(count + 1, sizeof(*items));
    const struct call *const tables[] = {file->places, file->kept};
    size_t used = 0;

    for (size_t i = 0; items != NULL && i < 2; i++) {
        for (const struct call *call = tables[i]; call != NULL; call = call->hh.next) {
            /* Blind facts are about the code alone, and not about what the stack tells of its callee. */
            bool is_of_code = call->file == NULL || call->output == LMM_WAY_RESULT || !is_blind;

            if (!call->place.is_open && call->place.facts.is_blind == is_blind && is_of_code) {
                items[used++] =
                    (struct lmm_type_cache_item) {call->place.offset, &call->place.facts};
            }
        }
    }
    if (items != NULL) {
        lmm_type_cache_write(file->mapped->build_id, file->mapped->build_id_bytes, items, used);
    }
    free(items);
}

/* Writes what is new. Without news the DWARF was not looked at. */
static void keep_news(const struct file *file)
{
    Dwarf_Addr bias;
    bool has_dwarf = has_debug(file);

    if (has_dwarf || !file->has_sighted) {
        write_cache(file, !has_dwarf);
    }
    if (has_dwarf) {
        Dwarf *dwarf = lmm_symbol_file_dwarf(file->reader.file, &bias);

        lmm_type_forget(dwarf);
        lmm_variables_forget(dwarf);
    }
}

static void close_file(struct file *file)
{
    if (file->reader.file != NULL && file->has_news) {
        keep_news(file);
    }
    free_places(&file->places);
    free_places(&file->kept);
    lmm_bases_free(file->reader.bases);
    lmm_file_code_free(file->reader.code);
    free(file);
}

struct lmm_fact_files *lmm_fact_files_new(struct lmm_type_table *types)
{
    struct lmm_fact_files *files = calloc(1, sizeof(*files));

    if (files == NULL) {
        return NULL;
    }
    files->types = types;
    files->sources = lmm_sources_new();
    files->follower = lmm_way_follower_new();
    if (files->sources == NULL || files->follower == NULL) {
        lmm_fact_files_free(files);
        return NULL;
    }
    return files;
}

void lmm_fact_files_free(struct lmm_fact_files *files)
{
    if (files == NULL) {
        return;
    }
    struct file *file = files->items;

    HASH_CLEAR(hh, files->items);
    while (file != NULL) {
        struct file *next = file->hh.next;

        close_file(file);
        file = next;
    }
    lmm_sources_free(files->sources);
    lmm_way_follower_free(files->follower);
    free(files);
}

bool lmm_fact_files_find(struct lmm_fact_files *files, const struct lmm_mapped_file *mapped,
                         uint64_t offset, const struct lmm_fact_place *inner,
                         struct lmm_fact_place **ret_place)
{
    struct file *file = file_of(files, mapped);
    struct lmm_fact_place *place =
        file == NULL || file->reader.file == NULL ? NULL : place_of(file, offset, inner);

    *ret_place = place;
    return file != NULL && (place != NULL || file->reader.file == NULL);
}
