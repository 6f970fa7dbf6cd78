/* SPDX-License-Identifier: MIT */
#include "lib/stacks/modules.h"

#include "lib/books/accounts.h"
#include "lib/ground/meta.h"

#include <limits.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

/* What a file and its place are, as far as the mapped memory tells. */
struct identity {
    uintptr_t start;
    uintptr_t end;
    uintptr_t bias;
    uint64_t headers; /* a hash of them, where there is no build-id */
    size_t build_id_bytes;
    unsigned char build_id[LMM_LEDGER_BUILD_ID_MAX];
};

/* What only the system can tell. */
struct origin {
    uint64_t path; /* a hash of it */
    bool has_file;
    struct lmm_module_file file; /* without a build-id; valid if has_file */
};

struct lmm_code_module {
    struct lmm_code_module *older; /* of all modules */
    struct identity identity;
    struct origin origin;
    uint32_t number; /* in the ledger, + 1; 0: it is not there */
    uint32_t variant;
    bool is_present;
    uint32_t word_count; /* code addresses that have a word, less identity.start */
    uint32_t word_capacity;
    uint32_t *words;
};

struct lmm_table lmm_code_words = LMM_TABLE_INIT(4096, false, true);
uint32_t lmm_code_forgotten;

struct lmm_lock lmm_modules_lock = LMM_LOCK_INIT(LMM_RANK_MODULES);

/* All under the lock. */
static struct {
    struct lmm_code_module *newest;
    struct lmm_code_module **present; /* by address */
    uint32_t present_count;
    uint32_t present_capacity;
    uint64_t
        variants[(LMM_VARIANT_NONE + 1) / 64]; /* a bit each; scratch of free_variant_locked() */
    char path[PATH_MAX];                       /* scratch: a caller's stack may be small */
} modules;

bool lmm_modules_start(void)
{
    lmm_lock_acquire(&lmm_modules_lock);
    bool has_room = lmm_table_reserve_locked(&lmm_code_words);
    lmm_lock_release(&lmm_modules_lock);
    return has_room;
}

/* Makes room for one more item in an array. False: no memory; the array is as it was. */
static bool reserve(void **items, uint32_t count, uint32_t *capacity, size_t item_bytes)
{
    if (count < *capacity) {
        return true;
    }
    uint32_t more = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *larger = lmm_meta_alloc(&lmm_arena_records, more * item_bytes);
    if (larger == NULL) {
        return false;
    }
    if (*items != NULL) {
        memcpy(larger, *items, count * item_bytes);
        lmm_meta_free(&lmm_arena_records, *items, *capacity * item_bytes);
    }
    *items = larger;
    *capacity = more;
    return true;
}

/* ---- Identity -------------------------------------------------------------------------------- */

/* Each new frame asks, and a hash of all headers takes ten times as long as the search for a build-id. */
static struct identity identify(const struct lmm_module_facts *facts)
{
    struct identity identity = {.start = facts->start, .end = facts->end, .bias = facts->bias};

    identity.build_id_bytes = lmm_module_build_id(facts, identity.build_id);
    if (identity.build_id_bytes == 0) {
        identity.headers = lmm_module_headers(facts);
    }
    return identity;
}

static bool is_same(const struct identity *a, const struct identity *b)
{
    return a->start == b->start && a->end == b->end && a->bias == b->bias &&
           a->headers == b->headers && a->build_id_bytes == b->build_id_bytes &&
           memcmp(a->build_id, b->build_id, sizeof(a->build_id)) == 0;
}

static struct origin find_origin_locked(const struct lmm_module_facts *facts, bool has_build_id)
{
    size_t bytes = lmm_module_path(facts, modules.path, sizeof(modules.path));
    struct origin origin = {.path = lmm_hash_bytes(modules.path, bytes)};

    /* The program's own file by what the kernel holds: another may have its name by now. */
    const char *file = facts->name[0] == '\0' ? "/proc/self/exe" : modules.path;

    origin.has_file = !has_build_id && lmm_module_file(file, &origin.file);
    return origin;
}

static bool is_same_origin(const struct origin *a, const struct origin *b, bool has_build_id)
{
    return a->path == b->path &&
           (has_build_id || (a->has_file && b->has_file && a->file.device == b->file.device &&
                             a->file.inode == b->file.inode && a->file.bytes == b->file.bytes &&
                             a->file.changed_ns == b->file.changed_ns));
}

/* ---- Coming and going ------------------------------------------------------------------------ */

