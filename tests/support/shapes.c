/* SPDX-License-Identifier: MIT */
/* shapes: see shapes.h. A site is the innermost call of a stack; its figures follow from its number. */
#include "tests/support/shapes.h"

#include <stdio.h>
#include <string.h>

#include "reporter/core/model.h"

#define SECOND       UINT64_C(1000000000)
#define STRING(text) ((struct lmm_string) {text, sizeof(text) - 1})

enum {
    FRAMES_MAX = 2048,
    SITES_MAX = 512,
    LONG_BYTES = 5000,
};

/* A stack: indices of calls, innermost first; ends with END. */
enum { END = -1 };

static struct lmm_model_frame frames[FRAMES_MAX];
static struct lmm_model_site sites[SITES_MAX];
static struct lmm_model model;
static const struct lmm_model_call *calls;

/* A frame's address is the number of its call. */
static size_t calls_of(struct lmm_model_namer *namer, const struct lmm_model *made, uint32_t frame,
                       const struct lmm_model_call **ret_calls)
{
    (void) namer;
    *ret_calls = &calls[made->frames[frame].address];
    return 1;
}

static struct lmm_model_family family = {.name = STRING("malloc-48"), .size_bytes = 48};

static void begin(const struct lmm_model_call *table)
{
    static struct lmm_model_namer namer = {calls_of};
    static const struct lmm_model_family *listed[] = {&family};
    static const struct lmm_model_module modules[] = {{.path = STRING("/usr/bin/shape")}};

    calls = table;
    family.allocations = 0;
    model = (struct lmm_model) {
        .executable = STRING("/usr/bin/shape"),
        .program = STRING("shape"),
        .command = STRING("shape"),
        .pid = 4242,
        .parent_pid = 4000,
        .process = LMM_MODEL_EXITED,
        .start_time_ns = 1700000000 * SECOND,
        .end_time_ns = 1700000002 * SECOND,
        .settled = true,
        .family_count = 1,
        .families = listed,
        .sites = sites,
        .is_drop_in = true,
        .stack_frames = 64,
        .peak_time_ns = 1700000001 * SECOND,
        .frame_count = 1,
        .frames = frames,
        .module_count = 1,
        .modules = modules,
        .namer = &namer,
    };
}

static void add_stack(const int *stack, uint64_t blocks)
{
    size_t depth = 0;
    uint32_t caller = 0;

    while (stack[depth] != END) {
        depth++;
    }
    for (size_t i = depth; i-- > 0;) {
        frames[model.frame_count] = (struct lmm_model_frame) {
            .address = (uint64_t) stack[i], .caller = caller, .module = 1};
        caller = model.frame_count++;
    }
    sites[model.site_count] = (struct lmm_model_site) {
        .id = (uint32_t) model.site_count,
        .family = &family,
        .function = calls[stack[0]].function,
        .file = calls[stack[0]].file,
        .line = calls[stack[0]].line,
        .stack = caller,
        .allocations = 2 * blocks,
        .frees = blocks,
        .temporaries = blocks,
        .live_blocks = blocks,
        .live_bytes = 40 * blocks,
        .allocated_bytes = 80 * blocks,
        .peak_blocks = blocks,
        .peak_bytes = 40 * blocks,
    };
    model.site_count++;
    family.allocations += 2 * blocks;
    model.total.allocations += 2 * blocks;
    model.total.frees += blocks;
    model.total.live_blocks += blocks;
    model.total.live_bytes += 40 * blocks;
    model.temporaries += blocks;
    model.peak_bytes += 40 * blocks;
}

#define CALL(name, path, number)                                                                   \
    {                                                                                              \
        .function = STRING(name), .file = STRING(path), .module = STRING("shape"),                 \
        .line = (number), .is_named = true                                                         \
    }

/* ---- Shapes ---------------------------------------------------------------------------------- */