/* The place in the array of the first present module that ends after address. */
static uint32_t place_of_locked(uintptr_t address)
{
    uint32_t low = 0;
    uint32_t high = modules.present_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (modules.present[middle]->identity.end > address) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void set_gone(const struct lmm_code_module *module, uint32_t gone)
{
    if (module->number != 0) {
        lmm_store_relaxed(&lmm_accounts_module(module->number - 1)->gone, gone);
    }
}

/* The module at that place in the array has gone: forgets what was learnt of its code. */
static void leave_locked(uint32_t place)
{
    struct lmm_code_module *module = modules.present[place];

    LMM_CHECK(lmm_lock_is_held(&lmm_modules_lock) && module->is_present);
    module->is_present = false;
    set_gone(module, 1);
    for (uint32_t i = 0; i < module->word_count; i++) {
        lmm_table_put_locked(&lmm_code_words, module->identity.start + module->words[i], 0, 0);
    }
    module->word_count = 0;
    modules.present_count--;
    memmove(&modules.present[place], &modules.present[place + 1],
            (modules.present_count - place) * sizeof(struct lmm_code_module *));
    lmm_store_relaxed(&lmm_code_forgotten, lmm_code_forgotten + 1);
}

/* A variant that no module has whose addresses overlap. */
static uint32_t free_variant_locked(const struct identity *identity)
{
    uint32_t variant = 0;

    memset(modules.variants, 0, sizeof(modules.variants));
    for (struct lmm_code_module *at = modules.newest; at != NULL; at = at->older) {
        if (at->identity.start < identity->end && identity->start < at->identity.end) {
            modules.variants[at->variant / 64] |= (uint64_t) 1 << at->variant % 64;
        }
    }
    while (variant < LMM_VARIANT_NONE &&
           (modules.variants[variant / 64] >> variant % 64 & 1) != 0) {
        variant++;
    }
    return variant;
}

/* The module that was loaded earlier, or a new one; NULL: no memory. */
static struct lmm_code_module *recall_locked(const struct identity *identity,
                                             const struct lmm_module_facts *facts)
{
    bool has_build_id = identity->build_id_bytes != 0;
    struct origin origin = find_origin_locked(facts, has_build_id);
    struct lmm_code_module *module = modules.newest;

    while (module != NULL && !(is_same(&module->identity, identity) &&
                               is_same_origin(&module->origin, &origin, has_build_id))) {
        module = module->older;
    }
    if (module == NULL) {
        module = lmm_meta_zalloc(sizeof(*module));
        if (module != NULL) {
            module->identity = *identity;
            module->origin = origin;
            module->variant = free_variant_locked(identity);
            module->older = modules.newest;
            modules.newest = module;
        }
    }
    return module;
}

struct lmm_code_module *lmm_modules_meet_locked(const struct lmm_module_facts *facts)
{
    struct identity identity = identify(facts);
    uint32_t place = place_of_locked(identity.start);

    LMM_CHECK(lmm_lock_is_held(&lmm_modules_lock));
    while (place < modules.present_count && modules.present[place]->identity.start < identity.end) {
        if (is_same(&modules.present[place]->identity, &identity)) {
            return modules.present[place];
        }
        leave_locked(place); /* libc unloaded it without a call of dlclose */
    }
    if (!reserve((void **) &modules.present, modules.present_count, &modules.present_capacity,
                 sizeof(struct lmm_code_module *))) {
        return NULL;
    }
    struct lmm_code_module *module = recall_locked(&identity, facts);
    if (module != NULL) {
        memmove(&modules.present[place + 1], &modules.present[place],
                (modules.present_count - place) * sizeof(struct lmm_code_module *));
        modules.present[place] = module;
        modules.present_count++;
        module->is_present = true;
        set_gone(module, 0);
    }
    return module;
}

void lmm_modules_refresh(void)
{
    lmm_lock_acquire(&lmm_modules_lock);
    for (uint32_t place = modules.present_count; place-- > 0;) {
        const struct identity *identity = &modules.present[place]->identity;
        if (!lmm_module_is_at(identity->start, identity->end)) {
            leave_locked(place);
        }
    }
    lmm_lock_release(&lmm_modules_lock);
}

/* ---- What others keep of a module ------------------------------------------------------------ */

uint32_t lmm_modules_variant(const struct lmm_code_module *module)
{
    return module == NULL ? LMM_VARIANT_NONE : module->variant;
}

void lmm_modules_keep_locked(struct lmm_code_module *module, uintptr_t address, uint64_t word)
{
    uintptr_t offset = address - module->identity.start;
    bool is_new = lmm_table_get(lmm_table_body(&lmm_code_words), address) == 0;

    LMM_CHECK(lmm_lock_is_held(&lmm_modules_lock) && module->is_present && word != 0);
    if (offset > UINT32_MAX || !lmm_table_reserve_locked(&lmm_code_words) ||
        !reserve((void **) &module->words, module->word_count, &module->word_capacity,
                 sizeof(module->words[0]))) {
        return;
    }
    lmm_table_put_locked(&lmm_code_words, address, 0, word);
    if (is_new) {
        module->words[module->word_count++] = (uint32_t) offset;
    }
}

/* Adds the module to the ledger. Without memory it stays without a number. */
static void add_to_ledger_locked(struct lmm_code_module *module,
                                 const struct lmm_module_facts *facts)
{
    const struct identity *identity = &module->identity;
    struct lmm_ledger_module record = {
        .start = identity->start,
        .end = identity->end,
        .bias = identity->bias,
        .build_id_bytes = (uint32_t) identity->build_id_bytes,
    };
    uint32_t number;

    memcpy(record.build_id, identity->build_id, sizeof(record.build_id));
    record.has_file = identity->build_id_bytes == 0; /* all 0: no file, so no file is it */
    if (module->origin.has_file) {
        record.file_device = module->origin.file.device;
        record.file_inode = module->origin.file.inode;
        record.file_bytes = module->origin.file.bytes;
        record.file_changed_ns = module->origin.file.changed_ns;
    }
    lmm_module_path(facts, modules.path, sizeof(modules.path));
    if (lmm_accounts_add_module(&record, modules.path, &number)) {
        module->number = number + 1;
    }
}

uint32_t lmm_modules_number(uintptr_t address, uint32_t variant)
{
    struct lmm_module_facts facts;
    uint32_t number = 0;

    if (variant == LMM_VARIANT_NONE || !lmm_module_find(address, &facts)) {
        return 0;
    }
    lmm_lock_acquire(&lmm_modules_lock);
    struct lmm_code_module *module = lmm_modules_meet_locked(&facts);
    if (module != NULL && module->variant == variant) {
        if (module->number == 0) {
            add_to_ledger_locked(module, &facts);
        }
        number = module->number;
    }
    lmm_lock_release(&lmm_modules_lock);
    return number;
}