struct lmm_model *shape_templates(void)
{
    static const struct lmm_model_call table[] = {
        CALL("boost::multi_index::multi_index_container<order, boost::multi_index::indexed_by<"
             "boost::multi_index::ordered_unique<boost::multi_index::identity<order> > >, "
             "std::allocator<order> >::insert_(order const&, "
             "boost::multi_index::detail::lvalue_tag)",
             "/home/user/project/src/book/deeply/nested/folders/of/a/project/index.hpp", 1234),
        CALL("operator<< <char, std::char_traits<char> >(std::ostream&, std::vector<int>)",
             "src/out.hpp", 7),
        CALL("std::function<void (std::map<int, int>, decltype(f->g))>::operator()(int) const",
             "./src/call.cpp", 3),
        CALL("(anonymous namespace)::store::put<(kind)3>(std::vector<std::pair<long, long> > "
             "const&, "
             "std::vector<std::pair<long, long> > const&, std::string const&, unsigned long, "
             "unsigned long)",
             "src/store.cpp", 99),
        CALL("<alloc::vec::Vec<u8> as shape::Trait<T>>::grow", "src/lib.rs", 12),
        CALL("f<a", "src/odd.c", 1),
        CALL("main", "/home/user/project/src/main.cpp", 12),
    };
    begin(table);
    for (int i = 0; i < 6; i++) {
        add_stack((const int[]) {i, 3, 0, 6, END}, 100 + (uint64_t) i);
    }
    return &model;
}

struct lmm_model *shape_recursion(void)
{
    static const struct lmm_model_call table[] = {
        CALL("node_new", "tree.c", 8), CALL("insert", "tree.c", 30), CALL("even", "odd.c", 5),
        CALL("odd", "odd.c", 9),       CALL("insert", "tree.c", 31), CALL("main", "main.c", 12),
    };
    int deep[] = {[0 ... 40] = 1, END};
    int both[] = {0, 2, 3, 2, 3, 2, 3, 2, 3, 4, 5, END};

    begin(table);
    deep[0] = 0;
    deep[40] = 5;
    add_stack(deep, 9);
    both[0] = 4;
    add_stack(both, 5);
    add_stack((const int[]) {0, 1, 1, 4, 4, 4, 5, END}, 3);
    return &model;
}

struct lmm_model *shape_many(void)
{
    enum { LINES = 60, STACKS = 5 };
    static struct lmm_model_call table[LINES + STACKS];
    static char names[LINES + STACKS][16];

    for (int i = 0; i < LINES + STACKS; i++) {
        snprintf(names[i], sizeof(names[i]), i < LINES ? "make_%d" : "use_%d", i);
        table[i] = (struct lmm_model_call) CALL("", "many.c", (uint32_t) i + 1);
        table[i].function = lmm_string_of(names[i]);
    }
    begin(table);
    for (int line = 0; line < LINES; line++) {
        for (int stack = 0; stack < STACKS; stack++) {
            add_stack((const int[]) {line, LINES + stack, END}, (uint64_t) (1 + line * 10 + stack));
        }
    }
    return &model;
}

struct lmm_model *shape_hostile(void)
{
    static char name[LONG_BYTES];
    static char path[LONG_BYTES];
    static struct lmm_model_call table[] = {
        CALL("\xe5\x88\x86\xe9\x85\x8d\xe5\x86\x85\xe5\xad\x98", "src/\xe5\xad\x98.c", 1),
        CALL("f\033[31m\n\"\\", "a\tb\xe2\x80\xae.c", 2),
        CALL("bad\xff\xfe utf8", "\x80.c", 3),
        CALL("", "", 4), /* the next two: long */
        CALL("", "", 5),
        CALL("<<<<<<<<<<", "((((", 6),
        CALL("", "", 0),
    };
    memset(name, 'n', sizeof(name) - 1);
    memset(path, 'p', sizeof(path) - 1);
    table[3].function = lmm_string_of(name);
    table[3].file = lmm_string_of(path);
    for (size_t i = 0; i + 1 < sizeof(path); i += 9) {
        path[i] = '/';
    }
    table[4].function = lmm_string_of(name);
    memcpy(name, "o<", 2);
    table[4].file = lmm_string_of("long.c");
    begin(table);
    model.program = STRING("sh\nape");
    for (int i = 0; i < 7; i++) {
        add_stack((const int[]) {i, 0, 3, 1, 2, END}, 200 - (uint64_t) i);
    }
    return &model;
}
